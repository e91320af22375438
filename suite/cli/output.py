"""Writes an answer to stdout in the form that was asked for: the one place that does. docs/output.md says the forms."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO

from suite.cli.streams import silence
from suite.errors import UsageError

if TYPE_CHECKING:
    from suite.cli.answer import Answer, Row, Value
    from suite.report.content import Content, Table

FORMS = ("md", "html", "csv", "json", "jsonl")
GONE = 130
TABLE = "table"  # the column that names the table, where an answer has several
_FORMULA = ("=", "+", "-", "@")  # a spreadsheet would compute what begins so


def form_of(output: str | None, as_json: bool, as_csv: bool = False) -> str | None:
    """The form that -o, --json and --csv ask for together; None: plain text. Raises UsageError."""
    if output is not None and output not in FORMS:
        raise UsageError(f"--output: unknown form {output[:60]!r}: There is {', '.join(FORMS)}; --out names a folder")
    for form, is_given in (("json", as_json), ("csv", as_csv)):
        if is_given and output not in (None, form):
            raise UsageError(f"--{form} is the same as -o {form}, but {output} is asked for too: give one of the two")
        output = form if is_given else output
    return output


def write(answer: Answer, form: str | None, stream: TextIO, *, no_color: bool = False) -> int:
    """Prints the answer; its exit status, or that of a reader who has gone, which Click would take for a failure."""
    try:
        stream.write(_told(answer, form, stream, no_color).rstrip("\n") + "\n")
        stream.flush()
    except BrokenPipeError:
        silence(stream)
        return GONE
    return answer.status


def _told(answer: Answer, form: str | None, stream: TextIO, no_color: bool) -> str:
    match form:
        case "json":
            return json.dumps(answer.data, indent=1, allow_nan=False)
        case "csv":
            return as_csv(answer.rows)
        case "jsonl":
            return "".join(json.dumps(row, allow_nan=False) + "\n" for row in flat(answer.rows))
        case "md":
            return as_markdown(answer.shown)
        case "html":
            return as_html(answer.shown)
        case _:
            return _read_at_once(answer, stream, no_color)


def _read_at_once(answer: Answer, stream: TextIO, no_color: bool) -> str:
    """A terminal gets tables that fit it, a pipe lines as long as they are."""
    if stream.isatty():
        return _text(answer.shown, shutil.get_terminal_size().columns, colors=colors(stream, no_color))
    return _text(answer.shown) if answer.piped is None else answer.piped


def _text(shown: Content, width: int | None = None, *, colors: bool = False) -> str:
    from suite.report.writers import text

    return text.blocks(shown, width, colors=colors)


def colors(stream: TextIO, no_color: bool) -> bool:
    """Whether to colour: on a terminal that can, unless told not to (--no-color; NO_COLOR, see no-color.org)."""
    return stream.isatty() and not no_color and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def flat(tables: Mapping[str, Sequence[Row]]) -> list[Row]:
    """The rows of all tables; where there are several, each says in its first column of which it is."""
    if len(tables) == 1:
        return [row for rows in tables.values() for row in rows]
    return [{TABLE: name, **row} for name, rows in tables.items() for row in rows]


def as_csv(tables: Mapping[str, Sequence[Row]]) -> str:
    """A head, then one line a row. Columns are those of all rows; a cell that a row doesn't have is empty."""
    rows = flat(tables)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_csv_cell(row.get(name)) for name in columns] for row in rows)
    return text.getvalue()


def _csv_cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        shown = " ".join(value.split())
        return f"'{shown}" if shown.startswith(_FORMULA) else shown
    return repr(value)


def as_markdown(shown: Content) -> str:
    """As GitHub shows it. An absence is its code alone: there is no page to link into."""
    from suite.report.content import Table
    from suite.report.table import told
    from suite.report.writers import markdown

    def unlinked(table: Table) -> Table:
        return replace(table, rows=tuple(tuple(map(told, row)) for row in table.rows))

    return markdown.blocks(tuple(unlinked(block) if isinstance(block, Table) else block for block in _titled(shown)))


def as_html(shown: Content) -> str:
    """One page by itself, as a report's is: nothing is fetched."""
    from suite.report.content import Document
    from suite.report.writers import html

    return html.write(Document(title="suite", lead=_titled(shown)), {})


def _titled(shown: Content) -> Content:
    """A column without a title gets a sign for one, which plain text can do without."""
    from suite.report.content import Table

    def titled(table: Table) -> Table:
        return replace(table, columns=tuple(replace(column, title=column.title or "-") for column in table.columns))

    return tuple(titled(block) if isinstance(block, Table) else block for block in shown)
