"""Parameter counts, and whether they account for sharing."""

from __future__ import annotations

from suite import units
from suite.records import ParameterCount
from suite.report import charts
from suite.report.content import Code, Content, Drawn, Spans, bullets, content, row, spans
from suite.report.plots import MAX_ROWS, Margins, Plots, first, panels, short
from suite.report.quantities import parameter_table
from suite.report.section import Section
from suite.report.view import RunView


def render(view: RunView, plots: Plots) -> Content:
    if not view.asked("params"):
        return ()
    counts = {model: view.parameters(model) for model in view.models}
    known = {model: count for model, count in counts.items() if isinstance(count, ParameterCount)}
    return content(
        parameter_table(view),
        "Unique counts each tensor once, however many names it has; registered counts every name, as a naive sum over "
        "the modules does. Embeddings are the look-up tables among the unique ones. Buffers are stored with the model "
        "and not learned. Bytes are those of the unique parameters.",
        bullets(_sharing(view.title(model), count) for model, count in known.items()),
        bullets(_built(view.title(model), count) for model, count in known.items() if count.configuration),
        _picture(view, known, plots) if known else None,
    )


def _sharing(title: str, count: ParameterCount) -> Spans:
    """The answer to: does this number account for parameter sharing?"""
    checked: Spans = (
        (" It equals the count in ", Code("models.lock"), ".")
        if count.expected_unique_count == count.unique_count
        else ()
    )
    unique = units.show_count(count.unique_count)
    extra = count.registered_count - count.unique_count
    if extra == 0:
        return spans(f"{title}: {unique} accounts for sharing; nothing is shared, so both counts agree.", checked)
    groups = [
        spans(row(map(Code, group.names), " = "), f" ({units.show_count(group.parameter_count)})")
        for group in count.shared
    ]
    share = f" ({extra / count.unique_count * 100:.1f} %)" if count.unique_count else ""
    return spans(
        f"{title}: {unique} accounts for sharing; a naive count gives {units.show_count(count.registered_count)}, "
        f"{units.show_count(extra)} too many{share}. Shared: ",
        row(groups, "; "),
        ".",
        checked,
    )


def _built(title: str, count: ParameterCount) -> str:
    """What a checkpoint's network is, where the model's name stands for another one."""
    return f"{title}: {'; '.join(count.configuration)}. The network is built as the checkpoint says."


def _picture(view: RunView, known: dict[str, ParameterCount], plots: Plots) -> Drawn | None:
    drawn, note = first(list(known.items()), MAX_ROWS)
    names, counts = short([view.title(model) for model, _ in drawn]), [count for _, count in drawn]
    parts = [
        ("embeddings", [count.embedding_count / 1e6 for count in counts]),
        ("all other layers", [(count.unique_count - count.embedding_count) / 1e6 for count in counts]),
        ("counted again under another name", [(count.registered_count - count.unique_count) / 1e6 for count in counts]),
    ]
    parts = [part for part in parts if any(part[1])]
    if not parts:
        return None
    figure, (axes,) = panels(1, 0.85 + 0.36 * len(names), Margins.for_names(names))
    charts.stacked_bars(axes, names, parts)
    axes.set_xlabel("parameters (millions)")
    alternative = f"Parameters per model: embeddings, other layers, and what is shared{note}"
    return plots.add("parameters", figure, alternative)


PLUGIN = Section(name="parameters", order=20, title="Parameter count", render=render)
