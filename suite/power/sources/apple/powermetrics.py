"""Apple's powermetrics as a way to read the chip: property lists, separated by NUL, with mean powers in milliwatts.

Source: the manual page powermetrics(1) and its output; which keys there are varies by version and chip.
"""

from __future__ import annotations

import os
import plistlib
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple
from xml.parsers.expat import ExpatError

from suite.errors import SensorError
from suite.power.program import Program, telling
from suite.power.sources.apple.common import PERIOD_S, RAILS, Piece, Shape, figure, frozen, with_rest

END = b"</plist>"
MAX_BYTES = 1 << 22  # of one property list, with room to spare
LATE_COUNT = 10  # lists in a row, about 2 s: longer than a reader is kept waiting
SUMS = ("combined", "package")  # package: with memory, on the versions that tell it
# Whatever the parser makes of bytes that are no list: it was written for well-formed ones.
UNREADABLE = (
    ExpatError,
    plistlib.InvalidFileException,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
    RecursionError,
)
SUDO = ("sudo", "-n")  # never asks: the sampler has no terminal of its own
_NEEDS_ROOT = re.compile(r"superuser|password|sudo|not permitted", re.IGNORECASE)


class Reading(NamedTuple):
    """One property list: how long it covers, and the energy in that time."""

    elapsed_s: float
    energy_j: Mapping[str, float]  # per rail, in the order of RAILS; {"chip": ...} where only the sum is told
    values: tuple[tuple[str, float], ...]  # as printed


class Lists:
    """Cuts a stream into property lists. The NUL comes before a list, so it is its end tag that ends it."""

    def __init__(self) -> None:
        self._buffer = b""

    def add(self, data: bytes) -> list[bytes]:
        """The lists that are complete now. One that was cut off in the middle is left out.

        Raises SensorError where no list ends for too long.
        """
        self._buffer += data
        *parts, self._buffer = self._buffer.split(END)
        if len(self._buffer) > MAX_BYTES:
            raise frozen("powermetrics", "prints something else than property lists")
        return [_list(part) for part in parts]


def _list(part: bytes) -> bytes:
    """What stands between two ends, from where a list begins: the program writes lines of text there, too."""
    start = max(part.rfind(b"<?xml"), 0) or max(part.rfind(b"<plist"), 0) or part.rfind(b"\0") + 1
    return part[start:].strip() + END


def parse(text: bytes) -> Reading | None:
    """A property list as energy per rail; None where it is damaged or tells no power.

    Energy is power (mW) times elapsed_ns, which exceeds the interval that was asked for; a version that tells energy
    (mJ) beside a power of 0, or instead of one, is taken by its energy. Where the sum that is told exceeds the rails,
    what they lack is a rail of its own.
    """
    try:
        found = plistlib.loads(text)
        processor, elapsed_ns = found["processor"], figure_ns(found["elapsed_ns"])
        told = {key: figure(value) for key, value in processor.items() if re.search("_(power|energy)$", key)}
    except UNREADABLE:
        return None
    if elapsed_ns is None or any(value is None for value in told.values()):
        return None
    known = {key: value for key, value in told.items() if value is not None}
    elapsed_s = elapsed_ns * 1e-9
    rails = {rail: energy for rail in RAILS if (energy := _energy_j(known, rail, elapsed_s)) is not None}
    sums = [energy for key in SUMS if (energy := _energy_j(known, key, elapsed_s)) is not None]
    energies = with_rest(rails, max(sums, default=None))
    return Reading(elapsed_s, energies, tuple(known.items())) if energies else None


def figure_ns(value: object) -> float | None:
    """Nanoseconds that a list may cover: more than none, and no more than an hour."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 3600e9:
        return None
    return float(value)


def _energy_j(told: Mapping[str, float], key: str, elapsed_s: float) -> float | None:
    power_mw, energy_mj = told.get(f"{key}_power"), told.get(f"{key}_energy")
    if power_mw:
        return power_mw * elapsed_s * 1e-3
    return energy_mj * 1e-3 if energy_mj is not None else power_mw  # a power of 0, or None


class Timeline:
    """When each list's time ended. Lists follow each other without a break, and can't be printed before they end.

    A list that arrives late was read late: neither its stamp nor its energy changes, and those behind it catch up. Only
    where LATE_COUNT of them in a row are late has time passed that no list covers; the next one then stands for it too.
    Seconds that were added so are taken off again where the lists catch up after all: no second counts twice.
    """

    def __init__(self) -> None:
        self._last_s: float | None = None
        self._late_s: deque[float] = deque(maxlen=LATE_COUNT)
        self._added_s = 0.0
        self._owed_s = 0.0  # what one list alone could not give back

    def place(self, arrived_s: float, elapsed_s: float) -> tuple[float, float]:
        """(stamp, seconds that the list stands for): elapsed_s, but where time was missing or had been added."""
        if self._last_s is None:
            self._last_s = arrived_s
            return arrived_s, elapsed_s
        expected_s = self._last_s + elapsed_s
        self._late_s.append(arrived_s - expected_s)
        shift_s = min(0.0, arrived_s - expected_s)
        if len(self._late_s) == LATE_COUNT and min(self._late_s) > elapsed_s / 2:
            shift_s = min(self._late_s)
        if shift_s:
            self._late_s.clear()
        self._last_s = expected_s + shift_s
        return self._last_s, self._covered_s(elapsed_s, shift_s)

    def _covered_s(self, elapsed_s: float, shift_s: float) -> float:
        twice_s = min(self._added_s, max(0.0, -shift_s))
        self._added_s += max(0.0, shift_s) - twice_s
        self._owed_s += twice_s
        paid_s = min(self._owed_s, elapsed_s)
        self._owed_s -= paid_s
        return elapsed_s + max(0.0, shift_s) - paid_s


class Powermetrics:
    """A back end. program: its path, which is then run as it is; None: Apple's own, through sudo where needed."""

    name = "powermetrics"

    def __init__(self, program: str | None = None, is_root: Callable[[], bool] = lambda: os.geteuid() == 0) -> None:
        self._program = Program(_command(program, is_root()))

    def pieces(self) -> Iterator[Piece]:
        lists, timeline, shape = Lists(), Timeline(), Shape(self.name)
        try:
            for chunk in self._program.chunks():
                for reading in filter(None, map(parse, lists.add(chunk.data))):
                    stamp_s, covered_s = timeline.place(chunk.time_s, reading.elapsed_s)
                    factor = covered_s / reading.elapsed_s
                    energy_j = {rail: energy * factor for rail, energy in shape.fit(reading.energy_j).items()}
                    yield Piece(stamp_s, energy_j, reading.values)
        except OSError as exc:
            raise SensorError(
                "MAC_TOOL_ABSENT", f"powermetrics can't be run: {exc.strerror}", "see docs/mac.md for another way"
            ) from exc
        raise self._ended()

    def close(self) -> None:
        self._program.close()

    def _ended(self) -> SensorError:
        said = self._program.told.splitlines()
        told = next(filter(_NEEDS_ROOT.search, said), "") or telling(self._program.told)
        if _NEEDS_ROOT.search(told):
            return SensorError(
                "MAC_SUDO",
                f"powermetrics needs root: it says {told!r}",
                "type `sudo -v` and run again (for the helper: `sudo suite power serve`), "
                "or install zeus-apple-silicon, which needs no root",
            )
        return frozen("powermetrics", f"ended: {told}" if told else "ended")


def _command(program: str | None, is_root: bool) -> Sequence[str]:
    samplers = ",".join(f"{rail}_power" for rail in RAILS)
    arguments = ("--samplers", samplers, "-i", f"{PERIOD_S * 1000:.0f}", "-f", "plist", "-b", "0")
    return (*(() if program or is_root else SUDO), program or "powermetrics", *arguments)
