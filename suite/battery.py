"""The whole line, from plan to report. Prints nothing; it is the Python API.

    out = Path("results/mine")
    run = battery.measure(Request(plan="quick", options=Options(models=("null",)), out=out))
    page = battery.report(out)

What was stored stays, whatever ends a battery: `Request(out=out, resume=True)` goes on with it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

from suite import __version__
from suite.errors import StoreError, SuiteError, UsageError, WorkerError
from suite.measure.estimate import allowed_s
from suite.measure.runner import Runner
from suite.outside import one_line
from suite.plan import again as replanned
from suite.plan import brought
from suite.plan import load as plans
from suite.plan.again import Changes
from suite.plan.devices import chosen
from suite.plan.load import Options, Plan, Surroundings
from suite.plan.pair import pair
from suite.plan.resumed import difference
from suite.power import choice
from suite.power.imported import amend
from suite.power.meter import Meter
from suite.records import SCHEMA_VERSION, TIMED, Manifest, NotMeasured, Run, RunRecord, Task, Test, seal, store
from suite.records.journal import FileJournal
from suite.records.store import RunStore
from suite.request import SILENCE, Outline, Progress, Request
from suite.tools import Tools

__all__ = [
    "Battery",
    "Changes",
    "Options",
    "Outline",
    "Progress",
    "Request",
    "again",
    "begin",
    "complete",
    "measure",
    "outline",
    "report",
]

RESULTS = Path("results")
METERED: tuple[Test, ...] = ("energy", "sustained")  # tests that power is read beside


def measure(request: Request, tools: Tools | None = None, progress: Progress = SILENCE) -> Run:
    """Measures what is asked for, and returns the run as it is stored.

    tools: what it measures with, the real ones if None. Raises SuiteError (UsageError for what can't be meant,
    StoreError for a folder that can't be written, ...). KeyboardInterrupt passes through; what was measured is stored.
    """
    battery = begin(request, tools or Tools())
    battery.measure(progress)
    return battery.run()


def report(out: Path) -> Path:
    """Renders the report of a run from its files alone. Returns its path. Raises StoreError."""
    from suite.report import page

    path = page.render(store.load(out), out)
    seal.write_report(out)
    return path


def complete(run: Run) -> bool:
    """Whether every line is read, every task has its record, each quantity its value, and no series was cut short."""
    done = not run.missing() and not run.damaged
    return done and not any(found.not_measured() or found.cut_short for found in run.records)


def begin(request: Request, tools: Tools) -> Battery:
    """The run, made or opened, and nothing measured yet. What can be refused is refused before a folder is made."""
    around = _around(tools)
    if request.resume:
        return _resumed(request, tools, around)
    return _begun(_plan(request, around), request, tools, around)


def outline(request: Request, tools: Tools) -> Outline:
    """What `begin` would begin with, or go on with. Nothing is measured and nothing is written. Raises as it does."""
    around = _around(tools)
    if not request.resume:
        plan = _plan(request, around)
        meter, _ = _equipped(plan, request, tools, around)
        return Outline(plan=plan.name, tasks=plan.tasks, is_metered=isinstance(meter, Meter))
    run = store.load(_out(request))
    _check_same(run.manifest, request, around)
    power = request.power or run.manifest.power
    unread = request.power is None and bool(choice.unsafe_options(power))  # a folder's own: not tried for an outline
    is_metered = unread or isinstance(_meter(run.missing(), power, tools), Meter)
    return Outline(plan=run.manifest.plan, tasks=run.missing(), is_metered=is_metered)


@dataclass(frozen=True, slots=True)
class Battery:
    """A run with what it is measured with."""

    run_store: RunStore
    meter: Meter | NotMeasured
    tools: Tools
    power: str  # what --power says now: a run's folder is not asked for files and programs

    @property
    def out(self) -> Path:
        return self.run_store.out

    @property
    def log_path(self) -> Path:
        return self.run_store.log_path

    def missing(self) -> tuple[Task, ...]:
        """The tasks that have no record yet."""
        return self.run_store.missing()

    def measure(self, progress: Progress = SILENCE) -> None:
        """Does what is left, and reads a meter's log that is there by then. Raises as `measure` above.

        However it ends, manifest.json then says what is there.
        """
        try:
            self._measure(progress)
        finally:
            try:
                seal.write(self.out, complete=not self.run_store.missing())
            except (StoreError, OSError) as error:
                progress.note(f"{self.out}: no manifest was written ({one_line(str(error))}); the records are unharmed")
        if left := amend.at_end(self.out, self.power):
            progress.note(left)

    def _measure(self, progress: Progress) -> None:
        with self.run_store:
            if self.run_store.manifest.suite_version != __version__:
                begun = one_line(self.run_store.manifest.suite_version, 100)
                progress.note(
                    f"the run was begun by suite {begun}, and goes on with {__version__}: the report tells both"
                )
            tasks = self.run_store.missing()
            progress.asked(tasks)
            progress.plan(allowed_s(tasks, metered=isinstance(self.meter, Meter)), len(tasks))
            sink, open_worker = Sink(self.run_store, progress), self.tools.workers(self.log_path)
            hypotheses, done = self.run_store.manifest.hypotheses, self.run_store.done
            journal = partial(FileJournal, self.out)
            measured_with = (self.meter, self.tools.observe, self.tools.facts, hypotheses, done, journal)
            Runner(sink, open_worker, *measured_with).run(tasks)

    def run(self) -> Run:
        """The run as it is stored."""
        return store.load(self.out)


@dataclass(frozen=True, slots=True)
class Sink:
    """Stores each record, then tells of it."""

    run_store: RunStore
    progress: Progress

    def begin(self, text: str) -> None:
        self.progress.begin(text)

    def expect(self, task: Task, seconds: float) -> None:
        self.progress.expect(task, seconds)

    def store(self, found: RunRecord) -> None:
        self.run_store.append(found)
        self.progress.advance(found.task, found)


def again(run: Run, changes: Changes, request: Request, tools: Tools) -> Battery:
    """A new run of the tasks that another one has, begun and nothing measured yet. Raises UsageError.

    request: where it goes, and --power; files and programs that the other run names are neither read nor run.
    """
    around = _around(tools)
    plan = replanned.plan(run, changes, around)
    power = request.power or _power_as_begun("the run", run.manifest.power, plan.tasks)
    return _begun(plan, replace(request, power=power), tools, around)


def _around(tools: Tools) -> Surroundings:
    """Where a plan says `auto`, a worker is asked once what its torch has."""
    return replace(tools.surroundings(), devices=cache(lambda: _devices(tools)))


def _devices(tools: Tools) -> tuple[str, ...]:
    """None where the worker does not start: each task then has that as its outcome."""
    try:
        worker = tools.workers(Path(os.devnull))(1)
    except WorkerError:
        return ()
    try:
        return worker.hello.devices
    finally:
        worker.close()


def _plan(request: Request, around: Surroundings) -> Plan:
    if request.pair is not None:
        return pair(*request.pair, around)
    if request.test is None:
        return plans.load(request.plan or "standard", request.options, around)
    if request.plan is None:
        return plans.single(request.test, request.options, around)
    return plans.load(request.plan, replace(request.options, tests=(request.test,)), around)


def _begun(plan: Plan, request: Request, tools: Tools, around: Surroundings) -> Battery:
    """A new run. What can be refused is refused before its folder is made."""
    power = request.power or "auto"
    meter, tools = _equipped(plan, request, tools, around)
    started_utc = tools.observe().utc
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        suite_version=__version__,
        plan=plan.name,
        plan_description=plan.description,
        power=power,
        started_utc=started_utc,
        tasks=plan.tasks,
        hypotheses=plan.hypotheses,
        tags=request.tags,
        brought=plan.brought,
    )
    run_store = RunStore.create(request.out or _free_folder(started_utc, plan.name), manifest)
    return Battery(run_store, meter, tools, power)


def _equipped(plan: Plan, request: Request, tools: Tools, around: Surroundings) -> tuple[Meter | NotMeasured, Tools]:
    """What a new run measures with. Raises UsageError for what can't be measured here."""
    if not plan.tasks:
        raise UsageError(f"plan {plan.name}: it asks for nothing that its models have; name another test or model")
    power = request.power or "auto"
    meter = _meter(plan.tasks, power, tools)
    _check_worker(plan.tasks, around)
    return meter, tools.looking_at(power)


def _free_folder(started_utc: str, name: str) -> Path:
    stem = f"{started_utc.replace('-', '').replace(':', '')}-{name}"
    folder, number = RESULTS / stem, 1
    while folder.exists():
        number += 1
        folder = RESULTS / f"{stem}-{number}"
    return folder


def _resumed(request: Request, tools: Tools, around: Surroundings) -> Battery:
    """The run in --out, if nothing else is asked for than it has. Raises UsageError."""
    run_store = RunStore.resume(_out(request))
    try:
        request = _brought_again(run_store.manifest, request, around)
        _check_same(run_store.manifest, request, around)
        power = request.power or _power_as_begun(str(run_store.out), run_store.manifest.power, run_store.missing())
        meter = _meter(run_store.missing(), power, tools)
        tools = tools.looking_at(power)
        _check_worker(run_store.missing(), around)
    except SuiteError:
        run_store.close()
        raise
    return Battery(run_store, meter, tools, power)


def _out(request: Request) -> Path:
    if request.out is None:
        latest = max((path.parent for path in RESULTS.glob("*/run.json")), default=None)
        hint = f"; the latest is {latest}" if latest else ""
        raise UsageError(f"--resume: name the folder of the run to go on with by --out{hint}")
    return request.out


def _brought_again(manifest: Manifest, request: Request, around: Surroundings) -> Request:
    """The request with the names of the run's models in the place of their words. Raises UsageError."""
    given = request.options.models
    names = brought.again(manifest.brought, given or (), around.bring)
    if given is None or not names:
        return request
    models = tuple(names.get(word, word) for word in given)
    return replace(request, options=replace(request.options, models=models, beside=None))


def _power_as_begun(where: str, power: str, tasks: Sequence[Task]) -> str:
    """What the run's folder says of --power, if that executes and opens nothing of the folder's own choice.

    Raises UsageError where what is left to measure needs more.
    """
    unsafe = choice.unsafe_options(power)
    if not unsafe:
        return power
    if any(task.test in METERED for task in tasks) or (tasks and "root" in unsafe):
        raise UsageError(
            f"{where}: it was begun with --power {one_line(power)}; what a run's folder says of "
            f"{' and '.join(one_line(key, 40) for key in unsafe)} is neither run nor read: give that option again"
        )
    return "none"


def _check_same(manifest: Manifest, request: Request, around: Surroundings) -> None:
    options = request.options
    if request.tags and request.tags != manifest.tags:
        then, now = (", ".join(f"{key}={value}" for key, value in tags) for tags in (manifest.tags, request.tags))
        raise UsageError(f"{request.out}: --tag was {then or 'not given'} and is {now} now; leave it out to go on")
    if request.plan is None and not options.given() and request.power is None:
        return
    plan = None if request.plan is None else plans.load(request.plan, options, around)
    if options.device is not None:
        options = replace(options, device=",".join(chosen(options.device.split(","), around.devices)))
    told = difference(manifest, plan, options, request.power, around.cpu_count)
    if told is not None:
        raise UsageError(
            f"{request.out}: {told}; leave the options out to go on with it, or start a new run in another --out"
        )


def _meter(tasks: Sequence[Task], power: str, tools: Tools) -> Meter | NotMeasured:
    """The power source, looked for only where a task needs one. Raises UsageError for one that does not exist."""
    return tools.select_meter(power if any(task.test in METERED for task in tasks) else "none")


def _check_worker(tasks: Sequence[Task], around: Surroundings) -> None:
    """Raises UsageError for an interpreter that is not there, or a device that its torch does not have."""
    wanted = {task.device for task in tasks if task.test in TIMED} - {"cpu"}
    there = around.devices() if wanted else ()
    for device in sorted(wanted):
        if device not in there and f"{device}:0" not in there:
            raise UsageError(f"--device: {device} can't be used here; there is {', '.join(there) or 'none'}")
