"""Whether latency tracks another quantity, in words: of these models first, of models at large apart."""

from __future__ import annotations

import math

from suite.report import rankings
from suite.report.writers import markdown
from suite.stats.hypotheses import tracks
from suite.stats.orders import Figure, exact, orders

NAMES = ("LXMERT", "VisualBERT", "E.T. both", "E.T. human")
PARAMETERS = (213_930_297, 113_856_825, 21_764_052, 21_690_324)


def told(*latencies_ms: tuple[float, float], quantity: str = "parameters", counts: tuple[int, ...] = PARAMETERS) -> str:
    models = [
        (exact(count), Figure(value=value, low=value - half, high=value + half))
        for count, (value, half) in zip(counts, latencies_ms, strict=False)
    ]
    found = orders(models)
    assert found is not None
    return markdown.line(rankings.these(found, NAMES, quantity))


def test_an_order_that_holds_names_what_cannot_be_told_apart_and_by_how_much_it_goes() -> None:
    assert told((115, 1), (80, 1), (46.0, 0.5), (45.8, 0.5)) == (
        "**In the same order, as far as they can be told apart**: 5 of 6 pairs in the same order, 1 can't be told "
        "apart (E.T. human and E.T. both, in latency). LXMERT has 9.9 times the parameters and 2.5 times the "
        "latency of E.T. human."
    )


def test_an_exception_is_named_with_both_ratios() -> None:
    assert told((115, 1), (80, 1), (43.0, 0.5), (45.8, 0.5)) == (
        "**Not in one order**: 5 of 6 pairs in the same order, 1 in the opposite order (E.T. both against E.T. human: "
        "1.003 times the parameters and 0.94 times the latency). LXMERT has 9.9 times the parameters and 2.5 times the "
        "latency of E.T. human."
    )


def test_all_in_one_order_and_all_in_the_opposite_one() -> None:
    all_same = told((115, 1), (80, 1), (46, 0.1), (45, 0.1))
    assert all_same.startswith("**In the same order**: all 6 pairs of models. LXMERT has 9.9 times the ")
    assert told((46, 1), (40, 1)).startswith("**In the same order**: the only pair of models. ")
    assert told((40, 1), (46, 1)).startswith("**In opposite orders**: 0 of 1 pair in the same order, 1 in the opposite")


def test_models_that_nothing_tells_apart_are_said_to_be_so() -> None:
    assert told((45, 1), (45, 1), quantity="FLOPs", counts=(7, 7)) == (
        "**Can't be told for these 2 models**: 1 can't be told apart (LXMERT and VisualBERT, in FLOPs and latency)."
    )


def test_of_many_exceptions_the_first_are_named() -> None:
    count = rankings.MAX_NAMED
    models = [(exact(size), Figure(value=9.0 - size, low=9.0 - size, high=9.0 - size)) for size in range(1, 6)]
    found = orders(models)
    assert found is not None
    text = markdown.line(rankings.these(found, [f"m{size}" for size in range(5)], "energy"))
    assert text.count(" against ") == count
    assert f"; {10 - count} more)" in text


def test_models_at_large_are_another_question() -> None:
    verdict = tracks([(21.7, 0.03), (21.8, 0.032), (114, 0.09), (214, 0.13)])
    assert rankings.at_large(verdict) == (
        "Of models at large: UNDECIDED (rank correlation 1.00 over 4 models, p = 0.083 by permutation; even a perfect "
        "order of so few models comes about too easily by chance; with the same correlation 5 models would decide it)."
    )
    assert rankings.at_large(tracks([(1, 1)])) == ""


def test_models_with_a_bound_alone_are_named() -> None:
    assert rankings.left_out([]) == ""
    assert rankings.left_out(["LXMERT", "VisualBERT"]).endswith("leave an upper bound alone: LXMERT and VisualBERT.")


def test_no_interval_leaves_a_pair_open() -> None:
    models = [(exact(1.0), Figure(value=1.0, low=0.0, high=math.inf)), (exact(2.0), exact(9.0))]
    found = orders(models)
    assert found is not None
    assert markdown.line(rankings.these(found, NAMES, "energy")).startswith("**Can't be told for these 2 models**")
