"""What every record is made of: the decorator, the checks on entry, and absence and doubt as values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def record(cls: type[T]) -> type[T]:
    """A frozen, slotted, keyword-only dataclass that refuses unknown keys when it is read from JSON."""
    cls.__pydantic_config__ = {"extra": "forbid"}  # type: ignore[attr-defined]  # read by pydantic in schema.py
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)


def require(condition: bool, message: str) -> None:
    """Raises ValueError(message) unless the condition holds; written so that NaN fails a comparison."""
    if not condition:
        raise ValueError(message)


def require_positive(name: str, *values: float) -> None:
    for value in values:
        require(0 < value < math.inf, f"{name} must be positive and finite, got {value}")


def require_non_negative(name: str, *values: float) -> None:
    for value in values:
        require(0 <= value < math.inf, f"{name} must be zero or positive and finite, got {value}")


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
