"""Ratios into verdicts over a table, and ties into groups."""

from __future__ import annotations

import math

import pytest
from scipy.special import stdtr, stdtrit

from suite.records import Interval
from suite.stats.ratio import Ratio
from suite.stats.verdicts import groups, judged


def told(value: float, error: float, freedom: float = 10.0) -> Ratio:
    half = float(stdtrit(freedom, 0.975)) * error
    return Ratio(
        value=value,
        interval=Interval(low=value * math.exp(-half), high=value * math.exp(half), confidence=0.95),
        p_value=2 * float(stdtr(freedom, -abs(math.log(value)) / error)),
        error=error,
        freedom=freedom,
    )


@pytest.mark.parametrize(
    ("found", "answer", "reason"),
    [
        (told(1.10, 0.01), "MORE", "apart"),
        (told(0.90, 0.01), "LESS", "apart"),
        (told(1.00, 0.01), "SAME", "within_margin"),
        (told(1.02, 0.002), "SAME", "within_margin"),  # certainly different, and certainly within the margin
        (told(1.02, 0.02), "UNRESOLVED", "interval_too_wide"),
        (told(1.00, 0.05), "UNRESOLVED", "interval_too_wide"),
        (Ratio(value=1.0), "UNRESOLVED", "no_error"),
        (Ratio(value=9.0), "UNRESOLVED", "no_error"),
    ],
)
def test_a_verdict_is_what_the_interval_shows(found: Ratio, answer: str, reason: str) -> None:
    (verdict,) = judged([found], margin=0.03)
    assert (verdict.answer, verdict.reason) == (answer, reason)


def test_absence_of_significance_is_no_sameness() -> None:
    (verdict,) = judged([told(1.0, 0.04)])
    assert verdict.answer == "UNRESOLVED"


def test_what_alone_would_be_told_is_open_beside_many() -> None:
    barely = told(1.05, 0.02)
    assert judged([barely])[0].answer == "MORE"
    beside = judged([barely, *[told(1.0, 0.02)] * 19])[0]
    assert (beside.answer, beside.reason) == ("UNRESOLVED", "other_comparisons")


def test_how_much_more_is_needed_falls_with_the_square_of_the_half_width() -> None:
    (narrow,), (wide,) = judged([told(1.0, 0.02)]), judged([told(1.0, 0.04)])
    assert narrow.factor == pytest.approx((2.228 * 0.02 / math.log(1.03)) ** 2, rel=1e-3)
    assert wide.factor == pytest.approx(4 * (narrow.factor or 0))


def test_ties_are_groups_and_a_group_ends_where_one_is_worse_than_its_best() -> None:
    values = [1.0, 1.01, 1.02, 1.2, 1.21]
    assert groups(range(5), lambda one, best: values[one] > 1.015 * values[best]) == ((0, 1), (2,), (3, 4))
    assert groups(range(0), lambda one, best: values[one] > values[best]) == ()
