"""Latency: the batch-1 table, stepping through episodes, cold start, and the sweeps with their spread."""

from __future__ import annotations

from collections.abc import Iterable

from suite import units
from suite.records import Block, ColdStart, NotMeasured, Summary
from suite.report import charts, precision, quantities, scaling, shaped
from suite.report.content import Cell, Content, Details, Drawn, Heading, content, folded, table
from suite.report.escape import listed
from suite.report.plots import MAX_CURVES, MAX_PANELS, MAX_ROWS, Margins, Plots, first, panels, short, strip_below
from suite.report.points import BATCH_SIZE, Point, Sweep
from suite.report.section import Section
from suite.report.view import RunView


def render(view: RunView, plots: Plots) -> Content:
    if not view.asked("latency"):
        return ()
    return content(
        _base(view, plots),
        _episodes(view),
        _cold_start(view),
        *(_sweeps(view, axis, plots) for axis in _axes(view)),
        _every_size(view),
        _throughput(view, plots),
        shaped.told(view),
        _others(view),
    )


def _base(view: RunView, plots: Plots) -> Content:
    points = [base for subject in view.subjects if (base := view.base(subject)) and view.latency(base) is not None]
    if not points:
        return ()
    sizes = sorted({point.batch_size for point in points})
    heading = f"Batch {sizes[0]}" if len(sizes) == 1 else "Smallest batch of each model"
    found = [(point, summary) for point in points if isinstance(summary := view.summary(point), Summary)]
    return content(
        Heading(heading),
        quantities.latency_table(view, points),
        "Precision: half the interval's width, relative to the median; the goal is told where it was not reached. std: "
        "the sample standard deviation, in brackets where a tail alone puts the mean outside the interval.",
        _strips(view, found, plots) if found else None,
    )


def _strips(view: RunView, found: list[tuple[Point, Summary]], plots: Plots) -> Drawn:
    scale = units.scale_of((summary.median for _, summary in found), "s")
    drawn, note = first(found, MAX_ROWS)
    names = short([view.label(point.subject) for point, _ in drawn])
    clouds = [_cloud(view, point, row, summary, scale) for row, (point, summary) in enumerate(drawn)]
    figure, (axes,) = panels(1, 0.55 + 0.42 * len(drawn), Margins.for_names(names, top=0.06))
    charts.strips(axes, names, clouds)
    axes.set_xlabel(f"latency of one call ({scale.symbol}); dots: calls, tick: median{_hollow(clouds)}")
    return plots.add("latency-base", figure, f"Every timed call and the median, per model{note}")


def _cloud(view: RunView, point: Point, x: float, summary: Summary, scale: units.Scale) -> charts.Cloud:
    found = view.samples(point)
    quiet = (block for block in found.timed_blocks if block.disturbed_by is None)
    return charts.Cloud(
        x=x,
        samples=_scaled(quiet, scale),
        disturbed=_scaled(found.disturbed_blocks, scale),
        median=summary.median / scale.factor,
        is_upper_bound=summary.is_upper_bound,
        place=view.place(point.subject),
        told=f"{view.label(point.subject)}, {view.describe(point)}: median {precision.median(summary, scale)} "
        f"{scale.symbol}, {units.counted(summary.count, 'call')}",
    )


def _scaled(blocks: Iterable[Block], scale: units.Scale) -> tuple[float, ...]:
    return tuple(value / scale.factor for block in blocks for value in block.latency_s)


def _hollow(clouds: Iterable[charts.Cloud]) -> str:
    """What the legend says of marks that only some runs have."""
    clouds = tuple(clouds)
    hollow = "; hollow: disturbed" if any(cloud.disturbed for cloud in clouds) else ""
    return hollow + ("; dotted: upper bound" if any(cloud.is_upper_bound for cloud in clouds) else "")


def _episodes(view: RunView) -> Content:
    """Other ways to call a model than one forward pass: E.T. runs the whole history again at each step."""
    points = [point for point in view.points("latency") if point.scenario == "episode"]
    if not points:
        return ()
    found = [view.summary(point) for point in points]
    whole = units.scale_of((value.median for value in found if isinstance(value, Summary)), "s")
    steps = [
        value.median / view.samples(point).step_count
        for point, value in zip(points, found, strict=True)
        if isinstance(value, Summary)
    ]
    step = units.scale_of(steps, "s")
    headers = (
        "Model",
        "Input",
        "Steps",
        "n",
        f"Episode, median ({whole.symbol})",
        f"95 % interval ({whole.symbol})",
        f"Episode, mean ± std ({whole.symbol})",
        f"Step, median ({step.symbol})",
        "Against one pass",
    )
    rows: list[list[Cell]] = []
    for point, value in zip(points, found, strict=True):
        start: list[Cell] = [view.label(point.subject), view.describe(point)]
        rows.append(
            start + (_episode_cells(view, point, value, whole, step) if isinstance(value, Summary) else [value] * 7)
        )
    return content(
        Heading("Episodes, step by step"),
        "How an agent uses the model: at each step it runs the whole history again, as the original does. An episode "
        "is all its steps, not one forward pass over the finished episode: that is what the other tables show.",
        table(headers, rows, left=2),
    )


def _episode_cells(view: RunView, point: Point, summary: Summary, whole: units.Scale, step: units.Scale) -> list[Cell]:
    step_count = view.samples(point).step_count
    single = view.summary(
        Point(subject=point.subject, scenario="forward", batch_size=point.batch_size, axes=point.axes)
    )
    ratio = _ratio(summary, single) if isinstance(single, Summary) else single
    return [
        str(step_count),
        str(summary.count),
        precision.median(summary, whole),
        precision.median_interval(summary, whole),
        precision.mean_and_std(summary, whole),
        precision.at_most(summary) + step.value(summary.median / step_count, 3),
        ratio,
    ]


def _ratio(summary: Summary, single: Summary) -> str:
    if summary.is_upper_bound and single.is_upper_bound:
        return "both DISTURBED"
    sign = precision.at_most(summary) + precision.at_least(single)
    return f"{sign}{units.digits(summary.median / single.median)} times"


def _cold_start(view: RunView) -> Content:
    found = [(subject, view.cold_start(subject)) for subject in view.subjects]
    if all(value is None for _, value in found):
        return ()
    headers = ("Model", "Process (s)", "Imports (s)", "Build (s)", "Weights (s)", "First call (s)", "Sum (s)")
    rows: list[list[Cell]] = []
    for subject, value in found:
        if value is not None:
            rows.append([view.label(subject), *_cold_cells(value)])
    return content(
        Heading("Cold start"),
        "The way to the first answer, once per worker process. No part of it is in the other figures.",
        table(headers, rows),
    )


def _cold_cells(value: ColdStart | NotMeasured) -> list[Cell]:
    if isinstance(value, NotMeasured):
        return [value] * 6
    parts = (value.process_s, value.import_s, value.build_s, value.weights_s, value.first_call_s)
    return [units.decimals(part_s, 3) for part_s in (*parts, sum(parts))]


def _axes(view: RunView) -> list[str]:
    """Along which there is a sweep; how to read the pictures stands with the first."""
    return [axis for axis in (BATCH_SIZE, *view.axes) if view.sweeps(axis)]


def _every_size(view: RunView) -> Content:
    """The sweeps in full: n, blocks, intervals, means, precision."""
    tables = [
        (Heading(f"All figures against {view.axis_label(axis)}", 4), quantities.sweep_table(view, sweeps))
        for axis in _axes(view)
        if (sweeps := view.sweeps(axis))
    ]
    summary = "Every size of the sweeps: n, blocks, interval, mean and standard deviation, precision"
    return content(Details(summary, content(*tables), "latency.csv")) if tables else ()


def _sweeps(view: RunView, axis: str, plots: Plots) -> Content:
    sweeps = view.sweeps(axis)
    label = view.axis_label(axis)
    return content(
        Heading(f"Against {label}"),
        _fixed(view, sweeps),
        _picture(view, sweeps, plots),
        quantities.median_table(view, sweeps),
    )


def _fixed(view: RunView, sweeps: tuple[Sweep, ...]) -> str:
    """What stayed the same while one size was swept."""
    told: dict[str, list[str]] = {}
    for sweep in sweeps:
        point = sweep.points[0]
        names = [name for name in (BATCH_SIZE, *dict(point.axes)) if name != sweep.axis]
        sizes = ", ".join(f"{point.size(name)} {view.axis_label(name)}" for name in names).replace(
            f"{point.batch_size} batch size", f"batch {point.batch_size}"
        )
        told.setdefault(sizes, []).append(view.label(sweep.subject))
    return (
        "All else fixed: " + "; ".join(f"{sizes} ({listed(labels)})" for sizes, labels in told.items() if sizes) + "."
    )


def _picture(view: RunView, sweeps: tuple[Sweep, ...], plots: Plots) -> Drawn | None:
    """A panel per model: every call, medians, and the affine fit with its equation."""
    axis = sweeps[0].axis
    known = [(sweep, found) for sweep in sweeps if (found := _summaries(view, sweep))]
    drawn, note = first(known, MAX_PANELS)
    if not drawn:
        return None
    scale = units.scale_of((summary.median for _, found in drawn for _, summary in found), "s")
    figure, panel = panels(len(drawn), panel_height_in=2.9)
    shown: list[charts.Cloud] = []
    names = short([view.label(sweep.subject) for sweep, _ in drawn])
    for axes, name, (sweep, found) in zip(panel, names, drawn, strict=True):
        clouds = [_cloud(view, point, point.size(axis), summary, scale) for point, summary in found]
        shown += clouds
        curve, index = _curve(view, sweep, scale), view.place(sweep.subject)
        strip = strip_below(axes)
        charts.sweep(axes, clouds, curve, index)
        charts.deviations(strip, clouds, curve, index)
        axes.set_title(name)
        axes.set_ylabel(f"latency ({scale.symbol})")
        strip.set_ylabel("off (%)")
        strip.set_xlabel(view.axis_label(axis))
        for drawn_axes in (axes, strip):
            drawn_axes.yaxis.set_label_coords(-0.13, 0.5)  # one below the other
    alternative = f"Latency against {view.axis_label(axis)}: calls, medians and affine fit{note}"
    caption = (
        ()
        if axis != _axes(view)[0]
        else (
            "Dots: calls. Dashes: medians. Line: affine fit by rounds, with its equation. Strip below: how far each "
            f"call lies off the line (off its median where there is no line). Triangles: calls beyond the "
            f"frame{_marked(shown)}."
        )
    )
    return plots.add(f"latency-{axis.replace('_', '-')}", figure, alternative, caption)


def _marked(clouds: Iterable[charts.Cloud]) -> str:
    """The same in a caption's words."""
    told = _hollow(clouds).replace("hollow: disturbed", "Hollow: calls of disturbed blocks, in no fit")
    return told.replace("; dotted: upper bound", "; Dotted dashes: upper bounds").replace("; ", ". ")


def _summaries(view: RunView, sweep: Sweep) -> list[tuple[Point, Summary]]:
    return [(point, summary) for point in sweep.points if isinstance(summary := view.summary(point), Summary)]


def _curve(view: RunView, sweep: Sweep, scale: units.Scale) -> charts.Curve | None:
    """The line a + b x in the unit of the axis; None below three sizes, where a line could not fail to fit."""
    figures = scaling.linear(view, sweep).figures
    if figures is None:
        return None
    intercept, slope = figures.intercept_s / scale.factor, figures.slope_s / scale.factor
    sign = "+" if slope >= 0 else "−"
    equation = f"{units.digits(intercept)} {sign} {units.digits(abs(slope))} x {scale.symbol}"
    text = f"{equation},  {quantities.r_squared(figures.r_squared)}"
    return charts.Curve(predict=lambda x: intercept + slope * x, text=text.replace("-", "−"))


def _throughput(view: RunView, plots: Plots) -> Content:
    """Inferences per second against the batch size, all models in one picture."""
    known = [(sweep, found) for sweep in view.sweeps(BATCH_SIZE) if (found := _summaries(view, sweep))]
    drawn, note = first(known, MAX_CURVES)
    if not drawn:
        return ()
    figure, (axes,) = panels(1, panel_height_in=2.7, margins=Margins(right=2.1, top=0.1))
    names = short([view.label(sweep.subject) for sweep, _ in drawn])
    for name, (sweep, found) in zip(names, drawn, strict=True):
        rates = [
            (float(point.batch_size), quantities.throughput_per_s(point, summary), summary.is_upper_bound)
            for point, summary in found
        ]
        values, bounds = ([(size, rate) for size, rate, bound in rates if bound is hollow] for hollow in (False, True))
        x, y = [size for size, _ in values], [rate for _, rate in values]
        charts.line(axes, name, x, y, view.place(sweep.subject))
        charts.hollowed(axes, bounds, view.place(sweep.subject))
    axes.set_xlabel("batch size")
    axes.set_ylabel("inferences per second")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return content(
        Heading("Throughput"),
        "Batch size over median latency: it rises as far as the fixed part of a call is spread over more items."
        + (
            " Hollow: at least so many (DISTURBED)."
            if any(s.is_upper_bound for _, found in drawn for _, s in found)
            else ""
        ),
        plots.add("throughput", figure, f"Inferences per second against batch size, all models{note}"),
    )


def _others(view: RunView) -> Content:
    """Points that stand in no table above: a lone batch size, or sizes changed together."""
    shown = {point for axis in (BATCH_SIZE, *view.axes) for sweep in view.sweeps(axis) for point in sweep.points}
    shown |= {base for subject in view.subjects if (base := view.base(subject))}
    others = [point for point in view.points("latency") if point not in shown and point.scenario != "episode"]
    return (
        content(
            Heading("Other points"),
            folded("Latency at other points", quantities.latency_table(view, others), "latency.csv"),
        )
        if others
        else ()
    )


PLUGIN = Section(name="latency", order=30, title="Latency", render=render)
