"""The person's own hypotheses and their answers in sentences."""

from __future__ import annotations

from suite.records import Hypothesis
from suite.report import answers, rankings
from suite.report.spans import Spans, answered
from suite.stats.hypotheses import DOMINANT_SHARE, MARGIN, RankFigures, Verdict
from suite.stats.laws import MIN_POWER_SIZE_COUNT, ShapeFigures
from suite.stats.takes import Takes

NOTHING: Spans = (answered("UNDECIDED"), ": the run has no sweep of it, so no figure at two sizes.")
_QUANTITIES = {
    "latency": "latency",
    "energy": "energy of a call",
    "memory": "peak memory",
    "flops": "FLOPs",
    "parameters": "parameters",
}
_ABSENT = {
    "too_few_sizes": "too few sizes have the figure: three, or four where nobody knows its error",
    "too_few_rounds": "fewer than three rounds in which sizes took turns, too few to tell drift from an effect",
}


def stated(hypothesis: Hypothesis, label: str) -> str:
    """label: of what it goes against."""
    quantity = _QUANTITIES[hypothesis.quantity]
    if hypothesis.shape == "tracks":
        return f"{quantity} tracks {_QUANTITIES[hypothesis.against]} over the models"
    if hypothesis.shape == "constant":
        return f"{quantity} does not change with {label}"
    if hypothesis.shape == "power":
        asked = hypothesis.exponent
        of = "" if asked is None else f" with k from {asked[0]:g} to {asked[1]:g}"
        return f"{quantity} is a + b n^k in {label}{of}"
    if hypothesis.shape == "proportional":
        return f"{quantity} is in proportion to {label}"
    return f"{quantity} is {hypothesis.shape} in {label}"


def shape(
    hypothesis: Hypothesis, verdict: Verdict[ShapeFigures], needed: Takes | None, label: str, round_s: float | None
) -> Spans:
    """round_s: what a round of the sizes takes; None: further rounds are not to be had."""
    figures = verdict.figures
    if figures is None:
        return answered(verdict.answer), f": {_ABSENT[verdict.reason]}."
    parts = (*_figures(hypothesis, figures, label), *_why_open(verdict, needed, round_s))
    return answered(verdict.answer), f": {'; '.join(parts)} ({_basis(figures)})."


def _figures(hypothesis: Hypothesis, figures: ShapeFigures, label: str) -> tuple[str, ...]:
    share, largest = answers.percent(figures.sweep.share), f"{figures.sweep.largest_size:g} {label}"
    margin = f"up to ±{MARGIN * 100:g} % counts as {hypothesis.shape}"
    off = f"the size farthest off, {figures.farthest_size:g}, lies {answers.percent(figures.farthest)}"
    match hypothesis.shape:
        case "linear":
            return f"at {largest} a square term makes up {share}", f"{off} off a straight line", margin
        case "quadratic":
            return (f"at {largest} the square term makes up {share}, and {DOMINANT_SHARE * 100:g} % or more is asked",)
        case "constant":
            return f"{off} off the mean of all", margin
        case "proportional":
            return f"{off} off the mean per unit", margin
        case _:
            low, high = figures.sweep.exponent_interval.low, figures.sweep.exponent_interval.high
            return f"k is {figures.sweep.exponent:.2f} ({low:.2f} to {high:.2f})", f"{off} off the curve", margin


def _why_open(verdict: Verdict[ShapeFigures], needed: Takes | None, round_s: float | None) -> tuple[str, ...]:
    if needed is None:
        return ()
    if verdict.reason == "too_few_sizes":
        return (f"it takes another size: the curve goes through any {MIN_POWER_SIZE_COUNT - 1}",)
    if verdict.reason == "one_size_decides":
        return ("without one of its sizes the answer would be another: it takes another size",)
    if verdict.reason == "blocks_disagree":
        return ("so many blocks of one size disagree that the quiet ones can't be told: measure with nothing else on",)
    told = (
        answers.needed(needed, round_s) if round_s is not None else "its errors are too large, and time won't mend them"
    )
    return (told,)


def _basis(figures: ShapeFigures) -> str:
    found = f"{figures.sweep.size_count} sizes up to {figures.sweep.largest_size:g}"
    return f"{found}, {figures.sweep.round_count} rounds" if figures.sweep.round_count else found


def tracks(verdict: Verdict[RankFigures]) -> Spans:
    if verdict.figures is None:
        few, equal = "fewer than two models have both figures", "all models are equal in one of the two"
        return answered(verdict.answer), f": {equal if verdict.reason == 'no_spread' else few}."
    return answered(verdict.answer), f". {rankings.at_large(verdict)}"
