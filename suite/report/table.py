"""Tables: built once, shown as Markdown in the report or as plain text on a terminal.

A cell is text, a Value with its number, or an absence: a NotMeasured (shown with its code) or None (not asked for).
It is never blank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import tabulate

from suite.records import NotMeasured
from suite.report.escape import MAX_CELL, inline, words
from suite.report.spans import Span, Spans, Strong, plain

NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True)
class Value:
    """A figure as it is shown, and the number that it stands for: what a table is sorted by, in one unit a column."""

    text: str
    number: float


@dataclass(frozen=True, slots=True)
class Marked:
    """A line with marks in a cell: what stands out, a verdict. number: as of a Value; None: it stands for none."""

    line: Spans
    number: float | None = None


Cell: TypeAlias = str | Value | Marked | NotMeasured | None


@dataclass(frozen=True, slots=True)
class Column:
    """What stands over a column. unit: of every figure in it; "" where cells tell theirs, or are counts or words."""

    title: str
    unit: str = ""
    wordy: bool = False  # words, which begin at the left; else figures

    @property
    def header(self) -> str:
        return f"{self.title} ({self.unit})" if self.unit else self.title


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`columns[i]` stands over `row[i]` of each row. caption: what the table shows, for who can't see it."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"a row has {len(row)} cells under {len(self.columns)} headers: {row}")

    @property
    def headers(self) -> tuple[str, ...]:
        return tuple(column.header for column in self.columns)

    def without(self, *beginnings: str) -> Table:
        """The table less the columns whose headers begin so: a terminal is narrower than a page."""
        kept = [index for index, header in enumerate(self.headers) if not header.startswith(beginnings)]
        return replace(
            self,
            columns=tuple(self.columns[index] for index in kept),
            rows=tuple(tuple(row[index] for index in kept) for row in self.rows),
        )

    def markdown(self) -> str:
        """A GitHub table; an absence links to its entry among what was not measured."""
        rows = [[_in_markdown(cell) for cell in row] for row in self.rows]
        headers = [escape(header) for header in self.headers]
        widths = [
            max(len(header) + 2, *(len(row[index]) for row in rows)) if rows else len(header) + 2
            for index, header in enumerate(headers)
        ]
        aligned = [str.ljust if column.wordy else str.rjust for column in self.columns]

        def line(cells: list[str]) -> str:
            placed = (place(cell, width) for place, cell, width in zip(aligned, cells, widths, strict=True))
            return f"| {' | '.join(placed)} |"

        rule = f"|{'|'.join('-' * (width + 2) for width in widths)}|"
        return "\n".join([line(headers), rule, *map(line, rows)])

    def text(self) -> str:
        """A table for a terminal."""
        headers, rows = self.plain()
        return laid_out(headers, rows, [column.wordy for column in self.columns])

    def plain(self) -> tuple[list[str], list[list[str]]]:
        """Headers and rows in words alone: an absence is its code."""
        rows = [[words(told(cell), MAX_CELL) for cell in row] for row in self.rows]
        return [words(header, MAX_CELL) if header else "" for header in self.headers], rows


def laid_out(headers: Sequence[str], rows: Sequence[Sequence[str]], wordy: Sequence[bool]) -> str:
    """Columns side by side in plain text; a cell may have several lines."""
    alignment = ["left" if word else "right" for word in wordy]
    text = tabulate.tabulate(
        rows, headers, tablefmt="simple", disable_numparse=True, colalign=alignment, headersalign=alignment
    )
    return "\n".join(line.rstrip() for line in text.splitlines())


def table(
    headers: Sequence[str | Column],
    rows: Sequence[Sequence[Cell]],
    left: int = 1,
    wordy: Sequence[str] = (),
    caption: str = "",
) -> Table:
    """A Table from any sequences. The first `left` columns, and those of which the header is in `wordy`, hold words."""
    columns = [header if isinstance(header, Column) else Column(header) for header in headers]
    return Table(
        columns=tuple(
            replace(column, wordy=column.wordy or index < left or column.header in wordy)
            for index, column in enumerate(columns)
        ),
        rows=tuple(tuple(row) for row in rows),
        caption=caption,
    )


def told(cell: Cell) -> str:
    """A cell's words where nothing can be linked."""
    if isinstance(cell, Value):
        return cell.text
    if isinstance(cell, Marked):
        return plain(cell.line)
    return cell if isinstance(cell, str) else absent_plain(cell)


def _in_markdown(cell: Cell) -> str:
    if isinstance(cell, Value):
        return escape(cell.text)
    if isinstance(cell, Marked):
        return "".join(map(_span_in_markdown, cell.line))
    return escape(cell) if isinstance(cell, str) else absent(cell)


def _span_in_markdown(span: Span) -> str:
    """Bold is for what stands out alone: a verdict's word is one already."""
    shown = plain(span)
    if not shown.strip():
        return " "
    escaped = f"{' ' if shown[0].isspace() else ''}{inline(shown, MAX_CELL)}{' ' if shown[-1].isspace() else ''}"
    return f"**{escaped}**" if isinstance(span, Strong) else escaped


def absent(value: NotMeasured | None) -> str:
    """An absence in Markdown: the code, linked to where the report gives its reason and remedy."""
    return NOT_ASKED if value is None else f"n/a: [{inline(value.code, MAX_CELL)}](#{anchor(words(value.code))})"


def absent_plain(value: NotMeasured | None) -> str:
    return NOT_ASKED if value is None else f"n/a ({words(value.code, MAX_CELL)})"


def anchor(heading: str) -> str:
    """The fragment that GitHub gives a heading: lower case, spaces to hyphens, other punctuation dropped."""
    kept = (char for char in heading.strip().lower() if char.isalnum() or char in " -_")
    return "".join(kept).replace(" ", "-")


def escape(text: str) -> str:
    """Text that stays inside its cell. A blank cell is our own mistake: text from outside is told by `words` first."""
    if not text.strip():
        raise ValueError("a cell must not be blank: give a value, a NotMeasured or None")
    return inline(text, MAX_CELL)
