"""The helper: serves the samples of a power source to one client at a time, on loopback, for those who know the token.

The source's sampler runs while a client is there; in between the helper costs nothing.
"""

from __future__ import annotations

import dataclasses
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from typing import Any

from suite.errors import OutcomeError, SensorError, UsageError
from suite.power.base import CounterTrace
from suite.power.channel import SamplerLike
from suite.power.helper import token as tokens
from suite.power.helper.lines import VERSION, Closed, Lines, shown

LOOPBACK = "127.0.0.1"
HANDSHAKE_DEADLINE_S = 5.0
SILENCE_DEADLINE_S = 30.0  # a client reads at least once in a period
CLOSE_DEADLINE_S = 5.0
ACCEPT_S = 1.0  # a Ctrl-C that the system gave to a client's thread is seen by the main one only between two waits
MAX_GUESTS = 16  # connections at a time; one that has not shown the token makes room for the next
FULL_S = 0.2  # until the system is asked for a connection again, where it had no room for one
TAKEOVER_S = 3.0  # a client that has just hung up may still be on its way out

LABEL = re.compile(r"[a-z]{1,20}")

OpenSampler = Callable[[], AbstractContextManager[SamplerLike]]


class Helper:
    """Listens from the moment it is made. Raises UsageError where the port is taken."""

    def __init__(
        self,
        open_sampler: OpenSampler,
        token: str,
        port: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        log: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._open_sampler = open_sampler
        self._token = token
        self._clock = clock
        self._log = log
        self._turn = threading.Lock()
        self._guests: dict[threading.Thread, Lines] = {}
        self._known: set[Lines] = set()  # those that have shown the token
        self._closing = threading.Event()
        if not 0 <= port < 1 << 16:
            raise UsageError(f"--port: {port} is no port; name one up to 65535, or 0 for any that is free")
        try:
            self._listener = socket.create_server((LOOPBACK, port))
        except OSError as exc:
            raise UsageError(
                f"port {port} of {LOOPBACK} can't be served: {exc}; is another `suite power serve` running? "
                "Name another with --port"
            ) from exc
        self._listener.settimeout(ACCEPT_S)
        self.port: int = self._listener.getsockname()[1]

    def run(self) -> None:
        """Serves until close is called, or something is raised in this thread (Ctrl-C)."""
        is_full = False
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError as exc:
                if not self._closing.is_set() and not is_full:
                    self._log(f"no connection can be taken now: {exc.strerror or exc}")
                is_full = True
                self._closing.wait(FULL_S)
                continue
            is_full = False
            self._welcome(Lines(connection))

    def close(self) -> None:
        """Hangs up on everybody, and waits until their samplers have ended."""
        self._closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        guests = dict(self._guests)
        for lines in guests.values():
            lines.hang_up()
        for thread in guests:
            thread.join(CLOSE_DEADLINE_S)

    def _welcome(self, lines: Lines) -> None:
        """A thread for the connection, and room for it: the one that waits longest without the token has to go."""
        if self._closing.is_set():
            lines.close()
            return
        self._guests = {thread: guest for thread, guest in self._guests.items() if thread.is_alive()}
        if len(self._guests) >= MAX_GUESTS:
            strangers = [thread for thread, guest in self._guests.items() if guest not in self._known]
            for thread in strangers[:1]:
                self._guests[thread].hang_up()
                thread.join(CLOSE_DEADLINE_S)
                self._guests.pop(thread)
            if not strangers:
                self._log("refused: too many clients at a time")
                lines.close()
                return
        thread = threading.Thread(target=self._receive, args=(lines,), daemon=True)
        thread.start()
        self._guests[thread] = lines

    def _receive(self, lines: Lines) -> None:
        """One connection, and one line about how it ended."""
        try:
            self._greet(lines)
            self._known.add(lines)
            self._take_turn(lines)
        except OutcomeError as error:
            self._log(f"refused: {error.reason}")
            told = {"code": error.code, "reason": error.reason, "remedy": error.remedy}
            with suppress(Closed):
                lines.send({"suite_power": VERSION, "error": told}, HANDSHAKE_DEADLINE_S)
        except Closed as closed:
            self._log(f"the client has gone: {closed}")
        except OSError as exc:
            self._log(f"no sampler can be started now: {exc.strerror or exc}")
        finally:
            self._known.discard(lines)
            lines.close()

    def _greet(self, lines: Lines) -> None:
        """Each side shows that it knows the token. Raises SensorError, Closed."""
        hello = lines.receive(HANDSHAKE_DEADLINE_S)
        theirs, version = hello.get("challenge"), hello.get("suite_power")
        if version != VERSION:
            raise refused(
                f"it speaks version {VERSION} of the protocol, and the client version {shown(version)}",
                "use the same version of the suite on the Mac and in the container",
            )
        if not isinstance(theirs, str) or not tokens.is_challenge(theirs):
            raise refused("the client's challenge is none", "use the suite's own client")
        ours = tokens.new()
        proof = tokens.proof(self._token, "helper", theirs, ours)
        lines.send({"suite_power": VERSION, "challenge": ours, "proof": proof}, HANDSHAKE_DEADLINE_S)
        answer = lines.receive(HANDSHAKE_DEADLINE_S).get("proof")
        if not tokens.is_proof(answer, self._token, "client", theirs, ours):
            raise refused("the token is wrong", "give the container the token that `suite power serve` wrote last")

    def _take_turn(self, lines: Lines) -> None:
        if not self._turn.acquire(timeout=TAKEOVER_S):
            raise refused("another client is measuring", "wait until it has finished")
        try:
            self._serve(lines)
        finally:
            self._turn.release()

    def _serve(self, lines: Lines) -> None:
        with self._open_sampler() as sampler:
            ready = dataclasses.asdict(sampler.description)
            self._log(f"a client measures: {sampler.description.scope}")
            lines.send({"suite_power": VERSION, "ready": ready}, SILENCE_DEADLINE_S)
            while True:
                request = lines.receive(SILENCE_DEADLINE_S)
                lines.send(self._answer(request, sampler), SILENCE_DEADLINE_S)

    def _answer(self, request: Mapping[str, Any], sampler: SamplerLike) -> Mapping[str, Any]:
        number, label = request.get("ping"), request.get("mark")
        if isinstance(number, int) and 0 <= number < 1 << 53:
            return {"pong": number, "time_s": self._clock()}
        if isinstance(label, str) and LABEL.fullmatch(label):
            sampler.mark(label)
            return {"marked": label}
        if "read" in request:
            trace = sampler.collect()
            values = trace.energy_j if isinstance(trace, CounterTrace) else trace.power_w
            return {"samples": {"time_s": trace.time_s, "values": values}}
        raise refused(
            "it does not know the request", "use the same version of the suite on the Mac and in the container"
        )


def refused(why: str, remedy: str) -> SensorError:
    return SensorError("MAC_HELPER_DOWN", f"the helper on the Mac refused: {why}", remedy)
