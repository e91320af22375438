"""What every report section must be, shown on the two runs that are easiest to forget: cut off, and empty."""

from __future__ import annotations

import re
from typing import Any

import pytest

from suite import registry
from suite.records import SCHEMA_VERSION, TESTS, Manifest, Run, Task
from suite.report.plots import Plots
from suite.report.section import Section
from suite.report.view import RunView
from suite.report.writers import markdown

SECTIONS = registry.discover(registry.SECTIONS)
WORTHLESS = re.compile(r"\b(None|nan|inf)\b")


def each_section(test: Any) -> Any:
    return pytest.mark.parametrize("section", SECTIONS.values(), ids=SECTIONS.keys())(test)


def run_without_records(*tasks: Task) -> Run:
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        suite_version="0.1.0",
        plan="standard",
        plan_description="every test at two batch sizes",
        power="auto",
        started_utc="2026-11-01T12:00:00Z",
        tasks=tasks,
    )
    return Run(manifest=manifest, records=())


def cut_off_run() -> Run:
    """A run that was ended before its first record, on a model that this installation has and on one that it lacks."""
    axes = (("text_tokens", 20), ("image_regions", 36))
    return run_without_records(
        *(
            Task(test=test, model=model, batch_size=batch_size, axes=axes)
            for model in ("lxmert", "a-model-of-somebody-else")
            for test in TESTS
            for batch_size in (1, 2)
        )
    )


@each_section
def test_the_declarations_are_complete(section: Section) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", section.name)
    assert section.title


def test_sections_have_one_place_each() -> None:
    orders = [section.order for section in SECTIONS.values()]
    assert len(set(orders)) == len(orders)


@each_section
def test_a_run_that_was_cut_off_is_told_in_words(section: Section) -> None:
    text = markdown.blocks(section.render(RunView(cut_off_run()), Plots()))
    assert not WORTHLESS.search(text)
    assert not re.search(r"^#{1,2} ", text, re.MULTILINE), "headings inside a section start at ###"


@each_section
def test_a_run_without_tasks_breaks_no_section(section: Section) -> None:
    assert isinstance(section.render(RunView(run_without_records()), Plots()), tuple)


@each_section
def test_the_same_run_gives_the_same_text_and_pictures(section: Section) -> None:
    first, second = Plots(), Plots()
    assert section.render(RunView(cut_off_run()), first) == section.render(RunView(cut_off_run()), second)
    assert first.pictures == second.pictures
