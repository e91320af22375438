"""The lab's hypotheses, each answered in a sentence with its figures."""

from __future__ import annotations

from collections.abc import Callable

from suite import units
from suite.records import NotMeasured
from suite.report import answers, energies, roofs, scaling
from suite.report.escape import inline, markdown
from suite.report.plots import Plots
from suite.report.points import BATCH_SIZE, Point, Sweep
from suite.report.section import Section, paragraphs
from suite.report.table import absent
from suite.report.view import RunView
from suite.stats.hypotheses import RankFigures, Verdict


def render(view: RunView, _plots: Plots) -> str:
    if not view.asked("latency"):
        return ""
    return paragraphs(
        "Each answer is SUPPORTED, REJECTED, or UNDECIDED where the data can't tell; ± and ranges are 95 % intervals. "
        "Fits have an intercept; they compare sizes within the rounds in which these took turns, discount blocks that "
        "something else slowed down, and are chosen by their error (root mean square) at sizes left out one at a time, "
        "not by R².",
        _linear(view),
        _quadratic(view),
        _tracks(view),
        roofs.why(view),
    )


def _linear(view: RunView) -> str:
    sweeps = view.sweeps(BATCH_SIZE)
    if not sweeps:
        return ""
    lines = [
        f"- {markdown(view.label(sweep.subject))}: {answers.linear(scaling.linear(view, sweep))}" for sweep in sweeps
    ]
    return paragraphs("### Is latency linear in the batch size?", "\n".join(lines))


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
    label = inline(view.axis_label(sweep.axis))
    return answers.quadratic(scaling.quadratic(view, sweep), scaling.linear(view, sweep), label)


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
        f"{figures.rank_correlation:.2f} (p = {units.decimals(figures.p_value, 3)} by permutation); {reason}{needed}."
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


PLUGIN = Section(name="discussion", order=60, title="Discussion", render=render)
