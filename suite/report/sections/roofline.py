"""Why a call takes as long as it does: the least time that its bytes and its FLOPs allow on this device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from matplotlib.axes import Axes

from suite import units
from suite.records import Ceiling, FlopCount, NotMeasured, QuietRule, Roofline, RunRecord
from suite.report import charts, roof_chart, roofs
from suite.report.content import Cell, Content, Gap, content, folded, table
from suite.report.escape import listed
from suite.report.gaps import CUT_OFF
from suite.report.plots import MAX_CURVES, MAX_PANELS, Margins, Plots, first, panels, short
from suite.report.points import Point
from suite.report.roof_chart import Mark
from suite.report.roofs import Calls, Placed
from suite.report.section import Section
from suite.report.view import RunView
from suite.stats.quiet import disturbance

MAX_ROWS = 500
Curve: TypeAlias = tuple[str, int, list[Mark]]  # name, place and calls of a subject
INTRODUCTION = (
    "What this device does at best, taken once in this run: bytes moved by copying a tensor far larger than the caches "
    "(read and written bytes both count) and by summing one (read bytes), and FLOPs by multiplying square matrices. A "
    "ceiling is the best of many short blocks; the median block says how far it is reached usually. From them follows "
    "the least time that a call needs: its weights are read once, at the faster of the two bandwidths, and its FLOPs "
    "are computed. The larger of the two is its nearer bound."
)
LEFT_OUT = (
    "Weights are the parameters less tables of embeddings, of which a call looks up a few rows. Activations, inputs "
    "and element-wise operators are not counted, so a least time is a lower bound, and a share of 100 % is not to be "
    "expected. Ranges are from the best block, less what the caches could keep from call to call, to the median block."
)
BEATEN = (
    "A call that is faster than its least time shows that a ceiling is none for it: its weights stayed in a cache, it "
    "does not use all of them, its operators need fewer FLOPs than are counted, or the machine was slower while the "
    "ceilings were taken."
)


def render(view: RunView, plots: Plots) -> Content:
    if not view.of_the_machine:
        return ()
    calls = list(roofs.by_subject(view))
    return content(
        INTRODUCTION,
        *(_ceilings(roofs.on(*machine), record) for machine, record in view.of_the_machine.items()),
        _placements(view, calls),
        _pictures(view, calls, plots),
    )


def _ceilings(name: str, record: RunRecord | None) -> Content:
    """The device's figures, and what casts doubt on them."""
    found = record.roofline if record else CUT_OFF
    if record is None or not isinstance(found, Roofline):
        return content((f"{name}: ", Gap(found if isinstance(found, NotMeasured) else None), "."))
    rows = [
        _ceiling_row("copy", f"two tensors of {roofs.megabytes(found.tensor_bytes)}", found.copy, "B/s"),
        _ceiling_row("read", f"one tensor of {roofs.megabytes(found.tensor_bytes)}", found.read, "B/s"),
        *(
            _ceiling_row(f"matmul, {product.precision}", f"n = {product.size}", product.ceiling, "FLOP/s")
            for product in found.matmul
        ),
    ]
    headers = (name, "Size", "Best block", "Median block", "Blocks")
    return content(table(headers, rows, left=2), _caches(found), _doubts(found, record))


def _doubts(found: Roofline, record: RunRecord) -> str:
    """What the machine did beside the ceilings, and threads that were not those asked for."""
    told = [flag.text for flag in record.flags]
    if disturbed := disturbance(found.interference, QuietRule(), found.thread_count):
        told.append(disturbed)
    if record.task.thread_count != found.thread_count:
        told.append(f"{units.counted(record.task.thread_count, 'thread')} asked for, {found.thread_count} in force")
    if not told:
        return ""
    seen = listed(list(dict.fromkeys(told)), "; ")
    return f"While the ceilings were taken: {seen}. They may be too low, and shares of them too high."


def _ceiling_row(name: str, size: str, ceiling: Ceiling, unit: str) -> list[Cell]:
    best, median = (units.show(value, unit) for value in (ceiling.best_per_s, ceiling.median_per_s))
    return [name, size, best, median, str(len(ceiling.block_s))]


def _caches(found: Roofline) -> str:
    if found.cache_bytes is None:
        return (
            "The machine does not tell its caches, so nothing is taken to stay in them from call to call: for weights "
            "that do, the bound by memory is none."
        )
    small = (
        f" The tensors are only {units.digits(found.tensor_bytes / found.cache_bytes, 2)} times as large, so the "
        "bandwidth may be that of the caches in part."
        if found.tensor_bytes < 4 * found.cache_bytes
        else ""
    )
    size = roofs.megabytes(found.cache_bytes)
    return f"Caches from the second level on: {size}; so much of the weights may stay in them.{small}"


def _placements(view: RunView, calls: Sequence[Calls]) -> Content:
    found = [pair for each in calls for pair in each.placed]
    if not any(isinstance(placed, Placed) for _, placed in found):
        return ()
    scale = units.scale_of((placed.placement.measured_s for _, placed in found if isinstance(placed, Placed)), "s")
    headers = (
        "Model",
        "Batch size",
        "GFLOP",
        "Weights read (MB)",
        f"Least by memory ({scale.symbol})",
        f"Least by arithmetic ({scale.symbol})",
        f"Median ({scale.symbol})",
        "Share of the ceiling",
        "Nearer bound",
    )
    rows: list[list[Cell]] = []
    for point, placed in found[:MAX_ROWS]:
        start: list[Cell] = [view.label(point.subject), str(point.batch_size)]
        rows.append(start + (_cells(view, point, placed, scale) if isinstance(placed, Placed) else [placed] * 7))
    beaten = any(isinstance(placed, Placed) and placed.placement.beaten for _, placed in found)
    return content(
        folded("Each call beside its least times", table(headers, rows, wordy=("Nearer bound",)), "roofline.csv"),
        f"The first {MAX_ROWS} of {len(found):,}." if len(found) > MAX_ROWS else "",
        LEFT_OUT,
        BEATEN if beaten else "",
    )


def _cells(view: RunView, point: Point, placed: Placed, scale: units.Scale) -> list[Cell]:
    placement, count = placed.placement, view.flops(point.subject.model, point)
    sign = count.sign if isinstance(count, FlopCount) else ""
    memory, compute = placement.memory, placement.compute
    limit = "≥ " if view.samples(point).is_upper_bound else ""  # the latency is one at most
    share = f"{limit}{units.digits(placement.share * 100, 2)} %"
    return [
        sign + units.decimals(placed.work.flop_count / 1e9, 2),
        units.decimals(placed.work.read_bytes / 1e6, 1),
        scale.interval(memory.low_s, memory.high_s) if placed.work.read_bytes else "none: no weights",
        scale.interval(compute.low_s, compute.high_s),
        scale.value(placement.measured_s),
        f"{share}: beaten" if placement.beaten else share,
        "either: weights fit the caches"
        if placement.cached and placement.bound == "either"
        else roofs.BOUNDS[placement.bound],
    ]


def _pictures(view: RunView, calls: Sequence[Calls], plots: Plots) -> Content:
    """One panel for each device and thread count, with every call that was placed on it."""
    on = [(machine, roofs.roofline(view, *machine), _curves(view, calls, machine)) for machine in view.of_the_machine]
    drawn, note = first(
        [(machine, found, curves) for machine, found, curves in on if isinstance(found, Roofline) and curves],
        MAX_PANELS,
    )
    if not drawn:
        return ()
    figure, panel = panels(len(drawn), 3.4, Margins(left=0.75), foot_in=0.3 + 0.2 * (len(drawn[0][2]) > 4))
    for axes, (machine, found, curves) in zip(panel, drawn, strict=True):
        _panel(axes, roofs.on(*machine), found, curves)
    charts.legend_below(figure, panel[0])
    return content(
        plots.add(
            "roofline",
            figure,
            f"Roofline: achieved FLOP/s against FLOPs for each byte of weights{note}",
            "The line is the roof by the best blocks, the dashed one by the median blocks. A mark is a model at one "
            "batch size, of which the smallest and the largest are named.",
        )
    )


def _panel(axes: Axes, name: str, found: Roofline, curves: Sequence[Curve]) -> None:
    """Under the roof of the first precision that calls were placed by; a run has one."""
    arithmetic = found.matmul[0].ceiling
    shown, _ = first(curves, MAX_CURVES)
    names = short([label for label, _, _ in shown])
    named = [(name, place, marks) for name, (_, place, marks) in zip(names, shown, strict=True)]
    scale = units.scale_of([arithmetic.best_per_s], "FLOP/s")
    roof_chart.draw(axes, roofs.rate(found.bandwidth), roofs.rate(arithmetic), named, scale)
    rates = f"{units.show(found.bandwidth.best_per_s, 'B/s')}, {units.show(arithmetic.best_per_s, 'FLOP/s')}"
    axes.set_title(f"{name}: {rates}")


def _curves(view: RunView, calls: Sequence[Calls], machine: tuple[str, int]) -> list[Curve]:
    on = [each for each in calls if (each.subject.device, each.subject.thread_count) == machine]
    curves = [
        (view.label(each.subject), view.place(each.subject), [mark for call in each.known if (mark := _mark(*call))])
        for each in on
    ]
    return [curve for curve in curves if curve[2]]


def _mark(point: Point, placed: Placed) -> Mark | None:
    if placed.work.intensity is None:
        return None
    rate = placed.work.flop_count / placed.placement.measured_s
    return Mark(intensity=placed.work.intensity, flop_per_s=rate, text=str(point.batch_size))


PLUGIN = Section(name="roofline", order=65, title="Why: the roofline", render=render)
