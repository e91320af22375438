"""CSV as spreadsheets and tools read it: a header, a comma, a line a row; no text becomes a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from suite.outside import one_line
from suite.report.escape import MAX_WORDS

Field = str | int | float | bool | None
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would compute; a quote in front keeps it text


def write(rows: Sequence[Mapping[str, Field]]) -> str:
    """Rows by column; columns are those of all rows, in the order in which they first come. Numbers stay whole."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_shown(name) for name in names])
    writer.writerows([_shown(row.get(name)) for name in names] for row in rows)
    return text.getvalue()


def _shown(field: Field) -> str:
    if field is None:
        return ""
    if isinstance(field, bool):
        return "true" if field else "false"
    if isinstance(field, float):
        return repr(field)
    if isinstance(field, int):
        return str(field)
    line = one_line(field, MAX_WORDS)
    return f"'{line}" if line.startswith(FORMULA) else line
