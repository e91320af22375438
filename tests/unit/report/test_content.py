"""Blocks and lines, and what Markdown makes of them."""

from __future__ import annotations

from suite.records import NotMeasured
from suite.report.content import (
    Bullets,
    Chapter,
    Code,
    Details,
    Document,
    Gap,
    Heading,
    Link,
    Note,
    Numbered,
    Paragraph,
    Picture,
    Strong,
    Verdict,
    bullets,
    content,
    folded,
    plain,
    row,
    spans,
    table,
)
from suite.report.writers import markdown

ABSENT = NotMeasured(code="NO_SENSOR", reason="no sensor", remedy="add one")


def test_strings_and_lines_are_paragraphs_and_what_is_empty_is_left_out() -> None:
    assert content("words", ("a ", Code("b")), None, "", (), Heading("h"), (Heading("i"), Paragraph("p"))) == (
        Paragraph("words"),
        Paragraph(("a ", Code("b"))),
        Heading("h"),
        Heading("i"),
        Paragraph("p"),
    )
    assert bullets([]) == ()
    assert bullets(["a", ""]) == (Bullets(("a",)),)


def test_lines_join_and_tell_their_words() -> None:
    assert spans("a", (Strong("b"), ""), "c") == ("a", Strong("b"), "c")
    assert plain(row([Code("x"), "y"])) == "x, y"
    assert plain(row(["x"] * 42)).endswith("x, and 2 more")
    assert (
        plain((Gap(ABSENT), " ", Gap(None), " ", Verdict("SUPPORTED", "yes"))) == "n/a (NO_SENSOR) not asked SUPPORTED"
    )


def test_a_long_table_is_folded_and_a_short_one_is_not() -> None:
    short, long = table(("a",), [["1"]] * 3), table(("a",), [["1"]] * 4)
    assert folded("All", short, "x.csv", most=3) == (short,)
    assert folded("All", long, "x.csv", most=3) == (Details("All, 4 rows", (long,), "x.csv"),)
    assert folded("All", table(("a",), []), "x.csv") == ()


def test_markdown_of_every_block() -> None:
    made = Document(
        title="A | b",
        lead=content("1. not a list", Note("doubt", (Strong("Hot"), ": 90 °C"))),
        chapters=(
            Chapter(
                "one",
                "First",
                content(
                    Heading("Part"),
                    bullets(["- x", ("a ", Code("b"), Link("c", "tables/c.csv"))]),
                    Numbered(
                        (
                            (
                                "asked",
                                Bullets(
                                    (("told",)),
                                ),
                            ),
                        )
                    ),
                    Picture(name="p", alternative="What it shows", caption="How to read it."),
                    Details("Folded", content("inside")),
                    Details("Moved", (table(("a",), [["1"]]),), "m.csv"),
                    (Gap(ABSENT), "."),
                ),
            ),
            Chapter("last", "Unnumbered", content("end"), numbered=False),
        ),
    )
    assert markdown.write(made).split("\n\n") == [
        "# A \\| b",
        "1\\. not a list",
        "> **Hot**: 90 °C",
        "## 1. First",
        "### Part",
        "- \\- x\n- a `b`[c](tables/c.csv)",
        "1. asked\n    - told",
        "![What it shows](plots/p.png)",
        "How to read it.",
        "<details><summary>Folded</summary>",
        "inside",
        "</details>",
        "Moved: [tables/m.csv](tables/m.csv).",
        "n/a: [NO_SENSOR](#no_sensor).",
        "## Unnumbered",
        "end\n",
    ]
