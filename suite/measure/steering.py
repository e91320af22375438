"""Time goes where a question is open: which series have the next turns, which may stop, which size is added.

In this order: every series has what its own rule asks for; what the series leave of their limits goes to the sizes of
open questions, to a size between two others where that is what it takes, and then to series beyond their goal. Where
that is too little, a series beyond its goal whose questions are all decided gives its time to an open one. Nothing is
begun that all the time left would not suffice for. Source: docs/statistics.md, section Where time goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from suite.measure.against import Against, against
from suite.measure.questions import Question, questions
from suite.measure.series import MIN_BLOCKS, Series
from suite.records import Hypothesis, Task

LOOK_SHARE = 0.02  # of the time since the last look, that a look may take
FIRST_LOOK_S = 0.02  # of one question; measured from then on
MOST_ADDED = 2  # sizes, for one question
RESERVE = 1.25  # what it takes is estimated: so much more must be there

Clock = Callable[[], float]
Asked = Question | Against


@dataclass(slots=True)
class Steering:
    """Of all latency series of one model, `tasks`. may_add: whether a size that nobody asked for may be measured."""

    tasks: Sequence[Task]
    hypotheses: Sequence[Hypothesis]
    clock: Clock
    may_add: bool = True
    questions: list[Asked] = field(init=False)
    _added: dict[str, Asked] = field(default_factory=dict)  # by the key of the task
    _looked_s: float = field(init=False)
    _cost_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.questions = [*against(self.tasks), *questions(self.hypotheses, self.tasks)]
        self._looked_s, self._cost_s = self.clock(), FIRST_LOOK_S * len(self.questions)

    @property
    def open(self) -> list[Asked]:
        return [question for question in self.questions if not question.is_decided]

    def is_added(self, task: Task) -> bool:
        return task.key in self._added

    def look(self, series: Sequence[Series]) -> None:
        """After a round; not every time where it would take more than LOOK_SHARE of the time."""
        began_s = self.clock()
        if (began_s - self._looked_s) * LOOK_SHARE < self._cost_s:
            return
        for question in self.questions:
            question.look(series)
        self._looked_s = self.clock()
        self._cost_s = self._looked_s - began_s

    def holds(self, each: Series) -> bool:
        """Whether a series that has ended its own course may get further turns."""
        goal, rule = each.task.repetition.target_relative_halfwidth, each.task.repetition
        if each.error is not None or each.is_closed or goal is None:
            return False
        if each.stop not in ("target", "time_limit") or each.counted_call_count >= rule.max_call_count:
            return False
        return each.calls_needed is not None or any(question.concerns(each.task) for question in self.open)

    def next_round(self, series: list[Series]) -> list[Series]:
        """Who has a turn, of all series; none: all is done. It may stop some, and put one of another size to them."""
        self._give_way(series)
        self._end_added(series)
        active = [each for each in series if not each.ended]
        further = self._asked(series)
        if not active and not further:
            further = self._with_another_size(series)
        if not active and not further:
            further = self._beyond_goal(series)
        cases = {each.case for each in further}
        return [each for each in series if not each.ended or each.case in cases]

    def left_s(self, series: Sequence[Series]) -> float:
        """What the series that have ended their own course leave of their limits, less what was added."""
        total_s = 0.0
        for each in series:
            rule = each.task.repetition
            limit_s = 0.0 if self.is_added(each.task) else rule.time_limit_s
            if rule.target_relative_halfwidth is not None and (each.ended or self.is_added(each.task)):
                total_s += limit_s - each.spent_s - each.lost_s
        return total_s

    # Further turns

    def _asked(self, series: Sequence[Series]) -> list[Series]:
        """Series whose own course is over and that narrow an open question for which there is time."""
        found: list[Series] = []
        left_s = self.left_s(series)
        for question in self.open:
            if isinstance(question, Against):
                able = [each for each in series if not each.ended or self.holds(each)]
                found += [each for each in question.due(able) if each.ended]
        for question, cost_s in sorted(self._costs(series), key=lambda pair: pair[1]):
            left_s -= RESERVE * cost_s
            if left_s >= 0:
                found += self._worth(question, series)
        for each in series:
            if self.is_added(each.task) and not each.ended:  # sizes are compared within rounds
                found += filter(self.holds, self._added[each.case].sizes(series))
        return found

    def _worth(self, question: Asked, series: Sequence[Series]) -> list[Series]:
        able = [each for each in series if not each.ended or self.holds(each)]
        return [each for each in question.worth(able) if each.ended]

    def _costs(self, series: Sequence[Series]) -> Iterator[tuple[Asked, float]]:
        """Seconds beyond the own course of its series that an open question asks for, where rounds can decide it."""
        for question in self.open:
            worth = self._worth(question, series)
            if worth and question.round_count is not None:
                yield question, question.round_count * sum(each.block_s() for each in worth)

    def _with_another_size(self, series: list[Series]) -> list[Series]:
        """The first open question that hangs on one, and has time for it, gets another size."""
        for question in self.open:
            if not (self.may_add and question.wants_size):
                continue
            own = question.sizes(series)
            task = question.between(own)
            round_s = sum(each.block_s() for each in own) * (len(own) + 1) / len(own)
            added_count = sum(had is question for had in self._added.values())
            if task is None or task.key in {each.case for each in series} or added_count >= MOST_ADDED:
                continue
            if RESERVE * MIN_BLOCKS * round_s <= self.left_s(series):
                self._added[task.key] = question
                series.append(Series(task=task))
                return list(filter(self.holds, own))
        return []

    def _beyond_goal(self, series: Sequence[Series]) -> list[Series]:
        """As many as the time left suffices for, those that need the least first."""
        found, left_s = [], self.left_s(series)
        waiting = [each for each in series if self.holds(each) and each.calls_needed is not None]
        for each in sorted(waiting, key=Series.needed_s):
            left_s -= RESERVE * each.needed_s()
            if left_s >= 0:
                found.append(each)
        return found

    # Who stops

    def _end_added(self, series: Sequence[Series]) -> None:
        """A size that was added has no time of its own: it stops where its question is decided, or the time is over."""
        for each in series:
            if self.is_added(each.task) and not each.ended and _has_enough(each):
                question = self._added[each.case]
                round_s = sum(other.block_s() for other in question.sizes(series))
                if question.is_decided or self.left_s(series) < round_s:
                    each.stop = "decided" if question.is_decided else "time_limit"

    def _give_way(self, series: Sequence[Series]) -> None:
        """Stops series whose questions are decided, where their time would decide another; those farthest off first."""
        left_s = self.left_s(series)
        ready = sorted(filter(self._can_give_way, series), key=Series.needed_s, reverse=True)
        for _, cost_s in sorted(self._costs(series), key=lambda pair: pair[1]):
            if RESERVE * cost_s > left_s + sum(map(_rest_s, ready)):
                return
            while RESERVE * cost_s > left_s:
                each = ready.pop(0)
                each.stop = "decided"
                left_s += _rest_s(each)
            left_s -= RESERVE * cost_s

    def _can_give_way(self, each: Series) -> bool:
        asked = [question for question in self.questions if question.concerns(each.task)]
        is_settled = bool(asked) and all(question.is_decided for question in asked)
        return (
            is_settled and not each.ended and _has_enough(each) and _rest_s(each) > 0 and not self.is_added(each.task)
        )


def _has_enough(each: Series) -> bool:
    return each.counted_call_count >= each.task.repetition.min_call_count and len(each.counted) >= MIN_BLOCKS


def _rest_s(each: Series) -> float:
    return each.task.repetition.time_limit_s - each.spent_s - each.lost_s
