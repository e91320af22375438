"""Which models are measured, and why these."""

from __future__ import annotations

from suite.report.content import Code, Content, Spans, Strong, bullets, spans
from suite.report.plots import Plots
from suite.report.section import Section
from suite.report.view import RunView

MAX_ENTRIES = 200


def render(view: RunView, _plots: Plots) -> Content:
    entries = [_entry(view, model) for model in view.models[:MAX_ENTRIES]]
    more = len(view.models) - len(entries)
    return bullets([*entries, *([f"{more:,} more models."] if more else [])])


def _entry(view: RunView, model: str) -> Spans:
    declaration = view.declaration(model)
    if declaration is None:
        return Strong(model), ": this installation lacks its plug-in, so its name is all that is known here."
    axes = ", ".join(axis.label for axis in declaration.axes)
    return spans(
        Strong(view.title(model)),
        " (",
        Code(model),
        f"), {declaration.task}. {_sentence(declaration.why)}",
        f" Input sizes: batch size, {axes}." if axes else "",
        f" Source: {_sentence(declaration.source)}" if declaration.source else "",
    )


def _sentence(text: str) -> str:
    return f"{text.strip().rstrip('.')}."


PLUGIN = Section(name="models", order=10, title="Models and why", render=render)
