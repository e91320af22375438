"""Words of others on a page: whatever they are, they stay words, in Markdown, HTML and CSV."""

from __future__ import annotations

import csv as csv_reader
import io
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from suite.records import NotMeasured
from suite.report.content import (
    Bullets,
    Chapter,
    Code,
    Column,
    Details,
    Document,
    Gap,
    Heading,
    Link,
    Note,
    Picture,
    Strong,
    Verdict,
    content,
    table,
)
from suite.report.writers import csv, html, markdown

HOSTILE = (
    "<script>alert(1)</script>",
    "a|b",
    "x](javascript:alert(1))",
    "two\nlines\r\n# heading",
    '"><img src=x onerror=alert(1)>',
    "</style><script>",
    "{{ 7 * 7 }} {% raw %}",
    "`code` ~~~ ```",
    "\u202eright to left\x00\x1b[31m",
    "=HYPERLINK(1)",
    "- item",
    "1. item",
    "&lt;b&gt;",
)


def document(text: str) -> Document:
    """The text in every place where a report may have one."""
    absence = NotMeasured(code="LOST", reason=f"because {text}", remedy=f"mend {text}")
    blocks = content(
        Heading(f"Heading {text}"),
        (text or "x", Strong(text), Code(text), Verdict(text), Link(text, "#main"), Gap(absence)),
        Bullets((text, (Strong(text), text))),
        Note("doubt", text),
        table((Column(f"c {text}", unit="s"), "b"), [[f"v {text}", absence], [f"w {text}", None]], caption=text),
        Picture(name="p", alternative=text, caption=text),
        Details(f"Details {text}", (table(("a",), [[f"v {text}"]]),)),
    )
    return Document(title=text, lead=blocks, chapters=(Chapter("one", f"Chapter {text}", blocks),))


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def tags(page: str) -> Tags:
    found = Tags()
    found.feed(page)
    return found


def require_harmless(text: str) -> None:
    plain, page = tags(html.write(document("words"), {})), tags(html.write(document(text), {}))
    assert page.tags == plain.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert not [value for name, value in page.attributes if name in ("href", "src") and value and ":" in value]
    shown = MarkdownIt("commonmark").enable("table").render(markdown.write(document(text)))
    calm = MarkdownIt("commonmark").enable("table").render(markdown.write(document("words")))
    counted = ("<h1", "<h2", "<h3", "<li", "<tr", "<td", "<script", "<img", "<table", "<blockquote", "<pre", "<hr")
    assert {tag: shown.count(tag) for tag in counted} == {tag: calm.count(tag) for tag in counted}
    assert not re.search(r'href="(?!#|plots/)', shown)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_word_becomes_a_part_of_a_page(text: str) -> None:
    require_harmless(text)


@given(st.text(st.characters(codec="utf-8"), max_size=60))
@settings(max_examples=60, deadline=None)
def test_no_text_at_all_becomes_a_part_of_a_page(text: str) -> None:
    require_harmless(text)


@pytest.mark.parametrize(
    "target", ["javascript:alert(1)", "data:text/html,x", "//elsewhere.example", "C:\\x", " javascript:x"]
)
def test_a_link_that_a_page_must_not_open_is_text(target: str) -> None:
    made = Document(title="t", lead=content((Link("here", target),)))
    assert "<a href" not in html.write(made, {}).partition("<main")[2]
    assert markdown.write(made) == "# t\n\nhere\n"


@pytest.mark.parametrize("text", HOSTILE)
def test_no_field_of_a_table_becomes_a_formula_or_a_row(text: str) -> None:
    written = csv.write([{"title": text, "median_s": 0.5, "is_upper_bound": True, "gap": None}])
    rows = list(csv_reader.reader(io.StringIO(written)))
    assert len(rows) == 2
    assert rows[1][1:] == ["0.5", "true", ""]
    assert not rows[1][0].startswith(("=", "+", "-", "@"))


def test_a_page_asks_for_nothing_from_elsewhere() -> None:
    page = html.write(document("words"), {"p": "<svg></svg>"})
    assert "default-src 'none'" in page
    assert not re.search(r'(src|href)="(https?:)?//|url\(http|@import', page)
