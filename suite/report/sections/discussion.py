"""The lab's hypotheses, each answered in a sentence with its figures."""

from __future__ import annotations

from collections.abc import Callable

from suite import units
from suite.records import Interval, NotMeasured
from suite.report import energies, scaling
from suite.report.escape import inline, markdown
from suite.report.plots import Plots
from suite.report.points import BATCH_SIZE, Point, Sweep
from suite.report.quantities import fixed, r_squared
from suite.report.section import Section, paragraphs
from suite.report.table import absent
from suite.report.view import RunView
from suite.stats.hypotheses import LinearFigures, QuadraticFigures, RankFigures, Verdict


def render(view: RunView, _plots: Plots) -> str:
    if not view.asked("latency"):
        return ""
    return paragraphs(
        "Each answer is SUPPORTED, REJECTED, or UNDECIDED where the data can't tell; ± and ranges are 95 % intervals. "
        "Fits are to the medians, weighted by their errors, and have an intercept.",
        _linear(view),
        _quadratic(view),
        _tracks(view),
    )


def _linear(view: RunView) -> str:
    sweeps = view.sweeps(BATCH_SIZE)
    if not sweeps:
        return ""
    lines = [f"- {markdown(view.label(sweep.subject))}: {_linear_sentence(view, sweep)}" for sweep in sweeps]
    return paragraphs("### Is latency linear in the batch size?", "\n".join(lines))


def _linear_sentence(view: RunView, sweep: Sweep) -> str:
    verdict = scaling.linear(view, sweep)
    figures = verdict.figures
    if figures is None:
        return f"**{verdict.answer}**: fewer than three sizes have an interval, and a line fits any two."
    through_zero = (
        "it may be proportional: the intercept's interval holds zero"
        if figures.proportional
        else "it is not proportional: the intercept's interval excludes zero"
    )
    return (
        f"**{verdict.answer}**: latency is {_term(figures.intercept_s, figures.intercept_interval_s)} plus "
        f"{_term(figures.slope_s, figures.slope_interval_s)} per item ({r_squared(figures.r_squared)}, "
        f"{figures.size_count} sizes up to {figures.largest_size:g}); a square term would make up "
        f"{_percent(figures.curvature_share)} of the latency at batch size {figures.largest_size:g}, and up to "
        f"±{figures.margin * 100:g} % counts as linear; {through_zero}."
    )


def _quadratic(view: RunView) -> str:
    lines = [
        f"- {markdown(view.label(sweep.subject))}, {inline(view.axis_label(axis))}: {_quadratic_sentence(view, sweep)}"
        for axis in view.axes
        for sweep in view.sweeps(axis)
    ]
    if not lines:
        return ""
    return paragraphs(
        "### Is latency quadratic in the input size?",
        "Supported where the square term of a + b n + c n² makes up more than half of the latency at the largest size.",
        "\n".join(lines),
    )


def _quadratic_sentence(view: RunView, sweep: Sweep) -> str:
    verdict = scaling.quadratic(view, sweep)
    figures = verdict.figures
    if figures is None:
        return f"**{verdict.answer}**: fewer than three sizes have an interval, too few for a square."
    label = inline(view.axis_label(sweep.axis))
    crossover = (
        f"; it would equal the linear term at about {units.show_count(round(figures.crossover_size))} {label}"
        if figures.crossover_size is not None
        else ""
    )
    return (
        f"**{verdict.answer}**: at {figures.largest_size:g} {label} the square term makes up "
        f"{_percent(figures.share)} of the latency ({_curve(figures)}, {figures.size_count} sizes, "
        f"{r_squared(figures.r_squared)}){crossover}; {_affine(scaling.linear(view, sweep))}."
    )


def _curve(figures: QuadraticFigures) -> str:
    terms = ((figures.constant_s, ""), (figures.linear_s, " n"), (figures.quadratic_s, " n²"))
    text = " + ".join(f"{units.show(value, 's')}{power}" for value, power in terms)
    return text.replace("+ -", "− ").replace("-", "−")


def _affine(verdict: Verdict[LinearFigures]) -> str:
    figures = verdict.figures
    if figures is None or verdict.answer == "UNDECIDED":
        return "whether a straight line would do is undecided"
    slope = _term(figures.slope_s, figures.slope_interval_s)
    if verdict.answer == "SUPPORTED":
        return f"a straight line does as well, with {slope} per unit"
    return "a straight line does not fit either"


def _tracks(view: RunView) -> str:
    if len(scaling.comparable(view)) < 2:
        return ""
    questions: tuple[tuple[str, str, Callable[[RunView, Point], float | None]], ...] = (
        ("energy", "energy", energies.gross_j),
        ("params", "parameters", scaling.parameters),
        ("flops", "FLOPs", scaling.flops),
    )
    lines = [
        f"- Latency and {name}: {_tracks_sentence(view, scaling.tracks(view, quantity), name)}"
        for test, name, quantity in questions
        if any(task.test == test for task in view.tasks)
    ]
    if not lines:
        return ""
    return paragraphs("### Does latency track energy, parameters, FLOPs?", "\n".join(lines))


def _tracks_sentence(view: RunView, verdict: Verdict[RankFigures], name: str) -> str:
    figures = verdict.figures
    if figures is None:
        return f"**{verdict.answer}**: {_why_no_order(view, verdict, name)}."
    needed = (
        f"; with the same correlation {figures.models_needed} models would decide it"
        if figures.models_needed is not None
        else ""
    )
    reason = {
        "same_order": "they put the models into the same order",
        "opposite_order": "they put the models into opposite orders",
        "too_few_models": "even a perfect order of so few models comes about too easily by chance",
    }.get(verdict.reason, "the order is unclear")
    return (
        f"**{verdict.answer}**: over {figures.model_count} models the rank correlation is "
        f"{figures.rank_correlation:.2f} (p = {fixed(figures.p_value, 3)} by permutation); {reason}{needed}."
    )


def _why_no_order(view: RunView, verdict: Verdict[RankFigures], name: str) -> str:
    if verdict.reason == "no_spread":
        return "all models are equal in one of the two"
    if name == "energy":
        absences = (found.energy for found in view.run.records if isinstance(found.energy, NotMeasured))
        absence = next(absences, None)
        if absence is not None:
            return f"no energy was measured ({absent(absence)})"
    return "fewer than two models have both figures"


def _term(value_s: float, interval: Interval) -> str:
    return units.show_spread(value_s, interval.halfwidth, "s").replace("-", "−")


def _percent(share: Interval) -> str:
    centre = (share.low + share.high) / 2
    return units.show_spread(centre * 100, share.halfwidth * 100, "%").replace("-", "−")


PLUGIN = Section(name="discussion", order=60, title="Discussion", render=render)
