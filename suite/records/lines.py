"""records.jsonl line by line: each is read for itself, so that a bad one never costs the others."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from suite.errors import StoreError
from suite.limits import MAX_DAMAGED_LINE_COUNT, MAX_JSON_BYTES, MAX_RECORDS_BYTES, MAX_RECORDS_VALUE_COUNT
from suite.records import Damage, HostFacts, Manifest, RunRecord, Task
from suite.records.folder import Folder, words_of
from suite.records.schema import RECORD, UPGRADES, Upgrade, read

MANIFEST_NAME = "run.json"
RECORDS_NAME = "records.jsonl"


def whole_records(folder: Folder, manifest: Manifest) -> tuple[RunRecord, ...]:
    """Raises StoreError for the first line that can't be read."""
    records = []
    for found in records_of(folder, manifest, UPGRADES):
        if isinstance(found, Damage):
            raise StoreError(f"{folder.path / RECORDS_NAME}:{found.line_number}: {found.text}")
        records.append(found)
    return latest(records)


def latest(records: Iterable[RunRecord]) -> tuple[RunRecord, ...]:
    """One record a task, the last one, in the order in which the tasks first had one."""
    return tuple({record.task: record for record in records}.values())


def records_of(folder: Folder, manifest: Manifest, upgrades: Mapping[int, Upgrade]) -> Iterator[RunRecord | Damage]:
    """The file's lines, each read for itself. A task has a second one only where that says so (`supersedes`)."""
    path = folder.path / RECORDS_NAME
    listed, added = frozenset(manifest.tasks), set[Task]()
    waiting = set(listed)
    hosts: dict[HostFacts, HostFacts] = {}  # records of one machine share what is said of it
    for number, line in enumerate(_lines(folder), start=1):
        where = f"{path}:{number}"
        try:
            record = _whole(line, where, folder.path, upgrades)
            if record.added and record.task not in listed and record.task not in added:
                added.add(record.task)
            elif record.task not in waiting and not (record.supersedes and record.task in listed | added):
                raise StoreError(
                    f"{where}: {record.task.test} of {record.task.model} is stored twice, or {MANIFEST_NAME} does not "
                    "ask for it; take that line out"
                )
        except StoreError as error:
            yield Damage(line_number=number, text=str(error).removeprefix(f"{where}: "))
            continue
        waiting.discard(record.task)
        object.__setattr__(record, "host", hosts.setdefault(record.host, record.host))  # equal, so nothing changes
        yield record


def _whole(line: bytes, where: str, out: Path, upgrades: Mapping[int, Upgrade]) -> RunRecord:
    if not line.endswith(b"\n") and len(line) <= MAX_JSON_BYTES:
        raise StoreError(f"{where}: the last line was cut off; `suite all --resume --out {out}` measures it again")
    return read(RECORD, line.removesuffix(b"\n"), where, upgrades)


def _lines(folder: Folder) -> Iterator[bytes]:
    """Raises StoreError where the file can't be read, or holds more than a run can need."""
    path = folder.path / RECORDS_NAME
    value_count = 0
    try:
        with folder.reader(RECORDS_NAME) as file:
            size = os.fstat(file.fileno()).st_size
            require_at_most(path, size, MAX_RECORDS_BYTES, "bytes")
            while line := file.readline(MAX_JSON_BYTES + 1):
                value_count += line.count(b",")
                require_at_most(path, value_count, MAX_RECORDS_VALUE_COUNT, "values")
                yield line
                while len(line) > MAX_JSON_BYTES and not line.endswith(b"\n"):  # the rest of what was refused
                    line = file.readline(MAX_JSON_BYTES + 1)
    except OSError as error:
        raise StoreError(f"{path}: {words_of(error)}; bring the file back beside {MANIFEST_NAME}") from error


def require_at_most(path: Path, count: int, limit: int, what: str) -> None:
    if count > limit:
        raise StoreError(f"{path}: holds more than {limit} {what}, which is no run of this suite; part the run")


def require_a_run(folder: Folder, damaged: Sequence[Damage]) -> None:
    if len(damaged) > MAX_DAMAGED_LINE_COUNT:
        raise StoreError(
            f"{folder.path / RECORDS_NAME}: more than {MAX_DAMAGED_LINE_COUNT} lines can't be read, as line "
            f"{damaged[0].line_number}: {damaged[0].text}"
        )
