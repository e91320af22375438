"""Tables: built once, shown as Markdown in the report or as plain text on a terminal.

A cell is text, or an absence: a NotMeasured (shown with its code) or None (not asked for). It is never blank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import tabulate

from suite.records import NotMeasured
from suite.report.escape import MAX_CELL, inline, words

Cell: TypeAlias = str | NotMeasured | None

NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`headers[i]` stands over `row[i]` of each row. The first `left` columns hold words, the others figures."""

    headers: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left: int = 1
    wordy: tuple[str, ...] = field(default=())  # further columns of words, by their header

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.headers):
                raise ValueError(f"a row has {len(row)} cells under {len(self.headers)} headers: {row}")

    def without(self, *beginnings: str) -> Table:
        """The table less the columns whose headers begin so: a terminal is narrower than a page."""
        kept = [index for index, header in enumerate(self.headers) if not header.startswith(beginnings)]
        return replace(
            self,
            headers=tuple(self.headers[index] for index in kept),
            rows=tuple(tuple(row[index] for index in kept) for row in self.rows),
        )

    def markdown(self) -> str:
        """A GitHub table; an absence links to its entry among what was not measured."""
        rows = [[escape(cell) if isinstance(cell, str) else absent(cell) for cell in row] for row in self.rows]
        headers = [escape(header) for header in self.headers]
        widths = [
            max(len(header) + 2, *(len(row[index]) for row in rows)) if rows else len(header) + 2
            for index, header in enumerate(headers)
        ]
        aligned = [str.ljust if word else str.rjust for word in self._words()]

        def line(cells: list[str]) -> str:
            placed = (place(cell, width) for place, cell, width in zip(aligned, cells, widths, strict=True))
            return f"| {' | '.join(placed)} |"

        rule = f"|{'|'.join('-' * (width + 2) for width in widths)}|"
        return "\n".join([line(headers), rule, *map(line, rows)])

    def text(self) -> str:
        """A table for a terminal."""
        rows = [
            [words(cell, MAX_CELL) if isinstance(cell, str) else absent_plain(cell) for cell in row]
            for row in self.rows
        ]
        alignment = ["left" if word else "right" for word in self._words()]
        text = tabulate.tabulate(
            rows,
            [words(header, MAX_CELL) if header else "" for header in self.headers],
            tablefmt="simple",
            disable_numparse=True,
            colalign=alignment,
            headersalign=alignment,
        )
        return "\n".join(line.rstrip() for line in text.splitlines())

    def _words(self) -> list[bool]:
        """Which columns hold words."""
        return [index < self.left or header in self.wordy for index, header in enumerate(self.headers)]


def table(headers: Sequence[str], rows: Sequence[Sequence[Cell]], left: int = 1, wordy: Sequence[str] = ()) -> Table:
    """A Table from any sequences."""
    return Table(headers=tuple(headers), rows=tuple(tuple(row) for row in rows), left=left, wordy=tuple(wordy))


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
