"""Answers about a sweep in words: the chosen curve with its errors, and why a question stays open."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from suite.report import answers
from suite.report.writers import markdown
from suite.stats.curves import fits
from suite.stats.hypotheses import linear, quadratic
from tests.unit.stats.sweeps import Rounds

SIZES = (1, 2, 4, 6, 8)


def said(law: Callable[[float], float], rounds: Rounds, sizes: tuple[int, ...] = SIZES) -> str:
    return markdown.line(answers.linear(linear(fits(rounds.sweep(law, sizes)))))


def lxmert(size: float) -> float:
    return 0.065 + 0.063 * size


def test_the_kept_line_is_told_with_its_error_at_sizes_left_out_and_the_exponent() -> None:
    text = said(lxmert, Rounds())
    assert text.startswith("**SUPPORTED**: latency is 6")
    assert "(5 sizes up to 8, 10 rounds)" in text
    assert "a straight line is kept, as no curve is clearly better: it misses sizes left out by 0." in text
    assert "k in a + b n^k is 1.0" in text or "k in a + b n^k is 0.99" in text


def test_a_curve_that_replaces_the_line_is_named_with_both_errors() -> None:
    text = said(lambda n: 0.065 + 0.063 * n**1.5, Rounds())
    assert text.startswith("**REJECTED**")
    assert "a + b n^k is chosen: it misses sizes left out by 0." in text
    assert "(a straight line by 3" in text
    assert "k in a + b n^k is 1.50 (1." in text


def test_an_exact_fit_names_a_bound_on_its_error() -> None:
    assert "misses sizes left out by under 0.01 %" in said(lxmert, Rounds(noise=0.0))


def test_a_size_whose_blocks_disagree_is_named_with_the_remedy() -> None:
    text = said(lxmert, Rounds(slowed={(4, index): 3.0 for index in range(4)}))
    assert text.startswith("**UNDECIDED**")
    assert "at size 4 so many blocks disagree that the quiet ones can't be told: measure again" in text


def test_a_rejection_that_hangs_on_one_size_says_what_it_would_take() -> None:
    assert "add a size, or measure again" in said(lambda n: 1 + n**2, Rounds(), (1, 2, 4))


@pytest.mark.parametrize(
    ("rounds", "sizes", "text"),
    [
        (Rounds(), (1, 2), "**UNDECIDED**: fewer than three sizes took turns, and a line fits any two."),
        (
            Rounds(round_count=2),
            SIZES,
            "**UNDECIDED**: fewer than three rounds in which sizes took turns, too few to tell drift from an effect.",
        ),
    ],
)
def test_too_little_to_fit_is_said_and_no_figure_made(rounds: Rounds, sizes: tuple[int, ...], text: str) -> None:
    assert said(lxmert, rounds, sizes) == text
    found = fits(rounds.sweep(lxmert, sizes))
    assert markdown.line(answers.quadratic(quadratic(found), linear(found), "words")) == text


def test_an_exponent_at_the_end_of_its_range_is_told_as_or_more() -> None:
    text = said(lambda _: 1.0, Rounds(noise=0.02))
    assert "0.20 or less" in text or "4.00 or more" in text


def test_an_axis_is_named_in_the_answer_about_squares() -> None:
    found = fits(Rounds().sweep(lambda n: 10 + n + n**2 / 1024, (32, 64, 128, 256, 512)))
    text = markdown.line(answers.quadratic(quadratic(found), linear(found), "text tokens"))
    assert text.startswith("**REJECTED**: at 512 text tokens the square term makes up 32.")
    assert "it would equal the linear term at about 1,0" in text
    assert text.endswith("a straight line does not fit.")
