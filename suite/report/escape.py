"""Text that is not ours on a page: told on one line, never blank, and without a sign that the page would act on.

`words` is for every writer; `markdown` and `code` are Markdown's. Whatever a record or a plug-in says passes here: it
is what the page shows, and must not become a part of the page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from suite.outside import one_line

BLANK = "(blank)"
MAX_WORDS = 4000  # characters: a sentence
MAX_LISTED = 40
MAX_CELL = 1000  # a table pads its columns to the longest cell

_SIGNS = re.compile(r"([\\`*\[\]|~$])")
_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")  # within a word it is itself
_ENTITY = re.compile(r"&(?=#?\w+;)")
_NUMBER = re.compile(r"\d+(?=[.)](?:\s|$))")  # it would open a list
_OPENING = "#+=>-"  # of a heading, a list, a quotation
_PLAIN_CODE = re.compile(r"[\w .,:;/@=+()%°-]+")


def words(text: str, limit: int = MAX_WORDS) -> str:
    """For people, in any writer; a writer's own escape comes on top."""
    return one_line(text, limit) or BLANK


def listed(parts: Sequence[str], separator: str = ", ") -> str:
    """The parts in a row, and how many there are beyond those that a reader would still read."""
    more = f"{separator}and {len(parts) - MAX_LISTED:,} more" if len(parts) > MAX_LISTED else ""
    return separator.join(parts[:MAX_LISTED]) + more


def inline(text: str, limit: int = MAX_WORDS) -> str:
    """Markdown for within a line of ours, or a cell."""
    shown = _SIGNS.sub(r"\\\1", words(text, limit))
    shown = _UNDERSCORE.sub(r"\\_", shown)
    return _ENTITY.sub("&amp;", shown).replace("<", "&lt;")


def markdown(text: str, limit: int = MAX_WORDS) -> str:
    """Markdown for anywhere, also where a line begins."""
    shown = inline(text, limit)
    if number := _NUMBER.match(shown):
        return f"{number[0]}\\{shown[number.end() :]}"
    return f"\\{shown}" if shown[0] in _OPENING else shown


def code(text: str, limit: int = MAX_WORDS) -> str:
    """In the letters of code, where it holds nothing that could end them; else as other words."""
    shown = words(text, limit)
    return f"`{shown}`" if _PLAIN_CODE.fullmatch(shown) else inline(text, limit)
