"""Tables that fit a terminal: heads and words are broken between words; what still is too wide is told row by row."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from suite.report.table import Table, laid_out

GAP = 2  # between columns
LEAST_WORDS = 12  # a column of words is not made narrower, nor than its longest word, which is seldom
LONGEST_WORD = 24  # longer than this
MOST_HEAD_LINES = 4


def fitted(table: Table, width: int) -> str:
    """The table as text of at most so many columns, unless a single figure is wider."""
    text = table.text()
    if _widest(text) <= width:
        return text
    headers, rows = table.plain()
    wordy = [column.wordy for column in table.columns]
    heads = [_broken(header, max(_longest_word(header), -(-len(header) // MOST_HEAD_LINES))) for header in headers]
    widths = _widths(heads, rows, wordy, width)
    if widths is None:
        return row_by_row(headers, rows, width)
    broken = [[_broken(cell, limit) for cell, limit in zip(row, widths, strict=True)] for row in rows]
    return laid_out(heads, broken, wordy)


def row_by_row(headers: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> str:
    """Each row under its first cell, a line for each other column: "  Median (ms)  149"."""
    names = headers[1:]
    room = min(max(map(len, names), default=0), max(LEAST_WORDS, width // 2 - GAP))
    parts = []
    for row in rows:
        lines = _broken(row[0], width).splitlines()
        for name, cell in zip(names, row[1:], strict=True):
            lines += _pair(name, cell, room, width)
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def paragraph(text: str, width: int, indent: str = "") -> str:
    """Broken between words, further lines indented; what has no spaces, a path or an address, stays whole."""
    lines = textwrap.wrap(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines)


def _pair(name: str, cell: str, room: int, width: int) -> list[str]:
    names = _broken(name, room).splitlines() or [""]
    values = _broken(cell, max(LEAST_WORDS, width - room - 2 * GAP)).splitlines() or [""]
    count = max(len(names), len(values))
    names, values = ([*part, *[""] * (count - len(part))] for part in (names, values))
    return [f"{'':{GAP}}{name:{room}}{'':{GAP}}{value}".rstrip() for name, value in zip(names, values, strict=True)]


def _widths(heads: Sequence[str], rows: Sequence[Sequence[str]], wordy: Sequence[bool], width: int) -> list[int] | None:
    """The width of each column: of figures what they take, of words what is left; None where it isn't enough."""
    widest = [max((len(row[index]) for row in rows), default=1) for index in range(len(heads))]
    whole = [
        min(LONGEST_WORD, max((_longest_word(row[index]) for row in rows), default=1)) for index in range(len(heads))
    ]
    needed = [
        max(_widest(head), min(max(LEAST_WORDS, word), most) if is_words else most, 1)
        for head, most, word, is_words in zip(heads, widest, whole, wordy, strict=True)
    ]
    left = width - sum(needed) - GAP * (len(needed) - 1)
    if left < 0:
        return None
    lacking = [max(0, most - own) for most, own in zip(widest, needed, strict=True)]
    while left > 0 and any(lacking):
        index = max(range(len(lacking)), key=lacking.__getitem__)
        needed[index], lacking[index], left = needed[index] + 1, lacking[index] - 1, left - 1
    return needed


def _broken(text: str, width: int) -> str:
    """Between words; a hyphen parts no name. A word that is longer than the width is broken all the same."""
    return "\n".join(textwrap.wrap(text, width, break_on_hyphens=False)) or text


def _longest_word(text: str) -> int:
    return max(map(len, text.split()), default=1)


def _widest(text: str) -> int:
    return max(map(len, text.splitlines()), default=0)
