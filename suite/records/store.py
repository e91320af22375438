"""A run on disk: results/<run>/run.json, records.jsonl and log.txt. What was stored stays, whatever happens next.

One line per task, written with one call and synced before the next task starts; one writer at a time.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from suite.errors import StoreError
from suite.records import Manifest, Run, RunRecord, Task
from suite.records.schema import MANIFEST, RECORD, UPGRADES, Upgrade, read, to_line, to_text

MANIFEST_NAME = "run.json"
RECORDS_NAME = "records.jsonl"
TORN_NAME = "records.jsonl.torn"
LOG_NAME = "log.txt"
_PART_NAME = "run.json.part"


class RunStore:
    """The one writer of a run. Appending is durable: when it returns, the record survives a power cut."""

    def __init__(self, out: Path, manifest: Manifest, records: tuple[RunRecord, ...], descriptor: int) -> None:
        self.out = out
        self.manifest = manifest
        self.log_path = out / LOG_NAME
        self._descriptor = descriptor
        done = {record.task.key for record in records}
        self._waiting = {task.key: task for task in manifest.tasks if task.key not in done}

    @classmethod
    def create(cls, out: Path, manifest: Manifest) -> Self:
        """A new run in a folder that is made here, or that is empty.

        Raises StoreError: the folder can't be written, holds another run, or holds something else.
        """
        try:
            out.mkdir(parents=True, exist_ok=True)
            _require_empty(out)
            descriptor = _open_locked(out)
        except OSError as error:
            raise StoreError(f"{out}: {_text(error)}; choose a folder that can be written with --out") from error
        try:
            _require_empty(out)  # again, now that nobody else can fill it
            _write_whole(out, MANIFEST_NAME, to_text(manifest))
        except StoreError:
            os.close(descriptor)
            raise
        return cls(out, manifest, (), descriptor)

    @classmethod
    def resume(cls, out: Path) -> Self:
        """The run that lies in the folder, ready to go on. A line that was cut off is kept aside and measured again.

        Raises StoreError: no run there, another process writing to it, or a file that is not ours.
        """
        manifest = _manifest(out, UPGRADES)
        try:
            descriptor = _open_locked(out)
        except OSError as error:
            raise StoreError(f"{out}: {_text(error)}; make the folder writable, or copy it elsewhere") from error
        try:
            _set_torn_line_aside(out, descriptor)
            records = _records(out, manifest, UPGRADES)
        except StoreError:
            os.close(descriptor)
            raise
        return cls(out, manifest, records, descriptor)

    def missing(self) -> tuple[Task, ...]:
        """The tasks that have no record yet, in the manifest's order."""
        return tuple(self._waiting.values())

    def append(self, record: RunRecord) -> None:
        """Stores one record for good.

        Raises StoreError where it can't be written (a full disk); the file then ends where it ended before.
        Raises ValueError where the task has its record already, or is none of this run's.
        """
        key = record.task.key
        if key not in self._waiting:
            raise ValueError(f"{record.task.test} of {record.task.model} ({key}) is not waited for in {self.out}")
        line = to_line(record)
        start = os.lseek(self._descriptor, 0, os.SEEK_END)
        try:
            _write_all(self._descriptor, line)
            os.fsync(self._descriptor)
        except OSError as error:
            os.ftruncate(self._descriptor, start)
            raise StoreError(
                f"{self.out / RECORDS_NAME}: {_text(error)}; what was stored before is intact: make room, then go on "
                f"with --resume --out {self.out}"
            ) from error
        del self._waiting[key]

    def close(self) -> None:
        """Lets another process write. Closing twice is harmless."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def load(out: Path, upgrades: Mapping[int, Upgrade] = UPGRADES) -> Run:
    """A run as it lies in a folder; nothing is written.

    Raises StoreError with file and line: no run there, a file that is not ours, a last line that was cut off.
    """
    manifest = _manifest(out, upgrades)
    return Run(manifest=manifest, records=_records(out, manifest, upgrades))


def amend(out: Path, amended: Sequence[RunRecord]) -> None:
    """Puts records in the place of those of the same tasks, all of them or none.

    Raises StoreError as `RunStore.resume` does. Raises ValueError where a task has no record yet.
    """
    with RunStore.resume(out) as run_store:
        records = load(out).records
        by_key = {record.task.key: record for record in amended}
        if unknown := by_key.keys() - {record.task.key for record in records}:
            raise ValueError(f"{out} has no records of {', '.join(sorted(unknown))}")
        lines = [to_line(by_key.get(record.task.key, record)) for record in records]
        _write_whole(run_store.out, RECORDS_NAME, b"".join(lines))


def differences(manifest: Manifest, plan: str, power: str | None, tasks: tuple[Task, ...]) -> str | None:
    """In words, how what is asked for now differs from the run's manifest; None where it does not."""
    if plan != manifest.plan:
        return f"the run follows plan {manifest.plan!r}, not {plan!r}"
    if power is not None and power != manifest.power:
        return f"the run has --power {manifest.power}, not {power}"
    then, now = set(manifest.tasks), set(tasks)
    if then == now:
        return None
    for name in Task.__dataclass_fields__:
        values_then, values_now = ({getattr(task, name) for task in tasks} for tasks in (then, now))
        if values_then != values_now:
            return f"{name} was {_values(values_then)} and is {_values(values_now)} now"
    return f"{len(then - now)} tasks of the run are not asked for now, and {len(now - then)} are new"


def _values(values: set[object]) -> str:
    return ", ".join(sorted(str(value) for value in values)[:6])


def _require_empty(out: Path) -> None:
    names = {path.name for path in out.iterdir()}
    if MANIFEST_NAME in names:
        raise StoreError(f"{out}: holds a run already; go on with it by --resume, or choose another folder with --out")
    records = out / RECORDS_NAME
    ours = {_PART_NAME, RECORDS_NAME, LOG_NAME}  # of a start that was killed before run.json was there
    if names - ours or (records.exists() and records.stat().st_size > 0):
        other = min(names - ours, default=RECORDS_NAME)
        raise StoreError(f"{out}: holds other files ({other}); choose an empty or a new folder with --out")


def _open_locked(out: Path) -> int:
    descriptor = os.open(out / RECORDS_NAME, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise StoreError(f"{out}: another suite is writing to this run; wait for it, or end it first") from error
    return descriptor


def _write_whole(out: Path, name: str, content: bytes) -> None:
    """The file with all of its content or not at all."""
    part = out / _PART_NAME
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            _write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        part.replace(out / name)
        _sync_folder(out)
    except OSError as error:
        raise StoreError(f"{out / name}: {_text(error)}; make room, or choose another folder with --out") from error


def _write_all(descriptor: int, content: bytes) -> None:
    """One write in the ordinary case; a short write is continued, so that its reason comes to light."""
    written = os.write(descriptor, content)
    while written < len(content):
        written += os.write(descriptor, content[written:])


def _sync_folder(out: Path) -> None:
    descriptor = os.open(out, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _manifest(out: Path, upgrades: Mapping[int, Upgrade]) -> Manifest:
    path = out / MANIFEST_NAME
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise StoreError(f"{out}: holds no run (no {MANIFEST_NAME}); name the folder of a run") from error
    except OSError as error:
        raise StoreError(f"{path}: {_text(error)}; name the folder of a run that can be read") from error
    return read(MANIFEST, content, str(path), upgrades)


def _records(out: Path, manifest: Manifest, upgrades: Mapping[int, Upgrade]) -> tuple[RunRecord, ...]:
    path = out / RECORDS_NAME
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: {_text(error)}; bring the file back beside {MANIFEST_NAME}") from error
    lines = content.split(b"\n")
    if lines.pop():
        raise StoreError(
            f"{path}:{len(lines) + 1}: the last line was cut off; `suite all --resume --out {out}` measures it again"
        )
    waiting = {task.key for task in manifest.tasks}
    records = []
    for number, line in enumerate(lines, start=1):
        record = read(RECORD, line, f"{path}:{number}", upgrades)
        if record.task.key not in waiting:
            raise StoreError(
                f"{path}:{number}: {record.task.test} of {record.task.model} is stored twice, or {MANIFEST_NAME} does "
                "not ask for it; take that line out"
            )
        waiting.remove(record.task.key)
        records.append(record)
    return tuple(records)


def _set_torn_line_aside(out: Path, descriptor: int) -> None:
    """A line without an end was cut off while it was written: moved to a file of its own, for whoever wonders."""
    content = (out / RECORDS_NAME).read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole == len(content):
        return
    try:
        (out / TORN_NAME).write_bytes(content[whole:])
        os.ftruncate(descriptor, whole)
        os.fsync(descriptor)
    except OSError as error:
        raise StoreError(f"{out / TORN_NAME}: {_text(error)}; make room, then --resume again") from error


def _text(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
