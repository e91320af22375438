"""One figure beside another of its place: their ratio, why there is none, and what else than chance may explain it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from suite.compare import conditions
from suite.compare.conditions import MAX_CHANGE, SAME_STATE, Conditions, State
from suite.compare.figures import Figure
from suite.compare.quantities import Quantity
from suite.compare.sheet import Entry
from suite.records import Interval, NotMeasured
from suite.stats.ratio import Ratio, pooled, ratio
from suite.stats.verdicts import Judged, within

NO_INTERVAL = "one value, or too few blocks: nobody knows how far another run's would be off"
OTHER_STATE = "the machine was in another state, which may be all of it"
BY_CHANCE = "alone it would be told; beside so many comparisons it may be chance"
MAX_TEXT = 3  # of what runs of one kind don't share, so many are told


@dataclass(frozen=True, slots=True)
class Merged:
    """The figure of one kind, from one run or several. notes: what its runs do not share."""

    figure: Figure
    conditions: Conditions
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """The second figure beside the first. ratio None: refused. notes: differences that are named.

    log_state: the logarithm of the factor by which the machine's own state may have changed the second, where that is
    more than paces of one state differ by. exact: both were counted.
    """

    ratio: Ratio | None = None
    refused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    log_state: float = 0.0
    exact: bool = False
    spent_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Told:
    """answer: LESS, MORE, SAME, EQUAL (of counts), UNRESOLVED, or NONE where no ratio says anything."""

    answer: str
    reason: str
    needed_s: float | None = None


def merged(quantity: Quantity, name: str, entries: Sequence[Entry], run_count: int) -> Merged | NotMeasured:
    """The entries of one place in the runs of one kind as one."""
    known = [(each.found, each.conditions) for each in entries if isinstance(each.found, Figure) and each.conditions]
    if not known:
        return next(each.found for each in entries if isinstance(each.found, NotMeasured))
    figures = [figure for figure, _ in known]
    first, under = known[0]
    if run_count == 1:
        return Merged(first, under)
    if absence := _unlike(quantity, name, figures):
        return absence
    notes = [f"{len(known)} of the {run_count} runs of {name} have this figure"] if len(known) < run_count else []
    others = [found for _, found in known[1:]]
    told = [each.text for other in others for each in conditions.differences(under, other, quantity.facts)]
    notes += [f"the runs of {name} differ in {text}" for text in list(dict.fromkeys(told))[:MAX_TEXT]]
    levels = [figure.level for figure in figures if figure.level is not None]
    if first.exact or len(levels) < len(figures):
        value, level = statistics.median(figure.value for figure in figures), None
    else:
        level = pooled(levels)
        value = level.median
    bound = next((figure.bound for figure in figures if figure.bound), first.bound)
    return Merged(replace(first, value=value, level=level, bound=bound), _usual([under, *others]), tuple(notes))


def _unlike(quantity: Quantity, name: str, figures: Sequence[Figure]) -> NotMeasured | None:
    """Why figures of several runs can't stand for one kind."""
    alike = len({(figure.about, figure.value if figure.exact else 0.0) for figure in figures}) == 1
    if alike:
        return None
    return NotMeasured(
        code="KIND_DIFFERS",
        reason=f"The runs of {name} tell different things of {quantity.title}",
        remedy="Give them names of their own with --names, so that they are compared and not put together",
    )


def _usual(found: Sequence[Conditions]) -> Conditions:
    """The first one's facts, and the usual speeds of the machine over all."""

    def usual(name: str) -> float | None:
        values = [getattr(each, name) for each in found]
        return statistics.median(values) if all(value is not None for value in values) else None

    return Conditions(
        found[0].facts, pace_s=usual("pace_s"), clock_hz=usual("clock_hz"), gpu_clock_hz=usual("gpu_clock_hz")
    )


def beside(quantity: Quantity, first: Merged, second: Merged) -> Beside:
    """The second beside the first: nothing is merged silently."""
    differ = list(conditions.differences(first.conditions, second.conditions, quantity.facts))
    refused = [each.text for each in differ if each.refused] + list(_refusals(first.figure, second.figure))
    notes = [*first.notes, *second.notes, *(each.text for each in differ if not each.refused)]
    if refused:
        return Beside(refused=tuple(refused), notes=tuple(notes))
    one, other = first.figure.level, second.figure.level
    if first.figure.exact or one is None or other is None:
        if not first.figure.value > 0:
            return Beside(refused=("the first figure is not above 0, so there is no ratio to it",), notes=tuple(notes))
        value = second.figure.value / first.figure.value
        return Beside(ratio=Ratio(value=value), exact=first.figure.exact, notes=tuple(notes))
    state = conditions.state(first.conditions, second.conditions) if quantity.timed else None
    log_state = _beyond(state)
    if state is not None and (state.log_factor is None or log_state):
        notes.append(state.text)
    return Beside(ratio=ratio(one, other), notes=tuple(notes), log_state=log_state, spent_s=one.spent_s + other.spent_s)


def _refusals(first: Figure, second: Figure) -> list[str]:
    found = []
    if first.about != second.about:
        found.append(
            f"of another thing: {first.about or 'one step a call'} against {second.about or 'one step a call'}"
        )
    bounds = [bound for bound in (first.bound, second.bound) if bound]
    if bounds:
        what = "an upper bound, as other processes took too much" if bounds[0] == "≤ " else "a lower bound"
        found.append(f"{what}: no value to compare" if len(bounds) == 1 else f"both are no more than {what}")
    return found


def _beyond(state: State | None) -> float:
    """0 where the two states are one, or nobody knows."""
    if state is None or state.log_factor is None or abs(state.log_factor) <= math.log1p(SAME_STATE):
        return 0.0
    return state.log_factor


def verdict(found: Beside, judged: Judged | None, margin: float) -> Told:
    """What may be claimed: only what holds too once the machine's state is taken out."""
    if found.ratio is None:
        return Told("NONE", "; ".join(found.refused))
    if found.exact:
        answer = "EQUAL" if found.ratio.value == 1 else "LESS" if found.ratio.value < 1 else "MORE"
        return Told(answer, "counted")
    if judged is None or judged.reason == "no_error":
        return Told("UNRESOLVED", NO_INTERVAL)
    if judged.answer == "UNRESOLVED":
        needed_s = None if judged.factor is None else found.spent_s * (judged.factor - 1)
        words = {"other_comparisons": BY_CHANCE}
        return Told("UNRESOLVED", words.get(judged.reason, "the interval is too wide"), needed_s)
    if not found.log_state or _holds(found, judged.answer, margin):
        return Told(judged.answer, judged.reason)
    return Told("UNRESOLVED", OTHER_STATE)


def _holds(found: Beside, answer: str, margin: float) -> bool:
    """Whether the answer stands with the ratio as it would be in one state of the machine."""
    if abs(found.log_state) > math.log1p(MAX_CHANGE) or found.ratio is None or found.ratio.interval is None:
        return False
    factor = math.exp(-found.log_state)
    interval = found.ratio.interval
    same_state = Interval(low=interval.low * factor, high=interval.high * factor, confidence=interval.confidence)
    moved = replace(found.ratio, value=found.ratio.value * factor, interval=same_state)
    if answer == "SAME":
        return within(moved, margin)
    return same_state.high < 1 if answer == "LESS" else same_state.low > 1
