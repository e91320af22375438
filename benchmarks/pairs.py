"""Comparisons of two series that took turns, in simulated pairs whose true ratio is known: coverage and verdicts.

`benchmarks/coverage.py pairs` prints the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from sweeps import DRIFT, QUIET, Law, Machine
from tabulate import tabulate

from suite.records import Block
from suite.stats.paired import Paired, paired

ROUND_COUNTS = (6, 10, 30)
MADE_UP = 4  # so many times as many rounds are drawn where some are lost
APART = 1.05  # the true ratio of the pairs that differ
BOTH = Law("1, then the ratio", 0, 1)  # its sizes are the two latencies


@dataclass(frozen=True)
class Beside:
    """A machine on which something else slows blocks of either series down, by 1.05 to 5 times.

    share: of all blocks. told: of those, the share whose cause was measured, so that they don't count and their rounds
    are made up for. The rest count: what the counters can't see.
    """

    name: str
    machine: Machine
    share: float = 0.0
    told: float = 1.0

    def pair(self, ratio: float, round_count: int, rng: np.random.Generator) -> tuple[list[Block], list[Block]]:
        """The blocks of both in the first round_count rounds in which both count."""
        made_count = MADE_UP * round_count if self.share else round_count
        sweep = self.machine.sweep(BOTH, (1.0, ratio), made_count, rng)
        hit = rng.random((2, made_count)) < self.share
        told = hit & (rng.random(hit.shape) < self.told)
        factors = np.where(hit, rng.uniform(1.05, 5, hit.shape), 1.0)
        whole = np.flatnonzero(~told.any(axis=0))[:round_count]
        first, second = (
            [slowed(series.blocks[place], float(slowing[place])) for place in whole]
            for series, slowing in zip(sweep, factors, strict=True)
        )
        return first, second


def slowed(block: Block, factor: float) -> Block:
    return replace(block, latency_s=tuple(factor * call for call in block.latency_s))


HARD = Machine("drift, AR(1) 0.6", drift=0.05, wander=0.01, rho=0.6)
MACHINES = (
    Beside("independent calls", QUIET),
    Beside("round drift", DRIFT),
    Beside("drift that lasts", Machine("", drift=0.05, lasting=0.8)),
    Beside("drift from turn to turn", Machine("", wander=0.02)),
    Beside("AR(1) 0.6", Machine("", rho=0.6)),
    Beside("30 % of the blocks disturbed, told", QUIET, share=0.3),
    Beside("30 % disturbed, 9 of 10 told", QUIET, share=0.3, told=0.9),
    Beside("drift, AR(1) 0.6, 30 % told", HARD, share=0.3),
    Beside("the same, 9 of 10 told", HARD, share=0.3, told=0.9),
)


def simulated(machine: Beside, ratio: float, round_count: int, run_count: int, seed: int = 0) -> list[Paired]:
    rng = np.random.default_rng(seed)
    return [paired(*machine.pair(ratio, round_count, rng)) for _ in range(run_count)]


def coverage(found: Sequence[Paired], ratio: float) -> float:
    """Share of the intervals that hold the true ratio."""
    intervals = [each.interval for each in found if each.interval is not None]
    return float(np.mean([interval.low <= ratio <= interval.high for interval in intervals]))


def share(found: Sequence[Paired], answer: str) -> float:
    return float(np.mean([each.answer == answer for each in found]))


def row(machine: Beside, round_count: int, run_count: int) -> list[str]:
    equal = simulated(machine, 1.0, round_count, run_count)
    apart = simulated(machine, APART, round_count, run_count, seed=1)
    resolution = float(np.median([each.resolution for each in equal if each.resolution is not None]))
    barely = simulated(machine, 1 + resolution, round_count, run_count, seed=2)
    return [
        machine.name,
        str(round_count),
        f"{coverage(equal, 1.0):.1%}",
        f"{np.mean([each.is_apart for each in equal]):.1%}",
        f"{share(equal, 'DIFFERENT'):.1%}",
        f"{share(equal, 'SAME'):.1%}",
        f"{np.mean([each.faster == 'first' for each in apart]):.1%}",
        f"{np.mean([each.faster == 'second' for each in apart]):.1%}",
        f"{resolution:.1%}: {np.mean([each.is_apart for each in barely]):.0%}",
    ]


def table(run_count: int) -> str:
    rows = [row(machine, count, run_count) for machine in MACHINES for count in ROUND_COUNTS]
    heads = [
        "machine",
        "rounds",
        "holds 1",
        "1 outside",
        "equal called DIFFERENT",
        "equal called SAME",
        f"{APART - 1:.0%} apart, told",
        "the wrong way",
        "resolution: seen",
    ]
    return tabulate(rows, heads, tablefmt="github")


def tables(run_count: int) -> None:
    print(f"Two series in turns, {run_count} runs\n\n{table(run_count)}")
