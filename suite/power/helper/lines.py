"""One JSON object a line over a socket, and what the helper on a Mac and its client agree on.

    client                                          helper
    {"suite_power": VERSION, "token": "..."}     -> {"suite_power": VERSION, "ready": {fields of base.Description}}
    {"ping": N}                                  -> {"pong": N, "time_s": its clock}
    {"mark": LABEL}                              -> {"marked": LABEL}
    {"read": N}                                  -> {"samples": {"time_s": [...], "values": [[...] per rail]}}

Whatever the helper refuses it answers with {"error": {"code", "reason", "remedy"}}, and hangs up.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

VERSION = 1
PORT = 47811
ADDRESS_VARIABLE = "SUITE_POWER_HELPER"
TOKEN_VARIABLE = "SUITE_POWER_TOKEN"
TOKEN_FILE = "/run/secrets/suite-power-token"
MAX_BYTES = 1 << 22  # of one line: minutes of samples


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

    def receive(self, deadline_s: float) -> dict[str, Any]:
        due_s = time.monotonic() + deadline_s
        while b"\n" not in self._buffer:
            self._buffer += self._some(due_s, deadline_s)
            if len(self._buffer) > MAX_BYTES:
                raise Closed("it sent a line without an end")
        line, _, self._buffer = self._buffer.partition(b"\n")
        try:
            message = json.loads(line)
        except ValueError as exc:
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
