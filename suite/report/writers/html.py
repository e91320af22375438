"""One self-contained HTML file of a document: no network, no font of its own, pictures as SVG within it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources

import jinja2
from markupsafe import Markup

from suite.codes import explanation
from suite.report.content import Block, Content, Details, Document, Heading, Table
from suite.report.escape import BLANK, MAX_CELL, words
from suite.report.spans import Gap, Span, Spans, plain, target_of
from suite.report.table import Cell, Marked, Value, absent_plain, anchor

FOLDER = "web"
MAX_ROWS = 500  # a page that shows more is read by nobody, and slow
MANY_ROWS = 8  # from here on a table can be searched
SIGNS = {"yes": "✓", "no": "✗", "open": "?"}


def write(document: Document, drawings: Mapping[str, str]) -> str:
    """The page. drawings: pictures as inline SVG by name, as Plots keeps them; one that is missing is told in words."""
    style, script = _part("page.css"), _part("page.js")
    page = _environment().get_template("page.html")
    return page.render(
        document=document,
        chapters=list(_numbered(document)),
        anchors=_Anchors(document),
        drawings={name: Markup(drawing) for name, drawing in drawings.items()},
        style=Markup(style),
        script=Markup(script),
        script_hash=_hash(script),
        most_rows=MAX_ROWS,
    )


class _Anchors:
    """A name for each heading of the page, and which absences have an entry to lead to."""

    def __init__(self, document: Document) -> None:
        self._labels: dict[str, int] = {}
        self._taken: set[str] = {chapter.name for chapter in document.chapters} | {"main", "contents"}
        self.entries = {
            anchor(plain(block.text))
            for chapter in document.chapters
            for block in _each(chapter.content)
            if isinstance(block, Heading)
        }

    def label(self, caption: str) -> str:
        """What a table's region is called: no two alike."""
        self._labels[caption] = self._labels.get(caption, 0) + 1
        return f"Table: {caption}" if self._labels[caption] == 1 else f"Table {self._labels[caption]}: {caption}"

    def take(self, text: Span | Spans) -> str:
        """The first heading of these words has their anchor, later ones a number behind it."""
        wanted = anchor(plain(text)) or "part"
        number, free = 1, wanted
        while free in self._taken:
            number += 1
            free = f"{wanted}-{number}"
        self._taken.add(free)
        return free


def _each(content: Content) -> Iterator[Block]:
    for block in content:
        yield block
        if isinstance(block, Details):
            yield from _each(block.content)


def _numbered(document: Document) -> Iterator[tuple[str, object]]:
    number = 0
    for chapter in document.chapters:
        number += chapter.numbered
        yield (f"{number}. {chapter.title}" if chapter.numbered else chapter.title), chapter


def _line(text: Span | Spans) -> Spans:
    return text if isinstance(text, tuple) else (text,)


def _kind(value: object) -> str:
    """A block's or a span's name, by which the template tells them apart."""
    return type(value).__name__


def _cell(cell: Cell) -> Span | Spans:
    """What stands in a cell. A blank one is our own mistake."""
    if isinstance(cell, Marked):
        return cell.line
    if isinstance(cell, Value):
        return cell.text
    if isinstance(cell, str):
        if not cell.strip():
            raise ValueError("a cell must not be blank: give a value, a NotMeasured or None")
        return words(cell, MAX_CELL)
    return Gap(cell)


def _number(cell: Cell) -> str | None:
    """What the column is sorted by, where the cell knows it."""
    return repr(cell.number) if isinstance(cell, (Value, Marked)) and cell.number is not None else None


def _hint(gap: Gap) -> str:
    return "" if gap.value is None else f"{words(gap.value.reason)}. Remedy: {words(gap.value.remedy)}"


def _fragment(gap: Gap) -> str:
    return "" if gap.value is None else anchor(words(gap.value.code))


def _meaning(code: str) -> str:
    """The anchor of a code's entry; empty for what is none of the suite's codes."""
    return anchor(code) if explanation(code) is not None and code.isupper() else ""


def _is_long(table: Table) -> bool:
    return len(table.rows) >= MANY_ROWS


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("suite.report.writers", FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        cell=_cell, fragment=_fragment, hint=_hint, kind=_kind, line=_line, number=_number, plain=plain, words=_told
    )
    environment.filters.update(gap=lambda gap: absent_plain(gap.value), target=target_of, sign=SIGNS.__getitem__)
    environment.filters["meaning"] = _meaning
    environment.tests["long"] = _is_long
    return environment


def _told(text: str) -> str:
    """On one line, with the blanks at its ends that stand between spans."""
    shown = words(text)
    if shown == BLANK:
        return " "
    return f"{' ' if text[:1].isspace() else ''}{shown}{' ' if text[-1:].isspace() else ''}"


def _part(name: str) -> str:
    return (resources.files("suite.report.writers") / FOLDER / name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """By which the page's policy knows its one script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
