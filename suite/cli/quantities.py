"""Quantities as people write them: "50ms", "1.5 GB", "3 mJ", "97 %". A number without a unit is none of them."""

from __future__ import annotations

import math
import re

from suite.errors import UsageError
from suite.outside import brief

_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0, "min": 60.0}
_JOULES = {"nJ": 1e-9, "uJ": 1e-6, "µJ": 1e-6, "μJ": 1e-6, "mJ": 1e-3, "J": 1.0, "kJ": 1e3, "mWh": 3.6, "Wh": 3600.0}
_BYTES = {
    "B": 1.0, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
    "kb": 1e3, "mb": 1e6, "gb": 1e9,
    "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40,
}  # fmt: skip
_EXAMPLES = {"s": "50ms", "J": "3mJ", "B": "1GB"}
_KNOWN = {"s": _SECONDS, "J": _JOULES, "B": _BYTES}


def quantity(text: str, unit: str, option: str) -> float:
    """In SI units: quantity("50ms", "s", ...) == 0.05. unit: s, J or B. Raises UsageError."""
    value, written = _parts(text, option, _EXAMPLES[unit])
    known = _KNOWN[unit]
    if written not in known:
        what = f"the unit {brief(written)} is none that it takes" if written else "it has no unit"
        names = ", ".join(name for name in known if name not in ("μs", "μJ", "kb", "mb", "gb"))
        raise UsageError(f"{option}: {brief(text)}: {what}; write it as {_EXAMPLES[unit]}, in {names}")
    return value * known[written]


def share(text: str, option: str) -> float:
    """0 to 1: share("97%", ...) == share("0.97", ...) == 0.97. Raises UsageError."""
    value, written = _parts(text, option, "0.97 or 97%")
    if written not in ("", "%"):
        raise UsageError(f"{option}: {brief(text)} is no share; write it as 0.97 or 97%")
    found = value / 100 if written else value
    if not 0 <= found <= 1:
        hint = f"{text.strip()}%" if not written and value <= 100 else "0.97 or 97%"
        raise UsageError(f"{option}: {brief(text)} is not between 0 and 1; write it as {hint}")
    return found


def _parts(text: str, option: str, example: str) -> tuple[float, str]:
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]{1,3})?)\s*([A-Za-zµμ%]*)\s*", text)
    value = float(match[1]) if match else math.nan
    if match is None or not math.isfinite(value):
        raise UsageError(f"{option}: {brief(text)} is no quantity; write it as {example}")
    return value, match[2]
