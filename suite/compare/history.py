"""A quantity over time: the runs below one folder, on one device, and where it stepped to another level."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from suite.compare import archive
from suite.compare.rerun import describe
from suite.errors import StoreError
from suite.limits import MAX_TASK_COUNT
from suite.outside import one_line
from suite.records import EnergyReading, HostFacts, Interval, LatencySamples, MemoryUse, Run, RunRecord, record, store
from suite.records.lines import MANIFEST_NAME
from suite.stats.steps import Step, steps
from suite.stats.summary import summarise

Kind = Literal["latency", "memory", "energy"]
KINDS: tuple[Kind, ...] = ("latency", "memory", "energy")
UNITS = {"latency": "s", "memory": "B", "energy": "J"}
MAX_RUN_COUNT = 2000
SEED = 0


@record
class Figure:
    """One run's. bound: an upper bound, since the run was disturbed; it is shown and has no say in steps."""

    run: str
    started_utc: str
    value: float
    interval: Interval | None
    bound: bool
    versions: tuple[tuple[str, str], ...]
    commit: str | None


@record
class Series:
    """The same thing measured by run after run. steps: their index is that of a figure."""

    subject: str
    figures: tuple[Figure, ...]
    steps: tuple[Step, ...]

    def changed(self, step: Step) -> str:
        """What else is not the same on both sides of a step, as far as records say."""
        before, after = self.figures[step.index - 1], self.figures[step.index]
        then, now = dict(before.versions), dict(after.versions)
        told = [
            f"{name} {then.get(name, 'none')} to {now.get(name, 'none')}"
            for name in sorted(then | now)
            if then.get(name) != now.get(name)
        ]
        if before.commit != after.commit:
            told.append(f"commit {before.commit or 'unknown'} to {after.commit or 'unknown'}")
        return one_line(", ".join(told), 200) or "nothing that was recorded"


@record
class History:
    """device: whose figures these are. others: runs of other devices. unread: runs that can't be read, and why."""

    quantity: Kind
    device: str
    series: tuple[Series, ...]
    others: tuple[tuple[str, int], ...]
    unread: tuple[str, ...]


def history(folder: Path, quantity: Kind, models: Sequence[str] | None, device: str | None) -> History:
    """device: a part of its name; None: the one with the most runs. Raises StoreError where no run is there."""
    runs, unread = _loaded(folder)
    if not runs:
        why = f" ({unread[0]})" if unread else ""
        raise StoreError(f"{folder}: holds no runs{why}; name a folder with runs or their archives in it")
    counts = Counter(_device(run.records[0].host) for _, run in runs)
    chosen = _chosen(folder, counts, device)
    mine = [(name, run) for name, run in runs if _device(run.records[0].host) == chosen]
    found: dict[tuple[object, ...], list[Figure]] = {}
    subjects: dict[tuple[object, ...], str] = {}
    for name, run in sorted(mine, key=lambda pair: (pair[1].manifest.started_utc, pair[0])):
        for each in _wanted(run, quantity, models):
            figure = _figure(name, run, each, quantity)
            if figure is not None:
                task = each.task
                key = (describe(task), task.thread_count, task.weights, task.checkpoint)
                subjects[key] = f"{describe(task)}, {task.thread_count} threads"
                found.setdefault(key, []).append(figure)
    return History(
        quantity=quantity,
        device=chosen,
        series=tuple(_series(subjects[key], figures) for key, figures in found.items()),
        others=tuple((name, count) for name, count in counts.most_common() if name != chosen),
        unread=tuple(unread),
    )


def _loaded(folder: Path) -> tuple[list[tuple[str, Run]], list[str]]:
    """Runs right below the folder, each once however many copies there are; and why others can't be read."""
    try:
        below = sorted(path for path in folder.iterdir() if path.suffix == archive.SUFFIX or path.is_dir())
    except OSError as error:
        raise StoreError(
            f"{folder}: {(error.strerror or str(error)).lower()}; name a folder with runs in it"
        ) from error
    if len(below) > MAX_RUN_COUNT:
        raise StoreError(f"{folder}: more than {MAX_RUN_COUNT} runs; part them into folders")
    runs, unread, seen = [], [], set[object]()
    for path in below:
        if path.is_dir() and not (path / MANIFEST_NAME).exists():
            continue
        try:
            with archive.opened(path) as place:
                run = store.load(place)
        except StoreError as error:
            unread.append(one_line(str(error), 300))
            continue
        told = (run.manifest, tuple((each.task, each.before.time_s) for each in run.records))
        if run.records and told not in seen:
            seen.add(told)
            runs.append((path.name, run))
    return runs, unread


def _device(host: HostFacts) -> str:
    words = [host.board or host.cpu_model or "a machine that does not say what it is", *host.accelerators]
    return one_line(f"{' with '.join(words)} ({host.cpu_count} CPUs)", 200)


def _chosen(folder: Path, counts: Counter[str], device: str | None) -> str:
    if device is None:
        return counts.most_common(1)[0][0]
    fitting = [name for name in counts if device.casefold() in name.casefold()]
    if len(fitting) != 1:
        there = "; ".join(sorted(counts))
        raise StoreError(f"{folder}: {one_line(device, 80)} names {len(fitting)} of its devices: {there}")
    return fitting[0]


def _wanted(run: Run, quantity: Kind, models: Sequence[str] | None) -> Iterator[RunRecord]:
    """Of each way to run each model the record of its smallest batch."""
    least: dict[tuple[object, ...], RunRecord] = {}
    for each in run.records[:MAX_TASK_COUNT]:
        task = each.task
        held = each.energy if quantity == "energy" else each.latency if quantity == "latency" else each.memory
        if held is None or (models is not None and task.model not in models):
            continue
        way = (task.model, task.scenario, task.runtime, task.precision, task.device, task.thread_count)
        if way not in least or task.batch_size < least[way].task.batch_size:
            least[way] = each
    yield from least.values()


def _figure(name: str, run: Run, each: RunRecord, quantity: Kind) -> Figure | None:
    value, interval, bound = None, None, False
    match quantity, getattr(each, quantity):
        case "latency", LatencySamples() as samples if samples.latency_s:
            summary = summarise(samples, each.task.repetition)
            value, interval, bound = summary.median, summary.median_interval, summary.is_upper_bound
        case "memory", MemoryUse() as use:
            value = float(use.peak_resident_bytes)
        case "energy", EnergyReading() as reading:
            value = reading.inference_j(each.task.batch_size)
    if value is None or value <= 0:
        return None
    return Figure(
        run=one_line(name, 120),
        started_utc=run.manifest.started_utc,
        value=value,
        interval=interval,
        bound=bound,
        versions=tuple((key, text) for key, text in each.host.versions if key != "python"),
        commit=each.host.git_commit,
    )


def _series(subject: str, figures: Sequence[Figure]) -> Series:
    """Steps are looked for among the figures that are no bounds."""
    places = [place for place, figure in enumerate(figures) if not figure.bound]
    found = steps([figures[place].value for place in places], np.random.default_rng(SEED))
    at = tuple(
        Step(index=places[step.index], p_value=step.p_value, before=step.before, after=step.after) for step in found
    )
    return Series(subject=subject, figures=tuple(figures), steps=at)
