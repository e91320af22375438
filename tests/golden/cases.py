"""The runs whose reports are kept word by word. `python -m tests.golden.cases` renders them anew: read the diff.

The records stay as an earlier suite wrote them; `write` makes those of a new case.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from suite.records import NotMeasured, Repetition, Run, RunRecord, Task
from suite.records.store import RunStore, load
from suite.report import page
from tests.unit import samples
from tests.unit.report import synthetic

FOLDER = Path(__file__).parent
KILLED = NotMeasured(
    code="KILLED_FOR_MEMORY",
    reason="the kernel killed the worker for want of memory during batch 8",
    remedy="Measure a smaller batch, or raise the limit",
)


def simulated_energy() -> Run:
    """Two models, everything measured, energy from the simulated source."""
    return synthetic.make_run(
        synthetic.standard_tasks(models=("lxmert", "et-human-synthetic")), call_count=16, power="simulated"
    )


def cut_off() -> Run:
    """The lab's fixed count without a power source; one point killed for memory, the last tasks never begun."""
    rule = Repetition(
        target_relative_halfwidth=None,
        min_call_count=10,
        max_call_count=10,
        warmup_min_call_count=1,
        warmup_max_call_count=1,
        time_limit_s=60.0,
    )
    tasks = synthetic.standard_tasks(rule, models=("visualbert", "et-human"))
    run = synthetic.make_run(tasks, call_count=10, stored_count=len(tasks) - 5)
    return replace(run, records=tuple(_kill_batch_8(record) for record in run.records))


def _kill_batch_8(record: RunRecord) -> RunRecord:
    if record.task.batch_size != 8 or record.latency is None:
        return record
    return replace(record, latency=KILLED, memory=KILLED, failure="worker killed")


def disturbed() -> Run:
    """Others at work now and then: lost blocks, one size and one whole model of which an upper bound is left."""
    tasks = synthetic.standard_tasks(models=("lxmert", "visualbert", "et-human"))
    kept = [task for task in tasks if task.test != "energy" and task.scenario == "forward"]
    run = synthetic.make_run(tuple(filter(_at_usual_input, kept)), call_count=40)
    made = tuple(map(_disturb, run.records))
    return replace(run, records=made, manifest=replace(run.manifest, tasks=tuple(record.task for record in made)))


def _at_usual_input(task: Task) -> bool:
    """All but one model's sweep over frames: a small run."""
    usual = synthetic.MODELS[task.model].usual
    return not task.axes or dict(task.axes) == usual | ({"frames": task.size("frames")} if "frames" in usual else {})


def _disturb(record: RunRecord) -> RunRecord:
    if record.latency is None:
        return record
    match record.task.model, record.task.batch_size:
        case ("lxmert", 1) | ("visualbert", 8):
            return samples.disturbed(record, range(7), stop="disturbed")
        case ("visualbert", 1):
            return samples.disturbed(record, (2, 5))
        case ("et-human", 4):
            return samples.disturbed(record, (0, 1, 2), slower=6.0, stop="time_limit")
        case _:
            return samples.disturbed(record, ())


CASES: dict[str, Callable[[], Run]] = {
    "simulated-energy": simulated_energy,
    "cut-off": cut_off,
    "disturbed": disturbed,
}


def write(name: str) -> None:
    """The run's files as the store writes them, and the report of them."""
    folder = FOLDER / name
    run = CASES[name]()
    with TemporaryDirectory() as temporary:
        out = Path(temporary) / "run"
        with RunStore.create(out, run.manifest) as store:
            for record in run.records:
                store.append(record)
        page.render(run, out, synthetic.MODELS)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for file in ("run.json", "records.jsonl", "report.md"):
            shutil.copy(out / file, folder / file)


def rerender(name: str) -> None:
    """The report of the stored records, which stay as they are."""
    folder = FOLDER / name
    with TemporaryDirectory() as temporary:
        out = Path(temporary)
        page.render(load(folder), out, synthetic.MODELS)
        shutil.copy(out / "report.md", folder / "report.md")


if __name__ == "__main__":
    for case in CASES:
        rerender(case)
