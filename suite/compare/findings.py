"""What a check found: graded, with its place in the files. `wrong` can't be; `unknown` can't be told."""

from __future__ import annotations

from typing import Literal

from suite.records import RunRecord, record

Grade = Literal["wrong", "unknown"]


@record
class Finding:
    """where: file, line and field. line_number: of records.jsonl, where it is of one line."""

    grade: Grade
    code: str
    where: str
    text: str
    line_number: int | None = None


@record
class Line:
    """A line of records.jsonl that could be read, by its number from 1."""

    number: int
    record: RunRecord


def at(line: Line, field: str, code: str, text: str, grade: Grade = "wrong") -> Finding:
    """A finding in one field of one line."""
    where = f"records.jsonl:{line.number} {field}"
    return Finding(grade=grade, code=code, where=where, text=text, line_number=line.number)
