"""What the ways to read an Apple chip's energy have in common: scope, and a feed that keeps the sum current.

None of them tells when it measured: each is read in a thread of its own, which stamps what arrives.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

from suite.errors import SensorError
from suite.power.base import Description, Sample

RAILS = ("cpu", "gpu", "ane")  # a chip or a version may lack the last ones
REST, CHIP = "rest", "chip"  # what Apple's sum holds beyond the rails that are told; the sum where no CPU is told
PARTS = {"cpu": "CPU", "gpu": "GPU", "ane": "Neural Engine", REST: "the rest of Apple's sum", CHIP: "Apple's sum alone"}
ROUNDING = (0.01, 0.003)  # relative, and in W: by so much a sum may exceed its parts as they are printed
MOST = 1e9  # mW, mJ or W: what is more is no figure
RESOLUTION_J = 0.001  # the counters behind all of them count millijoules
PERIOD_S = 0.2
FROZEN_S = 4.0  # twice the slowest publication that was seen (2.03 to 2.23 s)
OBSERVED_S = 1.0  # long enough to tell a counter that is published in lumps
LUMP_PERIOD_COUNT = 3
LUMP_PERIOD_S = 2.3
LUMP_WINDOW_S = 60.0
MINIMUM_WINDOW_S = 10.0


class Piece(NamedTuple):
    """Energy since the piece before, in joules per rail; of the first piece only the stamp counts."""

    time_s: float  # system-wide monotonic clock: when the energy had been used
    energy_j: Mapping[str, float]
    reading: object  # what was read, as it was read: the same again and again is a frozen sensor


class BackEnd(Protocol):
    """One way to read the chip."""

    name: str

    def pieces(self) -> Iterator[Piece]:
        """Endless; waits for each. Raises SensorError."""

    def close(self) -> None:
        """Ends a wait in `pieces` soon."""


def scope(rails: Sequence[str]) -> str:
    """In words, what these rails hold."""
    absent = [PARTS[rail] for rail in RAILS if rail not in rails and not {REST, CHIP} & set(rails)]
    without = f" (no {' and no '.join(absent)}: the Mac does not tell it)" if absent else ""
    held = " + ".join(PARTS.get(rail, rail) for rail in rails)
    return f"{held}{without}, Apple's estimate; not comparable between devices"


SCOPE = scope(RAILS)


def with_rest(rails_w: Mapping[str, float], whole_w: float | None) -> Mapping[str, float]:
    """The rails (W, or J), and what the sum that is told beside them holds more; the sum alone where no CPU is told."""
    if "cpu" not in rails_w:
        return {} if whole_w is None else {CHIP: max(whole_w, sum(rails_w.values()))}
    if whole_w is None:
        return rails_w
    rest_w = whole_w - sum(rails_w.values())
    if rest_w > ROUNDING[0] * whole_w + ROUNDING[1] or len(rails_w) < len(RAILS):
        return {**rails_w, REST: max(0.0, rest_w)}
    return rails_w


def figure(value: object) -> float | None:
    """A power or an energy as it is told: a number, zero or more, that a chip can have; else None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST:  # NaN fails too
        return None
    return float(value)


class Shape:
    """The rails of a stream are those of its first piece; one that tells less or more later has changed its meaning."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._rails: tuple[str, ...] = ()

    def fit(self, energy_j: Mapping[str, float]) -> Mapping[str, float]:
        """The same with the first piece's rails. Raises SensorError, MAC_FROZEN."""
        self._rails = self._rails or tuple(energy_j)
        found = {REST: 0.0, **energy_j} if REST in self._rails else energy_j
        if set(found) != set(self._rails):
            now, before = ", ".join(energy_j), ", ".join(self._rails)
            raise frozen(self._name, f"tells {now}, where it told {before} before")
        return {rail: found[rail] for rail in self._rails}


def frozen(name: str, why: str) -> SensorError:
    return SensorError(
        "MAC_FROZEN",
        f"{name} {why}",
        "run again; where it happens again, restart the Mac or choose another way to read it, as in "
        "--power apple:backend=powermetrics (docs/mac.md)",
    )


class Feed:
    """Sums the pieces of a back end in a thread. A stamp is new only where the first rail has grown.

    So a counter that is published in lumps has a stamp per lump: between two of them its energy is interpolated,
    instead of standing still and then jumping.
    """

    def __init__(self, back_end: BackEnd, clock: Callable[[], float] = time.monotonic) -> None:
        self._back_end = back_end
        self._clock = clock
        self._news = threading.Condition()
        self._rails: tuple[str, ...] = ()
        self._pending: list[float] = []
        self._latest: Sample | None = None
        self._new: list[Sample] = []
        self._stamps_s: list[float] = []  # until the pace is known
        self._is_pace_known = False
        self._changed_s = self._grown_s = clock()
        self._failure: SensorError | None = None
        self._thread = threading.Thread(target=self._run, name=back_end.name, daemon=True)
        self._thread.start()

    def describe(self) -> Description:
        """Waits until the pace of the counter is known: about 1 s, up to 4.5 s where it is published in lumps.

        Raises SensorError.
        """
        with self._news:
            while not self._paced():
                self._refuse()
                self._news.wait(0.05)
            lump_s = max(b - a for a, b in pairwise(self._stamps_s))
            self._is_pace_known = True
        is_lumped = lump_s > LUMP_PERIOD_COUNT * PERIOD_S
        return Description(
            scope=scope(self._rails),
            rails=self._rails,
            quantity="counter",
            period_s=max(LUMP_PERIOD_S, lump_s) if is_lumped else PERIOD_S,
            minimum_window_s=LUMP_WINDOW_S if is_lumped else MINIMUM_WINDOW_S,
            resolution=RESOLUTION_J,
            gain_error=0.0,  # Apple states none; the scope says that these are estimates
        )

    def latest(self) -> Sample:
        """The sum so far. Raises SensorError where the back end failed or has shown nothing new for too long."""
        return self.new()[-1]

    def new(self) -> Sequence[Sample]:
        """Every sum since the last call, or the last one again. Raises as `latest`."""
        with self._news:
            self._refuse()
            assert self._latest is not None  # describe has waited for it
            samples, self._new = self._new or [self._latest], []
            return samples

    def close(self) -> None:
        self._back_end.close()
        self._thread.join(2.0)

    def _run(self) -> None:
        failure = SensorError("SENSOR_LOST", f"{self._back_end.name} ended", "run again")
        last: object = None
        try:
            for piece in self._back_end.pieces():
                with self._news:
                    if piece.reading != last:
                        last, self._changed_s = piece.reading, self._clock()
                    self._add(piece)
                    self._news.notify()
        except SensorError as error:
            failure = error
        finally:
            with self._news:
                self._failure = failure
                self._news.notify()

    def _add(self, piece: Piece) -> None:
        if self._latest is None:
            self._rails = tuple(piece.energy_j)
            self._latest = Sample(time_s=piece.time_s, values=(0.0,) * len(self._rails))
            self._pending = [0.0] * len(self._rails)
            self._stamps_s.append(piece.time_s)
            return
        if lost := set(self._rails) - set(piece.energy_j):
            raise frozen(self._back_end.name, f"no longer shows {', '.join(sorted(lost))}")
        self._pending = [a + piece.energy_j[rail] for a, rail in zip(self._pending, self._rails, strict=True)]
        if self._pending[0] > 0 and piece.time_s > self._latest.time_s:
            sums = tuple(a + b for a, b in zip(self._latest.values, self._pending, strict=True))
            self._latest = Sample(time_s=piece.time_s, values=sums)
            self._new.append(self._latest)
            self._pending = [0.0] * len(self._rails)
            self._grown_s = self._clock()
            if not self._is_pace_known:
                self._stamps_s.append(piece.time_s)

    def _paced(self) -> bool:
        return len(self._stamps_s) >= 3 and self._stamps_s[-1] - self._stamps_s[0] >= OBSERVED_S

    def _refuse(self) -> None:
        if self._failure is not None:
            raise self._failure
        now_s = self._clock()
        if now_s - self._changed_s > FROZEN_S:
            raise frozen(self._back_end.name, f"showed nothing new for {FROZEN_S:g} s")
        if now_s - self._grown_s > FROZEN_S:
            raise frozen(self._back_end.name, f"counted no energy of the {self._rails[0]} for {FROZEN_S:g} s")
