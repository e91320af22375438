"""One thing that `suite doctor` looked at, and what would help."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from suite.records import record

Figures = Mapping[str, str | float | int | bool | None]


class Effect(IntEnum):
    """What a remedy gives back, the most first."""

    EVERYTHING = 0
    A_MODEL = 1
    ENERGY = 2
    ROOM = 3
    STEADINESS = 4
    CONTAINERS = 5


@record
class Finding:
    """One thing looked at. `remedy` is empty where nothing is to be done."""

    what: str
    found: str
    ok: bool
    remedy: str = ""
    effect: Effect = Effect.EVERYTHING  # the order of "To do"; no part of the answer
    figures: Figures | None = None  # for machines, where it is more than a sentence

    def row(self) -> dict[str, str | bool]:
        return {"what": self.what, "found": self.found, "ok": self.ok, "remedy": self.remedy}

    def told(self) -> dict[str, object]:
        figures = {} if self.figures is None else {"figures": dict(self.figures)}
        return {**self.row(), **figures}
