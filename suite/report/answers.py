"""The answers about one sweep in words: linear? quadratic? which curve, and how far it can be trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence

from suite import units
from suite.records import Interval
from suite.records.hypothesis import MAX_EXPONENT, MIN_EXPONENT
from suite.report.spans import Spans, answered
from suite.stats.curves import Name
from suite.stats.hypotheses import LinearFigures, QuadraticFigures, SweepFigures, Verdict
from suite.stats.takes import LONGEST_S, Takes

LEAST_ERROR = 1e-4
_NAMES: dict[Name, str] = {"affine": "a straight line", "quadratic": "a + b n + c n²", "power": "a + b n^k"}
_ABSENT = {
    "too_few_sizes": "fewer than three sizes took turns, and a line fits any two",
    "too_few_rounds": "fewer than three rounds in which sizes took turns, too few to tell drift from an effect",
}


def linear(verdict: Verdict[LinearFigures], takes: str = "") -> Spans:
    """takes: what it would take, in words, where that is known."""
    figures = verdict.figures
    if figures is None:
        return _absent(verdict.reason, takes)
    sweep = figures.sweep
    through_zero = (
        "it may be proportional: the intercept's interval holds zero"
        if figures.proportional
        else "it is not proportional: the intercept's interval excludes zero"
    )
    parts = (
        f"latency is {term(figures.intercept_s, figures.intercept_interval_s)} plus "
        f"{term(figures.slope_s, figures.slope_interval_s)} per item ({_basis(sweep)})",
        *_why_open(verdict, sweep, takes),
        f"a square term would make up {percent(sweep.share)} of the latency at batch size {sweep.largest_size:g}, and "
        f"up to ±{figures.margin * 100:g} % counts as linear",
        *_chosen(sweep),
        through_zero,
    )
    return answered(verdict.answer), f": {'; '.join(parts)}."


def quadratic(verdict: Verdict[QuadraticFigures], affine: Verdict[LinearFigures], label: str, takes: str = "") -> Spans:
    """label: of the axis. affine: the answer to whether a straight line would do. takes: as of `linear`."""
    figures = verdict.figures
    if figures is None:
        return _absent(verdict.reason, takes)
    sweep = figures.sweep
    crossover = (
        (f"it would equal the linear term at about {units.show_count(round(figures.crossover_size))} {label}",)
        if figures.crossover_size is not None
        else ()
    )
    parts = (
        f"at {sweep.largest_size:g} {label} the square term makes up {percent(sweep.share)} of the latency "
        f"({_curve(figures)}, {_basis(sweep)})",
        *_why_open(verdict, sweep, takes),
        *crossover,
        *_chosen(sweep),
        _affine(affine),
    )
    return answered(verdict.answer), f": {'; '.join(parts)}."


def lost(sizes: Sequence[int], block_count: int) -> str:
    """What of a sweep was disturbed and is in no fit: sizes with an upper bound alone, and blocks of the others."""
    parts = []
    if sizes:
        noun, verb = ("Size", "is") if len(sizes) == 1 else ("Sizes", "are")
        told = " and ".join(map(str, sizes))
        parts.append(f"{noun} {told} {verb} left out: DISTURBED, an upper bound alone.")
    if block_count:
        verb = "does" if block_count == 1 else "do"
        parts.append(f"{units.counted(block_count, 'disturbed block')} {verb} not count.")
    return " ".join(parts)


def _basis(sweep: SweepFigures) -> str:
    return f"{sweep.size_count} sizes up to {sweep.largest_size:g}, {sweep.round_count} rounds"


def _absent(reason: str, takes: str) -> Spans:
    return answered("UNDECIDED"), f": {_ABSENT[reason]}{f'; {takes}' if takes else ''}."


def needed(takes: Takes, round_s: float) -> str:
    """What an open question would take, in words. round_s: what a round of its sizes takes."""
    if takes.remedy == "another_size":
        return "it takes another size: more time at these would not decide it"
    if takes.remedy == "quiet":
        return "it takes a quiet machine"
    seconds = None if takes.round_count is None else takes.round_count * round_s
    if seconds is None or seconds > LONGEST_S:
        return "it would take more than an hour: not by time on this machine"
    minutes = max(1, math.ceil(seconds / 60))
    return f"it would take about {units.counted(minutes, 'minute')} more at these sizes"


def _why_open(
    verdict: Verdict[LinearFigures] | Verdict[QuadraticFigures], sweep: SweepFigures, takes: str
) -> tuple[str, ...]:
    """What a verdict rests on where the square term alone doesn't tell."""
    if verdict.reason == "blocks_disagree" and sweep.disturbed_size is not None:
        return (
            f"at size {sweep.disturbed_size:g} so many blocks disagree that the quiet ones can't be told: measure "
            "again with nothing else running",
        )
    if verdict.reason == "one_size_decides":
        return ("without one of its sizes the answer would be another: add a size, or measure again",)
    if verdict.reason == "interval_too_wide" and takes:
        return (takes,)
    if verdict.reason == "off_the_line":
        return (f"at size {sweep.missed_size:g} it lies {percent(sweep.miss)} off the line",)
    return ()


def _chosen(sweep: SweepFigures) -> tuple[str, ...]:
    """Which curve stands for the sweep, and how well each predicts sizes left out; nothing below four sizes."""
    choice = sweep.choice
    if choice is None:
        return ()
    errors = dict(choice.errors)
    others = ", ".join(f"{_NAMES[name]} by {_error(error)}" for name, error in errors.items() if name != choice.curve)
    preferred = "is kept, as no curve is clearly better" if choice.curve == "affine" else "is chosen"
    return (
        f"{_NAMES[choice.curve]} {preferred}: it misses sizes left out by {_error(errors[choice.curve])} ({others})",
        f"its b is {term(choice.slope_s, choice.slope_interval_s)}, and k in a + b n^k is {_exponent(sweep)}",
    )


def _error(relative: float) -> str:
    return f"{units.digits(relative * 100, 2)} %" if relative >= LEAST_ERROR else f"under {LEAST_ERROR * 100:g} %"


def _exponent(sweep: SweepFigures) -> str:
    low, high = sweep.exponent_interval.low, sweep.exponent_interval.high
    least = "or less" if low <= MIN_EXPONENT else ""
    most = "or more" if high >= MAX_EXPONENT else ""
    ends = f"{low:.2f} {least}".strip() + " to " + f"{high:.2f} {most}".strip()
    return f"{sweep.exponent:.2f} ({ends})"


def _curve(figures: QuadraticFigures) -> str:
    terms = ((figures.constant_s, ""), (figures.linear_s, " n"), (figures.quadratic_s, " n²"))
    text = " + ".join(f"{units.show(value, 's')}{power}" for value, power in terms)
    return text.replace("+ -", "− ").replace("-", "−")


def _affine(verdict: Verdict[LinearFigures]) -> str:
    figures = verdict.figures
    if figures is None or verdict.answer == "UNDECIDED":
        return "whether a straight line would do is undecided"
    slope = term(figures.slope_s, figures.slope_interval_s)
    if verdict.answer == "SUPPORTED":
        return f"a straight line does as well, with {slope} per unit"
    return "a straight line does not fit"


def term(value_s: float, interval: Interval) -> str:
    return units.show_spread(value_s, interval.halfwidth, "s").replace("-", "−")


def percent(share: Interval) -> str:
    centre = (share.low + share.high) / 2
    return units.show_spread(centre * 100, share.halfwidth * 100, "%").replace("-", "−")
