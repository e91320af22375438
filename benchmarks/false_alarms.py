"""How often the suite sees a difference where there is none: A against A, quiet and disturbed.

.venv/bin/python benchmarks/false_alarms.py [--pairs 200] [--model et-human] [--seed 0] [--limit-s 330]

The pairs are those of `suite doctor --self-test`. Of the disturbed ones each kind of disturber.py has a third. Beside
the rule stands what the same blocks give without it: all rounds, whatever disturbed them, six by six. A part ends
after limit_s also where it has fewer pairs; about ten minutes in all.
"""

from __future__ import annotations

import argparse
import os
import random
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from disturber import KINDS, Disturber
from goal import at_most
from tabulate import tabulate

from suite import registry
from suite.measure.bench import Bench
from suite.measure.moment import Observe
from suite.measure.selftest import ROUND_COUNT, WARM_UP, AgainstItself, compared
from suite.measure.turns import Turns
from suite.records import QuietRule, Task
from suite.stats.paired import Paired
from suite.tools import real_workers
from suite.units import show

GOAL_PERCENT = 5.0
AXIS_SIZE = 10


@dataclass(frozen=True)
class Part:
    name: str
    pairs: Sequence[Paired]
    without_rule: Sequence[Paired]
    block_count: int
    disturbed_count: int
    wall_s: float


def task(name: str, seed: int) -> Task:
    """The model at small sizes, where a call lasts milliseconds, on all cores."""
    return Task(
        test="latency",
        model=name,
        axes=tuple((axis.name, max(axis.minimum, AXIS_SIZE)) for axis in registry.models()[name].axes),
        thread_count=len(os.sched_getaffinity(0)),
        seed=seed,
        repetition=WARM_UP,
        quiet=QuietRule(),
    )


def measure(name: str, beside: AbstractContextManager[object], asked: Task, pair_count: int, limit_s: float) -> Part:
    """So many pairs, beside something that runs meanwhile."""
    turns = Turns(Bench(asked, real_workers(Path(os.devnull))), Observe())
    against = AgainstItself(turns, asked, random.Random(asked.seed))
    found: list[Paired] = []
    try:
        with beside:
            began_s = turns.observe.clock()
            while len(found) < pair_count and (pair := against.pair(began_s + limit_s)) is not None:
                found.append(pair)
            wall_s = turns.observe.clock() - began_s
    finally:
        turns.bench.close()
    timed = against.series.timed
    starts = range(0, len(against.rounds) - ROUND_COUNT + 1, ROUND_COUNT)
    return Part(
        name=name,
        pairs=found,
        without_rule=[compared(against.rounds[start : start + ROUND_COUNT]) for start in starts],
        block_count=len(timed),
        disturbed_count=sum(block.disturbed_by is not None for block in timed),
        wall_s=wall_s,
    )


def joined(name: str, parts: Sequence[Part]) -> Part:
    return Part(
        name=name,
        pairs=[pair for part in parts for pair in part.pairs],
        without_rule=[pair for part in parts for pair in part.without_rule],
        block_count=sum(part.block_count for part in parts),
        disturbed_count=sum(part.disturbed_count for part in parts),
        wall_s=sum(part.wall_s for part in parts),
    )


def alarm_percent(pairs: Sequence[Paired]) -> float:
    """Of pairs called DIFFERENT; 100 where there is no pair to tell by."""
    return 100 * sum(pair.answer == "DIFFERENT" for pair in pairs) / len(pairs) if pairs else 100.0


def told(pairs: Sequence[Paired]) -> str:
    different = sum(pair.answer == "DIFFERENT" for pair in pairs)
    return f"{different} of {len(pairs)} ({alarm_percent(pairs):.1f} %)"


def row(part: Part) -> list[str]:
    resolutions = sorted(pair.resolution for pair in part.pairs if pair.resolution is not None)
    apart = sum(pair.is_apart for pair in part.pairs)
    return [
        part.name,
        told(part.pairs),
        f"{apart} of {len(part.pairs)}",
        f"{100 * resolutions[len(resolutions) // 2]:.1f} %" if resolutions else "none",
        f"{part.disturbed_count} of {part.block_count}",
        told(part.without_rule),
        show(part.wall_s, "s"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=200, help="quiet, and disturbed, each")
    parser.add_argument("--model", default="et-human")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit-s", type=float, default=330.0, help="quiet, and disturbed, each")
    options = parser.parse_args()
    asked = task(options.model, options.seed)
    quiet = measure("quiet", nullcontext(), asked, options.pairs, options.limit_s)
    share = -(-options.pairs // len(KINDS))
    parts = [measure(kind, Disturber(kind, options.seed), asked, share, options.limit_s / len(KINDS)) for kind in KINDS]
    disturbed = joined("disturbed", parts)
    heads = [
        "A against A",
        "called DIFFERENT",
        "1 outside the interval",
        "resolution",
        "blocks disturbed",
        "DIFFERENT without the rule",
        "wall",
    ]
    print(tabulate([row(part) for part in (quiet, *parts, disturbed)], heads, tablefmt="github"), "\n")
    for part in (quiet, disturbed):
        what = f"pairs called DIFFERENT, {part.name}, {len(part.pairs)} pairs"
        print(at_most(what, alarm_percent(part.pairs), GOAL_PERCENT, "%"))
        if len(part.pairs) < options.pairs:
            print(f"{part.name}: {len(part.pairs)} of {options.pairs} pairs fitted into {options.limit_s:g} s: MISSED")


if __name__ == "__main__":
    main()
