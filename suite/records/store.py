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
from suite.limits import MAX_JSON_BYTES, MAX_RECORDS_BYTES
from suite.records import Damage, Manifest, Run, RunRecord, Task, chain, seal
from suite.records.folder import Folder, words_of, write_all
from suite.records.lines import (
    MANIFEST_NAME,
    RECORDS_NAME,
    latest,
    records_of,
    require_a_run,
    require_at_most,
    whole_records,
)
from suite.records.schema import MANIFEST, UPGRADES, Upgrade, read, to_text
from suite.records.seal import LOG_NAME

TORN_NAME = "records.jsonl.torn"
_PART_NAME = f"{MANIFEST_NAME}.part"


class RunStore:
    """The one writer of a run. Appending is durable: when it returns, the record survives a power cut."""

    def __init__(
        self, folder: Folder, manifest: Manifest, records: tuple[RunRecord, ...], descriptor: int, tip: str
    ) -> None:
        """tip: SHA-256 of what the next line follows."""
        self.out = folder.path
        self.manifest = manifest
        self.log_path = folder.path / LOG_NAME
        self._folder = folder
        self._descriptor = descriptor
        self._tip = tip
        done = {record.task for record in records}
        self._waiting = {task.key: task for task in manifest.tasks if task not in done}
        self._known = {task.key for task in (*manifest.tasks, *done)}
        self.done = tuple(record.task for record in records)  # when the run was opened

    @classmethod
    def create(cls, out: Path, manifest: Manifest) -> Self:
        """A new run in a folder that is made here, or that is empty.

        Raises StoreError: the folder can't be written, holds another run, or holds something else.
        """
        try:
            out.mkdir(parents=True, exist_ok=True)
            folder = Folder(out)
        except OSError as error:
            raise StoreError(f"{out}: {words_of(error)}; choose a folder that can be written with --out") from error
        try:
            _require_empty(folder)
            descriptor = _open_locked(folder)
        except (StoreError, OSError) as error:
            folder.close()
            if isinstance(error, StoreError):
                raise
            raise StoreError(f"{out}: {words_of(error)}; choose a folder that can be written with --out") from error
        asked = to_text(manifest)
        run_store = cls(folder, manifest, (), descriptor, chain.sha256(asked))
        try:
            _require_empty(folder)  # again, now that nobody else can fill it
            _write_whole(folder, MANIFEST_NAME, asked)
        except (StoreError, ValueError):
            run_store.close()
            raise
        return run_store

    @classmethod
    def resume(cls, out: Path) -> Self:
        """The run that lies in the folder, ready to go on. A line that was cut off is kept aside and measured again.

        A line that can't be read is no reason to measure anew: it is named, and nothing is changed.
        Raises StoreError: no run there, another process writing to it, or a file that is not ours.
        """
        folder = _opened(out)
        try:
            asked = _asked(folder)
            manifest = read(MANIFEST, asked, str(folder.path / MANIFEST_NAME), UPGRADES)
            descriptor = _open_locked(folder)
        except (StoreError, OSError) as error:
            folder.close()
            if isinstance(error, StoreError):
                raise
            raise StoreError(f"{out}: {words_of(error)}; make the folder writable, or copy it elsewhere") from error
        try:
            _set_torn_line_aside(folder, descriptor)
            records = whole_records(folder, manifest)
            tip = chain.tip(_content(descriptor), chain.sha256(asked))
        except StoreError:
            os.close(descriptor)
            folder.close()
            raise
        return cls(folder, manifest, records, descriptor, tip)

    def missing(self) -> tuple[Task, ...]:
        """The tasks that have no record yet, in the manifest's order."""
        return tuple(self._waiting.values())

    def append(self, record: RunRecord) -> None:
        """Stores one record for good.

        Raises StoreError where it can't be written (a full disk); the file then ends where it ended before.
        Raises ValueError where the task has its record already and this one does not supersede it, or is none of this
        run's.
        """
        key = record.task.key
        is_known = key in self._known
        is_due = key in self._waiting or (record.supersedes if is_known else record.added)
        if not is_due:
            raise ValueError(f"{record.task.test} of {record.task.model} ({key}) is not waited for in {self.out}")
        line = chain.linked(record, self._tip)
        start = os.lseek(self._descriptor, 0, os.SEEK_END)
        try:
            write_all(self._descriptor, line)
            os.fsync(self._descriptor)
        except OSError as error:
            os.ftruncate(self._descriptor, start)
            raise StoreError(
                f"{self.out / RECORDS_NAME}: {words_of(error)}; what was stored before is intact: make room, then go "
                f"on with --resume --out {self.out}"
            ) from error
        self._tip = chain.sha256(line)
        self._waiting.pop(key, None)
        self._known.add(key)
        self._require_there()

    def replace(self, content: bytes) -> None:
        """Other records in the place of all; the store is of no use afterwards."""
        _write_whole(self._folder, RECORDS_NAME, content)

    def start_sha256(self) -> str:
        """Of what the first record follows."""
        return chain.sha256(_asked(self._folder))

    def _require_there(self) -> None:
        """Raises StoreError where the file that is written to has lost its name: nobody would find what is in it.

        A file that was removed is put back as long as its folder is there.
        """
        path = self.out / RECORDS_NAME
        try:
            if os.path.samestat(os.lstat(path), os.fstat(self._descriptor)):
                return
        except FileNotFoundError:
            pass
        where = "the folder was removed or renamed"
        if self.out.exists() and RECORDS_NAME not in self._folder.names():
            _write_whole(self._folder, RECORDS_NAME, _content(self._descriptor))
            where = "it was removed, and was put back with all that is measured"
        elif self.out.exists():
            where = "another file has taken its place"
        raise StoreError(f"{path}: {where} while the run went on; go on with --resume --out FOLDER once it is in place")

    def close(self) -> None:
        """Lets another process write. Closing twice is harmless."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        self._folder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def load(out: Path, upgrades: Mapping[int, Upgrade] = UPGRADES) -> Run:
    """A run as it lies in a folder; nothing is written. A line that can't be read is named in `damaged`.

    Raises StoreError: no run there, a run.json that is not ours, or more damage than a run can come by.
    """
    with _opened(out) as folder:
        manifest = read(MANIFEST, _asked(folder), str(folder.path / MANIFEST_NAME), upgrades)
        records: list[RunRecord] = []
        damaged: list[Damage] = []
        for found in records_of(folder, manifest, upgrades):
            if isinstance(found, Damage):
                damaged.append(found)
                require_a_run(folder, damaged)
            else:
                records.append(found)
    return Run(manifest=manifest, records=latest(records), damaged=tuple(damaged))


def amend(out: Path, amended: Sequence[RunRecord]) -> None:
    """Puts records in the place of those of the same tasks, all of them or none.

    Raises StoreError as `RunStore.resume` does. Raises ValueError where a task has no record yet.
    """
    with RunStore.resume(out) as run_store:
        records = load(out).records
        by_key = {record.task.key: record for record in amended}
        if unknown := by_key.keys() - {record.task.key for record in records}:
            raise ValueError(f"{out} has no records of {', '.join(sorted(unknown))}")
        whole = [by_key.get(record.task.key, record) for record in records]
        run_store.replace(b"".join(chain.links(whole, run_store.start_sha256())))
        complete = not run_store.missing()
    if seal.read(out) is not None:
        seal.write(out, complete=complete, amended=True)


def _opened(out: Path) -> Folder:
    try:
        return Folder(out)
    except FileNotFoundError as error:
        raise StoreError(f"{out}: holds no run (no {MANIFEST_NAME}); name the folder of a run") from error
    except OSError as error:
        raise StoreError(f"{out}: {words_of(error)}; name the folder of a run") from error


def _require_empty(folder: Folder) -> None:
    names, out = folder.names(), folder.path
    if MANIFEST_NAME in names:
        raise StoreError(f"{out}: holds a run already; go on with it by --resume, or choose another folder with --out")
    ours = {_PART_NAME, RECORDS_NAME, LOG_NAME}  # of a start that was killed before run.json was there
    if names - ours or (RECORDS_NAME in names and folder.size_bytes(RECORDS_NAME) > 0):
        other = min(names - ours, default=RECORDS_NAME)
        raise StoreError(f"{out}: holds other files ({other}); choose an empty or a new folder with --out")


def _open_locked(folder: Folder) -> int:
    """The records file, locked. The lock is on the file, not on its name: `amend` may have put another one there."""
    while True:
        descriptor = folder.open(RECORDS_NAME, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise StoreError(
                f"{folder.path}: another suite is writing to this run; wait for it, or end it first"
            ) from error
        if folder.holds(RECORDS_NAME, descriptor):
            return descriptor
        os.close(descriptor)


def _write_whole(folder: Folder, name: str, content: bytes) -> None:
    try:
        folder.write_whole(name, content)
    except OSError as error:
        raise StoreError(
            f"{folder.path / name}: {words_of(error)}; make room, or choose another folder with --out"
        ) from error


def _content(descriptor: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)


def _asked(folder: Folder) -> bytes:
    """What run.json holds."""
    path = folder.path / MANIFEST_NAME
    try:
        with folder.reader(MANIFEST_NAME) as file:
            return file.read(MAX_JSON_BYTES + 1)
    except FileNotFoundError as error:
        raise StoreError(f"{folder.path}: holds no run (no {MANIFEST_NAME}); name the folder of a run") from error
    except OSError as error:
        raise StoreError(f"{path}: {words_of(error)}; name the folder of a run that can be read") from error


def _set_torn_line_aside(folder: Folder, descriptor: int) -> None:
    """A line without an end was cut off while it was written: moved to a file of its own, for whoever wonders."""
    path = folder.path / RECORDS_NAME
    require_at_most(path, os.fstat(descriptor).st_size, MAX_RECORDS_BYTES, "bytes")
    content = _content(descriptor)
    whole = content.rfind(b"\n") + 1
    if whole == len(content):
        return
    try:
        folder.write_whole(TORN_NAME, content[whole:])
        os.ftruncate(descriptor, whole)
        os.fsync(descriptor)
    except OSError as error:
        raise StoreError(f"{folder.path / TORN_NAME}: {words_of(error)}; make room, then --resume again") from error
