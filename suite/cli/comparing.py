"""`suite compare`: runs side by side on stdout, or as files in a folder; its exit status is that of a gate."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from suite import registry
from suite.cli import output
from suite.cli.answer import Answer
from suite.compare import gate, kinds, report, rows, sheet, table
from suite.compare.gate import Condition, Gate
from suite.compare.table import Comparison
from suite.errors import StoreError, UsageError
from suite.outside import one_line
from suite.records.folder import Folder, words_of
from suite.report.content import Document, Heading
from suite.report.writers import html, markdown
from suite.stats.verdicts import MARGIN

MAX_TITLE = 80
STEM = "compare"
MAX_TOLD = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """As a person typed it."""

    names: str | None = None
    margin: str | None = None
    conditions: tuple[str, ...] = ()


def compared(folders: Sequence[Path], asked: Asked, out: Path | None) -> Answer:
    """The comparison; its files too where a folder is named. Raises UsageError and StoreError."""
    kinds.require_runs(folders)
    margin = MARGIN if asked.margin is None else gate.margin(asked.margin)
    conditions = [gate.condition(text) for text in asked.conditions]
    names = None if asked.names is None else [_name(name) for name in asked.names.split(",")]
    found = table.compare(kinds.kinds([sheet.load(folder) for folder in folders], names), margin)
    gates = gate.judge(found, conditions)
    document = report.document(found, _titles(found), report.answer_of(gates))
    told = {"results": rows.rows(found)}
    if out is not None:
        _write(out, document, output.as_csv(told))
    _tell(gates)
    chapters = [part for chapter in document.chapters for part in (Heading(chapter.title, 2), *chapter.content)]
    return Answer(
        shown=(*document.lead, *chapters),
        rows=told,
        data=rows.data(found, gates),
        status=gate.status(gates),
        piped=None if out is None else str(out / f"{STEM}.md"),
    )


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


def _write(out: Path, document: Document, csv: str) -> None:
    """Raises StoreError where the folder can't be written, or holds a run."""
    files = {"md": markdown.write(document), "html": html.write(document, {}), "csv": csv}
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
