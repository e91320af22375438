"""The hypotheses about the model that is being measured, looked at between rounds: decided, or what would do it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from suite.measure.series import Series
from suite.records import Block, Hypothesis, Task
from suite.records.hypothesis import Shape
from suite.records.sweeps import BATCH_SIZE, base_of, is_along, size_of
from suite.stats import rounds
from suite.stats.curves import Absence, Fits, fits
from suite.stats.interval import MIN_BLOCK_COUNT
from suite.stats.laws import answer, claims, weights
from suite.stats.takes import Takes, takes

LEAST_SHARE = 0.8  # of what widens the open claims: the sizes that make it up have the next turns
LEAST_SIZE_COUNT = 2  # a block alone in its round says nothing about sizes


@dataclass(slots=True)
class Question:
    """One hypothesis, and the sizes of a sweep that answer it. The answer is that of the last look."""

    axis: str
    shape: Shape
    exponent: tuple[float, float] | None
    base: Task
    is_decided: bool = False
    takes: Takes | None = None
    weights: dict[float, float] = field(default_factory=dict)
    seen_count: int = -1  # blocks, when it was last looked at

    @property
    def round_count(self) -> float | None:
        """Further rounds that may decide it; None where rounds can't, or nobody has looked."""
        return None if self.takes is None else self.takes.at_best

    @property
    def wants_size(self) -> bool:
        return self.takes is not None and self.takes.remedy == "another_size"

    def concerns(self, task: Task) -> bool:
        is_alike = (task.load, task.scenario) == (self.base.load, self.base.scenario)
        return is_alike and is_along(task, self.base, self.axis)

    def sizes(self, series: Sequence[Series]) -> list[Series]:
        """Its series, the smallest size first."""
        return sorted((each for each in series if self.concerns(each.task)), key=self.size)

    def size(self, series: Series) -> int:
        return size_of(series.task, self.axis)

    def look(self, series: Sequence[Series]) -> None:
        """Fits the blocks so far. series: all of the model's, ended or not."""
        own = self.sizes(series)
        count = sum(len(each.blocks) for each in own)
        if count == self.seen_count:
            return
        self.seen_count = count
        found = _fitted([rounds.Series(size=self.size(each), blocks=_counted(each)) for each in own])
        verdict = answer(self.shape, self.exponent, found)
        self.takes = takes(self.shape, self.exponent, found, verdict)
        spread = min((len(each.counted) for each in own if each.counted), default=0)
        self.is_decided = self.takes is None and spread >= MIN_BLOCK_COUNT
        if isinstance(found, Fits) and self.takes is not None:
            self.weights = dict(weights(claims(self.shape, self.exponent, found), found))

    def worth(self, series: Sequence[Series]) -> list[Series]:
        """Of these, those that narrow the open claims the most for their time; never one alone."""
        own = self.sizes(series)
        if not self.weights:
            return own
        gains = {each.case: self.weights.get(float(self.size(each)), 1.0) for each in own}
        own.sort(key=lambda each: gains[each.case] / max(each.block_s(), 1e-9), reverse=True)
        whole, found = sum(gains.values()), list[Series]()
        for each in own:
            if len(found) >= LEAST_SIZE_COUNT and sum(gains[had.case] for had in found) >= LEAST_SHARE * whole:
                break
            found.append(each)
        return found

    def between(self, own: Sequence[Series]) -> Task | None:
        """A size in the middle of the widest gap, the uppermost of equals; None where no whole number lies there.

        own: its series. Where a larger size was measured there is memory enough, and the model takes what lies between.
        """
        own = [each for each in own if each.error is None]
        gaps = [(self.size(high) - self.size(low), self.size(low), low.task) for low, high in itertools.pairwise(own)]
        widest = max(gaps, key=lambda gap: gap[:2], default=None)
        return None if widest is None or widest[0] < 2 else self._at(widest[1] + widest[0] // 2, widest[2])

    def _at(self, size: int, like: Task) -> Task:
        if self.axis == BATCH_SIZE:
            return replace(like, batch_size=size)
        return replace(like, axes=tuple((name, size if name == self.axis else was) for name, was in like.axes))


def questions(hypotheses: Sequence[Hypothesis], tasks: Sequence[Task]) -> list[Question]:
    """Those about latency over sizes, one for each sweep of these tasks; the lab's own where none is stated.

    A fixed count is a protocol, and is left as it is.
    """
    loads: dict[object, list[Task]] = {}
    for task in tasks:
        loads.setdefault(task.load, []).append(task)
    return [question for each in loads.values() for question in _of_one_load(hypotheses, each)]


def _of_one_load(hypotheses: Sequence[Hypothesis], tasks: Sequence[Task]) -> list[Question]:
    swept = [task for task in tasks if task.scenario == "forward" and task.repetition.target_relative_halfwidth]
    base = base_of(swept)
    if base is None:
        return []
    found = []
    for stated in hypotheses or the_lab_s(base):
        if (
            stated.quantity != "latency"
            or stated.shape == "tracks"
            or (stated.models and base.model not in stated.models)
        ):
            continue
        if stated.against != BATCH_SIZE and stated.against not in dict(base.axes):
            continue
        if sum(is_along(task, base, stated.against) for task in swept) > 1:
            found.append(Question(axis=stated.against, shape=stated.shape, exponent=stated.exponent, base=base))
    return found


def the_lab_s(base: Task) -> list[Hypothesis]:
    """What the report asks of every model."""
    return [
        Hypothesis(quantity="latency", against=BATCH_SIZE, shape="linear"),
        *(Hypothesis(quantity="latency", against=axis, shape="quadratic") for axis, _ in base.axes),
    ]


def _counted(series: Series) -> tuple[Block, ...]:
    return tuple(block for block in series.timed if block.disturbed_by is None)


def _fitted(series: list[rounds.Series]) -> Fits | Absence:
    try:
        return fits(series)
    except np.linalg.LinAlgError:  # a look may fail; what was measured does not hang on it
        return "too_few_rounds"
