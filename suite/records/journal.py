"""What an evaluation has answered so far, on disk after each batch: cut off, it goes on where it was.

A file of its own beside records.jsonl, removed once the task has its record.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from pydantic import TypeAdapter, ValidationError

from suite.errors import StoreError
from suite.limits import MAX_JSON_BYTES
from suite.records.accuracy import EvaluatedBatch
from suite.records.asked import Task
from suite.records.folder import Folder, words_of, write_all
from suite.records.schema import require_bounded, require_measurable

BATCH = TypeAdapter(EvaluatedBatch)


class Journal(Protocol):
    """The batches of one task so far."""

    def begin(self, made_of: str) -> tuple[EvaluatedBatch, ...]:
        """What an earlier session has stored; nothing where its answers were of something else than `made_of`."""
        ...

    def append(self, batch: EvaluatedBatch) -> None: ...

    def end(self) -> None:
        """The task has its record."""
        ...


OpenJournal = Callable[[Task], Journal]


class NoJournal:
    """Keeps nothing."""

    def begin(self, made_of: str) -> tuple[EvaluatedBatch, ...]:
        return ()

    def append(self, batch: EvaluatedBatch) -> None: ...

    def end(self) -> None: ...


class FileJournal:
    """In a run's folder. Its first line says what the answers are of; a last line that was cut off is dropped."""

    def __init__(self, out: Path, task: Task) -> None:
        self._out = out
        self.name = f"evaluation-{task.key}.jsonl"

    def begin(self, made_of: str) -> tuple[EvaluatedBatch, ...]:
        """Raises StoreError where the file can't be read or written."""
        head = json.dumps({"answers_of": made_of}).encode() + b"\n"
        try:
            with Folder(self._out) as folder:
                lines = self._lines(folder)
                batches = _batches(lines[1:]) if lines[:1] == [head] else []
                folder.write_whole(self.name, b"".join((head, *lines[1 : 1 + len(batches)])))
        except OSError as error:
            raise self._failed(error) from error
        return tuple(batches)

    def append(self, batch: EvaluatedBatch) -> None:
        data = asdict(batch)
        require_measurable(data)
        line = json.dumps(data, allow_nan=False, separators=(",", ":")).encode() + b"\n"
        try:
            with Folder(self._out) as folder:
                descriptor = folder.open(self.name, os.O_WRONLY | os.O_APPEND)
                try:
                    write_all(descriptor, line)
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
        except OSError as error:
            raise self._failed(error) from error

    def end(self) -> None:
        with suppress(OSError):  # what stays is not read again
            (self._out / self.name).unlink()

    def _lines(self, folder: Folder) -> list[bytes]:
        try:
            with folder.reader(self.name) as file:
                content = file.read(MAX_JSON_BYTES + 1)
        except FileNotFoundError:
            return []
        return [line for line in content.splitlines(keepends=True) if line.endswith(b"\n")]

    def _failed(self, error: OSError) -> StoreError:
        return StoreError(
            f"{self._out / self.name}: {words_of(error)}; what was stored before is intact: make room, then go on with "
            f"--resume --out {self._out}"
        )


def _batches(lines: list[bytes]) -> list[EvaluatedBatch]:
    """Those before the first line that is damaged."""
    found: list[EvaluatedBatch] = []
    for line in lines:
        try:
            require_bounded(line)
            found.append(BATCH.validate_json(line, strict=True))
        except (ValidationError, ValueError):
            break
    return found
