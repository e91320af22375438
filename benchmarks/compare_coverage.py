"""Two runs measured apart, simulated, whose true ratio is known: coverage, false verdicts, power, beside peers' rules.

.venv/bin/python benchmarks/compare_coverage.py [PAIR_COUNT]

A pair is a table of TABLE series, each in two runs; Holm's correction is over the table. The runs share no drift: that
of one is drawn apart from that of the other. Peers see the undisturbed calls of the same series, in run order.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from peer_verdicts import RULES
from sweeps import autoregressive
from tabulate import tabulate

from suite.stats.ratio import level, ratio
from suite.stats.verdicts import judged

Array = NDArray[np.float64]
PAIR_COUNT = 1000
TABLE = 10  # series beside one another: the correction's price is in the power
CALL_COUNT = 6  # a block
APART = 1.05


@dataclass(frozen=True)
class Machine:
    """Log-latency of a call = block's level (AR(1) over blocks, `lasting`) + AR(1) noise of the calls.

    block, call: standard deviations. drift: of a straight line over the run, its end against its beginning. hidden: the
    share of blocks that something slows by 5 to 30 % and no counter shows; those that a counter shows are made up for.
    """

    name: str
    block: float = 0.0
    call: float = 0.02
    rho: float = 0.0
    lasting: float = 0.0
    drift: float = 0.0
    hidden: float = 0.0

    def series(self, block_count: int, rng: np.random.Generator) -> Array:
        blocks = self.block * autoregressive(1, block_count, self.lasting, rng)[0]
        blocks += self.drift * rng.standard_normal() * np.linspace(-0.5, 0.5, block_count)
        hit = rng.random(block_count) < self.hidden
        blocks += np.where(hit, np.log(rng.uniform(1.05, 1.3, block_count)), 0.0)
        calls = self.call * autoregressive(1, block_count * CALL_COUNT, self.rho, rng)[0]
        return np.asarray(np.exp(blocks[:, None] + calls.reshape(block_count, CALL_COUNT)))


MACHINES = (
    Machine("quiet: calls 1 %, blocks 0.5 %", call=0.01, block=0.005),
    Machine("independent calls 2 %"),
    Machine("calls AR(1) 0.6", rho=0.6),
    Machine("blocks differ by 2 %", block=0.02),
    Machine("blocks 2 %, calls AR(1) 0.6", block=0.02, rho=0.6),
    Machine("drift of 3 % over a run", drift=0.03),
    Machine("blocks 2 %, lasting 0.3", block=0.02, lasting=0.3),
    Machine("blocks 2 %, lasting 0.6", block=0.02, lasting=0.6),
    Machine("1 of 10 blocks slowed, not told", hidden=0.1),
    Machine("blocks 1 %, AR(1) 0.6, 1 of 10 slowed", block=0.01, rho=0.6, hidden=0.1),
)
BLOCK_COUNTS = (4, 6, 10)


@dataclass(frozen=True)
class Outcome:
    """Of many tables: answers[table][series], whether each interval held the true ratio, and half-widths."""

    answers: Sequence[Sequence[str]]
    held: Sequence[bool]
    halfwidths: Sequence[float]
    peers: Mapping[str, Sequence[str]]


def simulated(machine: Machine, block_count: int, true_ratio: float, pair_count: int, seed: int) -> Outcome:
    rng = np.random.default_rng(seed)
    answers, held, halfwidths = [], [], []
    peers: dict[str, list[str]] = {name: [] for name in RULES}
    for _ in range(-(-pair_count // TABLE)):
        found = []
        for _ in range(TABLE):
            first, second = machine.series(block_count, rng), true_ratio * machine.series(block_count, rng)
            each = ratio(level(list(first)), level(list(second)))
            assert each.interval is not None
            found.append(each)
            held.append(each.interval.low <= true_ratio <= each.interval.high)
            halfwidths.append(float(np.log(each.interval.high / each.interval.low)) / 2)
            for name, rule in RULES.items():
                peers[name].append(rule(first.ravel().tolist(), second.ravel().tolist()))
        answers.append([each.answer for each in judged(found)])
    return Outcome(answers, held, halfwidths, peers)


def share(found: Sequence[bool]) -> str:
    return f"{np.mean(found):.1%}"


def row(machine: Machine, block_count: int, pair_count: int) -> list[str]:
    equal = simulated(machine, block_count, 1.0, pair_count, seed=1)
    apart = simulated(machine, block_count, APART, pair_count, seed=2)
    flat = [answer for table in equal.answers for answer in table]
    return [
        machine.name,
        str(block_count),
        share(equal.held + apart.held),
        f"±{statistics.median(equal.halfwidths):.1%}",
        share([answer in ("LESS", "MORE") for answer in flat]),
        share([bool({"LESS", "MORE"} & set(table)) for table in equal.answers]),
        share([answer == "SAME" for answer in flat]),
        share([answer == "MORE" for table in apart.answers for answer in table]),
        share([answer in ("LESS", "SAME") for table in apart.answers for answer in table]),
    ]


def peer_row(machine: Machine, block_count: int, pair_count: int) -> list[str]:
    equal = simulated(machine, block_count, 1.0, pair_count, seed=1)
    apart = simulated(machine, block_count, APART, pair_count, seed=2)
    told = []
    for name in RULES:
        false = share([answer in ("LESS", "MORE") for answer in equal.peers[name]])
        true = share([answer == "MORE" for answer in apart.peers[name]])
        told.append(f"{false} / {true}")
    return [machine.name, str(block_count), *told]


def main(pair_count: int) -> None:
    heads = (
        "machine", "blocks", "interval holds", "half-width", "equal: FASTER or SLOWER", "any in a table of 10",
        "equal: SAME", "5 % apart: found", "5 % apart: SAME or the wrong way",
    )  # fmt: skip
    rows = [row(machine, count, pair_count) for machine in MACHINES for count in BLOCK_COUNTS]
    print(f"{pair_count} pairs a row\n\n{tabulate(rows, heads, tablefmt='github', disable_numparse=True)}\n")
    peers = [peer_row(machine, 6, pair_count) for machine in MACHINES]
    names = ("machine", "blocks", *RULES)
    print(f"Equal called different / 5 % apart called slower\n\n{tabulate(peers, names, tablefmt='github')}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PAIR_COUNT)
