"""Display of quantities: the one place where SI values become text.

show(0.0123, "s") == "12.3 ms"; three significant digits unless told otherwise. A column of figures shares one unit:
scale_of([0.0123, 0.128], "s") puts "ms" in its head and shows "128.4 ± 2.1", "127.9–128.8" below it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from typing import NamedTuple

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


def counted(value: int, noun: str) -> str:
    """A count before its noun: "1 thread", "2 threads"."""
    return f"{show_count(value)} {noun}" if value == 1 else f"{show_count(value)} {noun}s"


def decimals(value: float, places: int) -> str:
    """value with that many decimals, thousands apart: decimals(6547.5, 2) == "6,547.50".

    Where they would all be 0, two digits of its own: decimals(128e-9, 2) == "0.00000013".
    """
    return digits(value, 2) if round(value, places) == 0 != value else f"{value:,.{places}f}"


def _show_bytes(value: float, significant: int) -> str:
    scaled, index = float(value), 0
    while abs(scaled) >= 1024 and index < len(_BINARY) - 1:
        scaled, index = scaled / 1024, index + 1
    text = _to_place(scaled, 0) if index == 0 else digits(scaled, max(significant, len(str(int(abs(scaled))))))
    return f"{text} {_BINARY[index]}"


class Scale(NamedTuple):
    """One unit for a column of figures or an axis: values are divided by `factor`; `symbol` stands in the head."""

    factor: float
    symbol: str

    def value(self, value: float, significant: int = 4) -> str:
        """The figure alone, with at least all the digits before its point."""
        scaled = value / self.factor
        return digits(scaled, max(significant, len(str(int(abs(scaled))))))

    def spread(self, value: float, uncertainty: float) -> str:
        """ "128.4 ± 2.1": the uncertainty with two digits, the value to the same place, at most six digits of it."""
        scaled, spread = value / self.factor, uncertainty / self.factor
        if spread == 0:
            return f"{digits(scaled, 4)} ± 0"
        place = math.floor(math.log10(float(f"{spread:.1e}"))) - 1
        if scaled != 0:
            place = max(place, math.floor(math.log10(abs(scaled))) - 5)
        return f"{_to_place(scaled, place)} ± {_to_place(spread, place)}"

    def interval(self, low: float, high: float) -> str:
        """ "127.9–128.8": the last digit is worth at most a quarter of the half-width."""
        low, high = low / self.factor, high / self.factor
        if low == high:
            return f"{digits(low, 4)}–{digits(high, 4)}"
        place = _interval_place(low, high)
        return f"{_to_place(low, place)}–{_to_place(high, place)}"

    def within(self, value: float, low: float, high: float) -> str:
        """A value to the place to which its interval is shown."""
        if low == high:
            return digits(value / self.factor, 4)
        return _to_place(value / self.factor, _interval_place(low / self.factor, high / self.factor))


def scale_of(values: Iterable[float], unit: str) -> Scale:
    """The scale that brings the middle one of the values (zeros apart) into 1..1000 (bytes: 1..1024)."""
    sizes = [abs(value) for value in values if value != 0]
    if not sizes or unit in _UNPREFIXED:
        return Scale(1.0, unit)
    middle = statistics.median_low(sizes)
    if unit == "B":
        index = min(max(0, math.floor(math.log(middle, 1024))), len(_BINARY) - 1)
        return Scale(1024.0**index, _BINARY[index])
    exponent = prefix_exponent(middle)
    return Scale(10.0**exponent, f"{_PREFIXES[exponent]}{unit}")


def show_spread(value: float, uncertainty: float, unit: str) -> str:
    """show_spread(0.1284, 0.0021, "s") == "128.4 ± 2.1 ms"."""
    scale = scale_of([value], unit)
    return f"{scale.spread(value, uncertainty)} {scale.symbol}".rstrip()


def show_interval(low: float, high: float, unit: str) -> str:
    """show_interval(0.1279, 0.1288, "s") == "127.9–128.8 ms"."""
    scale = scale_of([high], unit)
    return f"{scale.interval(low, high)} {scale.symbol}".rstrip()


def _interval_place(low: float, high: float) -> int:
    """The last place worth showing, as a power of ten; at most seven digits."""
    place = math.floor(math.log10((high - low) / 8))
    return max(place, math.floor(math.log10(max(abs(low), abs(high)))) - 6)


def _to_place(value: float, place: int) -> str:
    """value rounded to a power of ten: _to_place(128.44, -1) == "128.4", _to_place(1312.0, 1) == "1310".

    What the place would round to nothing keeps two digits of its own: _to_place(0.27, 0) == "0.27".
    """
    rounded = round(value, -place)
    if rounded == 0 != value:
        return digits(value, 2)
    return f"{rounded:.{max(0, -place)}f}"
