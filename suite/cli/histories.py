"""`suite history`: a quantity over time, as a table, CSV or JSON, and as a picture."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from suite.cli.answer import Answer, Row
from suite.compare import timeline
from suite.compare.history import KINDS, UNITS, Figure, History, Kind, Series, history
from suite.errors import StoreError, UsageError
from suite.report.content import Block, Content, Heading, bullets, content, table
from suite.units import counted, show, show_interval


def show_history(
    folder: Path, quantity: str, models: tuple[str, ...] | None, device: str | None, plot: Path | None
) -> Answer:
    if quantity not in get_args(Kind):
        raise UsageError(f"--quantity: {quantity} is none of {', '.join(KINDS)}")
    found = history(folder, next(kind for kind in KINDS if kind == quantity), models, device)
    if plot is not None:
        _draw(found, plot)
    for reason in found.unread:
        print(f"suite: error: {reason}", file=sys.stderr)
    return Answer(
        shown=_shown(found, plot),
        rows={"history": _rows(found)},
        data=_data(folder, found),
        status=1 if found.unread or not found.series else 0,
    )


def _draw(found: History, plot: Path) -> None:
    if plot.suffix != ".png":
        raise UsageError(f"--plot: {plot} is no picture's name; end it in .png")
    try:
        plot.write_bytes(timeline.picture(found))
    except OSError as error:
        raise StoreError(f"{plot}: {(error.strerror or str(error)).lower()}; name another file with --plot") from error


def _data(folder: Path, found: History) -> dict[str, Any]:
    series = [
        {**asdict(each), "steps": [{**asdict(step), "changed": each.changed(step)} for step in each.steps]}
        for each in found.series
    ]
    return {"folder": str(folder), "unit": UNITS[found.quantity], **asdict(found), "series": series}


def _rows(found: History) -> list[Row]:
    """One row a figure, in the order of time; the unit stands in the column's name."""
    unit = {"s": "s", "B": "bytes", "J": "j"}[UNITS[found.quantity]]
    return [
        {
            "run": each.run,
            "started_utc": each.started_utc,
            "device": found.device,
            "subject": series.subject,
            f"{found.quantity}_{unit}": each.value,
            f"low_{unit}": each.interval.low if each.interval else None,
            f"high_{unit}": each.interval.high if each.interval else None,
            "is_upper_bound": each.bound,
            "step_before": place in {step.index for step in series.steps},
        }
        for series in found.series
        for place, each in enumerate(series.figures)
    ]


def _shown(found: History, plot: Path | None) -> Content:
    parts: list[Block | Content | str] = [f"{found.quantity} over time, on {found.device}"]
    for series in found.series:
        rows = [_row(each, series, place, found.quantity) for place, each in enumerate(series.figures)]
        steps = [_step(series, number, found.quantity) for number in range(len(series.steps))]
        parts += [Heading(series.subject), table(("run", "begun", "median", "interval", "step"), rows, left=2)]
        parts += [*bullets(steps or [_no_step(series)])]
    parts += [
        f"left out: {counted(count, 'run')} on {name} (--on names another device)" for name, count in found.others
    ]
    if not found.series:
        parts.append(f"no run there has {found.quantity}")
    return content(*parts, f"picture: {plot}" if plot else None)


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
