"""The output of another program, stamped as it arrives."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

CLOSE_DEADLINE_S = 1.0
TOLD_BYTES = 4096  # of what it says on stderr, at either end
LINE_CHARACTERS = 300
_COMPLAINT = re.compile(
    r"error|fail|fatal|denied|refus|permi(t|ssion)|superuser|password|required|must |can(no|')t |unable|invalid|"
    r"unrecogni[sz]ed|unknown|no such|not found|not supported|abort|exception",
    re.IGNORECASE,
)
_TRACEBACK = "Traceback (most recent call last):"


class Chunk(NamedTuple):
    time_s: float  # system-wide monotonic clock: when it was read
    data: bytes


def telling(said: str) -> str:
    """The line of what a program said that tells why it ended; "" where it said nothing.

    Of Python's traceback, the exception; else the last line that complains, else the last one.
    """
    lines = [line for line in said.splitlines() if line.strip()]
    if _TRACEBACK in lines:
        start = len(lines) - lines[::-1].index(_TRACEBACK)
        lines = [line for line in lines[start:] if not line[:1].isspace()][:1] or lines
    complaints = [line for line in lines if _COMPLAINT.search(line)]
    found = (complaints or lines or [""])[-1]
    return "".join(letter if letter.isprintable() else " " for letter in found).strip()[:LINE_CHARACTERS]


class Program:
    """Runs a command and reads what it prints. `told` is what it said on stderr, once it has ended."""

    def __init__(self, command: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._command = command
        self._clock = clock
        self._closing = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self.told = ""

    def chunks(self) -> Iterator[Chunk]:
        """Until the program ends or close is called. Raises OSError where it can't be started."""
        with tempfile.TemporaryFile() as stderr:
            with subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, bufsize=0
            ) as process:
                assert process.stdout is not None  # it was asked for
                self._process = process
                try:
                    while (data := os.read(process.stdout.fileno(), 1 << 16)) and not self._closing.is_set():
                        yield Chunk(self._clock(), data)
                finally:
                    process.stdout.close()  # a program of root's can't be ended from here, but not write into this
                    self._end()
            length = stderr.seek(0, os.SEEK_END)
            stderr.seek(max(0, length - TOLD_BYTES))
            last = stderr.read(TOLD_BYTES)
            stderr.seek(0)
            first = stderr.read(max(0, min(TOLD_BYTES, length - TOLD_BYTES)))
            self.told = (first + last).decode(errors="replace").strip()

    def close(self) -> None:
        self._closing.set()
        self._end()

    def _end(self) -> None:
        if self._process is not None:
            with suppress(PermissionError):
                self._process.terminate()
