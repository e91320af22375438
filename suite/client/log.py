"""The file that a worker's own words go to, kept to a size: a model that prints in every call would fill the disk."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import IO

from suite.records.folder import appended

HEAD_BYTES = 2**20  # of one worker's words, the first are kept, ...
TAIL_BYTES = 2**18  # ... the last, ...
MOST_BYTES = 2 * 2**20  # ... and all of them up to here


class WorkerLog:
    """One worker's part of a log: what lies behind byte `start`. The worker appends (O_APPEND), so the file can be cut
    while it is open there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.start = 0
        self._left_out_bytes = 0

    def open(self) -> IO[bytes]:
        """Opened for the worker. Raises StoreError where it is a link or no file, OSError where it can't be opened."""
        file = appended(self.path)
        self.start = file.tell()
        return file

    def trim(self) -> None:
        """Takes the middle out of what has become too long, and says so there. Does nothing where that fails."""
        try:
            self._trim()
        except OSError:
            return

    def _trim(self) -> None:
        found = self.path.stat()
        if not stat.S_ISREG(found.st_mode) or found.st_size - self.start <= MOST_BYTES:
            return
        with self.path.open("r+b") as file:
            head_end = self.start + HEAD_BYTES
            file.seek(found.st_size - TAIL_BYTES)
            tail = file.read()
            file.truncate(head_end)
        self._left_out_bytes += found.st_size - head_end - len(tail)
        note = f"\n[suite: {self._left_out_bytes:,} bytes of this worker's words were left out here]\n"
        with self.path.open("ab") as file:
            file.write(note.encode() + tail)
