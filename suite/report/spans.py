"""Text within a line: plain words, which are data that a writer escapes, and the few marks that a line may carry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from suite.records import NotMeasured
from suite.report.escape import MAX_LISTED

Sign: TypeAlias = Literal["yes", "no", "open"]


@dataclass(frozen=True, slots=True)
class Strong:
    text: str


@dataclass(frozen=True, slots=True)
class Code:
    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """`target` is a fragment (#anchor), a path below the report's folder, or an address with http or https."""

    text: str
    target: str


@dataclass(frozen=True, slots=True)
class Gap:
    """An absence: its code, linked to where the report gives reason and remedy; None was not asked for."""

    value: NotMeasured | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer of one word; `sign` is the shape that carries it beside word and colour."""

    text: str
    sign: Sign = "open"


SIGNS: Mapping[str, Sign] = {"SUPPORTED": "yes", "REJECTED": "no"}


def answered(answer: str) -> Verdict:
    """The answer to a hypothesis."""
    return Verdict(answer, SIGNS.get(answer, "open"))


SAFE = ("https://", "http://", "#")


def target_of(link: Link) -> str | None:
    """Where a link leads: an address, a fragment or a path below the report; None for what a page must not open."""
    target = link.target.strip()
    is_path = not (":" in target or "\\" in target or target.startswith("/"))
    is_plain = not any(char.isspace() or char in '()<>"' for char in target)
    return target if is_plain and (target.startswith(SAFE) or is_path) else None


Span: TypeAlias = str | Strong | Code | Link | Gap | Verdict
Spans: TypeAlias = tuple[Span, ...]


def spans(*parts: Span | Spans) -> Spans:
    """One line of parts that are spans or lines themselves; empty words are left out."""
    return tuple(span for part in parts for span in (part if isinstance(part, tuple) else (part,)) if span != "")


def row(parts: Iterable[Span | Spans], separator: str = ", ") -> Spans:
    """The parts in a row, and how many there are beyond those that a reader would still read."""
    every = list(parts)
    found: Spans = ()
    for index, part in enumerate(every[:MAX_LISTED]):
        found = spans(found, separator if index else "", part)
    return spans(found, f"{separator}and {len(every) - MAX_LISTED:,} more" if len(every) > MAX_LISTED else "")


def plain(line: Span | Spans) -> str:
    """The words alone, for a terminal, a title or a comparison."""
    return "".join(_word(span) for span in (line if isinstance(line, tuple) else (line,)))


def _word(span: Span) -> str:
    if isinstance(span, str):
        return span
    if isinstance(span, Gap):
        return "not asked" if span.value is None else f"n/a ({span.value.code})"
    return span.text
