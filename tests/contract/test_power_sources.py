"""What every power source must be. One that has its sensor here is read; the others must say what is missing."""

from __future__ import annotations

import re
from typing import Any

import pytest

from suite import registry
from suite.power.base import Source
from suite.records import NotMeasured

SOURCES = registry.discover(registry.POWER_SOURCES)


def each_source(test: Any) -> Any:
    return pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES.keys())(test)


@each_source
def test_the_declarations_are_complete(source: Source) -> None:
    assert isinstance(source, Source)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", source.name)
    assert source.summary
    assert isinstance(source.automatic, bool)
    assert source.rank >= 0
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) and text for name, text in source.options.items())


def test_no_two_automatic_sources_have_the_same_rank() -> None:
    ranks = [source.rank for source in SOURCES.values() if source.automatic]
    assert len(set(ranks)) == len(ranks), "which one --power auto takes must not depend on file names"


@each_source
def test_a_source_without_options_is_accepted_and_answers(source: Source) -> None:
    source.check({})
    answer = source.available({})
    assert answer is None or isinstance(answer, NotMeasured)


@each_source
def test_a_source_that_works_here_reads_what_it_describes(source: Source) -> None:
    if (missing := source.available({})) is not None:
        pytest.skip(f"{source.name}: {missing.reason}")
    try:
        described = source.open({})
        samples = [source.read() for _ in range(3)]
    finally:
        source.close()
    assert described.scope
    assert len(set(described.rails)) == len(described.rails)
    assert all(len(sample.values) == len(described.rails) for sample in samples)
    assert [sample.time_s for sample in samples] == sorted(sample.time_s for sample in samples)
    assert all(value >= 0 for sample in samples for value in sample.values)


@each_source
def test_closing_a_source_that_was_never_opened_is_harmless(source: Source) -> None:
    source.close()
    source.close()
