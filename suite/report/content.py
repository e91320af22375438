"""What a section gives: blocks, of which every writer makes its page; a section knows neither Markdown nor HTML.

A section is `render(view: RunView, plots: Plots) -> Content`:

    def render(view: RunView, plots: Plots) -> Content:
        if not view.asked("latency"):
            return ()                                       # leaves the section out
        rows = [[view.label(subject), "45.04"] for subject in view.subjects]
        return content(
            Heading("Batch 1"),
            table((Column("Model"), Column("Median", unit="ms")), rows, caption="Latency at batch 1"),
            ("Weights come from ", Code("models.lock"), "; the answer is ", Verdict("SUPPORTED", "yes"), "."),
            bullets(f"{view.label(subject)}: undisturbed" for subject in view.subjects),
            Details("Every size", (whole,), csv="latency.csv"),
            plots.add("latency", figure, "Every call and the median, per model"),
            Note("doubt", "The machine was throttled."),
        )

A plain str is data, a name or a log line as well as a sentence: whoever writes it escapes it. A report of one's own is
a `Document`; `writers.markdown.write(document)` and `writers.html.write(document, plots.drawings)` make its pages.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from suite.report.spans import Code, Gap, Link, Sign, Span, Spans, Strong, Verdict, plain, row, spans
from suite.report.table import Cell, Column, Marked, Table, table

__all__ = [
    "Block",
    "Bullets",
    "Cell",
    "Chapter",
    "Code",
    "Column",
    "Content",
    "Details",
    "Document",
    "Drawn",
    "Gap",
    "Heading",
    "Link",
    "Marked",
    "Note",
    "Numbered",
    "Paragraph",
    "Picture",
    "Sign",
    "Span",
    "Spans",
    "Strong",
    "Table",
    "Verdict",
    "bullets",
    "content",
    "folded",
    "plain",
    "row",
    "spans",
    "table",
]

Kind: TypeAlias = Literal["note", "doubt", "missing"]


@dataclass(frozen=True, slots=True)
class Heading:
    """Within a section: level 3 or deeper. Its anchor is the one that GitHub gives its words."""

    text: Span | Spans
    level: int = 3


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: Span | Spans


@dataclass(frozen=True, slots=True)
class Bullets:
    items: tuple[Span | Spans, ...]


@dataclass(frozen=True, slots=True)
class Numbered:
    """Questions: each line has its number, and its answers below it."""

    items: tuple[tuple[Span | Spans, Bullets], ...]


@dataclass(frozen=True, slots=True)
class Note:
    """A line that stands out: `doubt` for what to distrust, `missing` for what was not measured."""

    kind: Kind
    text: Span | Spans


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A drawing that Plots keeps under `name`; `alternative` says in words what it shows."""

    name: str
    alternative: str
    caption: Span | Spans = ()


@dataclass(frozen=True, slots=True)
class Details:
    """Folded: `summary` is what a reader sees first.

    csv: the file in tables/ that holds the same rows. Markdown then names it in place of the rows; HTML shows both.
    """

    summary: str
    content: Content
    csv: str = ""


Block: TypeAlias = Heading | Paragraph | Bullets | Numbered | Note | Picture | Details | Table
Content: TypeAlias = tuple[Block, ...]
Drawn: TypeAlias = Picture | Paragraph  # a picture, or why there is none


@dataclass(frozen=True, slots=True)
class Chapter:
    """A section on a page; `name` is its anchor in HTML. The writers number chapters that are `numbered`."""

    name: str
    title: str
    content: Content
    numbered: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A page: its title, what stands before the first chapter, and the chapters."""

    title: str
    lead: Content
    chapters: tuple[Chapter, ...] = field(default=())


def content(*parts: Block | Content | Span | Spans | None) -> Content:
    """Blocks in a row. A str or a line of spans is a paragraph; None and what is empty are left out."""
    found: list[Block] = []
    for part in parts:
        if part is None or part in ("", ()):
            continue
        if not isinstance(part, tuple):
            found.append(Paragraph(part) if isinstance(part, Span) else part)
        elif all(isinstance(each, Block) for each in part):
            found.extend(each for each in part if isinstance(each, Block))
        else:
            found.append(Paragraph(tuple(each for each in part if isinstance(each, Span))))
    return tuple(found)


def folded(summary: str, long: Table, csv: str, most: int = 10) -> Content:
    """The table, or where it has more rows than a reader reads, its summary with the table behind it."""
    if not long.rows:
        return ()
    shown = f"{summary}, {len(long.rows)} rows"
    return (Details(shown, (long,), csv),) if len(long.rows) > most else (long,)


def bullets(items: Iterable[Span | Spans]) -> Content:
    """A list with a point before each item; nothing where there is none."""
    told = tuple(item for item in items if item not in ("", ()))
    return (Bullets(told),) if told else ()
