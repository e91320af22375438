"""What a helper answers, made into values. What is none is refused in a line: anybody can listen at a port."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from suite.errors import SensorError
from suite.power.base import Description, Sample

CODE = re.compile(r"[A-Z][A-Z0-9_]{1,39}")
MAX_TEXT = 400  # characters of a reason, a remedy or a scope
MAX_RAILS = 64
MOST = 1e15  # W, J or s: what is more is no reading
LIMITS = {  # of the figures that describe a source: the least and the most
    "period_s": (1e-4, 60.0),
    "minimum_window_s": (0.0, 3600.0),
    "resolution": (0.0, 1e6),
    "gain_error": (0.0, 1.0),
    "settle_s": (0.0, 600.0),
    "clock_uncertainty_s": (0.0, 60.0),
}
FIELDS = {field.name for field in dataclasses.fields(Description)}
QUANTITIES, PARTS = ("power", "counter"), ("whole", "cpu package", "gpu board")


class Odd(Exception):
    """It is not what a helper answers; the text says what."""


def text(value: object, most: int = MAX_TEXT) -> str:
    """One printable line. Raises Odd where it is no text, or empty."""
    if not isinstance(value, str):
        raise Odd("something that is no text")
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in value[: 4 * most]).split())[:most]
    if not line:
        raise Odd("an empty text")
    return line


def number(value: object, least: float = -MOST, most: float = MOST) -> float:
    """Raises Odd where it is none, or none that can be."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:  # NaN fails too
        raise Odd(f"{str(value)[:20]!r} as a number")
    return float(value)


def refusal(error: object) -> SensorError:
    """What the helper said of why it refuses. Raises Odd."""
    if not isinstance(error, dict):
        raise Odd("an error without a reason")
    code = error.get("code")
    if not isinstance(code, str) or CODE.fullmatch(code) is None:
        raise Odd("an error without a code")
    return SensorError(code, text(error.get("reason")), text(error.get("remedy")))


def description(ready: object) -> Description:
    """Raises Odd."""
    if not isinstance(ready, dict) or not set(ready) <= FIELDS:
        raise Odd("a description with other fields")
    rails = ready.get("rails")
    if not isinstance(rails, list) or not 0 < len(rails) <= MAX_RAILS:
        raise Odd("a description without rails")
    names = tuple(text(rail, 80) for rail in rails)
    if len(set(names)) < len(names):
        raise Odd("two rails of one name")
    quantity, part, turns_j = ready.get("quantity"), ready.get("part", "whole"), ready.get("counter_range_j")
    if quantity not in QUANTITIES or part not in PARTS:
        raise Odd("a quantity or a part that does not exist")
    figures = {name: number(ready.get(name), *limits) for name, limits in LIMITS.items()}
    range_j = None if turns_j is None else number(turns_j, math.ulp(0.0))
    scope = text(ready.get("scope"))
    return Description(scope=scope, rails=names, quantity=quantity, part=part, counter_range_j=range_j, **figures)


def samples(told: object, rail_count: int) -> Sequence[Sample]:
    """On the helper's clock. Raises Odd."""
    if not isinstance(told, dict):
        raise Odd("samples that are none")
    stamps, series = told.get("time_s"), told.get("values")
    if not isinstance(stamps, list) or not isinstance(series, list) or len(series) != rail_count:
        raise Odd("samples of other rails")
    if not all(isinstance(values, list) and len(values) == len(stamps) for values in series):
        raise Odd("rails of different lengths")
    rows = zip(*series, strict=True)
    return [
        Sample(time_s=number(stamp_s), values=tuple(map(number, row)))
        for stamp_s, row in zip(stamps, rows, strict=True)
    ]


def pong_s(reply: Mapping[str, Any], asked: int) -> float:
    """The helper's clock. Raises Odd."""
    if reply.get("pong") != asked or isinstance(reply.get("pong"), bool):
        raise Odd("something else than it was asked")
    return number(reply.get("time_s"))
