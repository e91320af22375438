"""What steering does to coverage and verdicts: simulated machines measured by the real rule, with and without it.

.venv/bin/python benchmarks/steering.py [RUNS]   (default 200, some twenty minutes)

Prints the table of docs/statistics.md. The loop, the stopping rule, the looks and the added sizes are those of a run;
only the calls are drawn.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from sweeps import LINE, Law
from tabulate import tabulate

from suite.measure.crew import interleave
from suite.measure.series import Series
from suite.measure.steering import Steering
from suite.records import Block, Hypothesis, Repetition, Task
from suite.stats import hypotheses, rounds
from suite.stats.curves import Fits, fits

BATCHES = (1, 2, 4, 6, 8)
RULE = Repetition(time_limit_s=20.0, target_relative_halfwidth=0.03)  # soon reached: much is left to steer with
LINEAR = (Hypothesis(quantity="latency", against="batch_size", shape="linear"),)
LAWS = (LINE, Law("65 + 63 n + 0.4 n^2", 65, 63, square=0.4), Law("65 + 63 n + 0.55 n^2", 65, 63, square=0.55))
LAWS = (*LAWS, Law("65 + 63 n + 3 n^2", 65, 63, square=3))


@dataclass(frozen=True)
class Noise:
    """Deviations of log-latency: of a call, of a block, of a round."""

    name: str
    call: float = 0.02
    block: float = 0.0
    round: float = 0.0


NOISES = (Noise("independent calls"), Noise("round drift", round=0.02), Noise("blocks differ", block=0.01, round=0.02))


@dataclass(slots=True)
class Clock:
    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


@dataclass(slots=True)
class Drawn:
    """Stands where `Turns` does: a visit draws a block."""

    law: Law
    noise: Noise
    rng: np.random.Generator
    observe: Drawn | None = None
    clock: Clock = field(default_factory=Clock)
    round_index: int | None = None
    order_index: int = 0
    effects: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.observe = self

    def begin(self, _line: str) -> None:
        return None

    def visit(self, series: Series) -> None:
        if not series.blocks:
            self._block(series, 3, warmup=True)
        self._block(series, series.next_block_call_count(), warmup=False)
        series.decide()

    def _block(self, series: Series, call_count: int, *, warmup: bool) -> None:
        index = self.round_index or 0
        effect = self.effects.setdefault(index, self.noise.round * self.rng.standard_normal())
        effect += self.noise.block * self.rng.standard_normal()
        deviations = effect + self.noise.call * self.rng.standard_normal(call_count)
        latency_s = tuple((self.law(series.task.batch_size) * 1e-3 * np.exp(deviations)).tolist())
        series.blocks.append(
            Block(
                order_index=self.order_index,
                warmup=warmup,
                started_s=self.clock.now_s,
                latency_s=latency_s,
                round_index=index,
            )
        )
        self.order_index += 1
        self.clock.now_s += sum(latency_s)
        series.spent_s += sum(latency_s)


class Alone(Steering):
    """Every series for itself."""

    def holds(self, each: Series) -> bool:
        return False


@dataclass(frozen=True)
class Found:
    answer: str
    share_held: bool
    slope_held: bool | None
    time_s: float
    added_count: int


def measured(law: Law, noise: Noise, seed: int, *, steered: bool) -> Found:
    tasks = [Task(test="latency", model="drawn", batch_size=size, repetition=RULE) for size in BATCHES]
    turns = Drawn(law, noise, np.random.default_rng(seed))
    kind = Steering if steered else Alone
    steering = kind(tasks=tasks if steered else (), hypotheses=LINEAR, clock=turns.clock)
    series = list(interleave(turns, tasks, random.Random(seed), steering))  # type: ignore[arg-type]
    found = fits([rounds.Series(size=each.task.batch_size, blocks=tuple(each.timed)) for each in series])
    assert isinstance(found, Fits)
    share = found.curves["quadratic"].share(max(BATCHES))
    slope = found.curves["affine"].interval(1)
    largest = max(BATCHES)
    true_share = law.square * largest**2 / law(largest)
    return Found(
        answer=hypotheses.linear(found).answer,
        share_held=share.low <= true_share <= share.high,
        slope_held=None if law.square else slope.low <= law.per_item * 1e-3 <= slope.high,
        time_s=sum(each.spent_s for each in series),
        added_count=len(series) - len(tasks),
    )


def row(law: Law, noise: Noise, run_count: int, *, steered: bool) -> list[object]:
    found = [measured(law, noise, seed, steered=steered) for seed in range(run_count)]
    answers = Counter(each.answer for each in found)
    largest = max(BATCHES)
    is_linear = law.square * largest**2 / law(largest) <= hypotheses.MARGIN
    wrong = answers["REJECTED" if is_linear else "SUPPORTED"] / run_count
    slopes = [each.slope_held for each in found if each.slope_held is not None]
    return [
        noise.name,
        law.name,
        "yes" if steered else "no",
        f"{1 - answers['UNDECIDED'] / run_count:.1%}",
        f"{wrong:.1%}",
        f"{np.mean([each.share_held for each in found]):.1%}",
        f"{np.mean(slopes):.1%}" if slopes else "",
        f"{np.mean([each.time_s for each in found]):.1f}",
        f"{np.mean([each.added_count for each in found]):.2f}",
    ]


def main(run_count: int) -> None:
    rows = [
        row(law, noise, run_count, steered=steered) for noise in NOISES for law in LAWS for steered in (False, True)
    ]
    heads = ("machine", "true law", "steered", "decided", "wrong", "share held", "b held", "time (s)", "sizes added")
    print(tabulate(rows, heads, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
