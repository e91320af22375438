"""report.md: a title, the summary of all models, then every section plug-in that has something to say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeAlias

from suite import registry
from suite.errors import StoreError
from suite.records import Run
from suite.records.folder import Folder
from suite.report import explained, lab, overview
from suite.report.content import Chapter, Document
from suite.report.declared import Declaration
from suite.report.plots import Plots, style
from suite.report.section import Section
from suite.report.sheets import sheets
from suite.report.view import RunView
from suite.report.writers import csv, html, markdown

Layout: TypeAlias = Literal["report", "lab"]


def render(
    run: Run, out: Path, declarations: Mapping[str, Declaration] | None = None, layout: Layout = "report"
) -> Path:
    """Writes report.md and report.html (lab.md and lab.html of the lab's layout), plots/ and tables/*.csv.

    Returns the path of the Markdown. The same run gives the same bytes. `declarations` are the models' titles and
    reasons, by name; by default those of the plug-ins installed here. Raises StoreError where `out` cannot be written.
    """
    view, plots = RunView(run, declarations), Plots()
    with style():
        document = compose(view, plots)
    if layout == "lab":
        document = lab.document(view, document.title, {each.name: each.content for each in document.chapters})
    text, web = markdown.write(document), html.write(_explained(view, document), plots.drawings)
    try:
        with Folder(out) as folder:
            with folder.inner("plots") as pictures:
                plots.write(pictures)
            with folder.inner("tables") as tables:
                for name, rows in sheets(view):
                    tables.write_whole(name, csv.write(rows).encode(), durable=False)
            folder.write_whole(f"{layout}.html", web.encode(), durable=False)
            folder.write_whole(f"{layout}.md", text.encode(), durable=False)
    except OSError as exc:
        raise StoreError(
            f"{out}: the report can't be written ({exc.strerror}); free the disk or name another folder, "
            "then run `suite report` again: the measurements are unharmed"
        ) from exc
    return out / f"{layout}.md"


def _explained(view: RunView, document: Document) -> Document:
    """With what its codes mean, for a page on which one can click on them."""
    last = explained.chapter(view)
    return replace(document, chapters=(*document.chapters, last)) if last.content else document


def compose(view: RunView, plots: Plots) -> Document:
    """The whole page, for any writer; its pictures are drawn into `plots`."""
    chapters = [
        Chapter(section.name, section.title, body) for section in sections() if (body := section.render(view, plots))
    ]
    return Document(title=overview.title(view), lead=overview.render(view), chapters=tuple(chapters))


def sections() -> list[Section]:
    """Section plug-ins in the order of the page."""
    found: list[Section] = list(registry.discover(registry.SECTIONS).values())
    return sorted(found, key=lambda section: (section.order, section.name))
