"""`suite history`: a quantity over time, as a table, CSV or JSON, and as a picture."""

from __future__ import annotations

import csv
import io
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import get_args

from suite.compare import timeline
from suite.compare.history import KINDS, UNITS, Figure, History, Kind, Series, history
from suite.errors import StoreError, UsageError
from suite.report.table import table
from suite.units import counted, show, show_interval


def show_history(  # noqa: PLR0913 (what a person may say)
    folder: Path,
    quantity: str,
    models: tuple[str, ...] | None,
    device: str | None,
    plot: Path | None,
    *,
    as_json: bool,
    as_csv: bool,
) -> int:
    if quantity not in get_args(Kind):
        raise UsageError(f"--quantity: {quantity} is none of {', '.join(KINDS)}")
    if as_json and as_csv:
        raise UsageError("--json and --csv are two forms of one answer: give one of them")
    found = history(folder, next(kind for kind in KINDS if kind == quantity), models, device)
    if plot is not None:
        _draw(found, plot)
    print(_json(folder, found) if as_json else _csv(found) if as_csv else _text(found, plot), end="")
    for reason in found.unread:
        print(f"suite: error: {reason}", file=sys.stderr)
    return 1 if found.unread or not found.series else 0


def _draw(found: History, plot: Path) -> None:
    if plot.suffix != ".png":
        raise UsageError(f"--plot: {plot} is no picture's name; end it in .png")
    try:
        plot.write_bytes(timeline.picture(found))
    except OSError as error:
        raise StoreError(f"{plot}: {(error.strerror or str(error)).lower()}; name another file with --plot") from error


def _json(folder: Path, found: History) -> str:
    series = [
        {**asdict(each), "steps": [{**asdict(step), "changed": each.changed(step)} for step in each.steps]}
        for each in found.series
    ]
    answer = {"folder": str(folder), "unit": UNITS[found.quantity], **asdict(found), "series": series}
    return json.dumps(answer, indent=1, allow_nan=False) + "\n"


def _csv(found: History) -> str:
    """One row a figure, in the order of time; the unit stands in the column's name."""
    unit = {"s": "s", "B": "bytes", "J": "j"}[UNITS[found.quantity]]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    names = [f"{found.quantity}_{unit}", f"low_{unit}", f"high_{unit}"]
    writer.writerow(["run", "started_utc", "device", "subject", *names, "is_upper_bound", "step_before"])
    for series in found.series:
        at = {step.index for step in series.steps}
        for place, each in enumerate(series.figures):
            edges = (each.interval.low, each.interval.high) if each.interval else ("", "")
            told = [each.run, each.started_utc, found.device, series.subject, each.value, *edges]
            writer.writerow([*map(_harmless, told), int(each.bound), int(place in at)])
    return file.getvalue()


def _harmless(cell: object) -> object:
    """Text that a spreadsheet would take for a formula has a quote before it."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in "=+-@\t" else cell


def _text(found: History, plot: Path | None) -> str:
    lines = [f"{found.quantity} over time, on {found.device}"]
    for series in found.series:
        rows = [_row(each, series, place, found.quantity) for place, each in enumerate(series.figures)]
        lines += ["", series.subject, table(("run", "begun", "median", "interval", "step"), rows, left=2).text()]
        lines += [_step(series, number, found.quantity) for number in range(len(series.steps))]
        if not series.steps:
            lines.append(_no_step(series))
    for name, count in found.others:
        lines.append(f"left out: {counted(count, 'run')} on {name} (--on names another device)")
    if not found.series:
        lines.append(f"no run there has {found.quantity}")
    return "\n".join([*lines, *([f"picture: {plot}"] if plot else []), ""])


def _row(each: Figure, series: Series, place: int, quantity: Kind) -> tuple[str, ...]:
    unit = UNITS[quantity]
    step = next((step for step in series.steps if step.index == place), None)
    interval = show_interval(each.interval.low, each.interval.high, unit) if each.interval else "none"
    value = ("≤ " if each.bound else "") + show(each.value, unit)
    return (each.run, each.started_utc, value, interval, f"{step.ratio - 1:+.1%}" if step else "-")


def _step(series: Series, number: int, quantity: Kind) -> str:
    step, unit = series.steps[number], UNITS[quantity]
    levels = f"{show(step.before, unit)} to {show(step.after, unit)} ({step.ratio - 1:+.1%}, p = {step.p_value:.3f})"
    return f"step at {series.figures[step.index].run}: {levels}; changed with it: {series.changed(step)}"


def _no_step(series: Series) -> str:
    from suite.stats.steps import LEAST_COUNT

    count = sum(not each.bound for each in series.figures)
    if count < LEAST_COUNT:
        return f"no step can be seen: {counted(count, 'figure')}, and it takes {LEAST_COUNT}"
    return "no step: what there is of ups and downs, chance makes too"
