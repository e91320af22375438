"""Who is on the front, who is recommended: with figures that are exact, and with figures that overlap."""

from __future__ import annotations

from suite.stats.tradeoff import Candidate, Constraint, Figure, Goal, exact, recommend, standings

ACCURACY, LATENCY, ENERGY = Goal(name="accuracy", less_is_better=False), Goal(name="latency"), Goal(name="energy")


def candidate(label: str, accuracy: float, latency_s: float, spread: float = 0.0) -> Candidate:
    figures = {
        "accuracy": Figure(value=accuracy, low=accuracy - spread, high=accuracy + spread),
        "latency": exact(latency_s),
    }
    return Candidate(label=label, figures=figures)


def places(*candidates: Candidate, **pairs: int) -> list[tuple[str, str | None]]:
    known = {("accuracy", *key.split("_")): sign for key, sign in pairs.items()}
    found = standings(candidates, (ACCURACY, LATENCY), known)  # type: ignore[arg-type]
    return [(each.place, each.dominated_by) for each in found]


def test_what_is_worse_in_everything_is_dominated_and_says_by_what() -> None:
    good, cheap, bad = candidate("good", 0.9, 2.0), candidate("cheap", 0.8, 1.0), candidate("bad", 0.85, 3.0)
    assert places(good, cheap, bad) == [("front", None), ("front", None), ("dominated", "good")]


def test_equal_ones_are_both_on_the_front() -> None:
    assert places(candidate("a", 0.9, 1.0), candidate("b", 0.9, 1.0)) == [("front", None)] * 2


def test_where_intervals_overlap_the_place_is_not_settled() -> None:
    slow, fast = candidate("slow", 0.91, 2.0, 0.02), candidate("fast", 0.90, 1.0, 0.02)
    assert places(slow, fast) == [("unsettled", "fast"), ("front", None)]


def test_the_same_items_settle_what_intervals_can_not() -> None:
    slow, fast = candidate("slow", 0.91, 2.0, 0.02), candidate("fast", 0.90, 1.0, 0.02)
    assert places(slow, fast, fast_slow=0, slow_fast=0) == [("dominated", "fast"), ("front", None)]
    assert places(slow, fast, fast_slow=-1, slow_fast=1) == [("front", None), ("front", None)]


def test_a_goal_that_is_not_known_of_all_compares_nobody_and_is_told() -> None:
    one = Candidate(label="one", figures={"accuracy": exact(0.9), "latency": exact(1.0), "energy": exact(2.0)})
    other = candidate("other", 0.8, 2.0)
    found = standings((one, other), (ACCURACY, LATENCY, ENERGY))
    assert [each.place for each in found] == ["front", "dominated"]
    assert [each.missing for each in found] == [(), ("energy",)]


def test_the_best_of_those_that_certainly_satisfy_is_recommended() -> None:
    a, b, c = candidate("a", 0.98, 0.050), candidate("b", 0.975, 0.020), candidate("c", 0.9, 0.001)
    needs = (Constraint(goal=ACCURACY, limit=0.97), Constraint(goal=LATENCY, limit=0.060))
    answer = recommend((a, b, c), needs, LATENCY)
    assert answer.best is not None
    assert answer.best.candidate.label == "b"
    assert [each.candidate.label for each in answer.certain] == ["b", "a"]
    assert answer.ties == ()
    assert answer.nearest is None
    assert {each.candidate.label: each.fails for each in answer.everyone} == {"a": (), "b": (), "c": ("accuracy",)}


def test_one_that_may_satisfy_is_none_that_does() -> None:
    answer = recommend(
        (candidate("close", 0.975, 1.0, spread=0.01),), (Constraint(goal=ACCURACY, limit=0.97),), LATENCY
    )
    assert answer.best is None
    assert [each.may_fail for each in answer.possible] == [("accuracy",)]


def test_what_is_not_known_may_satisfy_and_never_certainly_does() -> None:
    answer = recommend((candidate("a", 0.9, 1.0),), (Constraint(goal=ENERGY, limit=1.0),), LATENCY)
    assert (answer.best, [each.unknown for each in answer.possible]) == (None, [("energy",)])


def test_the_nearest_miss_names_what_it_fails() -> None:
    needs = (Constraint(goal=LATENCY, limit=1.0),)
    answer = recommend((candidate("far", 0.9, 3.0), candidate("near", 0.9, 1.1)), needs, LATENCY)
    assert answer.nearest is not None
    assert (answer.nearest.candidate.label, answer.nearest.fails) == ("near", ("latency",))


def test_one_whose_preferred_figure_overlaps_the_best_is_a_tie() -> None:
    a, b = candidate("a", 0.9, 1.0, spread=0.02), candidate("b", 0.91, 1.0, spread=0.02)
    answer = recommend((a, b), (), ACCURACY)
    assert answer.best is not None
    assert answer.best.candidate.label == "b"
    assert [each.candidate.label for each in answer.ties] == ["a"]
