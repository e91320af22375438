"""FLOPs by kind of operator, what was not counted, achieved rates, and latency against size."""

from __future__ import annotations

from suite import units
from suite.records import FlopCount, NotMeasured, Summary
from suite.report import charts, scaling
from suite.report.content import (
    Cell,
    Code,
    Content,
    Drawn,
    Heading,
    Spans,
    Table,
    bullets,
    content,
    folded,
    row,
    spans,
    table,
)
from suite.report.escape import MAX_LISTED, listed, words
from suite.report.plots import MAX_CURVES, MAX_ROWS, Margins, Plots, first, panels, short
from suite.report.points import Point, Subject
from suite.report.precision import at_least
from suite.report.quantities import flop_table
from suite.report.section import Section
from suite.report.view import RunView

# Operators that multiply no matrices, by what they do: the first part of the name that fits decides.
_KINDS = (
    ("normalisation", ("norm",)),
    ("softmax", ("softmax",)),
    ("activation functions", ("gelu", "relu", "tanh", "sigmoid", "silu", "erf")),
    ("look-up and indexing", ("embedding", "index", "gather", "where", "masked_fill", "scatter")),
    ("copies and layout", ("clone", "copy", "cat", "view", "expand", "contiguous", "stack")),
    ("making tensors", ("arange", "zeros", "ones", "empty", "full", "scalar_tensor")),
    ("comparison and logic", ("bitwise", "logical", "ge", "gt", "le", "lt", "ne", "eq")),
    ("element-wise arithmetic and sums", ("add", "sub", "mul", "div", "sum", "mean", "pow", "sqrt", "neg", "exp")),
)


def render(view: RunView, plots: Plots) -> Content:
    if not view.asked("flops"):
        return ()
    counted = {model: count for model in view.models if isinstance(count := view.flops(model), FlopCount)}
    return content(
        Heading("FLOPs by kind of operator"),
        "Convention: one multiply-accumulate (MAC) is two floating-point operations, FLOP = 2 MAC.",
        _operator_table(view),
        _sources(view, counted),
        _picture(view, counted, plots) if counted else None,
        _uncounted(counted),
        _unknown(view, counted),
        _input_sizes(view),
        _rates(view),
        _efficiency(view, plots),
    )


def _operator_table(view: RunView) -> Table:
    counts = [(model, view.flops(model)) for model in view.models]
    operators = _operators([count for _, count in counts if isinstance(count, FlopCount)])
    headers = ("Model", "MACs", "GFLOP", *(f"{words(operator)} (GFLOP)" for operator in operators))
    rows: list[list[Cell]] = []
    for model, count in counts:
        if isinstance(count, FlopCount):
            rows.append([view.title(model), *_operator_cells(count, operators)])
        elif count is not None:
            rows.append([view.title(model), *[count] * (len(headers) - 1)])
    return table(headers, rows)


def _operators(counts: list[FlopCount]) -> tuple[str, ...]:
    """The operators that counted in some model, the dearest first; the table has room for so many columns."""
    totals: dict[str, int] = {}
    for count in counts:
        for cost in count.by_operator:
            totals[cost.operator] = totals.get(cost.operator, 0) + cost.mac_count
    return tuple(sorted(totals, key=lambda name: (-totals[name], name))[:MAX_LISTED])


def _operator_cells(count: FlopCount, operators: tuple[str, ...]) -> list[Cell]:
    costs = {cost.operator: cost.mac_count for cost in count.by_operator}
    shares = [
        f"{units.decimals(2 * costs[name] / 1e9, 3)} ({units.decimals(costs[name] / count.mac_count * 100, 1)} %)"
        if name in costs
        else "does not run"
        for name in operators
    ]
    return [
        count.sign + units.show_count(count.mac_count),
        count.sign + units.decimals(count.flop_count / 1e9, 3),
        *shares,
    ]


def _sources(view: RunView, counted: dict[str, FlopCount]) -> Spans:
    locked = [view.title(model) for model, count in counted.items() if count.source == "models.lock"]
    if not locked:
        return ()
    return (
        "Taken from ",
        Code("models.lock"),
        f", where they were counted for the same model and input: {listed(locked)}. "
        "FLOPs do not depend on the machine.",
    )


def _picture(view: RunView, counts: dict[str, FlopCount], plots: Plots) -> Drawn | None:
    """Bars of what was counted here; a figure from models.lock is not known by operator."""
    counted = {model: count for model, count in counts.items() if count.by_operator}
    if not counted:
        return None
    drawn, note = first(list(counted.items()), MAX_ROWS)
    names = short([view.title(model) for model, _ in drawn])
    parts = []
    for operator in _operators([count for _, count in drawn]):
        sizes = [
            sum(2 * cost.mac_count / 1e9 for cost in count.by_operator if cost.operator == operator)
            for _, count in drawn
        ]
        parts.append((operator, sizes))
    figure, (axes,) = panels(1, 0.85 + 0.36 * len(names), Margins.for_names(names))
    charts.stacked_bars(axes, names, parts)
    axes.set_xlabel("GFLOP per call")
    return plots.add("flops", figure, f"FLOPs per model by kind of operator{note}")


def _uncounted(counted: dict[str, FlopCount]) -> Content:
    """Operators without a formula, of any model, by what they do."""
    operators = sorted({operator for count in counted.values() for operator in count.uncounted})
    if not operators:
        return ()
    kinds: list[Spans] = []
    for kind in (*(kind for kind, _ in _KINDS), "others"):
        names = [operator for operator in operators if _kind(operator) == kind]
        if names:
            kinds.append(spans(f"{kind}: ", row(map(Code, names))))
    head = "Not counted, because they multiply no matrices and cost little beside those that do: "
    return content(spans(head, row(kinds, "; "), "."))


def _unknown(view: RunView, counted: dict[str, FlopCount]) -> Content:
    """Operators of unknown cost, by model: its figure is a lower bound."""
    lines = [
        spans(
            f"{view.title(model)}: at least what is shown, since no formula is known for ",
            row(map(Code, count.unknown)),
        )
        for model, count in counted.items()
        if count.unknown
    ]
    return bullets(lines)


def _kind(operator: str) -> str:
    name = operator.rpartition(".")[2].strip("_")
    for kind, parts in _KINDS:
        if any(name == part or (len(part) > 2 and part in name) for part in parts):
            return kind
    return "others"


def _input_sizes(view: RunView) -> Content:
    """FLOPs at every other input size that was counted."""
    if len(view.points("flops")) <= len(view.models):
        return ()
    return content(folded("FLOPs by input size", flop_table(view), "flops.csv"))


def _rates(view: RunView) -> Content:
    """Operations per second that the machine achieved, at the smallest and the largest batch."""
    points = [point for subject in view.subjects for point in _ends(view, subject_base=view.base(subject))]
    rows: list[list[Cell]] = []
    for point in points:
        summary, flop = view.summary(point), scaling.flops(view, point)
        start: list[Cell] = [view.label(point.subject), view.describe(point)]
        if isinstance(summary, Summary) and flop is not None:
            count = view.flops(point.subject.model, point)
            sign = count.sign if isinstance(count, FlopCount) else ""
            rate = units.decimals(flop / summary.median / 1e9, 1)
            rows.append([*start, sign + units.decimals(flop / 1e9, 2), (sign or at_least(summary)) + rate])
        else:
            gap = _gap(view, point)
            rows.append([*start, gap, gap])
    if not rows:
        return ()
    headers = ("Model", "Input", "GFLOP per call", "Achieved GFLOP/s")
    return content(
        Heading("Achieved rate"),
        "FLOPs of a call over its median latency; FLOPs are linear in the batch.",
        folded("Achieved rates", table(headers, rows, left=2), "latency.csv", most=6),
    )


def _ends(view: RunView, subject_base: Point | None) -> list[Point]:
    """The base point, and the largest batch at the same input."""
    if subject_base is None or view.latency(subject_base) is None:
        return []
    alike = [
        point
        for point in view.points("latency", "forward")
        if (point.subject, point.axes) == (subject_base.subject, subject_base.axes)
    ]
    return list(dict.fromkeys((subject_base, max(alike, key=lambda point: point.batch_size))))


def _gap(view: RunView, point: Point) -> NotMeasured | None:
    summary, count = view.summary(point), view.flops(point.subject.model, point)
    return next((value for value in (summary, count) if isinstance(value, NotMeasured)), None)


def _efficiency(view: RunView, plots: Plots) -> Content:
    """Latency against parameters and against FLOPs, a marker per model."""
    subjects = scaling.comparable(view)
    bases = [(subject, base, view.summary(base)) for subject in subjects if (base := view.base(subject))]
    shown, note = first(bases, MAX_CURVES)
    drawn = []
    for title, unit, quantity in (
        ("parameters (millions)", 1e6, scaling.parameters),
        ("GFLOP per call", 1e9, scaling.flops),
    ):
        named = [
            (_named(view, subject, summary), value / unit, summary.median, view.place(subject))
            for subject, base, summary in shown
            if isinstance(summary, Summary) and (value := quantity(view, base)) is not None
        ]
        if named:
            drawn.append((title, named))
    if not drawn:
        return ()
    scale = units.scale_of((y for _, named in drawn for _, _, y, _ in named), "s")
    figure, panel = panels(len(drawn), panel_height_in=2.5, margins=Margins(top=0.1), foot_in=0.3)
    for axes, (title, named) in zip(panel, drawn, strict=True):
        charts.points(axes, [(name, x, y / scale.factor, place) for name, x, y, place in named])
        axes.set_xlabel(title)
        axes.set_ylabel(f"latency ({scale.symbol})")
    charts.legend_below(figure, panel[0])
    picture = plots.add("efficiency", figure, f"Latency against parameters and against FLOPs, per model{note}")
    return content(Heading("Latency against size"), picture)


def _named(view: RunView, subject: Subject, summary: Summary) -> str:
    return view.label(subject) + (", at most" if summary.is_upper_bound else "")


PLUGIN = Section(name="extra", order=70, title="Extra: FLOPs and efficiency", render=render)
