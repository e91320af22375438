"""`suite report --style lab`: the lab's tables and questions alone, in its order and with its numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from suite.records import FlopCount, NotMeasured, ParameterCount, Summary
from suite.report import energies, rankings, scaling
from suite.report.content import (
    Block,
    Cell,
    Chapter,
    Code,
    Column,
    Content,
    Document,
    Heading,
    Picture,
    Spans,
    Table,
    bullets,
    content,
    row,
    spans,
    table,
)
from suite.report.points import BATCH_SIZE, Point, Sweep
from suite.report.precision import at_most
from suite.report.spans import answered
from suite.report.view import RunView
from suite.stats import hypotheses
from suite.units import Scale, digits, show_count

SECONDS = Scale(1.0, "s")


def document(view: RunView, title: str, sections: Mapping[str, Content]) -> Document:
    """sections: what the report's own sections gave, by name; their models and pictures are the lab's too."""
    chapters = (
        Chapter("models", "Models, and why these", sections.get("models", ())),
        Chapter("parameters", "Parameter count", _parameters(view)),
        Chapter("latency", "Latency", _latency(view, sections.get("latency", ()))),
        Chapter("energy", "Energy", _energy(view)),
        Chapter("discussion", "Discussion", _discussion(view)),
        Chapter("extra", "Extra: FLOPs", _extra(view, sections.get("extra", ()))),
    )
    told = tuple(each for each in chapters if each.content)
    absent = _absent(block for each in told for block in each.content)
    last = (Chapter("absent", "What was not measured", absent, numbered=False),) if absent else ()
    return Document(title=title, lead=(), chapters=(*told, *last))


def _absent(blocks: Iterable[Block]) -> Content:
    """Reason and remedy of each code that a table shows: where its links lead."""
    cells = [cell for block in blocks if isinstance(block, Table) for line in block.rows for cell in line]
    by_code: dict[str, dict[NotMeasured, None]] = {}
    for cell in cells:
        if isinstance(cell, NotMeasured):
            by_code.setdefault(cell.code, {})[cell] = None
    return tuple(
        block
        for code, gaps in sorted(by_code.items())
        for block in content(Heading(code), bullets(f"{gap.reason}. Remedy: {gap.remedy}." for gap in gaps))
    )


def _parameters(view: RunView) -> Content:
    counts = [(view.title(model), count) for model in view.models if (count := view.parameters(model)) is not None]
    rows: list[list[Cell]] = [
        [title, show_count(count.unique_count) if isinstance(count, ParameterCount) else count]
        for title, count in counts
    ]
    answers = [_sharing(title, count) for title, count in counts if isinstance(count, ParameterCount)]
    if not rows:
        return ()
    return content(
        table(("Model", "Parameters"), rows, caption="Parameters per model"),
        Heading("Does this number account for parameter sharing?"),
        bullets(answers),
    )


def _sharing(title: str, count: ParameterCount) -> Spans:
    extra = count.registered_count - count.unique_count
    if not extra:
        return (f"{title}: yes. Nothing is shared, so counting by name gives the same.",)
    names = row((row(map(Code, group.names), " = ") for group in count.shared), "; ")
    naive = f"counting by name would give {show_count(count.registered_count)}, {show_count(extra)} too many"
    return spans(f"{title}: yes. Each tensor counts once; {naive} (", names, ").")


def _latency(view: RunView, drawn: Content) -> Content:
    """Mean and standard deviation at batch 1 in seconds, then against batch and input size."""
    bases = [base for subject in view.subjects if (base := view.base(subject)) and view.latency(base) is not None]
    if not bases:
        return ()
    blocks: list[Block] = [
        Heading("At batch size 1"),
        *content(_counts(view, bases)),
        table(
            ("Model", "Input", Column("Mean", "s"), Column("Standard deviation", "s"), "k"),
            [_at_one(view, point) for point in bases],
            left=2,
            caption="Latency at batch size 1",
        ),
    ]
    for axis in (BATCH_SIZE, *view.axes):
        if sweeps := view.sweeps(axis):
            blocks += [
                Heading(f"Against {view.axis_label(axis)}"),
                *_picture(drawn, f"latency-{axis}"),
                _sweep(view, sweeps),
            ]
    return tuple(blocks)


def _counts(view: RunView, points: list[Point]) -> str:
    counts = sorted({value.count for point in points if isinstance(value := view.summary(point), Summary)})
    if not counts:
        return ""
    calls = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f"k = {calls} timed calls each, after warm-up; the standard deviation is that of the sample (k − 1)."


def _at_one(view: RunView, point: Point) -> list[Cell]:
    value, start = view.summary(point), [view.label(point.subject), view.describe(point)]
    if not isinstance(value, Summary):
        return [*start, value, value, value]
    std = "none: k = 1" if value.std is None else SECONDS.value(value.std, 2)
    return [*start, at_most(value) + SECONDS.value(value.mean), std, str(value.count)]


def _sweep(view: RunView, sweeps: tuple[Sweep, ...]) -> Block:
    """Means and standard deviations: a row a model, a column a size."""
    sizes = sorted({size for sweep in sweeps for size in sweep.sizes})
    rows = [[view.label(sweep.subject), *(_at_size(view, sweep, size) for size in sizes)] for sweep in sweeps]
    label = view.axis_label(sweeps[0].axis)
    return table((f"Mean ± std (s) at {label}", *map(str, sizes)), rows, caption=f"Latency against {label}")


def _at_size(view: RunView, sweep: Sweep, size: int) -> Cell:
    point = next((point for point in sweep.points if point.size(sweep.axis) == size), None)
    value = None if point is None else view.summary(point)
    if not isinstance(value, Summary):
        return value
    shown = SECONDS.value(value.mean) if value.std is None else SECONDS.spread(value.mean, value.std)
    return at_most(value) + shown


def _picture(drawn: Content, name: str) -> Content:
    wanted = name.replace("_", "-")
    return tuple(block for block in drawn if isinstance(block, Picture) and block.name == wanted)


def _energy(view: RunView) -> Content:
    """The lab's formula: average watts times time."""
    points = view.points("energy")
    if not points:
        return ()
    rows: list[list[Cell]] = []
    for point in points:
        found = view.record("energy", point)
        lab, value = energies.lab_figure(found) if found else None, view.energy(point)
        start: list[Cell] = [view.label(point.subject), view.describe(point)]
        gap = value if isinstance(value, NotMeasured) else None
        rows.append([*start, *([digits(lab.average_w), digits(lab.joules)] if lab else [gap, gap])])
    return content(
        "Energy per inference: average power in watts times the mean time of a call in seconds, over the batch size.",
        table(("Model", "Input", Column("Average power", "W"), Column("Energy", "J")), rows, 2, caption="Energy"),
    )


def _discussion(view: RunView) -> Content:
    """The three hypotheses, each with its answer."""
    linear = [
        spans(f"{view.label(sweep.subject)}: ", answered(verdict.answer), _slope(verdict), ".")
        for sweep in view.sweeps(BATCH_SIZE)
        for verdict in (scaling.linear(view, sweep),)
    ]
    quadratic = [
        spans(
            f"{view.label(sweep.subject)}, {view.axis_label(axis)}: ",
            answered(scaling.quadratic(view, sweep).answer),
            ".",
        )
        for axis in view.axes
        for sweep in view.sweeps(axis)
    ]
    tracks = list(_tracks(view)) if len(scaling.comparable(view)) > 1 else []
    questions = (
        ("Is latency linear in the batch size?", linear),
        ("Is latency quadratic in the input size?", quadratic),
        ("Does latency track energy, parameters, FLOPs?", tracks),
    )
    return tuple(block for asked, lines in questions if lines for block in content(Heading(asked), bullets(lines)))


def _tracks(view: RunView) -> Iterator[Spans]:
    quantities: tuple[tuple[str, scaling.Quantity], ...] = (
        ("energy", energies.gross_j),
        ("parameters", scaling.parameter_figure),
        ("FLOPs", scaling.flop_figure),
    )
    for name, quantity in quantities:
        head = rankings.head(scaling.compared(view, quantity))
        yield spans(f"{name}: ", answered("UNDECIDED") if head is None else head, "" if head else _few(name), ".")


def _few(name: str) -> str:
    return f", fewer than two models have their {name} and their latency"


def _slope(verdict: hypotheses.Verdict[hypotheses.LinearFigures]) -> str:
    figures = verdict.figures
    if figures is None:
        return ", too few sizes"
    return f", {digits(figures.intercept_s)} s plus {digits(figures.slope_s)} s per item"


def _extra(view: RunView, drawn: Content) -> Content:
    counts = [(view.title(model), count) for model in view.models if (count := view.flops(model)) is not None]
    rows: list[list[Cell]] = [
        [title, count.sign + digits(count.flop_count / 1e9, 4) if isinstance(count, FlopCount) else count]
        for title, count in counts
    ]
    if not rows:
        return ()
    return content(
        "One multiply-accumulate is two floating-point operations.",
        table(("Model", Column("GFLOP per inference")), rows, caption="FLOPs per model"),
        *_picture(drawn, "efficiency"),
    )
