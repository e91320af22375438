"""Tables: built once, shown as Markdown in the report or as plain text on a terminal.

A cell is text, or an absence: a NotMeasured (shown with its code) or None (not asked for). It is never blank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import tabulate

from suite.records import NotMeasured

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
        return self._render([escape(header) for header in self.headers], rows, "github")

    def text(self) -> str:
        """A table for a terminal."""
        rows = [[cell if isinstance(cell, str) else absent_plain(cell) for cell in row] for row in self.rows]
        return self._render(list(self.headers), rows, "simple")

    def _render(self, headers: list[str], rows: list[list[str]], style: str) -> str:
        words = [index < self.left or header in self.wordy for index, header in enumerate(self.headers)]
        alignment = ["left" if word else "right" for word in words]
        text = tabulate.tabulate(
            rows, headers, tablefmt=style, disable_numparse=True, colalign=alignment, headersalign=alignment
        )
        return "\n".join(line.rstrip() for line in text.splitlines())


def table(headers: Sequence[str], rows: Sequence[Sequence[Cell]], left: int = 1, wordy: Sequence[str] = ()) -> Table:
    """A Table from any sequences."""
    return Table(headers=tuple(headers), rows=tuple(tuple(row) for row in rows), left=left, wordy=tuple(wordy))


def absent(value: NotMeasured | None) -> str:
    """An absence in Markdown: the code, linked to where the report gives its reason and remedy."""
    return NOT_ASKED if value is None else f"n/a: [{escape(value.code)}](#{anchor(value.code)})"


def absent_plain(value: NotMeasured | None) -> str:
    return NOT_ASKED if value is None else f"n/a ({value.code})"


def anchor(heading: str) -> str:
    """The fragment that GitHub gives a heading: lower case, spaces to hyphens, other punctuation dropped."""
    kept = (char for char in heading.strip().lower() if char.isalnum() or char in " -_")
    return "".join(kept).replace(" ", "-")


def escape(text: str) -> str:
    """Text that stays inside its cell: pipes escaped, line ends turned into spaces. Blank text is refused."""
    if not text.strip():
        raise ValueError("a cell must not be blank: give a value, a NotMeasured or None")
    return " ".join(text.split()).replace("|", "\\|")
