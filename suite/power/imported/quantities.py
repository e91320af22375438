"""What a column's name says: which quantity, in which unit, of which channel.

A unit that is not known is told, never taken as the SI unit.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Literal, NamedTuple

Quantity = Literal["time", "power", "current", "voltage", "factor"]

# As written, then in lower case: "MW" and "MA" are left out, since nobody knows whether they mean milli or mega.
UNITS: Mapping[Quantity, Mapping[str, float]] = {
    "time": {
        **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
        **dict.fromkeys(("ms", "msec", "millis", "millisecond", "milliseconds"), 1e-3),
        **dict.fromkeys(("us", "μs", "usec", "μsec", "micros", "microsecond", "microseconds"), 1e-6),
        **dict.fromkeys(("ns", "nsec", "nanosecond", "nanoseconds"), 1e-9),
        **dict.fromkeys(("min", "mins", "minute", "minutes"), 60.0),
        **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600.0),
    },
    "power": {
        **dict.fromkeys(("w", "watt", "watts"), 1.0),
        **dict.fromkeys(("mw", "milliwatt", "milliwatts"), 1e-3),
        **dict.fromkeys(("uw", "μw", "microwatt", "microwatts"), 1e-6),
        "nw": 1e-9,
        **dict.fromkeys(("kw", "kilowatt", "kilowatts"), 1e3),
    },
    "current": {
        **dict.fromkeys(("a", "amp", "amps", "ampere", "amperes"), 1.0),
        **dict.fromkeys(("ma", "milliamp", "milliamps", "milliampere", "milliamperes"), 1e-3),
        **dict.fromkeys(("ua", "μa", "microamp", "microamps"), 1e-6),
        "na": 1e-9,
    },
    "voltage": {
        **dict.fromkeys(("v", "volt", "volts"), 1.0),
        **dict.fromkeys(("mv", "millivolt", "millivolts"), 1e-3),
        **dict.fromkeys(("uv", "μv"), 1e-6),
        "kv": 1e3,
    },
    "factor": {"%": 0.01, "percent": 0.01},
}
MAX_NAME_CHARS = 200
MEGA_OR_MILLI = {"MW", "MA", "MV", "Mw", "Ma", "Mv"}

WORDS: Mapping[str, Quantity] = {
    **dict.fromkeys(("time", "timestamp", "datetime", "date", "elapsed", "ts", "unixtime", "epoch"), "time"),
    **dict.fromkeys(("millis", "micros", "seconds"), "time"),
    **dict.fromkeys(("power", "watt", "watts", "wattage", "apower"), "power"),
    **dict.fromkeys(("current", "amp", "amps", "ampere", "amperes", "amperage"), "current"),
    **dict.fromkeys(("voltage", "volt", "volts"), "voltage"),
    **dict.fromkeys(("pf", "cosphi", "cosφ"), "factor"),
}
LETTERS: Mapping[str, Quantity] = {"t": "time", "p": "power", "i": "current", "u": "voltage", "v": "voltage"}
FUSED = {
    "busvoltage": "bus voltage",
    "loadvoltage": "load voltage",
    "shuntvoltage": "shunt voltage",
    "powerfactor": "power factor",
    "aprtpower": "apparent power",
    "unixtime": "unix time",
}
# Words of a name that make it another quantity than the one that it also names.
OTHERS = frozenset(
    re.findall(
        r"\w+",
        """energy wh mwh kwh ws j ah mah charge capacity limit max maximum min minimum peak apparent reactive va kva
        var shunt accumulated zeroed zerod cumulative temperature temp cost price resistance frequency freq hz
        threshold setpoint set nominal rated duty cycle run duration loss lost std stdev deviation error lsb
        count status index""",
    )
)
EXTREMES = frozenset(("max", "maximum", "min", "minimum", "peak"))  # powers too, where they are asked for by name
# A direct current has none of these.
MAINS = frozenset(("apparent", "reactive", "va", "kva", "var", "frequency", "freq", "hz", "pf", "factor"))
CLOCK = re.compile(r"[ymdhs:./\s-]{4,}f*", re.IGNORECASE)  # "(hh:mm:ss)"
CHANNELS = frozenset(("main", "usb", "aux"))
LABELS = CHANNELS | {"bus", "load", "in", "out", "input", "output"}
# Words behind the quantity, or in brackets, that say nothing of a unit.
FILLERS = CHANNELS | frozenset(
    re.findall(
        r"\w+",
        """avg average mean rms dc ac in out input output consumption draw usage reading measured measurement value
        sensor stamp utc gmt local total now real active inst instantaneous channel ch load bus time unix""",
    )
)


class Unit(NamedTuple):
    quantity: Quantity
    factor: float


class Name(NamedTuple):
    """A column's name, read. `quantity` None: it names none that is used here."""

    text: str
    quantity: Quantity | None
    unit: Unit | None  # None: it names none
    odd: str  # what stands where a unit is expected and is none; empty if nothing does
    words: frozenset[str]
    utc: bool

    @property
    def factor(self) -> float | None:
        """To the SI unit."""
        return self.unit.factor if self.unit else None

    @property
    def usable(self) -> bool:
        return self.quantity is not None and not self.odd

    @property
    def label(self) -> frozenset[str]:
        """What tells its channel from others."""
        return self.words - WORDS.keys() - LETTERS.keys() - (FILLERS - LABELS)


def unit(text: str) -> Unit | None:
    """The unit that a text is: unit("mW") == ("power", 0.001). Blanks within are left out, as powertop writes "m W"."""
    plain = re.sub(r"\s+", "", _normal(text))
    if plain in MEGA_OR_MILLI:
        return None
    for quantity, units in UNITS.items():
        if plain.lower() in units:
            return Unit(quantity, units[plain.lower()])
    return None


def read(text: str) -> Name:
    """What a column's name says."""
    if len(text) > MAX_NAME_CHARS:
        return Name(text.strip()[:MAX_NAME_CHARS], None, None, "", frozenset(), utc=False)
    name = _normal(text).strip().lstrip("#%/ ").strip()
    base, said = _parted(name)
    words = _words(base)
    quantity, behind = _noun(words, base)
    found = unit(said) if said else None
    odd = "" if found or not said or set(_words(said)) <= FILLERS or CLOCK.fullmatch(said) else said
    if quantity is None and found and set(words) <= CHANNELS:  # "W", "Main(mA)"
        quantity, behind = found.quantity, []
    unknown = [word for word in behind if word not in FILLERS and not word.isdigit()]
    odd = odd or ("" if found else " ".join(unknown))
    if found and quantity and found.quantity != quantity:
        odd = said
    if _others(words, quantity) or (said and set(_words(said)) & OTHERS and not found):
        quantity = None
    everything = {*words, *(() if found else _words(said))}
    return Name(
        text.strip(),
        quantity,
        found or _named_unit(words, quantity),
        odd,
        frozenset(everything),
        bool({"utc", "gmt"} & everything),
    )


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text)  # both signs for micro become one


def _parted(name: str) -> tuple[str, str]:
    """The name without its unit, and the unit: `P (mW)`, `P [mW]`, `P / mW`, `P in mW`, `p_mw`, `mW`."""
    if bracketed := re.fullmatch(r"([^()\[\]{}]*)[(\[{]([^()\[\]{}]*)[)\]}]\s*", name):
        return bracketed[1].strip(), bracketed[2].strip()
    if unit(name):
        return "", name
    if (slashed := re.fullmatch(r"(.*\S)(?:\s*/\s*|\s+in\s+)(\S+)", name)) and unit(slashed[2]):
        return slashed[1], slashed[2]
    if (
        (tailed := re.fullmatch(r"(.*[^\W_])[\s_.:-]+(\S+)", name))
        and unit(tailed[2])
        and tailed[2].lower() not in WORDS
    ):
        return tailed[1], tailed[2]
    return name, ""


def _words(base: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", base)
    return [
        word for part in re.findall(r"[^\W\d_]+|\d+", spaced) for word in FUSED.get(part.lower(), part.lower()).split()
    ]


def _noun(words: list[str], base: str) -> tuple[Quantity | None, list[str]]:
    """The quantity that the last of the words which name one names, and the words behind it."""
    if len(words) == 1 and words[0] in LETTERS and base.strip() != "T":  # T is a temperature
        return LETTERS[words[0]], []
    for place in range(len(words) - 1, -1, -1):
        if words[place] == "factor" and place and words[place - 1] == "power":
            return "factor", words[place + 1 :]
        if words[place] in WORDS:
            return WORDS[words[place]], words[place + 1 :]
    return None, words


def _others(words: list[str], quantity: Quantity | None) -> bool:
    return bool(set(words) & OTHERS) and quantity != "factor"


def _named_unit(words: list[str], quantity: Quantity | None) -> Unit | None:
    """ "watts", "amps", "millis" and "apower" are quantity and unit in one word."""
    if "apower" in words:  # Shelly's active power, which its documentation tells in watts
        return Unit("power", 1.0)
    units = UNITS[quantity] if quantity else {}
    return next((unit(word) for word in reversed(words) if len(word) > 2 and word in units), None)
