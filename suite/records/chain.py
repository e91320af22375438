"""Each line of records.jsonl names the SHA-256 of the line before it, the first one that of run.json.

So a line can't be changed, taken out or moved without the next one saying so; the last one stands in manifest.json.
Who rewrites every line from there on leaves no trace: a chain without a signature shows accidents and single edits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

from suite.records import RunRecord
from suite.records.schema import to_line


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def linked(record: RunRecord, previous_sha256: str) -> bytes:
    """The record's line, which names what it follows."""
    return to_line(replace(record, previous_sha256=previous_sha256))


def links(records: Iterable[RunRecord], start_sha256: str) -> Iterator[bytes]:
    """The lines of a whole file. start_sha256: of run.json."""
    tip = start_sha256
    for record in records:
        line = linked(record, tip)
        tip = sha256(line)
        yield line


def tip(lines: bytes, start_sha256: str) -> str:
    """What the next line has to name. lines: whole ones, or none."""
    if not lines:
        return start_sha256
    return sha256(lines[lines.rfind(b"\n", 0, -1) + 1 :])
