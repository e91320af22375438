"""Fits of latency against size in simulated sweeps whose law is known: coverage, verdicts, the curve that was chosen.

`benchmarks/coverage.py sweeps` prints the tables. Beside each figure by rounds stands that of weighted least squares on
the medians, which is how the report fitted before it knew rounds.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit
from tabulate import tabulate

from suite.records import Block, Interval
from suite.stats import hypotheses
from suite.stats.curves import Fits, fits
from suite.stats.interval import median_interval
from suite.stats.rounds import Series

Array = NDArray[np.float64]
SIZES = (1.0, 2.0, 4.0, 6.0, 8.0)  # those of the standard plan's batches
QUICK_SIZES = (1.0, 2.0, 4.0)
CALL_NOISE = 0.02  # of log-latency
CALL_COUNT = 5  # a block
QUANTILE = float(ndtri(0.975))
MIN_RELATIVE_SIGMA = 1e-6


@dataclass(frozen=True)
class Law:
    name: str
    fixed: float
    per_item: float
    square: float = 0.0
    exponent: float = 1.0

    def __call__(self, size: float) -> float:
        return self.fixed + self.per_item * size**self.exponent + self.square * size**2


LINE = Law("65 + 63 n", 65, 63)
SQUARE = Law("65 + 63 n + 3 n^2", 65, 63, square=3)
POWER = Law("65 + 63 n^1.5", 65, 63, exponent=1.5)


@dataclass(frozen=True)
class Machine:
    """Log-latency of a call = law + round's drift + drift that moves on from turn to turn + AR(1) noise of the series.

    drift, wander: standard deviations. lasting: correlation of the drift from round to round. rho: of the calls of a
    series, across its blocks. slowed: share of the blocks of one size, drawn anew each time, that take 2 to 5 times as
    long. anywhere: the same of all blocks.
    """

    name: str
    drift: float = 0.0
    lasting: float = 0.0
    wander: float = 0.0
    rho: float = 0.0
    slowed: float = 0.0
    anywhere: float = 0.0

    def sweep(self, law: Law, sizes: Sequence[float], round_count: int, rng: np.random.Generator) -> list[Series]:
        size_count = len(sizes)
        turns = autoregressive(1, round_count * size_count, 0.8, rng)[0].reshape(round_count, size_count)
        order = np.argsort(rng.random(turns.shape), axis=1)  # a size's place in its round
        machine = self.wander * np.take_along_axis(turns, order, axis=1)
        machine += self.drift * autoregressive(1, round_count, self.lasting, rng)[0][:, None]
        machine += np.log(self._slowing(machine.shape, rng))
        calls = CALL_NOISE * autoregressive(size_count, round_count * CALL_COUNT, self.rho, rng)
        latency_s = np.exp(calls.reshape(size_count, round_count, CALL_COUNT) + machine.T[:, :, None])
        found = enumerate(zip(sizes, latency_s, strict=True))
        return [series(size, law(size) * values, order[:, place]) for place, (size, values) in found]

    def _slowing(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        round_count, size_count = shape
        hit = rng.random(shape) < self.anywhere
        rounds = rng.permutation(round_count)[: int(self.slowed * round_count)]
        hit[rounds, rng.integers(size_count)] = True
        return np.where(hit, rng.uniform(2, 5, shape), 1.0)


QUIET = Machine("independent calls")
DRIFT = Machine("round drift", drift=0.05)
MACHINES = (
    QUIET,
    DRIFT,
    Machine("drift that lasts", drift=0.05, lasting=0.5),
    Machine("drift from turn to turn", wander=0.05),
    Machine("AR(1) 0.6", rho=0.6),
    Machine("3 of 10 blocks slowed", slowed=0.3),
    Machine("5 % of all blocks slowed", anywhere=0.05),
    Machine("drift, AR(1) 0.6, 3 of 10 slowed", drift=0.05, rho=0.6, slowed=0.3),
    Machine("all of it", drift=0.05, wander=0.02, rho=0.6, slowed=0.3, anywhere=0.03),
)
SLOWED = tuple(Machine(f"{share:.0%} of its blocks slowed", slowed=share) for share in (0.3, 0.4, 0.6, 0.8, 1.0))


def autoregressive(row_count: int, count: int, rho: float, rng: np.random.Generator) -> Array:
    """Stationary AR(1) rows with unit variance."""
    values = rng.standard_normal((row_count, count))
    for index in range(1, count if rho else 0):
        values[:, index] = rho * values[:, index - 1] + np.sqrt(1 - rho**2) * values[:, index]
    return values


def series(size: float, latency_s: Array, places: NDArray[np.int_]) -> Series:
    blocks = (
        Block(
            order_index=index * len(SIZES) + int(places[index]),
            warmup=False,
            started_s=float(index * len(SIZES) + places[index]),  # the exact time matters to no fit
            latency_s=tuple(calls.tolist()),
            round_index=index,
        )
        for index, calls in enumerate(latency_s)
    )
    return Series(size=size, blocks=tuple(blocks))


@dataclass(frozen=True)
class Found:
    """What a method says of one sweep; an interval is absent where it gives none."""

    answer: str
    intervals: Mapping[str, Interval]
    chosen: str | None = None


def by_rounds(sweep: Sequence[Series]) -> Found:
    found = fits(sweep)
    assert isinstance(found, Fits)
    line, power = found.curves["affine"], found.curves["power"]
    square = found.curves["quadratic"].share(sweep[-1].size)
    chosen = found.chosen
    return Found(
        answer=hypotheses.linear(found).answer,
        intervals={"share": square, "b": line.interval(1), "k": power.interval(2)},
        chosen=chosen.name if chosen else None,
    )


def by_medians(sweep: Sequence[Series]) -> Found:
    """Least squares on the medians, weighted by their errors; half-widths from those or from the points' scatter."""
    sizes, medians, sigmas = np.array([member.size for member in sweep]), [], []
    for member in sweep:
        calls = [block.latency_s for block in member.blocks]
        interval = median_interval(calls)
        assert interval is not None
        medians.append(float(np.median(np.concatenate(calls))))
        sigmas.append(max(interval.halfwidth / QUANTILE, MIN_RELATIVE_SIGMA * medians[-1]))
    line, line_halfwidths, _ = weighted(sizes, np.array(medians), np.array(sigmas), 1)
    curve, _, covariance = weighted(sizes, np.array(medians), np.array(sigmas), 2)
    powers = sizes[-1] ** np.arange(3)
    whole = float(curve @ powers)
    share = float(curve[2] * powers[2]) / whole
    gradient = -share * powers / whole
    gradient[2] += powers[2] / whole
    halfwidth = math.sqrt(gradient @ covariance @ gradient)
    interval = Interval(low=share - halfwidth, high=share + halfwidth, confidence=0.95)
    within = max(abs(interval.low), abs(interval.high)) <= hypotheses.MARGIN
    beyond = interval.low > hypotheses.MARGIN or interval.high < -hypotheses.MARGIN
    slope = Interval(low=line[1] - line_halfwidths[1], high=line[1] + line_halfwidths[1], confidence=0.95)
    answer = "SUPPORTED" if within else "REJECTED" if beyond else "UNDECIDED"
    return Found(answer=answer, intervals={"share": interval, "b": slope})


def weighted(sizes: Array, medians: Array, sigmas: Array, degree: int) -> tuple[Array, Array, Array]:
    """Coefficients, their half-widths, and the covariance scaled so that its square root is a half-width."""
    design = np.vander(sizes, degree + 1, increasing=True)
    inverse = np.linalg.inv(design.T @ (design / sigmas[:, None] ** 2))
    coefficients = inverse @ (design.T @ (medians / sigmas**2))
    freedom = len(sizes) - degree - 1
    chi_square = float(np.sum(((medians - design @ coefficients) / sigmas) ** 2))
    scattered = float(stdtrit(freedom, 0.975)) * math.sqrt(chi_square / freedom) if freedom else 0.0
    multiplier = max(QUANTILE, scattered)
    covariance = multiplier**2 * inverse
    return coefficients, np.sqrt(np.diag(covariance)), covariance


METHODS: Mapping[str, Callable[[Sequence[Series]], Found]] = {"rounds": by_rounds, "medians": by_medians}


def truths(law: Law) -> dict[str, float | None]:
    """Of each figure; None where a fit of another form has no truth to hold."""
    square = law.square * SIZES[-1] ** 2 / law(SIZES[-1])
    straight = law.exponent == 1 and not law.square
    return {
        "share": square if law.exponent == 1 else None,
        "b": law.per_item if straight else None,
        "k": law.exponent if not law.square else None,
    }


@cache
def simulated(
    law: Law, machine: Machine, round_count: int, run_count: int, sizes: tuple[float, ...]
) -> dict[str, list[Found]]:
    """What each method says of the same sweeps."""
    rng = np.random.default_rng(0)
    sweeps = [machine.sweep(law, sizes, round_count, rng) for _ in range(run_count)]
    return {name: [method(sweep) for sweep in sweeps] for name, method in METHODS.items()}


def coverage_table(laws: Sequence[Law], round_counts: Sequence[int], run_count: int) -> str:
    rows = []
    for machine in MACHINES:
        for round_count in round_counts:
            row: dict[str, object] = {"machine": machine.name, "rounds": round_count}
            for law in laws:
                found = simulated(law, machine, round_count, run_count, SIZES)
                for figure, truth in truths(law).items():
                    if truth is not None:
                        told = (held(found[name], figure, truth) for name in METHODS)
                        row[f"{figure} of {law.name}"] = " / ".join(cell for cell in told if cell)
            rows.append(row)
    return tabulate(rows, "keys", tablefmt="github")


def held(found: Sequence[Found], figure: str, truth: float) -> str:
    """How often the interval holds the truth, and its mean half-width."""
    intervals = [each.intervals[figure] for each in found if figure in each.intervals]
    if not intervals:
        return ""
    hits = float(np.mean([interval.low <= truth <= interval.high for interval in intervals]))
    halfwidth = float(np.mean([interval.halfwidth for interval in intervals]))
    return f"{hits:.1%} ±{halfwidth:.2g}"


def verdict_table(
    laws: Sequence[Law],
    machines: Sequence[Machine],
    round_count: int,
    run_count: int,
    sizes: tuple[float, ...] = SIZES,
) -> str:
    rows = []
    for machine in machines:
        for law in laws:
            found = simulated(law, machine, round_count, run_count, sizes)
            chosen = Counter(each.chosen for each in found["rounds"])
            told = ", ".join(f"{name or 'none'} {count / run_count:.0%}" for name, count in chosen.most_common())
            rows.append([machine.name, law.name, *(answers(found[name]) for name in METHODS), told])
    heads = ["machine", "true law", *(f"linear? by {name}" for name in METHODS), "curve chosen"]
    return tabulate(rows, heads, tablefmt="github")


def answers(found: Sequence[Found]) -> str:
    counts = Counter(each.answer for each in found)
    return ", ".join(
        f"{name} {counts[name] / len(found):.1%}" for name in ("SUPPORTED", "REJECTED", "UNDECIDED") if counts[name]
    )


def tables(run_count: int) -> None:
    laws = (LINE, SQUARE, POWER)
    print(f"Intervals of fits to sweeps, by rounds / by medians, {run_count} runs\n")
    print(coverage_table(laws, (5, 10), run_count))
    print(f"\nIs latency linear in the size? 10 rounds, {run_count} runs\n")
    print(verdict_table(laws, MACHINES, 10, run_count))
    for sizes, round_count in ((SIZES, 4), (SIZES, 10), (QUICK_SIZES, 5), (QUICK_SIZES, 10)):
        told = ", ".join(f"{size:g}" for size in sizes)
        print(f"\nSizes {told}; blocks of one of them slowed; {round_count} rounds, {run_count} runs\n")
        print(verdict_table((LINE,), SLOWED, round_count, run_count, sizes))
