"""Plan, measure, store, report: what `suite all` and the single tests do."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from suite import __version__
from suite.cli import answers, importing
from suite.cli.tools import Tools
from suite.errors import SuiteError, UsageError
from suite.measure.runner import Runner
from suite.plan import load as plans
from suite.plan.load import Options, Plan
from suite.power.meter import Meter
from suite.progress import Progress, allowed_s, counted
from suite.records import SCHEMA_VERSION, Manifest, NotMeasured, Run, RunRecord, Task, Test, record, store
from suite.records.store import RunStore

RESULTS = Path("results")
DONE, INCOMPLETE, INTERRUPTED = 0, 1, 130


@record
class Request:
    """What a person asked for; None where they said nothing."""

    plan: str | None = None
    options: Options = Options()
    power: str | None = None
    out: Path | None = None
    resume: bool = False
    verbose: bool = False


def plan_name(plan: str | None, quick: bool) -> str | None:
    """Raises UsageError where both are given."""
    if plan is not None and quick:
        raise UsageError("--quick is short for --plan quick: give one of the two")
    return "quick" if quick else plan


def whole(request: Request, tools: Tools, *, as_json: bool) -> int:
    """`suite all`: prints the path of the report."""
    from suite.report import page

    battery = _resumed(request, tools) if request.resume else _begun(_plan(request, tools), request, tools)
    if not battery.measured():
        return INTERRUPTED
    importing.at_end(battery.out, battery.run_store.manifest.power)
    run = store.load(battery.out)
    report = page.render(run, battery.out)
    print(answers.as_json(run, battery.out, report) if as_json else report)
    return _status(run)


def single(test: Test, request: Request, tools: Tools, *, as_json: bool) -> int:
    """`suite latency` and the like: prints the test's table."""
    battery = _begun(_single_plan(test, request, tools), request, tools)
    if not battery.measured():
        return INTERRUPTED
    importing.at_end(battery.out, battery.run_store.manifest.power)
    run = store.load(battery.out)
    print(answers.as_json(run, battery.out, None) if as_json else answers.table(test, run))
    return _status(run)


def report_again(folders: Sequence[Path], *, as_json: bool) -> int:
    """`suite report`: prints the path of each report."""
    from suite.report import page

    for folder in folders:
        run = store.load(folder)
        report = page.render(run, folder)
        print(answers.as_json(run, folder, report) if as_json else report)
    return DONE


def _plan(request: Request, tools: Tools) -> Plan:
    return plans.load(request.plan or "standard", request.options, tools.surroundings())


def _single_plan(test: Test, request: Request, tools: Tools) -> Plan:
    if request.plan is None:
        return plans.single(test, request.options, tools.surroundings())
    return plans.load(request.plan, replace(request.options, tests=(test,)), tools.surroundings())


def _begun(plan: Plan, request: Request, tools: Tools) -> Battery:
    """A new run. What can be refused is refused before its folder is made."""
    if not plan.tasks:
        raise UsageError(f"plan {plan.name}: it asks for nothing that its models have; name another test or model")
    power = request.power or "auto"
    meter = _meter(plan.tasks, power, tools)
    tools = tools.looking_at(power)
    _check_worker(plan.tasks, tools)
    started_utc = tools.observe().utc
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        suite_version=__version__,
        plan=plan.name,
        plan_description=plan.description,
        power=power,
        started_utc=started_utc,
        tasks=plan.tasks,
    )
    run_store = RunStore.create(request.out or _free_folder(started_utc, plan.name), manifest)
    return Battery(run_store, meter, tools, request.verbose)


def _free_folder(started_utc: str, name: str) -> Path:
    stem = f"{started_utc.replace('-', '').replace(':', '')}-{name}"
    folder, number = RESULTS / stem, 1
    while folder.exists():
        number += 1
        folder = RESULTS / f"{stem}-{number}"
    return folder


def _resumed(request: Request, tools: Tools) -> Battery:
    """The run in --out, if nothing else is asked for than it has. Raises UsageError."""
    if request.out is None:
        latest = max((path.parent for path in RESULTS.glob("*/run.json")), default=None)
        hint = f"; the latest is {latest}" if latest else ""
        raise UsageError(f"--resume: name the folder of the run to go on with by --out{hint}")
    run_store = RunStore.resume(request.out)
    try:
        _check_same(run_store.manifest, request, tools)
        meter = _meter(run_store.missing(), run_store.manifest.power, tools)
        tools = tools.looking_at(run_store.manifest.power)
        _check_worker(run_store.missing(), tools)
    except SuiteError:
        run_store.close()
        raise
    return Battery(run_store, meter, tools, request.verbose)


def _check_same(manifest: Manifest, request: Request, tools: Tools) -> None:
    if request.plan is None and not request.options.given() and request.power is None:
        return
    plan = plans.load(request.plan or manifest.plan, request.options, tools.surroundings())
    difference = store.differences(manifest, plan.name, request.power, plan.tasks)
    if difference is not None:
        raise UsageError(
            f"{request.out}: {difference}; leave the options out to go on with it, or start a new run in another --out"
        )


def _meter(tasks: Sequence[Task], power: str, tools: Tools) -> Meter | NotMeasured:
    """The power source, looked for only where a task needs one. Raises UsageError for one that does not exist."""
    return tools.select_meter(power if any(task.test == "energy" for task in tasks) else "none")


def _check_worker(tasks: Sequence[Task], tools: Tools) -> None:
    """Raises UsageError for an interpreter that is not there, or a device that its torch does not have."""
    wanted = {task.device for task in tasks if task.test in ("latency", "energy")} - {"cpu"}
    open_worker = tools.workers(Path(os.devnull))
    if not wanted:
        return
    worker = open_worker(1)
    there = worker.hello.devices
    worker.close()
    for device in sorted(wanted):
        if device not in there and f"{device}:0" not in there:
            raise UsageError(f"--device: {device} can't be used here; there is {', '.join(there) or 'none'}")


@dataclass(frozen=True, slots=True)
class Sink:
    """Stores each record, then tells of it."""

    run_store: RunStore
    progress: Progress

    def begin(self, text: str) -> None:
        self.progress.begin(text)

    def store(self, found: RunRecord) -> None:
        self.run_store.append(found)
        self.progress.advance(found.task, found)


@dataclass(frozen=True, slots=True)
class Battery:
    """A run with what it is measured with."""

    run_store: RunStore
    meter: Meter | NotMeasured
    tools: Tools
    verbose: bool

    @property
    def out(self) -> Path:
        return self.run_store.out

    def measured(self) -> bool:
        """Does what is left. False if Ctrl-C ended it; what was stored until then is there."""
        progress = self.tools.progress(sys.stderr)
        try:
            with self.run_store:
                self._run(progress)
        except KeyboardInterrupt:
            left = counted(len(self.run_store.missing()))
            progress.note(f"interrupted, {left} left; go on with: suite all --resume --out {self.out}")
            return False
        except SuiteError:
            if self.verbose:
                with self.run_store.log_path.open("a", encoding="utf-8") as log:
                    traceback.print_exc(file=log)
            raise
        finally:
            progress.close()
        return True

    def _run(self, progress: Progress) -> None:
        tasks = self.run_store.missing()
        if self.verbose:
            progress.note(f"log: {self.run_store.log_path}")
        progress.plan(allowed_s(tasks, metered=isinstance(self.meter, Meter)), len(tasks))
        open_worker = self.tools.workers(self.run_store.log_path)
        sink = Sink(self.run_store, progress)
        Runner(sink, open_worker, self.meter, self.tools.observe, self.tools.facts).run(tasks)


def _status(run: Run) -> int:
    complete = not run.missing() and not any(found.not_measured() for found in run.records)
    return DONE if complete else INCOMPLETE
