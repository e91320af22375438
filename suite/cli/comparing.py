"""`suite compare`: runs side by side on stdout, or as files in a folder; its exit status is that of a gate."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from suite import registry
from suite.compare import gate, kinds, report, rows, sheet, table
from suite.compare.gate import Condition, Gate
from suite.compare.table import Comparison
from suite.errors import StoreError, UsageError
from suite.outside import one_line
from suite.records.folder import Folder, words_of
from suite.report.content import Document
from suite.report.writers import html, markdown
from suite.stats.verdicts import MARGIN

MAX_TITLE = 80
STEM = "compare"
MAX_TOLD = 5


def show(  # noqa: PLR0913  # by name
    folders: Sequence[Path],
    *,
    names: str | None,
    margin: str | None,
    conditions: Sequence[str],
    out: Path | None,
    as_csv: bool,
    as_json: bool,
) -> int:
    """Prints the comparison, or the paths of its files. Raises UsageError and StoreError."""
    if as_csv and as_json:
        raise UsageError("--csv and --json are two forms of one answer: give one of the two")
    kinds.require_runs(folders)
    share = MARGIN if margin is None else gate.margin(margin)
    asked = [gate.condition(text) for text in conditions]
    named = None if names is None else [_name(name) for name in names.split(",")]
    found = table.compare(kinds.kinds([sheet.load(folder) for folder in folders], named), share)
    gates = gate.judge(found, asked)
    document = report.document(found, _titles(found), report.answer_of(gates))
    if out is not None:
        _write(out, document, found)
    _tell(gates)
    if as_json:
        print(json.dumps(rows.data(found, gates), indent=1, allow_nan=False))
    elif as_csv:
        print(rows.as_csv(rows.rows(found)), end="")
    elif out is not None:
        print(out / f"{STEM}.md")
    else:
        print(markdown.write(document), end="")
    return gate.status(gates)


def _name(text: str) -> str:
    name = one_line(text, kinds.MAX_NAME)
    if not name:
        raise UsageError("--names: it holds an empty name; write them as before,after")
    return name


def _titles(found: Comparison) -> dict[str, str]:
    """Of the models that are installed here."""
    known = registry.discover(registry.MODELS)
    return {
        model: one_line(known[model].title, MAX_TITLE)
        for model in found.models
        if model in known and known[model].title.strip()
    }


def _write(out: Path, document: Document, found: Comparison) -> None:
    """Raises StoreError where the folder can't be written, or holds a run."""
    files = {"md": markdown.write(document), "html": html.write(document, {}), "csv": rows.as_csv(rows.rows(found))}
    try:
        out.mkdir(parents=True, exist_ok=True)
        with Folder(out) as folder:
            if "run.json" in folder.names():
                raise StoreError(f"{out}: holds a run, and a comparison is none of its files; choose another --out")
            for ending, text in files.items():
                folder.write_whole(f"{STEM}.{ending}", text.encode(), durable=False)
    except OSError as error:
        raise StoreError(f"{out}: {words_of(error)}; choose a folder that can be written with --out") from error


def _tell(gates: Sequence[Gate]) -> None:
    """On stderr, so that stdout stays the answer alone: which condition holds or is open, and where."""
    for found in gates:
        for line in _lines(found):
            print(f"suite: {line}", file=sys.stderr)


def _lines(found: Gate) -> Iterator[str]:
    condition: Condition = found.condition
    if found.answer == "RULED OUT":
        return
    told = [each for each in found.verdicts if each.answer == found.answer]
    what = "holds" if found.answer == "HOLDS" else "is open"
    if not told:
        yield f"--fail-if {one_line(condition.text)}: is open, as no run has that quantity"
    for each in told[:MAX_TOLD]:
        yield f"--fail-if {one_line(condition.text)}: {what} for {each.about} ({report.measured(each)})"
    if len(told) > MAX_TOLD:
        yield f"--fail-if {one_line(condition.text)}: {what} in {len(told) - MAX_TOLD} more places"
