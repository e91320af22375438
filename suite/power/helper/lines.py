"""One JSON object a line over a socket, and what the helper on a Mac and its client agree on.

    client                                              helper
    {"suite_power": VERSION, "challenge": C}         -> {"suite_power": VERSION, "challenge": H, "proof": P}
    {"proof": Q}                                     -> {"suite_power": VERSION, "ready": {fields of base.Description}}
    {"ping": N}                                      -> {"pong": N, "time_s": its clock}
    {"mark": LABEL}                                  -> {"marked": LABEL}
    {"read": N}                                      -> {"samples": {"time_s": [...], "values": [[...] per rail]}}

C and H are random; P and Q are their HMACs under the token, which is never sent: each side shows the other that it
knows it (see token.py). Whatever the helper refuses it answers with {"error": {"code", "reason", "remedy"}}, and hangs
up.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NoReturn

VERSION = 2
PORT = 47811
ADDRESS_VARIABLE = "SUITE_POWER_HELPER"
TOKEN_VARIABLE = "SUITE_POWER_TOKEN"
TOKEN_FILE = "/run/secrets/suite-power-token"
MAX_BYTES = 1 << 22  # of a line with samples: minutes of them
MAX_REQUEST_BYTES = 1 << 12  # of any other line


class Closed(Exception):
    """The other side has gone, says nothing, or says something that is no JSON object."""


class Lines:
    """A connected socket. Every wait has a deadline. Raises Closed."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = b""
        with suppress(OSError):  # a socket that is no TCP
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, message: Mapping[str, Any], deadline_s: float) -> None:
        self._connection.settimeout(deadline_s)
        try:
            self._connection.sendall(json.dumps(message).encode() + b"\n")
        except OSError as exc:
            raise Closed(_why(exc, deadline_s)) from exc

    def receive(self, deadline_s: float, most_bytes: int = MAX_REQUEST_BYTES) -> dict[str, Any]:
        """The next line, of most_bytes at most, whatever it holds."""
        due_s = time.monotonic() + deadline_s
        while b"\n" not in self._buffer:
            if len(self._buffer) > most_bytes:
                raise Closed(f"it sent a line of more than {most_bytes} bytes")
            self._buffer += self._some(due_s, deadline_s)
        line, _, self._buffer = self._buffer.partition(b"\n")
        if len(line) > most_bytes:
            raise Closed(f"it sent a line of more than {most_bytes} bytes")
        try:
            message = json.loads(line, parse_constant=_no_number)
        except (ValueError, RecursionError) as exc:
            raise Closed("it sent something else than JSON") from exc
        if not isinstance(message, dict):
            raise Closed("it sent something else than a JSON object")
        return message

    def hang_up(self) -> None:
        """Ends what another thread is doing with it; that thread closes."""
        with suppress(OSError):  # the other side may have hung up
            self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.hang_up()
        self._connection.close()

    def _some(self, due_s: float, deadline_s: float) -> bytes:
        remaining_s = due_s - time.monotonic()
        if remaining_s <= 0:
            raise Closed(f"it said nothing for {deadline_s:g} s")
        self._connection.settimeout(remaining_s)
        try:
            data = self._connection.recv(1 << 16)
        except OSError as exc:
            raise Closed(_why(exc, deadline_s)) from exc
        if not data:
            raise Closed("it hung up")
        return data


def _why(error: OSError, deadline_s: float) -> str:
    return f"it said nothing for {deadline_s:g} s" if isinstance(error, TimeoutError) else f"it is gone ({error})"


def _no_number(name: str) -> NoReturn:
    """NaN and Infinity are no JSON, though Python reads them. Raises ValueError."""
    raise ValueError(name)


def shown(value: object) -> str:
    """What another side sent, so that it fits into a line: short, and nothing but ASCII."""
    return ascii(value if not isinstance(value, str) else value[:40])[:40]
