"""What a variant needs before it is measured: its runtime's files, and the outputs of eager fp32 to compare with.

Both come from worker processes of their own that are closed before the variant's model is loaded: two models are never
in memory together.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from suite import registry
from suite.client.replies import Built, WorkerLike
from suite.errors import WorkerError
from suite.measure.builds import Builds
from suite.records import TIMED, TOLERANCES, Fidelity, Flag, NotMeasured, OutputFidelity, Precision, Task, Variant
from suite.units import show

OpenWorker = Callable[[int], WorkerLike]
_REFERENCE = {"runtime": "eager", "precision": "fp32", "device": "cpu"}
_CASE = "reference"


def reference_of(task: Task) -> Task:
    """The same call by eager fp32 on the CPU, or by the file as it is."""
    model = registry.models().get(task.model)
    if model is not None and model.runtimes and model.precisions:
        own = cast(Precision, model.precisions[0])
        return replace(task, runtime=model.runtimes[0], precision=own, device="cpu")
    return replace(task, runtime="eager", precision="fp32", device="cpu")


def is_reference(task: Task) -> bool:
    """Also what a file fixes its runtime of, which no other could be held against."""
    return runs_as_it_is(task) or all(getattr(task, name) == value for name, value in _REFERENCE.items())


def runs_as_it_is(task: Task) -> bool:
    """Whether the model is a file that its one runtime takes as it is: in the precision of its weights."""
    model = registry.models().get(task.model)
    return model is not None and bool(model.runtimes) and task.precision in (model.precisions or (task.precision,))[:1]


def is_built(task: Task) -> bool:
    plugin = None if runs_as_it_is(task) else registry.discover(registry.RUNTIMES).get(task.runtime)
    return plugin is not None and bool(plugin.is_built)


def chosen_point(tasks: Sequence[Task]) -> Task | None:
    """The one of a group at whose sizes outputs are compared: a plain forward pass, of the smallest batch."""
    timed = [task for task in tasks if task.test in TIMED]
    return min(timed, key=lambda task: (task.scenario != "forward", task.batch_size), default=None)


class Variants:
    """Of one run: builds, and references by the call that they are of. `close` removes what is temporary."""

    def __init__(self, builds: Builds | None = None, tell: Callable[[str], None] = lambda _line: None) -> None:
        self._builds = builds
        self._tell = tell
        self._references: dict[object, Path | NotMeasured] = {}
        self._wanted: set[object] = set()
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def builds(self) -> Builds:
        self._builds = self._builds or Builds()
        return self._builds

    def expect(self, tasks: Iterable[Task]) -> None:
        """Of which calls a reference is going to be asked for: those of variants."""
        self._wanted |= {_call_of(task) for task in tasks if task.test in TIMED and not is_reference(task)}

    def build(self, tasks: Sequence[Task], open_worker: OpenWorker, pinned: Path | None) -> Built:
        """In a process of its own. Raises WorkerError."""
        task = tasks[0]
        self._tell(f"building {task.model} for {task.runtime}, {task.precision}")
        worker = open_worker(task.thread_count)
        try:
            worker.import_model(task.model)
            built = worker.build(tasks, self.builds.folder(), pinned)
        finally:
            worker.close()
        self.builds.make_room(built.folder, time.time())
        return built

    def reference(self, task: Task, open_worker: OpenWorker, pinned: Path | None) -> Path | NotMeasured:
        """Outputs of eager fp32 for the task's call, made once. Raises WorkerError where the task's way can't work."""
        call = _call_of(task)
        if call not in self._references:
            self._references[call] = self._made(task, open_worker, pinned)
        return self._references[call]

    def offer(self, worker: WorkerLike, case: str, task: Task) -> None:
        """A worker that is the reference itself writes its outputs, where a variant is going to ask for them."""
        call = _call_of(task)
        if call not in self._wanted or call in self._references:
            return
        path = self._path()
        try:
            worker.write_outputs(case, path)
        except WorkerError as error:
            if error.fatal:
                raise
            self._references[call] = _absent(error, task)
        else:
            self._references[call] = path

    def _made(self, task: Task, open_worker: OpenWorker, pinned: Path | None) -> Path | NotMeasured:
        path, wanted = self._path(), reference_of(task)
        self._tell(f"computing what {task.model} gives in {wanted.runtime} {wanted.precision}, to compare with")
        try:
            worker = open_worker(task.thread_count)
        except WorkerError as error:
            return _absent(error, wanted)
        try:
            if wanted.runtime == _REFERENCE["runtime"]:
                _refuse_absent(worker, task)
            worker.import_model(task.model)
            worker.load(wanted, pinned)
            worker.prepare(_CASE, wanted)
            worker.write_outputs(_CASE, path)
        except _CannotWork as error:
            raise error.fault from None
        except WorkerError as error:
            return _absent(error, wanted)
        finally:
            worker.close()
        return path

    def _path(self) -> Path:
        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="suite-outputs-", ignore_cleanup_errors=True)
        return Path(self._folder.name) / f"{len(self._references)}.safetensors"

    def close(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
        self._references.clear()
        if self._builds is not None:
            self._builds.close()


class _CannotWork(Exception):
    def __init__(self, fault: WorkerError) -> None:
        super().__init__(str(fault))
        self.fault = fault


def _refuse_absent(worker: WorkerLike, task: Task) -> None:
    """Before a reference is computed for nothing."""
    full = "cuda:0" if task.device == "cuda" else task.device
    for way in worker.runtimes():
        if (way.runtime, way.device, way.precision) == (task.runtime, full, task.precision) and way.absence:
            raise _CannotWork(WorkerError(way.absence.code, way.absence.reason, way.absence.remedy))


def fidelity(task: Task, outputs: tuple[OutputFidelity, ...]) -> Fidelity | NotMeasured:
    if not outputs:
        return NotMeasured(
            code="OUTPUT_WITHOUT_TENSORS",
            reason="the call gives no tensor that could be compared",
            remedy="return tensors from `output_tensors` in the model plug-in",
        )
    own = reference_of(task)
    found = Fidelity(tolerance=TOLERANCES[task.precision], outputs=outputs)
    if own.runtime == _REFERENCE["runtime"]:
        return found
    return replace(found, reference=f"the file as it is, {own.precision} on {own.device}")


def flags(variant: Variant | None, precision: str) -> tuple[Flag, ...]:
    """DEVIATES, with the worst output; and nodes that ran elsewhere than was asked."""
    if variant is None:
        return ()
    found = []
    if isinstance(variant.fidelity, Fidelity) and variant.fidelity.deviating:
        found.append(Flag(code="DEVIATES", text=deviation(variant.fidelity, precision)))
    if variant.fallen_back_count:
        text = f"{variant.fallen_back_count} nodes did not run on {variant.provider}"
        found.append(Flag(code="NODES_FELL_BACK", text=text))
    return tuple(found)


def deviation(found: Fidelity, precision: str) -> str:
    worst = found.worst
    if worst.unlike_count:
        kinds = f"{worst.nan_count} NaN, {worst.infinite_count} infinite"
        where = f"{worst.unlike_count} of {worst.element_count} elements"
        return f"{worst.name} is finite where {found.reference} is not, or the other way, in {where} ({kinds})"
    error = show(worst.max_abs_error, "")
    if worst.relative_error is None:
        return f"{worst.name} is off by up to {error}, and is 0 throughout in {found.reference}"
    told = f"{worst.name} is off by up to {error}, {show(worst.relative_error, '', 2)} of its largest value"
    return f"{told}: more than the {found.tolerance:g} that {precision} explains"


def _call_of(task: Task) -> object:
    """What a reference is of: the call, whatever runs it."""
    weights = (task.seed, task.weights, task.checkpoint, task.trajectory)
    return (task.model, task.scenario, task.batch_size, task.axes, weights)


def _absent(error: WorkerError, wanted: Task) -> NotMeasured:
    return NotMeasured(
        code="NO_REFERENCE",
        reason=f"{wanted.runtime} {wanted.precision} on the processor gave no outputs to compare with: {error.reason}",
        remedy=error.remedy,
    )
