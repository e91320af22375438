"""Quantities as people write them."""

from __future__ import annotations

import pytest

from suite.cli.quantities import quantity, share
from suite.errors import UsageError


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("50ms", "s", 0.05),
        ("50 ms", "s", 0.05),
        (".5s", "s", 0.5),
        ("200us", "s", 2e-4),
        ("200µs", "s", 2e-4),
        ("1e3 ns", "s", 1e-6),
        ("1GB", "B", 1e9),
        ("1 gb", "B", 1e9),
        ("1.5GiB", "B", 1.5 * 2**30),
        ("512 MiB", "B", 512 * 2**20),
        ("3mJ", "J", 3e-3),
        ("3MB", "B", 3e6),
        ("1mWh", "J", 3.6),
    ],
)
def test_units(text: str, unit: str, value: float) -> None:
    assert quantity(text, unit, "--max") == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "unit", "told"),
    [
        ("50", "s", "it has no unit; write it as 50ms"),
        ("50 mS", "s", "the unit 'mS' is none that it takes"),
        ("1Gb", "B", "the unit 'Gb' is none"),  # bits
        ("3MJ", "J", "the unit 'MJ' is none"),
        ("-5ms", "s", "is no quantity; write it as 50ms"),
        ("fast", "s", "is no quantity"),
        ("", "B", "is no quantity; write it as 1GB"),
        ("1e999s", "s", "is no quantity"),
    ],
)
def test_what_is_no_quantity_is_refused_in_one_line(text: str, unit: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        quantity(text, unit, "--max-x")
    assert str(caught.value).startswith("--max-x: ")
    assert told in str(caught.value)


def test_shares() -> None:
    assert share("97%", "--min") == share("97 %", "--min") == share("0.97", "--min") == 0.97
    with pytest.raises(UsageError, match="write it as 97%"):
        share("97", "--min")
    with pytest.raises(UsageError, match="not between 0 and 1"):
        share("150%", "--min")
    with pytest.raises(UsageError, match="is no share"):
        share("97ms", "--min")
