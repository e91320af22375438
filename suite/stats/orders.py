"""Do two quantities put these models into one order? Pair by pair, as far as their errors let a pair be told apart."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal

from suite.records import record, require

Outcome = Literal["same", "opposite", "open"]


@record
class Figure:
    """A quantity of one model, which lies between low and high. Exact: all three are equal. No idea: 0 to infinity.

    is_upper_bound: no value at all, and nothing to compare with.
    """

    value: float
    low: float
    high: float
    is_upper_bound: bool = False

    def __post_init__(self) -> None:
        require(0 <= self.low <= self.value <= self.high, "a figure lies between its low and its high, from 0 on")

    def overlaps(self, other: Figure) -> bool:
        return self.low <= other.high and other.low <= self.high


@record
class Pair:
    """Two models by their places; `more` has more of the first quantity, or comes later where they have as much.

    outcome: open where a quantity doesn't tell them apart, which first_open and second_open name. The ratios are those
    of `more` to `less`; None where `less` has nothing.
    """

    less: int
    more: int
    outcome: Outcome
    first_open: bool
    second_open: bool
    first_ratio: float | None
    second_ratio: float | None


@record
class Orders:
    """All pairs of models; extreme: the one of the least and the most of the first quantity."""

    model_count: int
    pairs: tuple[Pair, ...]
    extreme: Pair

    def of(self, outcome: Outcome) -> tuple[Pair, ...]:
        return tuple(pair for pair in self.pairs if pair.outcome == outcome)


def exact(value: float) -> Figure:
    return Figure(value=value, low=value, high=value)


def orders(models: Sequence[tuple[Figure, Figure]]) -> Orders | None:
    """Every two models compared in both quantities; None below two models.

    Two models are told apart in a quantity where their intervals share no value. That asks for more than a difference
    beyond its own error would: what is told apart at 95 % here is so at 99 % and more. Source: Schenker & Gentleman,
    Am. Stat. 55 (2001).
    """
    if len(models) < 2:
        return None
    by_first = sorted(range(len(models)), key=lambda place: models[place][0].value)
    pairs = {frozenset(both): _pair(models, *both) for both in itertools.combinations(by_first, 2)}
    return Orders(
        model_count=len(models), pairs=tuple(pairs.values()), extreme=pairs[frozenset((by_first[0], by_first[-1]))]
    )


def _pair(models: Sequence[tuple[Figure, Figure]], less: int, more: int) -> Pair:
    (first, second), (other_first, other_second) = models[less], models[more]
    first_open, second_open = first.overlaps(other_first), second.overlaps(other_second)
    outcome: Outcome = "same" if second.value < other_second.value else "opposite"
    return Pair(
        less=less,
        more=more,
        outcome="open" if first_open or second_open else outcome,
        first_open=first_open,
        second_open=second_open,
        first_ratio=other_first.value / first.value if first.value else None,
        second_ratio=other_second.value / second.value if second.value else None,
    )
