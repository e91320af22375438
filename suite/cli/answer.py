"""What a command answers: tables for people, rows for programs. `declared.command` writes it in the form asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from suite.report.content import Content

Value: TypeAlias = str | int | float | bool | None
Row: TypeAlias = Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """shown: tables and paragraphs, for people. rows: for programs, by the name of their table; the name of a column
    ends in its unit. data: what JSON gives, everything. status: the command's exit status.

    piped: what a pipe gets of `shown` unless a form is asked for: `suite all` gives a script the path alone.
    """

    shown: Content
    rows: Mapping[str, Sequence[Row]]
    data: Any
    status: int = 0
    piped: str | None = None
