"""The standard streams as they may be: closed, full, or of a terminal that is gone. None of that costs a run."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import TextIO


def occupy() -> None:
    """Puts /dev/null where a standard stream is closed: the next file that is opened would get its number, and what is
    meant for a person would be written into it."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


class Forgiving(io.TextIOBase):
    """Writes to a stream until that fails, and nothing from then on: nobody reads it any more."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            self._stream.write(text)
        except (OSError, ValueError):
            silence(self._stream)
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            silence(self._stream)

    def isatty(self) -> bool:
        return not self._stream.closed and self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # rich asks for it
        return self._stream.encoding


def silence(stream: TextIO) -> None:
    """Turns the stream's descriptor onto /dev/null, so that what it still holds can be flushed at the end."""
    with suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)
