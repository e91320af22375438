"""The output of another program, stamped as it arrives."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

CLOSE_DEADLINE_S = 1.0
TOLD_BYTES = 4096  # of what it says on stderr


class Chunk(NamedTuple):
    time_s: float  # system-wide monotonic clock: when it was read
    data: bytes


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
            stderr.seek(0)
            self.told = stderr.read(TOLD_BYTES).decode(errors="replace").strip()

    def close(self) -> None:
        self._closing.set()
        self._end()

    def _end(self) -> None:
        if self._process is not None:
            with suppress(PermissionError):
                self._process.terminate()
