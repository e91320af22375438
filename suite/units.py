"""Display of quantities: the one place where SI values become text.

show(0.0123, "s") == "12.3 ms"; three significant digits unless told otherwise.
"""

from __future__ import annotations

import math

_PREFIXES = {-12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P"}
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB")
_UNPREFIXED = {"%", "°C", ""}


def digits(value: float, significant: int = 3) -> str:
    """value with that many significant digits, without an exponent: digits(0.012345) == "0.0123"."""
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    rounded = round(value, significant - 1 - exponent)
    exponent = math.floor(math.log10(abs(rounded)))  # 9.996 rounds up into the next decade
    return f"{rounded:.{max(0, significant - 1 - exponent)}f}"


def show(value: float, unit: str, significant: int = 3) -> str:
    """A value in SI units as a person reads it, with an SI prefix (bytes: binary prefixes).

    Raises ValueError on NaN and infinity: absence is shown by its own words, never as a number.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} {unit} is no measured value")
    if unit == "B":
        return _show_bytes(value, significant)
    if unit in _UNPREFIXED or value == 0:
        return f"{digits(value, significant)} {unit}".rstrip()
    factor_exponent = prefix_exponent(value, significant)
    return f"{digits(value / 10**factor_exponent, significant)} {_PREFIXES[factor_exponent]}{unit}"


def prefix_exponent(value: float, significant: int = 3) -> int:
    """The power of 1000, as a power of ten, that brings value into 1..1000 once it is rounded."""
    rounded = float(f"{abs(value):.{significant - 1}e}")
    exponent = 3 * math.floor(math.log10(rounded) / 3)
    return min(max(exponent, min(_PREFIXES)), max(_PREFIXES))


def prefix(exponent: int) -> str:
    return _PREFIXES[exponent]


def show_count(value: int) -> str:
    """An exact count with thousands separated: 213,930,297."""
    return f"{value:,}"


def _show_bytes(value: float, significant: int) -> str:
    scaled, index = float(value), 0
    while abs(scaled) >= 1024 and index < len(_BINARY) - 1:
        scaled, index = scaled / 1024, index + 1
    text = f"{scaled:.0f}" if index == 0 else digits(scaled, max(significant, len(str(int(abs(scaled))))))
    return f"{text} {_BINARY[index]}"
