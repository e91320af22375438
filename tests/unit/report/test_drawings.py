"""Drawings on a page: single calls in one path, values on hover, a theme's colours, and words as they are."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from suite.report import charts
from suite.report.plots import MAX_PICTURES, Plots, panels, style

HOSTILE = 'a <b> "#d55e00" & id="x" 1.2345'


def drawing(disturbed: tuple[float, ...] = ()) -> tuple[str, str]:
    """As a file and as an element of a page."""
    plots = Plots()
    cloud = charts.Cloud(x=0, samples=(1.0, 1.1, 1.2), median=1.1, disturbed=disturbed, told=HOSTILE)
    with style():
        figure, (axes,) = panels(1)
        charts.strips(axes, ["LXMERT"], [cloud])
        axes.set_xlabel(HOSTILE)
        plots.add("strip", figure, "words")
    return plots.vectors["strip.svg"].decode(), plots.drawings["strip"]


def test_all_calls_are_one_path_and_disturbed_ones_hollow() -> None:
    file, page = drawing(disturbed=(1.15, 9.0))
    for text in (file, page):
        paths = re.findall(r'<path class="calls" d="([^"]*)" style="([^"]*)"/>', text)
        assert sorted(data.count("M") for data, _ in paths) == [1, 1, 3]  # a ring, a triangle beyond the frame, dots
        assert sum("fill: none" in style and "linecap" not in style for _, style in paths) == 2


def test_a_pointer_over_a_median_is_told_its_value_and_no_word_is_changed() -> None:
    _, page = drawing()
    root = ElementTree.fromstring(page)
    assert [title.text for title in root.iter("title")] == [HOSTILE]
    assert HOSTILE in [text.text for text in root.iter("text")]


def test_colours_follow_the_theme_on_a_page_and_are_fixed_in_a_file() -> None:
    file, page = drawing()
    assert "var(--c0)" in page
    assert "var(" not in file
    assert "<style" not in page
    names = [element.get("id") for element in ElementTree.fromstring(page).iter() if element.get("id")]
    assert all(str(name).startswith("strip-") for name in names)
    assert len(names) == len(set(names))


def test_the_same_data_give_the_same_bytes() -> None:
    assert drawing() == drawing()


def test_a_report_has_so_many_pictures_and_says_so() -> None:
    plots = Plots()
    plots.drawings = {f"p{number}": "" for number in range(MAX_PICTURES)}
    with style():
        figure, _ = panels(1)
        assert "at most" in str(plots.add("one-more", figure, "words"))
