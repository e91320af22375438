"""manifest.json: the SHA-256 of a run's files, of each line of its records, and of what a line is made of.

Written when measuring ends, and added to when it goes on. `suite report` writes anew what is said of the report alone:
what is said of the measurement stays as it was, whatever has become of the files since.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from suite import __version__
from suite.errors import StoreError
from suite.limits import MAX_JSON_BYTES, MAX_JSON_DEPTH, MAX_RECORDS_BYTES
from suite.outside import one_line
from suite.records import record, require
from suite.records.folder import Folder, words_of
from suite.records.lines import MANIFEST_NAME, RECORDS_NAME
from suite.records.schema import parse

SEAL_NAME = "manifest.json"
VERSION = 1
LOG_NAME = "log.txt"
MEASURED_NAMES = (MANIFEST_NAME, RECORDS_NAME, LOG_NAME)
REPORT_FOLDERS = ("plots", "tables")
REPORT_STEM = "report."
PART_DIGITS = 8  # of the hash of a part: it tells where a line was changed, the line's own hash tells that it was
MAX_PART_COUNT = 200  # blocks of a line that have a hash of their own


@record
class FileHash:
    name: str
    byte_count: int
    sha256: str


@record
class LineHash:
    """parts: "task:0123abcd latency.blocks.0:..." of each field that is there, and of each block of calls."""

    sha256: str
    parts: str


@record
class Seal:
    """complete: every task had its record. amended: a meter's log was brought in, and all lines were written anew."""

    version: int
    suite_version: str
    complete: bool
    amended: bool
    files: tuple[FileHash, ...]
    lines: tuple[LineHash, ...]
    report: tuple[FileHash, ...] = ()

    def __post_init__(self) -> None:
        require(self.version == VERSION, f"version {self.version} is not {VERSION}; update suite")


_SEAL = TypeAdapter(Seal)
_REMEDY = "take it away: what the run's files were is then not known"


def write(out: Path, *, complete: bool, amended: bool = False) -> None:
    """After measuring. What an earlier manifest says of lines stays, unless they were amended. Raises StoreError."""
    with _opened(out) as folder:
        before = None if amended else _read(folder)
        known = before.lines if before is not None else ()
        there = {line.sha256 for line in known}
        new = tuple(found for found in line_hashes(folder) if found.sha256 not in there)
        files = tuple(file_hash(folder, name) for name in MEASURED_NAMES if name in folder.names())
        _write(
            folder,
            Seal(
                version=VERSION,
                suite_version=__version__,
                complete=complete,
                amended=amended or (before is not None and before.amended),
                files=files,
                lines=(*known, *new),
                report=tuple(report_files(folder)),
            ),
        )


def write_report(out: Path) -> None:
    """After a report was written. A run without a manifest gets none: nobody knows what it was when it ended."""
    with _opened(out) as folder:
        before = _read(folder)
        if before is not None:
            values = {name: getattr(before, name) for name in Seal.__dataclass_fields__}
            _write(folder, Seal(**{**values, "report": tuple(report_files(folder))}))


def read(out: Path) -> Seal | None:
    """None where there is none. Raises StoreError where it can't be read."""
    with _opened(out) as folder:
        return _read(folder)


def file_hash(folder: Folder, name: str, shown: str | None = None) -> FileHash:
    """Raises OSError, StoreError."""
    total, count = hashlib.sha256(), 0
    with folder.reader(name) as file:
        while piece := file.read(2**20):
            total.update(piece)
            count += len(piece)
            require_size(folder.path / name, count)
    return FileHash(name=shown or name, byte_count=count, sha256=total.hexdigest())


def require_size(path: Path, byte_count: int) -> None:
    if byte_count > MAX_RECORDS_BYTES:
        raise StoreError(f"{path}: holds more than {MAX_RECORDS_BYTES} bytes, which is no run of this suite")


def report_files(folder: Folder) -> Iterator[FileHash]:
    """Of everything that a report consists of, in the order of the names."""
    names = folder.names()
    for name in sorted(name for name in names if name.startswith(REPORT_STEM) and not name.endswith(".part")):
        yield file_hash(folder, name)
    for inner_name in sorted(names & set(REPORT_FOLDERS)):
        with folder.inner(inner_name) as inner:
            for name in sorted(inner.names()):
                yield file_hash(inner, name, f"{inner_name}/{name}")


def line_hashes(folder: Folder) -> Iterator[LineHash]:
    for line in raw_lines(folder):
        yield LineHash(sha256=hashlib.sha256(line).hexdigest(), parts=parts_text(line))


def raw_lines(folder: Folder) -> Iterator[bytes]:
    """The lines of records.jsonl as they lie there, the last one perhaps without its end."""
    with folder.reader(RECORDS_NAME) as file:
        while line := file.readline(MAX_JSON_BYTES + 1):
            yield line


def parts_text(line: bytes) -> str:
    return " ".join(f"{name}:{value}" for name, value in parts(line).items())


def parts(line: bytes) -> Mapping[str, str]:
    """A short hash of each field of a line that is not null, and of each block; none where it is no JSON."""
    try:
        data = parse(line, "a line")
    except StoreError:
        return {}
    found: dict[str, str] = {}
    for name, value in data.items() if isinstance(data, dict) else ():
        rest = value
        blocks = value.get("blocks") if name == "latency" and isinstance(value, dict) else None
        if isinstance(blocks, list) and len(blocks) <= MAX_PART_COUNT:
            found |= {f"latency.blocks.{place}": _short(block) for place, block in enumerate(blocks)}
            rest = {inner: part for inner, part in value.items() if inner != "blocks"}
        if rest is not None:
            found[one_line(str(name), 60).replace(" ", "_").replace(":", "_")] = _short(rest)
    return found


def _short(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:PART_DIGITS]


def _opened(out: Path) -> Folder:
    try:
        return Folder(out)
    except OSError as error:
        raise StoreError(f"{out}: {words_of(error)}; name the folder of a run") from error


def _read(folder: Folder) -> Seal | None:
    path = folder.path / SEAL_NAME
    try:
        with folder.reader(SEAL_NAME) as file:
            content = file.read(MAX_JSON_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path}: {words_of(error)}; make it readable, or take it away") from error
    try:
        require(len(content) <= MAX_JSON_BYTES, "it is too large")
        require(content.count(b"[") < MAX_JSON_DEPTH, "it is no manifest")
        return _SEAL.validate_json(content, strict=True)
    except ValidationError as error:
        text = one_line(error.errors(include_url=False, include_input=False)[0]["msg"], 200)
        raise StoreError(f"{path}: this is no manifest of a run ({text}); {_REMEDY}") from error
    except ValueError as error:
        raise StoreError(f"{path}: {error}; {_REMEDY}") from error


def _write(folder: Folder, seal: Seal) -> None:
    path = folder.path / SEAL_NAME
    try:
        folder.write_whole(SEAL_NAME, _SEAL.dump_json(seal, indent=1) + b"\n")
    except OSError as error:
        raise StoreError(f"{path}: {words_of(error)}; make room: the measurements are unharmed") from error
