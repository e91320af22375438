"""What every record is made of: the decorator, the checks on entry, and absence and doubt as values."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, dataclass_transform

from suite.limits import MAX_TEXT_LENGTH
from suite.outside import NAME_RULE, brief, clean, is_name

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def record(cls: type[T]) -> type[T]:
    """A frozen, slotted, keyword-only dataclass that cleans its text on entry.

    Read from JSON it refuses unknown keys.
    """
    cls.__pydantic_config__ = {"extra": "forbid"}  # type: ignore[attr-defined]  # read by pydantic in schema.py
    if names := tuple(name for name, kind in getattr(cls, "__annotations__", {}).items() if "str" in str(kind)):
        cls.__post_init__ = _cleaning(names, getattr(cls, "__post_init__", None))  # type: ignore[attr-defined]
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)


def _cleaning(names: tuple[str, ...], check: Callable[[Any], None] | None) -> Callable[[Any], None]:
    """A __post_init__ that cleans the text in those fields, and then does what the class's own one does."""

    def post_init(self: Any) -> None:
        for name in names:
            value = getattr(self, name)
            if value is None or (type(value) is str and len(value) <= MAX_TEXT_LENGTH and value.isascii()):
                continue
            cleaned = _cleaned(value)
            if cleaned is not value:
                object.__setattr__(self, name, cleaned)
        if check is not None:
            check(self)

    return post_init


def _cleaned(value: Any) -> Any:
    """The very same object where there was nothing to clean."""
    if type(value) is str:
        return clean(value)
    if type(value) is tuple:
        parts = tuple(map(_cleaned, value))
        return parts if any(part is not old for part, old in zip(parts, value, strict=True)) else value
    return value


def require(condition: bool, message: str) -> None:
    """Raises ValueError(message) unless the condition holds; written so that NaN fails a comparison."""
    if not condition:
        raise ValueError(message)


def require_positive(name: str, *values: float) -> None:
    for value in values:
        if not 0 < value < math.inf:
            raise ValueError(f"{name} must be positive and finite, got {brief(value)}")


def require_non_negative(name: str, *values: float) -> None:
    for value in values:
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} must be zero or positive and finite, got {brief(value)}")


def require_within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} must be {low:g} to {high:g}, got {brief(value)}")


def require_count(name: str, value: int, high: int, low: int = 1) -> None:
    if value < low:
        raise ValueError(f"{name} must be at least {low}, got {brief(value)}")
    if value > high:
        raise ValueError(f"{name} must be at most {high}, got {brief(value)}")


def require_name(what: str, text: str) -> None:
    if not is_name(text):
        raise ValueError(f"{what} {brief(text)} is no name: {NAME_RULE}")


@record
class NotMeasured:
    """Absence as a value: never 0, NaN or -1. `code` is stable, `reason` and `remedy` are one sentence each."""

    code: str
    reason: str
    remedy: str

    def __post_init__(self) -> None:
        require(all((self.code, self.reason, self.remedy)), "NotMeasured needs a code, a reason and a remedy")


@record
class Flag:
    """A doubt about a figure that is kept nonetheless: throttling, high load, clock change."""

    code: str
    text: str
