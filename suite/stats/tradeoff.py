"""Which of several ways to run a model nobody would take, since another is better in everything; and how sure that is.

Source: docs/accuracy.md, section The trade-off.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from suite.records import record, require

Place = Literal["front", "dominated", "unsettled"]


@record
class Figure:
    """A value with its interval; low and high are the value itself where it is exact."""

    value: float
    low: float
    high: float

    def __post_init__(self) -> None:
        require(self.low <= self.value <= self.high, f"{self.value} must lie within {self.low}..{self.high}")


def exact(value: float) -> Figure:
    return Figure(value=value, low=value, high=value)


@record
class Goal:
    """One axis of a trade-off. less_is_better: True of seconds, joules, bytes; False of accuracy."""

    name: str
    less_is_better: bool = True


@record
class Candidate:
    """One way to run a model, with what is known of it by the goals' names."""

    label: str
    figures: Mapping[str, Figure]


@record
class Standing:
    """dominated_by: the label of one that is certainly no worse in all and better in one; of `unsettled`, of one that
    may be."""

    candidate: Candidate
    place: Place
    dominated_by: str | None = None
    missing: tuple[str, ...] = ()  # goals of which nothing is known


Pairs = Mapping[tuple[str, str, str], int]


def standings(
    candidates: Sequence[Candidate], goals: Sequence[Goal], pairs: Pairs | None = None
) -> tuple[Standing, ...]:
    """In the candidates' order. Goals that are not known of every one are left out of the comparison, and told.

    pairs: by goal and two labels, what was found of these two directly: 1 the first is better, 0 they are the same
    within a margin, -1 it is worse; where there is none, their intervals tell.
    `front`: nothing dominates it, wherever in their intervals the true values lie. `dominated`: something does,
    wherever they lie. `unsettled`: it depends on that.
    """
    shared = [goal for goal in goals if all(goal.name in each.figures for each in candidates)]
    return tuple(_standing(each, candidates, goals, _Order(goals=shared, pairs=pairs or {})) for each in candidates)


@record
class _Order:
    goals: Sequence[Goal]
    pairs: Pairs

    def certainly(self, one: Candidate, other: Candidate) -> bool:
        """Whether one dominates the other, wherever in their intervals the true values lie."""
        found = [self._least(one, other, goal) for goal in self.goals]
        return min(found, default=-1) >= 0 and max(found) > 0

    def possibly(self, one: Candidate, other: Candidate) -> bool:
        found = [-self._least(other, one, goal) for goal in self.goals]
        return min(found, default=-1) >= 0 and max(found) > 0

    def by_value(self, one: Candidate, other: Candidate) -> bool:
        pairs = [tuple(_signed(each.figures[goal.name].value, goal) for each in (one, other)) for goal in self.goals]
        return any(left < right for left, right in pairs) and all(left <= right for left, right in pairs)

    def _least(self, one: Candidate, other: Candidate, goal: Goal) -> int:
        """1: certainly better; 0: certainly no worse; -1: it may be worse."""
        known = self.pairs.get((goal.name, one.label, other.label))
        if known is not None:
            return known
        worst, best = _end(one, goal, worst=True), _end(other, goal, worst=False)
        return 1 if worst < best else 0 if worst == best else -1


def _standing(found: Candidate, everyone: Sequence[Candidate], goals: Sequence[Goal], order: _Order) -> Standing:
    missing = tuple(goal.name for goal in goals if goal.name not in found.figures)
    others = [other for other in everyone if other is not found]
    certain = [other for other in others if order.certainly(other, found)]
    if certain:
        return Standing(candidate=found, place="dominated", dominated_by=certain[0].label, missing=missing)
    possible = [other for other in others if order.possibly(other, found)]
    if possible:
        likeliest = next((other for other in possible if order.by_value(other, found)), possible[0])
        return Standing(candidate=found, place="unsettled", dominated_by=likeliest.label, missing=missing)
    return Standing(candidate=found, place="front", missing=missing)


def _end(candidate: Candidate, goal: Goal, *, worst: bool) -> float:
    """The end of the interval that is best (or worst), turned so that less is better."""
    figure = candidate.figures[goal.name]
    return _signed(figure.high if worst == goal.less_is_better else figure.low, goal)


def _signed(value: float, goal: Goal) -> float:
    return value if goal.less_is_better else -value


@record
class Constraint:
    """`limit` is the most of what is better small, the least of what is better large."""

    goal: Goal
    limit: float

    def holds(self, figure: Figure) -> bool | None:
        """None: it depends on where in the interval the true value lies."""
        limit = _signed(self.limit, self.goal)
        ends = sorted(_signed(end, self.goal) for end in (figure.low, figure.high))
        return True if ends[1] <= limit else False if ends[0] > limit else None

    def miss(self, figure: Figure) -> float:
        """By which share of the limit the value fails it; 0 where it does not."""
        over = _signed(figure.value, self.goal) - _signed(self.limit, self.goal)
        return max(0.0, over / abs(self.limit)) if self.limit else math.inf


@record
class Choice:
    """What a candidate comes to under the constraints, by the names of their goals."""

    candidate: Candidate
    fails: tuple[str, ...] = ()
    may_fail: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    miss: float = 0.0


@record
class Recommendation:
    """`best`: of those that certainly satisfy. `ties`: of these, those that can't be told from the best in what is
    preferred."""

    everyone: tuple[Choice, ...]
    best: Choice | None
    ties: tuple[Choice, ...]
    certain: tuple[Choice, ...]
    possible: tuple[Choice, ...]
    nearest: Choice | None  # the nearest miss, where nobody satisfies or may


def recommend(candidates: Sequence[Candidate], constraints: Sequence[Constraint], prefer: Goal) -> Recommendation:
    """Candidates without the preferred figure come last. A constraint on a figure that nobody knows is never met."""
    choices = [_choice(each, constraints) for each in candidates]
    choices.sort(key=lambda choice: _preference(choice.candidate, prefer))
    certain = tuple(choice for choice in choices if not (choice.fails or choice.may_fail or choice.unknown))
    possible = tuple(choice for choice in choices if (choice.may_fail or choice.unknown) and not choice.fails)
    best = certain[0] if certain else None
    missed = sorted((choice for choice in choices if choice.fails), key=lambda choice: choice.miss)
    return Recommendation(
        everyone=tuple(choices),
        best=best,
        ties=() if best is None else tuple(each for each in certain[1:] if _overlap(best, each, prefer)),
        certain=certain,
        possible=possible,
        nearest=missed[0] if missed and not certain and not possible else None,
    )


def _choice(candidate: Candidate, constraints: Sequence[Constraint]) -> Choice:
    known = [(each, candidate.figures[each.goal.name]) for each in constraints if each.goal.name in candidate.figures]
    return Choice(
        candidate=candidate,
        fails=tuple(each.goal.name for each, figure in known if each.holds(figure) is False),
        may_fail=tuple(each.goal.name for each, figure in known if each.holds(figure) is None),
        unknown=tuple(each.goal.name for each in constraints if each.goal.name not in candidate.figures),
        miss=math.fsum(each.miss(figure) for each, figure in known),
    )


def _preference(candidate: Candidate, prefer: Goal) -> float:
    figure = candidate.figures.get(prefer.name)
    return math.inf if figure is None else _signed(figure.value, prefer)


def _overlap(best: Choice, other: Choice, prefer: Goal) -> bool:
    one, two = (each.candidate.figures.get(prefer.name) for each in (best, other))
    if one is None or two is None:
        return True
    return one.low <= two.high and two.low <= one.high
