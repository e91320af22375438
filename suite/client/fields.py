"""What a worker says, taken field by field: each by its type and its range, text cleaned where it enters.

A worker runs code of others, so an answer may hold anything that JSON can. What is not as the protocol says is refused
with the field's name (ValueError), never passed on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

MOST_COUNT = 2**63 - 1  # what other readers of JSON still take for an integer
MOST_TEXT = 4_000  # characters
MOST_ITEMS = 1_000_000
MOST_COLUMNS = 16
_HASH = re.compile(r"[0-9a-f]{64}")


def cleaned(text: str, most: int = MOST_TEXT) -> str:
    """The text without what can't be written as UTF-8 or would move a terminal's cursor, cut to that length.

    Lone surrogates, NULs and the like are shown as escapes; line ends and tabs stay.
    """
    shown = "".join(character if _harmless(character) else _escape(character) for character in text[:most])
    return shown if len(text) <= most else shown + " ..."


def one_line(text: str, most: int = MOST_TEXT) -> str:
    return " ".join(cleaned(text, most).split())


def _harmless(character: str) -> bool:
    return (
        character in "\n\t" or (character.isprintable() and not "\ud800" <= character <= "\udfff") or character == " "
    )


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


class Fields:
    """The fields of one object. Every method raises ValueError where the field is absent or not what it should be."""

    def __init__(self, data: object) -> None:
        if not isinstance(data, Mapping):
            raise ValueError(f"it is {_shown(data)}, not an object")
        self._data: Mapping[str, Any] = data

    def number(self, name: str, least: float, most: float) -> float:
        """A finite number within the limits."""
        return _number(self._value(name), name, least, most)

    def whole(self, name: str, least: int = 0, most: int = MOST_COUNT) -> int:
        return _whole(self._value(name), name, least, most)

    def optional_whole(self, name: str) -> int | None:
        return None if self._value(name) is None else self.whole(name)

    def optional_number(self, name: str, least: float, most: float) -> float | None:
        return None if self._value(name) is None else self.number(name, least, most)

    def part(self, name: str) -> Fields:
        """An object within this one."""
        value = self._value(name)
        if not isinstance(value, Mapping):
            raise ValueError(f"{name} is {_shown(value)}, not an object")
        return Fields(value)

    def optional_part(self, name: str) -> Fields | None:
        return None if self._value(name) is None else self.part(name)

    def flag(self, name: str) -> bool:
        value = self._value(name)
        if not isinstance(value, bool):
            raise ValueError(f"{name} is {_shown(value)}, not true or false")
        return value

    def optional_flag(self, name: str) -> bool | None:
        return None if self._value(name) is None else self.flag(name)

    def text(self, name: str) -> str:
        """Text that is not blank, on one line."""
        return _text(self._value(name), name)

    def trace(self, name: str, most: int) -> str | None:
        """The last characters of a text of several lines; None where it is absent or null."""
        value = self._data.get(name)
        if not isinstance(value, str | None):
            raise ValueError(f"{name} is {_shown(value)}, not text")
        return value if value is None else cleaned(value[-most:], most)

    def sha256(self, name: str) -> str:
        value = self._value(name)
        if not isinstance(value, str) or not _HASH.fullmatch(value):
            raise ValueError(f"{name} is {_shown(value)}, not 64 hex digits")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(_text(item, name) for item in self.items(name))

    def optional_texts(self, name: str) -> tuple[str, ...] | None:
        return None if self._value(name) is None else self.texts(name)

    def numbers(self, name: str, least: float, most: float) -> tuple[float, ...]:
        return tuple(_number(item, name, least, most) for item in self.items(name))

    def wholes(self, name: str, least: int = 0) -> tuple[int, ...]:
        return tuple(_whole(item, name, least, MOST_COUNT) for item in self.items(name))

    def columns(self, name: str, least: float, most: float) -> tuple[tuple[float, ...], ...]:
        """Lists of numbers."""
        columns = self.items(name)
        if len(columns) > MOST_COLUMNS or not all(isinstance(column, list) for column in columns):
            raise ValueError(f"{name} is no list of at most {MOST_COLUMNS} lists of numbers")
        return tuple(tuple(_number(item, name, least, most) for item in column) for column in columns)

    def counts(self, name: str) -> tuple[tuple[str, int], ...]:
        """Pairs of a name and a count."""
        found = []
        for item in self.items(name):
            if not isinstance(item, list) or len(item) != 2:
                raise ValueError(f"{name} holds {_shown(item)}, not a name and a count")
            found.append((_text(item[0], name), _whole(item[1], name, 0, MOST_COUNT)))
        return tuple(found)

    def answers(self, name: str, most: float) -> tuple[tuple[int, float], ...]:
        """Pairs of a place and a number, neither below zero."""
        found = []
        for item in self.items(name):
            if not isinstance(item, list) or len(item) != 2:
                raise ValueError(f"{name} holds {_shown(item)}, not a place and a number")
            found.append((_whole(item[0], name, 0, MOST_COUNT), _number(item[1], name, 0.0, most)))
        return tuple(found)

    def sizes(self, name: str) -> tuple[tuple[str, int], ...]:
        """Sizes by the names of their axes."""
        value = self._value(name)
        if not isinstance(value, Mapping):
            raise ValueError(f"{name} is {_shown(value)}, not an object")
        return tuple((_text(key, name), _whole(size, name, 0, MOST_COUNT)) for key, size in value.items())

    def words(self, name: str) -> tuple[tuple[str, str], ...]:
        """Pairs of a code and its text."""
        found = []
        for item in self.items(name):
            if not isinstance(item, list) or len(item) != 2:
                raise ValueError(f"{name} holds {_shown(item)}, not a code and its text")
            found.append((_text(item[0], name), _text(item[1], name)))
        return tuple(found)

    def mapping(self, name: str) -> tuple[tuple[str, str], ...]:
        value = self._value(name)
        if not isinstance(value, Mapping):
            raise ValueError(f"{name} is {_shown(value)}, not an object")
        return tuple((_text(key, name), _text(text, name)) for key, text in value.items())

    def items(self, name: str) -> list[Any]:
        value = self._value(name)
        if not isinstance(value, list):
            raise ValueError(f"{name} is {_shown(value)}, not a list")
        if len(value) > MOST_ITEMS:
            raise ValueError(f"{name} has {len(value):,} items, and {MOST_ITEMS:,} are the most")
        return value

    def _value(self, name: str) -> Any:
        if name not in self._data:
            raise ValueError(f"{name} is missing")
        return self._data[name]


def _number(value: object, name: str, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is {_shown(value)}, not a number")
    if not (least <= value <= most and abs(value) < math.inf):
        raise ValueError(f"{name} is {_shown(value)}, which is not in {least:g} to {most:g}")
    return float(value)


def _whole(value: object, name: str, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} is {_shown(value)}, not a whole number")
    if not least <= value <= most:
        raise ValueError(f"{name} is {_shown(value)}, which is not in {least} to {most}")
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} holds {_shown(value)}, not text")
    found = one_line(value)
    if not found:
        raise ValueError(f"{name} is blank")
    return found


def _shown(value: object) -> str:
    """A value as an error names it: short, on one line."""
    try:
        return one_line(repr(value), 60)
    except ValueError:  # an integer of more digits than Python writes
        return "a number of thousands of digits"
