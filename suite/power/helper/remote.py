"""The container's end of the helper: asks it for samples, and moves their stamps onto the clock of this machine.

The two clocks have different zeros and rates. An exchange of pings tells how far they are apart: of several round trips
the fastest leaves the least doubt, half its duration. It is repeated during the measurement and at its end, and what
the clocks have moved apart in between is doubt too.
"""

from __future__ import annotations

import dataclasses
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self, TypeVar

from suite.errors import SensorError
from suite.power.base import Sample
from suite.power.helper import replies
from suite.power.helper import token as tokens
from suite.power.helper.lines import MAX_BYTES, VERSION, Closed, Lines, shown

CONNECT_DEADLINE_S = 3.0
START_DEADLINE_S = 13.0  # the helper starts its sampler in it
REPLY_DEADLINE_S = 5.0
PING_COUNT = 16
REPING_COUNT = 4
REPING_S = 5.0
STEP_PERIOD_COUNT = 1  # clocks that step further than so many periods have lost samples or doubled them

T = TypeVar("T")
Ping = Callable[[], float]  # asks the other clock


class Alignment(NamedTuple):
    """Their time is ours plus offset_s, within half_trip_s, at our at_s."""

    at_s: float
    offset_s: float
    half_trip_s: float


def align(ping: Ping, clock: Callable[[], float], count: int) -> Alignment:
    """The fastest of count round trips: their clock was asked at its middle, give or take half of it."""
    trips = []
    for _ in range(count):
        asked_s = clock()
        their_s = ping()
        told_s = clock()
        middle_s = (asked_s + told_s) / 2
        trips.append(Alignment(middle_s, their_s - middle_s, (told_s - asked_s) / 2))
    return min(trips, key=lambda trip: trip.half_trip_s)


class Clocks:
    """How far the other clock is ahead, kept up to date; `uncertainty_s` holds for every stamp moved so far."""

    def __init__(self, ping: Ping, clock: Callable[[], float], limit_s: float) -> None:
        self._ping = ping
        self._clock = clock
        self._limit_s = limit_s
        self._latest = align(ping, clock, PING_COUNT)
        self.uncertainty_s = self._latest.half_trip_s

    def refresh(self) -> None:
        """Asks again. Raises SensorError CLOCK_STEPPED where the clocks moved apart by more than limit_s."""
        before, self._latest = self._latest, align(self._ping, self._clock, REPING_COUNT)
        moved_s = abs(self._latest.offset_s - before.offset_s)
        doubt_s = before.half_trip_s + self._latest.half_trip_s
        if moved_s > self._limit_s + doubt_s:
            raise SensorError(
                "CLOCK_STEPPED",
                f"the clocks of the Mac and the container moved apart by {moved_s:.3g} s: one of them slept",
                "keep the Mac awake, as in `caffeinate suite power serve`, and run again",
            )
        self.uncertainty_s = max(self.uncertainty_s, before.half_trip_s + moved_s, self._latest.half_trip_s)

    def refresh_if_due(self) -> None:
        if self._clock() - self._latest.at_s >= REPING_S:
            self.refresh()

    def here_s(self, their_s: float) -> float:
        return their_s - self._latest.offset_s


class Remote:
    """A connection to the helper, open and aligned. Every method raises SensorError: MAC_HELPER_DOWN, CLOCK_STEPPED, or
    the code of the source behind the helper."""

    def __init__(self, lines: Lines, token: str, clock: Callable[[], float]) -> None:
        self._lines = lines
        self._number = 0
        self._greet(token)
        described = self._ask({"proof": self._proof}, "ready", replies.description, START_DEADLINE_S)
        self._clocks = Clocks(self._ping, clock, STEP_PERIOD_COUNT * described.period_s)
        self.description = dataclasses.replace(described, clock_uncertainty_s=self._clocks.uncertainty_s)

    def _greet(self, token: str) -> None:
        """Believes nobody who does not know the token, and does not send it."""
        ours = tokens.new()
        reply = self._exchange({"suite_power": VERSION, "challenge": ours}, REPLY_DEADLINE_S)
        theirs, version = reply.get("challenge"), reply.get("suite_power")
        if not isinstance(theirs, str) or not tokens.is_challenge(theirs):
            raise down(
                f"it answered without 'challenge' (version {shown(version)}); is it something else that listens?"
            )
        if not tokens.is_proof(reply.get("proof"), token, "helper", ours, theirs):
            raise SensorError(
                "MAC_HELPER_DOWN",
                "the helper on the Mac can't be used: the token is wrong, or something else listens there",
                "give the container the token that `suite power serve` wrote last",
            )
        self._proof = tokens.proof(token, "client", ours, theirs)

    @classmethod
    def connect(cls, host: str, port: int, token: str, clock: Callable[[], float] = time.monotonic) -> Self:
        try:
            connection = socket.create_connection((host, port), CONNECT_DEADLINE_S)
        except OSError as exc:
            raise down(f"nothing answers at {host}:{port} ({exc.strerror or exc})") from exc
        lines = Lines(connection)
        try:
            return cls(lines, token, clock)
        except BaseException:
            lines.close()
            raise

    def samples(self) -> Sequence[Sample]:
        """What is new, and the last one again, on the clock of this machine."""
        self._clocks.refresh_if_due()
        rail_count = len(self.description.rails)
        found = self._ask({"read": self._next_number()}, "samples", lambda told: replies.samples(told, rail_count))
        return [dataclasses.replace(sample, time_s=self._clocks.here_s(sample.time_s)) for sample in found]

    def mark(self, label: str) -> None:
        self._ask({"mark": label}, "marked", replies.text)

    def clock_uncertainty_s(self) -> float:
        """Of every stamp so far, from a last exchange of pings."""
        self._clocks.refresh()
        return self._clocks.uncertainty_s

    def close(self) -> None:
        self._lines.close()

    def _ping(self) -> float:
        number = self._next_number()
        reply = self._exchange({"ping": number}, REPLY_DEADLINE_S)
        return _decoded(lambda: replies.pong_s(reply, number))

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    def _ask(
        self,
        request: Mapping[str, Any],
        key: str,
        decode: Callable[[object], T],
        deadline_s: float = REPLY_DEADLINE_S,
    ) -> T:
        reply = self._exchange(request, deadline_s)
        if key not in reply:
            raise down(f"it answered without {key!r}; is it something else that listens there?")
        return _decoded(lambda: decode(reply[key]))

    def _exchange(self, request: Mapping[str, Any], deadline_s: float) -> Mapping[str, Any]:
        try:
            self._lines.send(request, deadline_s)
            reply = self._lines.receive(deadline_s, MAX_BYTES)
        except Closed as exc:
            raise down(str(exc)) from exc
        if "error" in reply:
            raise _decoded(lambda: replies.refusal(reply["error"]))
        return reply


def _decoded(decode: Callable[[], T]) -> T:
    """Raises SensorError MAC_HELPER_DOWN for what no helper says."""
    try:
        return decode()
    except replies.Odd as exc:
        raise down(f"it gave {exc}; is it something else that listens there?") from exc


def down(why: str) -> SensorError:
    return SensorError(
        "MAC_HELPER_DOWN",
        f"the helper on the Mac can't be used: {why}",
        "start `suite power serve` on the Mac, leave it running, and run again",
    )
