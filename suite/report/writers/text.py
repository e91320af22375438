"""Plain text: for a pipe as it is, for a terminal as wide as that is, and in its colours."""

from __future__ import annotations

import re

from suite.report.content import Block, Bullets, Content, Details, Heading, Note, Paragraph, Picture, Table, plain
from suite.report.escape import words
from suite.report.writers import fitting

INDENT = "  "
_ABSENT = re.compile(r"n/a \([^)\n]*\)|not asked")
_BOLD, _GREEN, _YELLOW, _END = "\x1b[1m", "\x1b[32m", "\x1b[33m", "\x1b[0m"
_FINE, _WANTING = re.compile(r"^ok(?=  )", re.MULTILINE), re.compile(r"^--(?=  [^-])", re.MULTILINE)
_NOTES = {"note": "", "doubt": "Doubt: ", "missing": "Not measured: "}


def blocks(content: Content, width: int | None = None, *, colors: bool = False) -> str:
    """width: of the terminal, in columns; None: lines are as long as they are. Pictures are left out."""
    return "\n\n".join(shown for block in content if (shown := _block(block, width, colors)))


def _block(block: Block, width: int | None, colors: bool) -> str:
    match block:
        case Table():
            text = block.text() if width is None else fitting.fitted(block, width)
            shown = _colored(text) if colors else text
        case Heading(text):
            shown = f"{_BOLD}{words(plain(text))}{_END}" if colors else words(plain(text))
        case Paragraph(text):
            shown = _line(plain(text), width)
        case Bullets(items):
            shown = "\n".join(_line(plain(item), width, INDENT) for item in items)
        case Note(kind, text):
            shown = _line(_NOTES[kind] + plain(text), width)
        case Details(summary, content):
            shown = "\n\n".join([_line(summary, width), blocks(content, width, colors=colors)])
        case Picture():
            shown = ""
    return shown


def _line(text: str, width: int | None, indent: str = "") -> str:
    shown = words(text)
    return shown if width is None else fitting.paragraph(shown, width, indent)


def _colored(text: str) -> str:
    """Heads are bold, absences and what is wanting yellow, what is fine green."""
    shown = _ABSENT.sub(rf"{_YELLOW}\g<0>{_END}", text)
    shown = _WANTING.sub(rf"{_YELLOW}\g<0>{_END}", _FINE.sub(rf"{_GREEN}\g<0>{_END}", shown))
    head, rule, body = shown.partition("\n-")
    return "\n".join(f"{_BOLD}{line}{_END}" for line in head.splitlines()) + rule + body if rule else shown
