"""What a worker holds: libraries, weights, peak, and how the peak grows over the sweeps."""

from __future__ import annotations

from suite import units
from suite.records import MemoryUse, NotMeasured
from suite.report import charts
from suite.report.content import Cell, Content, Drawn, Table, content, folded, table
from suite.report.plots import MAX_ROWS, Margins, Plots, first, panels, short
from suite.report.points import BATCH_SIZE, Point, Sweep
from suite.report.section import Section
from suite.report.view import RunView

MIB = float(2**20)


def render(view: RunView, plots: Plots) -> Content:
    uses = [(point, view.memory(point)) for point in view.points("latency")]
    if all(use is None for _, use in uses):
        return ()
    return content(
        _base_table(view),
        _explanation([use for _, use in uses if isinstance(use, MemoryUse)]),
        _picture(view, plots),
        _growth(view),
    )


def _base_table(view: RunView) -> Table:
    headers = ("Model", "Input", "Libraries (MiB)", "Weights (MiB)", "Peak resident (MiB)", "Rest (MiB)", "Device peak")
    rows: list[list[Cell]] = []
    for subject in view.subjects:
        base = view.base(subject)
        if base is None:
            continue
        use = view.memory(base)
        start: list[Cell] = [view.label(subject), view.describe(base)]
        rows.append(start + (_cells(use) if isinstance(use, MemoryUse) else [use] * 5))
    return table(headers, rows, left=2)


def _cells(use: MemoryUse) -> list[Cell]:
    device = "no device memory" if use.device_peak_bytes is None else units.show(use.device_peak_bytes, "B")
    return [
        _mib(use.import_resident_bytes),
        _mib(use.weight_bytes),
        _mib(use.peak_resident_bytes),
        _mib(_rest(use)),
        device,
    ]


def _rest(use: MemoryUse) -> int:
    """What the peak holds beyond libraries and weights: inputs, activations, allocator. Weights may be on a device."""
    weights = use.weight_bytes if use.device_peak_bytes is None else 0
    return max(0, use.peak_resident_bytes - use.import_resident_bytes - weights)


def _explanation(uses: list[MemoryUse]) -> str:
    reset = all(use.peak_is_task for use in uses)
    since = (
        "The peak was reset before each task."
        if reset
        else "The peak could not be reset: it is the highest since the worker began, and may be an earlier task's."
    )
    return (
        "Resident memory of the worker process. Libraries: after torch and the model's packages were imported, before "
        f"the model was built. Rest: peak less libraries and weights (inputs, activations, allocator). {since}"
    )


def _picture(view: RunView, plots: Plots) -> Drawn | None:
    bases = [(subject, view.base(subject)) for subject in view.subjects]
    found = [(subject, view.memory(base)) for subject, base in bases if base]
    known = [(subject, use) for subject, use in found if isinstance(use, MemoryUse) and use.device_peak_bytes is None]
    if not known:
        return None
    drawn, note = first(known, MAX_ROWS)
    names = short([view.label(subject) for subject, _ in drawn])
    parts = [
        ("libraries", [use.import_resident_bytes / MIB for _, use in drawn]),
        ("weights", [use.weight_bytes / MIB for _, use in drawn]),
        ("rest", [_rest(use) / MIB for _, use in drawn]),
    ]
    figure, (axes,) = panels(1, 0.85 + 0.36 * len(names), Margins.for_names(names))
    charts.stacked_bars(axes, names, parts)
    axes.set_xlabel("peak resident memory (MiB)")
    return plots.add("memory", figure, f"Peak memory per model: libraries, weights, rest{note}")


def _growth(view: RunView) -> Content:
    rows: list[list[Cell]] = []
    for axis in (BATCH_SIZE, *view.axes):
        rows += [_growth_row(view, sweep) for sweep in view.sweeps(axis)]
    if not rows:
        return ()
    headers = ("Model", "Along", "From", "To", "Peak at the first (MiB)", "Peak at the last (MiB)", "Growth (MiB)")
    return content(folded("Growth of the peak over the sweeps", table(headers, rows, left=2), "memory.csv"))


def _growth_row(view: RunView, sweep: Sweep) -> list[Cell]:
    """Peaks at the smallest and the largest size that have one."""
    label, along = view.label(sweep.subject), view.axis_label(sweep.axis)
    known = [(point, use) for point in sweep.points if isinstance(use := view.memory(point), MemoryUse)]
    if len(known) < 2:
        gap = _absence(view, sweep.points)
        return [label, along, *(str(size) for size in (sweep.sizes[0], sweep.sizes[-1])), gap, gap, gap]
    (first, before), (last, after) = known[0], known[-1]
    peaks = _peak(before), _peak(after)
    return [
        label,
        along,
        str(first.size(sweep.axis)),
        str(last.size(sweep.axis)),
        *(_mib(peak) for peak in peaks),
        f"{(peaks[1] - peaks[0]) / MIB:+,.0f}",
    ]


def _peak(use: MemoryUse) -> int:
    return use.peak_resident_bytes if use.device_peak_bytes is None else use.device_peak_bytes


def _absence(view: RunView, points: tuple[Point, ...]) -> NotMeasured | None:
    return next((use for point in points if isinstance(use := view.memory(point), NotMeasured)), None)


def _mib(value_bytes: float) -> str:
    return units.decimals(value_bytes / MIB, 0)


PLUGIN = Section(name="memory", order=40, title="Memory", render=render)
