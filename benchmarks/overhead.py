"""What the harness adds to a call, and whether its median is that of a loop written by hand.

.venv/bin/python benchmarks/overhead.py [--model et-human] [--call-count 2] [--round-count 100] [--thread-count 2]

Both loops call the same module on the same inputs in this process and take turns, in an order that is turned round
every time, so that a drift of the machine reaches both. The first part is on the null model, where a call costs next to
nothing; its per-call wall time holds all that the harness does around a call as well.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from time import perf_counter
from typing import Any, NamedTuple

import torch
from goal import at_most

from suite import registry
from suite.units import show
from suite.worker import build, devices, timing, weights

OVERHEAD_GOAL_S = 2e-6
RATIO_GOAL_PERCENT = 1.0
NULL_CALL_COUNT = 10_000
NULL_ROUND_COUNT = 21
SEED = 0

Loop = Callable[[int], list[float]]


class Loops(NamedTuple):
    by_hand: Loop
    harness: Loop


class Compared(NamedTuple):
    """One value per round of each loop, in the order of the rounds."""

    medians_s: tuple[list[float], list[float]]  # of the durations: by hand, harness
    walls_s: tuple[list[float], list[float]]  # per call, loop and all
    latency_s: tuple[list[float], list[float]]  # every duration


def loops_around(name: str, axes: dict[str, int]) -> Loops:
    """The two loops around one forward pass of the model with seeded weights and inputs, at batch size 1."""
    model = registry.get(registry.MODELS, name, "model")
    module = build.build(model, {}, "cpu")
    weights.fill(module, SEED)
    sizes = {axis.name: axis.default for axis in model.axes} | axes
    inputs = model.inputs(1, sizes, weights.Stream(SEED, "inputs"))
    call, _ = model.bind(module, inputs, "forward")
    synchronise, clock = devices.synchronisation(torch, "cpu").call, timing.system_clock()

    def by_hand(call_count: int) -> list[float]:
        durations = []
        for _ in range(call_count):
            start = perf_counter()
            module(**inputs)
            durations.append(perf_counter() - start)
        return durations

    return Loops(by_hand, lambda call_count: timing.time_calls(call, synchronise, call_count, clock).latency_s)


def compare(loops: Loops, call_count: int, round_count: int) -> Compared:
    """Both loops in turns, after one round of each that nobody counts."""
    found = Compared(([], []), ([], []), ([], []))
    with torch.inference_mode():
        for loop in loops:
            loop(call_count)
        for number in range(round_count):
            for which in (0, 1) if number % 2 == 0 else (1, 0):
                start = perf_counter()
                durations = loops[which](call_count)
                found.walls_s[which].append((perf_counter() - start) / call_count)
                found.medians_s[which].append(statistics.median(durations))
                found.latency_s[which].extend(durations)
    return found


def report_overhead() -> None:
    found = compare(loops_around("null", {}), NULL_CALL_COUNT, NULL_ROUND_COUNT)
    wall_s = median_difference(found.walls_s)
    inside_s = median_difference(found.medians_s)
    by_hand = show(statistics.median(found.walls_s[0]), "s")
    print(at_most(f"harness over a bare loop of {by_hand} a call, wall per call", wall_s, OVERHEAD_GOAL_S, "s"))
    print(at_most("harness over a bare loop, in the durations it reports", inside_s, OVERHEAD_GOAL_S, "s"))


def report_ratio(name: str, axes: dict[str, int], call_count: int, round_count: int) -> None:
    found = compare(loops_around(name, axes), call_count, round_count)
    by_hand_s, harness_s = (statistics.median(values) for values in found.latency_s)
    ratios = sorted(harness / hand for hand, harness in zip(*found.medians_s, strict=True))
    quarter = len(ratios) // 4
    what = (
        f"{name}, {call_count * round_count} calls each: harness {show(harness_s, 's', 4)}, by hand "
        f"{show(by_hand_s, 's', 4)}, ratio {harness_s / by_hand_s:.4f} (middle half of the rounds "
        f"{ratios[quarter]:.4f} to {ratios[-1 - quarter]:.4f}); difference"
    )
    print(at_most(what, 100 * abs(harness_s / by_hand_s - 1), RATIO_GOAL_PERCENT, "%"))


def median_difference(pairs: tuple[list[float], list[float]]) -> float:
    """The median over the rounds of what the harness takes more than the loop by hand."""
    return statistics.median(harness - hand for hand, harness in zip(*pairs, strict=True))


def axis(text: str) -> tuple[str, int]:
    name, _, size = text.partition("=")
    return name, int(size)


def arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="et-human")
    parser.add_argument("--axis", type=axis, action="append", default=[], metavar="NAME=SIZE")
    parser.add_argument("--call-count", type=int, default=2)
    parser.add_argument("--round-count", type=int, default=100)
    parser.add_argument("--thread-count", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    asked = arguments()
    devices.set_threads(torch, asked.thread_count)
    devices.make_repeatable(torch, SEED)
    report_overhead()
    report_ratio(asked.model, dict(asked.axis), asked.call_count, asked.round_count)
