"""Conditions that fail a comparison: which of them are proved, which are ruled out, which are open.

A condition that is not proved is not thereby ruled out: it may be open. Source: docs/compare.md, section Gate.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from suite.compare.against import NO_INTERVAL, OTHER_STATE, Beside, Merged
from suite.compare.conditions import MAX_CHANGE
from suite.compare.quantities import QUANTITIES
from suite.compare.shown import describe
from suite.compare.table import Comparison, Line
from suite.errors import UsageError
from suite.outside import brief
from suite.records import Interval
from suite.stats import holm
from suite.stats.verdicts import ERROR_SHARE

Answer: TypeAlias = Literal["HOLDS", "RULED OUT", "OPEN"]
PASSED, FAILED, OPEN = 0, 4, 5  # exit statuses
UP, DOWN = ("slower", "more"), ("faster", "less")
MAX_PERCENT = 1000.0
SHAPE = 'write it as "latency slower 5%", with a model behind it for that one alone'

_CONDITION = re.compile(r"(\w+)\s+(slower|more|faster|less)\s+(?:by\s+)?([\d.,]+\s*%?)(?:\s+(.+))?")
_SHARE = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*(%?)")


@dataclass(frozen=True, slots=True)
class Condition:
    """limit: the ratio beyond which it holds; below 1 for `faster` and `less`."""

    text: str
    quantity: str
    limit: float
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one condition at one place in one kind of run; about: which, in words."""

    answer: Answer
    about: str
    reason: str
    beside: Beside | None


@dataclass(frozen=True, slots=True)
class Gate:
    condition: Condition
    verdicts: tuple[Verdict, ...]

    @property
    def answer(self) -> Answer:
        """Of them all: one place where it holds is enough, and one that is open leaves it open."""
        found = {verdict.answer for verdict in self.verdicts}
        return "HOLDS" if "HOLDS" in found else "OPEN" if "OPEN" in found or not found else "RULED OUT"


def share(text: str, where: str) -> float:
    """ "3%", "3 %" or "0.03" as 0.03. A bare number from 1 on may mean either, and is refused. Raises UsageError."""
    found = _SHARE.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{where}: {brief(text)} is no share; write it as 5% or 0.05")
    value, percent = float(found[1]), found[2]
    if not percent and value >= 1:
        raise UsageError(
            f"{where}: {brief(text)} without % may mean a share or per cent; write it as {value:g}% or 0.05"
        )
    if value > MAX_PERCENT:
        raise UsageError(f"{where}: {brief(text)} is more than {MAX_PERCENT:g} %")
    return value / 100 if percent else value


def margin(text: str) -> float:
    """Of what counts as the same. Raises UsageError."""
    found = share(text, "--margin")
    if not 0 < found < 1:
        raise UsageError(f"--margin: {brief(text)} must be above 0 and below 100 %")
    return found


def condition(text: str) -> Condition:
    """What a person wrote after --fail-if. Raises UsageError."""
    where = f"--fail-if {brief(text)}"
    found = _CONDITION.fullmatch(" ".join(text.split()))
    if found is None:
        raise UsageError(f"{where}: that is no condition; {SHAPE}")
    name, direction, size, model = found.groups()
    quantity = next((each for each in QUANTITIES if each.name == name), None)
    if quantity is None:
        raise UsageError(f"{where}: there is no quantity {brief(name)}: {', '.join(each.name for each in QUANTITIES)}")
    words = {quantity.less.lower(), quantity.more.lower(), "less", "more"}
    if direction not in words:
        raise UsageError(f"{where}: {quantity.title.lower()} is not {direction}; write more or less")
    beyond = share(size, where)
    if direction in DOWN and beyond >= 1:
        raise UsageError(f"{where}: nothing is {direction} by 100 % or more")
    return Condition(text, name, 1 + beyond if direction in UP else 1 - beyond, model)


def judge(found: Comparison, conditions: Sequence[Condition]) -> tuple[Gate, ...]:
    """Raises UsageError for a model that no run has."""
    for each in conditions:
        if each.model is not None and each.model not in found.models:
            raise UsageError(
                f"--fail-if {brief(each.text)}: no run has a model {brief(each.model)}; there is "
                f"{', '.join(found.models)[:500]}"
            )
    return tuple(Gate(each, tuple(_verdicts(found, each))) for each in conditions)


def status(gates: Sequence[Gate]) -> int:
    """4 where one holds; else 5 where one is open; else 0."""
    answers = {gate.answer for gate in gates}
    return FAILED if "HOLDS" in answers else OPEN if "OPEN" in answers else PASSED


def _verdicts(found: Comparison, asked: Condition) -> Iterator[Verdict]:
    cells = list(_cells(found, asked))
    p_values = [_p_value(beside, asked.limit) for _, beside, _ in cells]
    for (about, beside, absence), p_value in zip(cells, holm.adjusted(p_values), strict=True):
        if beside is None:
            yield Verdict("OPEN", about, absence, None)
        else:
            answer, reason = _answer(beside, asked.limit, p_value <= ERROR_SHARE)
            yield Verdict(answer, about, reason, beside)


def _cells(found: Comparison, asked: Condition) -> Iterator[tuple[str, Beside | None, str]]:
    for line in found.lines.get(asked.quantity, ()):
        if asked.model is not None and line.place.model != asked.model:
            continue
        for name in found.names[1:]:
            about = f"{name}: {line.place.model}{', ' if describe(line.place) else ''}{describe(line.place)}"
            beside = line.cells[name].beside
            if beside is not None:
                yield about, beside, ""
            elif absence := _absence(line, found.names[0], name):
                yield about, None, absence


def _absence(line: Line, first: str, name: str) -> str:
    """Why there is no ratio; nothing where neither kind was asked for it."""
    absent = [each for each in (first, name) if not isinstance(line.cells[each].merged, Merged)]
    if len(absent) == 2 and all(line.cells[each].merged is None for each in absent):
        return ""
    return f"{' and '.join(absent)} {'has' if len(absent) == 1 else 'have'} no figure here"


def _p_value(beside: Beside | None, limit: float) -> float:
    """One-sided, of the condition not being so; 1 where chance can't be reckoned."""
    if beside is None or beside.ratio is None or beside.exact:
        return 1.0
    found = beside.ratio.p_beyond(limit)
    return 1.0 if found is None else found


def _answer(beside: Beside, limit: float, is_proved: bool) -> tuple[Answer, str]:
    if beside.ratio is None:
        return "OPEN", "; ".join(beside.refused)
    if beside.exact:
        return ("HOLDS" if _beyond(beside.ratio.value, limit) else "RULED OUT"), "counted"
    if beside.ratio.interval is None:
        return "OPEN", NO_INTERVAL
    if abs(beside.log_state) > math.log1p(MAX_CHANGE):
        return "OPEN", OTHER_STATE
    return _by_interval(beside, beside.ratio.interval, limit, is_proved)


def _by_interval(beside: Beside, interval: Interval, limit: float, is_proved: bool) -> tuple[Answer, str]:
    """With the machine's state in it and without: both must say the same."""
    moved = math.exp(-beside.log_state)
    near, far = (interval.low, interval.high) if limit >= 1 else (interval.high, interval.low)
    if is_proved and (moved == 1 or _beyond(near * moved, limit)):
        return "HOLDS", "proved, beside all that the condition looks at"
    if not _beyond(far, limit) and not _beyond(far * moved, limit):
        return "RULED OUT", "the whole interval is on the other side"
    return "OPEN", "the interval is too wide"


def _beyond(value: float, limit: float) -> bool:
    return value > limit if limit >= 1 else value < limit
