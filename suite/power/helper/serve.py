"""The helper: serves the samples of a power source to one client at a time, on loopback, for those who know the token.

The source's sampler runs while a client is there; in between the helper costs nothing.
"""

from __future__ import annotations

import dataclasses
import hmac
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from typing import Any

from suite.errors import OutcomeError, SensorError, UsageError
from suite.power.base import CounterTrace
from suite.power.channel import SamplerLike
from suite.power.helper.lines import VERSION, Closed, Lines

LOOPBACK = "127.0.0.1"
HANDSHAKE_DEADLINE_S = 5.0
SILENCE_DEADLINE_S = 30.0  # a client reads at least once in a period
CLOSE_DEADLINE_S = 5.0
ACCEPT_S = 1.0  # a Ctrl-C that the system gave to a client's thread is seen by the main one only between two waits
TAKEOVER_S = 3.0  # a client that has just hung up may still be on its way out

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
        while True:
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:  # close was called
                return
            lines = Lines(connection)
            thread = threading.Thread(target=self._receive, args=(lines,), daemon=True)
            self._guests = {thread: lines for thread, lines in self._guests.items() if thread.is_alive()}
            self._guests[thread] = lines
            thread.start()

    def close(self) -> None:
        """Hangs up on everybody, and waits until their samplers have ended."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for lines in self._guests.values():
            lines.hang_up()
        for thread in self._guests:
            thread.join(CLOSE_DEADLINE_S)

    def _receive(self, lines: Lines) -> None:
        try:
            self._greet(lines.receive(HANDSHAKE_DEADLINE_S))
            self._take_turn(lines)
        except OutcomeError as error:
            self._log(f"refused: {error.reason}")
            told = {"code": error.code, "reason": error.reason, "remedy": error.remedy}
            with suppress(Closed):
                lines.send({"suite_power": VERSION, "error": told}, HANDSHAKE_DEADLINE_S)
        except Closed as closed:
            self._log(f"the client has gone: {closed}")
        finally:
            lines.close()

    def _greet(self, hello: Mapping[str, Any]) -> None:
        if hello.get("suite_power") != VERSION:
            raise refused(
                f"it speaks version {VERSION} of the protocol, and the client version {hello.get('suite_power')!r}",
                "use the same version of the suite on the Mac and in the container",
            )
        # Compared as bytes and in constant time: a text with other letters than ASCII would be an error.
        if not hmac.compare_digest(str(hello.get("token")).encode(), self._token.encode()):
            raise refused("the token is wrong", "give the container the token that `suite power serve` printed last")

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
        if "ping" in request:
            return {"pong": request["ping"], "time_s": self._clock()}
        if "mark" in request:
            sampler.mark(str(request["mark"]).replace("\n", " "))
            return {"marked": request["mark"]}
        if "read" in request:
            trace = sampler.collect()
            values = trace.energy_j if isinstance(trace, CounterTrace) else trace.power_w
            return {"samples": {"time_s": trace.time_s, "values": values}}
        raise refused(
            "it does not know the request", "use the same version of the suite on the Mac and in the container"
        )


def refused(why: str, remedy: str) -> SensorError:
    return SensorError("MAC_HELPER_DOWN", f"the helper on the Mac refused: {why}", remedy)
