"""The lab's hypotheses, each answered in a sentence with its figures."""

from __future__ import annotations

from suite.records.hypothesis import Shape
from suite.report import answers, energies, own, rankings, roofs, scaling
from suite.report.content import Content, Heading, Spans, bullets, content, spans
from suite.report.escape import listed
from suite.report.plots import Plots
from suite.report.points import BATCH_SIZE, Sweep
from suite.report.section import Section
from suite.report.view import RunView


def render(view: RunView, _plots: Plots) -> Content:
    if not view.asked("latency"):
        return own.render(view)
    return content(
        "Each answer is SUPPORTED, REJECTED, or UNDECIDED where the data can't tell; ± and ranges are 95 % intervals. "
        "Fits have an intercept; they compare sizes within the rounds in which these took turns, discount blocks that "
        "something else slowed down, and are chosen by their error (root mean square) at sizes left out one at a time, "
        "not by R².",
        own.render(view),
        _linear(view),
        _quadratic(view),
        _tracks(view),
        roofs.why(view),
    )


def _linear(view: RunView) -> Content:
    sweeps = view.sweeps(BATCH_SIZE)
    if not sweeps:
        return ()
    lines = [
        spans(
            f"{view.label(sweep.subject)}: ",
            answers.linear(scaling.linear(view, sweep), _takes(view, sweep, "linear")),
            _lost(view, sweep),
        )
        for sweep in sweeps
    ]
    return content(Heading("Is latency linear in the batch size?"), bullets(lines))


def _quadratic(view: RunView) -> Content:
    lines = [
        spans(
            f"{view.label(sweep.subject)}, {view.axis_label(axis)}: ",
            _quadratic_sentence(view, sweep),
            _lost(view, sweep),
        )
        for axis in view.axes
        for sweep in view.sweeps(axis)
    ]
    if not lines:
        return ()
    return content(
        Heading("Is latency quadratic in the input size?"),
        "Supported where the square term of a + b n + c n² makes up more than half of the latency at the largest size.",
        bullets(lines),
    )


def _quadratic_sentence(view: RunView, sweep: Sweep) -> Spans:
    label = view.axis_label(sweep.axis)
    takes = _takes(view, sweep, "quadratic")
    return answers.quadratic(scaling.quadratic(view, sweep), scaling.linear(view, sweep), label, takes)


def _takes(view: RunView, sweep: Sweep, shape: Shape) -> str:
    found = scaling.takes(view, sweep, shape)
    return "" if found is None else answers.needed(found, scaling.round_s(view, sweep))


def _lost(view: RunView, sweep: Sweep) -> str:
    """What of a sweep was disturbed, and is in no fit; and what was added to it."""
    lost = answers.lost(scaling.bounded_sizes(view, sweep), scaling.disturbed_block_count(view, sweep))
    added = scaling.added_sizes(view, sweep)
    more = f"Added to the plan's sizes, to decide it: {listed([str(size) for size in added])}." if added else ""
    return "".join(f" {text}" for text in (lost, more) if text)


def _tracks(view: RunView) -> Content:
    if len(scaling.comparable(view)) < 2:
        return ()
    questions: tuple[tuple[str, str, scaling.Quantity], ...] = (
        ("energy", "energy", energies.gross_j),
        ("params", "parameters", scaling.parameter_figure),
        ("flops", "FLOPs", scaling.flop_figure),
    )
    lines = [
        spans(f"Latency and {name}: ", rankings.told(view, scaling.compared(view, quantity), name))
        for test, name, quantity in questions
        if any(task.test == test for task in view.tasks)
    ]
    if not lines:
        return ()
    return content(
        Heading("Does latency track energy, parameters, FLOPs?"),
        "Answered for these models first, pair by pair: two are told apart where their 95 % intervals (energy: error "
        "budgets) share no value. What so few models say of models at large is another question.",
        bullets(lines),
    )


PLUGIN = Section(name="discussion", order=60, title="Discussion", render=render)
