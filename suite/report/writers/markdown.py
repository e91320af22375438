"""Markdown as GitHub shows it: report.md, and any document in a pipe."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from suite.report.content import (
    Block,
    Bullets,
    Content,
    Details,
    Document,
    Heading,
    Note,
    Numbered,
    Paragraph,
    Picture,
    Span,
    Spans,
    Table,
)
from suite.report.escape import code, inline, markdown
from suite.report.spans import Code, Gap, Link, Strong, Verdict, target_of
from suite.report.table import absent


def write(document: Document) -> str:
    """The whole page; chapters are numbered as they come."""
    parts = [f"# {inline(document.title)}", blocks(document.lead)]
    number = 0
    for chapter in document.chapters:
        number += chapter.numbered
        title = f"{number}. {chapter.title}" if chapter.numbered else chapter.title
        parts += [f"## {inline(title)}", blocks(chapter.content)]
    return _apart(parts) + "\n"


def blocks(content: Content) -> str:
    return _apart(_block(block) for block in content)


def line(text: Span | Spans, *, opens: bool = False) -> str:
    """One line. opens: it stands where a line begins, and no word of it may open a list or a heading."""
    parts = text if isinstance(text, tuple) else (text,)
    return "".join(_span(span, opens and index == 0) for index, span in enumerate(parts))


def _apart(parts: Iterable[str]) -> str:
    """Parts with a blank line between them, as Markdown wants it around tables; empty parts are left out."""
    return "\n\n".join(part for part in parts if part)


def _block(block: Block) -> str:
    match block:
        case Table():
            shown = block.markdown()
        case Details():
            shown = _details(block)
        case Bullets(items):
            shown = "\n".join(f"- {line(item, opens=True)}" for item in items)
        case Numbered(questions):
            shown = "\n".join(_numbered(number, *question) for number, question in enumerate(questions, 1))
        case Picture():
            picture = f"![{inline(block.alternative)}](plots/{block.name}.png)"
            shown = _apart([picture, line(block.caption, opens=True)])
        case Heading(text, level):
            shown = f"{'#' * level} {line(text)}"
        case Note(_, text):
            shown = f"> {line(text, opens=True)}"
        case Paragraph(text):
            shown = line(text, opens=True)
    return shown


def _numbered(number: int, asked: Span | Spans, answers: Bullets) -> str:
    return "\n".join(
        [f"{number}. {line(asked, opens=True)}", *(f"    - {line(item, opens=True)}" for item in answers.items)]
    )


def _details(block: Details) -> str:
    if block.csv:
        return f"{inline(block.summary)}: [tables/{inline(block.csv)}](tables/{block.csv})."
    summary = inline(block.summary).replace("\\", "")
    return _apart([f"<details><summary>{summary}</summary>", blocks(block.content), "</details>"])


def _span(span: Span, opens: bool) -> str:
    escaped: Callable[[str], str] = markdown if opens else inline
    match span:
        case str():
            return _spaced(span, escaped)
        case Strong(text):
            return f"**{inline(text)}**"
        case Verdict(text):
            return f"**{inline(text)}**"
        case Code(text):
            return code(text)
        case Gap(value):
            return absent(value)
        case Link(text):
            target = target_of(span)
            return inline(text) if target is None else f"[{inline(text)}]({target})"


def _spaced(words: str, escaped: Callable[[str], str]) -> str:
    """Words less their own blanks at the ends, which belong between spans: one each is kept."""
    if not words.strip():
        return " "
    return f"{' ' if words[0].isspace() else ''}{escaped(words)}{' ' if words[-1].isspace() else ''}"
