"""Which models are measured, and why these."""

from __future__ import annotations

from suite.report.plots import Plots
from suite.report.section import Section
from suite.report.view import RunView


def render(view: RunView, _plots: Plots) -> str:
    return "\n".join(_entry(view, model) for model in view.models)


def _entry(view: RunView, model: str) -> str:
    declaration = view.declaration(model)
    if declaration is None:
        return f"- **{model}**: this installation lacks its plug-in, so its name is all that is known here."
    axes = ", ".join(axis.label for axis in declaration.axes)
    parts = [
        f"- **{view.title(model)}** (`{model}`), {declaration.task}. {_sentence(declaration.why)}",
        f"Input sizes: batch size, {axes}." if axes else "",
        f"Source: {_sentence(declaration.source)}" if declaration.source else "",
    ]
    return " ".join(part for part in parts if part)


def _sentence(text: str) -> str:
    return f"{text.strip().rstrip('.')}."


PLUGIN = Section(name="models", order=10, title="Models and why", render=render)
