"""Tables: escaping, alignment, absences."""

from __future__ import annotations

import pytest

from suite.records import NotMeasured
from suite.report.table import anchor, escape, table

ABSENT = NotMeasured(code="NO_SENSOR", reason="no sensor", remedy="add one")


def test_markdown_has_a_header_a_rule_and_one_line_per_row() -> None:
    made = table(("Model", "n"), [("a", "1"), ("b", "20")])
    assert made.markdown().splitlines() == [
        "| Model   |   n |",
        "|---------|-----|",
        "| a       |   1 |",
        "| b       |  20 |",
    ]


def test_pipes_and_line_ends_stay_inside_their_cell() -> None:
    assert escape("a|b\n c") == "a\\|b c"
    made = table(("x|y", "n"), [("a|b", "1")]).markdown()
    assert made.splitlines()[0].startswith("| x\\|y")
    assert made.splitlines()[2].startswith("| a\\|b")


@pytest.mark.parametrize("blank", ["", "  ", "\n"])
def test_a_blank_cell_is_refused(blank: str) -> None:
    with pytest.raises(ValueError, match="must not be blank"):
        table(("Model",), [(blank,)]).markdown()


def test_an_absence_links_to_its_code_in_markdown_and_names_it_on_a_terminal() -> None:
    made = table(("Model", "Energy"), [("a", ABSENT), ("b", None)])
    assert "n/a: [NO_SENSOR](#no_sensor)" in made.markdown()
    assert made.text().splitlines()[2:] == ["a        n/a (NO_SENSOR)", "b              not asked"]


def test_a_row_of_another_length_than_the_headers_is_refused() -> None:
    with pytest.raises(ValueError, match="1 cells under 2 headers"):
        table(("a", "b"), [("1",)])


def test_columns_are_left_out_by_how_their_headers_begin() -> None:
    made = table(("Model", "Median (ms)", "n"), [("a", "1.2", "10")]).without("Median", "Mean")
    assert (made.headers, made.rows) == (("Model", "n"), (("a", "10"),))


@pytest.mark.parametrize(
    ("heading", "fragment"),
    [("NO_SENSOR", "no_sensor"), ("3. Latency", "3-latency"), ("Is it linear?", "is-it-linear")],
)
def test_anchors_are_those_of_github(heading: str, fragment: str) -> None:
    assert anchor(heading) == fragment
