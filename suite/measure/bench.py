"""A worker with one model loaded: started at first use, and again after it died."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from suite import registry
from suite.client.replies import Axes, Built, Checked, Hello, Imported, Loaded, Memory, Prepared, WorkerLike
from suite.errors import WorkerError
from suite.measure.variants import (
    OpenWorker,
    Variants,
    chosen_point,
    fidelity,
    is_built,
    is_reference,
)
from suite.measure.variants import (
    flags as variant_flags,
)
from suite.pinned import lock as models_lock
from suite.records import (
    ColdStart,
    Fidelity,
    Fingerprint,
    Flag,
    InputsSource,
    NotMeasured,
    Provenance,
    Task,
    Variant,
)

__all__ = ["Bench", "OpenWorker"]


class Bench:
    """What the tasks of one group share: the same model, runtime, precision, device, threads and weights.

    `task` is any one of them. A model that can't be loaded can't be loaded for the next task either: the error is kept
    and raised again.
    """

    def __init__(
        self, task: Task, open_worker: OpenWorker, variants: Variants | None = None, tasks: Sequence[Task] = ()
    ) -> None:
        """variants: of the run; None: outputs are compared with nothing. tasks: all of the group."""
        self.task = task
        self._variants = variants
        self._tasks = tuple(tasks) or (task,)
        self._point = chosen_point(self._tasks)
        self._built: Built | None = None
        self._reference: Path | NotMeasured | None = None
        self.variant: Variant | None = None  # once the first calls were made
        self._open_worker = open_worker
        self._worker: WorkerLike | None = None
        self._load_error: WorkerError | None = None
        self._checked: Checked | None = None
        self.start_count = 0  # workers started so far: a change says that what was prepared is gone
        self.hello: Hello | None = None
        self.imported: Imported | None = None
        self.loaded: Loaded | None = None
        self.memory: Memory | None = None  # as it was told last, of this worker or the one before

    @property
    def is_open(self) -> bool:
        return self._worker is not None

    def may_try_again(self) -> None:
        """What kept the model from being loaded is gone."""
        self._load_error = None

    @property
    def versions(self) -> tuple[tuple[str, str], ...]:
        return self.hello.versions if self.hello is not None else ()

    def ready(self) -> WorkerLike:
        """The worker, with the model loaded. Raises WorkerError."""
        if self._load_error is not None:
            raise self._load_error
        if self._worker is None:
            try:
                self._before_load()
                self._worker = self._open_worker(self.task.thread_count)
                self._load(self._worker)
            except WorkerError as error:
                self._load_error = error
                self.close()
                raise
        return self._worker

    def _before_load(self) -> None:
        """What the variant needs of other processes, once: they are closed before its own begins."""
        pinned = _pinned_path(self.task)
        self._build(pinned)
        if self._variants is None or self._point is None or is_reference(self.task) or self._reference is not None:
            return
        self._reference = self._variants.reference(self._point, self._open_worker, pinned)

    def build_ahead(self) -> None:
        """Before any worker of another variant lies in memory, since building takes most. A failure is kept."""
        try:
            self._build(_pinned_path(self.task))
        except WorkerError as error:
            self._load_error = error

    def _build(self, pinned: Path | None) -> None:
        if self._built is None and is_built(self.task):
            self._variants = self._variants or Variants()
            self._built = self._variants.build(self._tasks, self._open_worker, pinned)

    def _load(self, worker: WorkerLike) -> None:
        self.start_count += 1
        self.hello = worker.hello
        self.imported = worker.import_model(self.task.model)
        self.loaded = worker.load(
            self.task, _pinned_path(self.task), None if self._built is None else self._built.folder
        )
        expected = self._expected_weights_sha256()
        if expected not in (None, self.loaded.weights_sha256):
            hashes = f"to {self.loaded.weights_sha256} here and to {expected} in models.lock"
            raise WorkerError(
                "WEIGHTS_DIFFER",
                f"the {self.loaded.weights_source} weights of {self.task.model} hash {hashes}",
                "the figures would not be comparable: report it with this machine's torch version and the run's log",
            )

    def cold_start(self, first_call_s: float) -> ColdStart:
        """The way to the first answer of this worker."""
        assert self.hello is not None
        assert self.imported is not None
        assert self.loaded is not None
        return ColdStart(
            process_s=self.hello.process_s,
            import_s=self.imported.import_s,
            build_s=self.loaded.build_s,
            weights_s=self.loaded.weights_s,
            first_call_s=first_call_s,
        )

    def check_inputs(self, case: str) -> None:
        """Once: every input must change the output. What is amiss is a doubt beside the figures, never their loss."""
        if self._checked is not None:
            return
        try:
            self._checked = self.ready().check_inputs(case)
        except WorkerError as error:
            if error.fatal:
                raise
            self._checked = Checked(changed=(), flags=((error.code, f"inputs were not checked: {error.reason}"),))

    def look_at_variant(self, case: str, task: Task) -> None:
        """After a task's first calls: what really runs, and once how near its outputs are to eager fp32's."""
        worker = self.ready()
        found = worker.in_force()
        built = None if self._built is None else self._built.build
        notes = found.notes if self._built is None else (*self._built.notes, *found.notes)
        before = None if self.variant is None else self.variant.fidelity
        self.variant = replace(found, build=built, notes=tuple(dict.fromkeys(notes)), fidelity=before)
        if before is None and self._variants is not None and self._is_at_point(task):
            self.variant = replace(self.variant, fidelity=self._compared(worker, case, task))

    def _is_at_point(self, task: Task) -> bool:
        sizes = (task.scenario, task.batch_size, task.axes)
        return self._point is not None and sizes == (
            self._point.scenario,
            self._point.batch_size,
            self._point.axes,
        )

    def _compared(self, worker: WorkerLike, case: str, task: Task) -> Fidelity | NotMeasured | None:
        assert self._variants is not None
        if is_reference(task):
            self._variants.offer(worker, case, task)
            return None
        if not isinstance(self._reference, Path):
            return self._reference
        try:
            return fidelity(task, worker.compare_outputs(case, self._reference))
        except WorkerError as error:
            if error.fatal:
                raise
            return NotMeasured(code=error.code, reason=error.reason, remedy=error.remedy)

    def fingerprint(self, case: str) -> Fingerprint | None:
        """Of the case's outputs; None where that fails, which costs no measurement."""
        try:
            return self.ready().fingerprint(case)
        except WorkerError as error:
            if error.fatal:
                raise
            return None

    def flags(self, found: Mapping[str, str]) -> tuple[Flag, ...]:
        """Doubts about the model, and those that were `found` beside the calls of one task, by code."""
        doubts = dict(self._checked.flags if self._checked is not None else ()) | dict(found)
        told = tuple(Flag(code=code, text=text) for code, text in doubts.items())
        return (*told, *variant_flags(self.variant, self.task.precision))

    def provenance(self, prepared: Prepared, fingerprint: Fingerprint | None) -> Provenance:
        found = self.provenance_of(prepared.inputs_source, prepared.inputs_sha256, prepared.own_sizes)
        return replace(found, fingerprint=fingerprint)

    def provenance_of(self, inputs_source: InputsSource, inputs_sha256: str, own_sizes: Axes = ()) -> Provenance:
        assert self.loaded is not None
        brought = registry.brought(self.task.model)
        return Provenance(
            weights_source=self.loaded.weights_source,
            weights_sha256=self.loaded.weights_sha256,
            weights_verified=self.loaded.weights_sha256 == self._expected_weights_sha256(),
            inputs_source=inputs_source,
            inputs_sha256=inputs_sha256,
            inputs_checked=self._checked.changed if self._checked is not None else (),
            configuration=self.loaded.configuration,
            own_sizes=tuple(own_sizes),
            origin=None if brought is None else brought.word,
            origin_sha256=None if brought is None else brought.content_sha256,
            weights_precision=self.loaded.weights_precision,
        )

    def _expected_weights_sha256(self) -> str | None:
        """models.lock's, for the source that the weights came from; None where it has none, or of fp32 alone."""
        assert self.loaded is not None
        if self.loaded.weights_precision != "fp32":
            return None
        match self.loaded.weights_source:
            case "seeded" | "shipped":
                return models_lock.expected_weights_sha256(self.task.model, self.task.seed)
            case "pinned":
                return models_lock.pinned_weights_sha256(self.task.model)
            case "checkpoint" | "brought":
                return None

    def failed(self, error: WorkerError) -> None:
        """Told of an error of the worker: one that has died is replaced at the next use."""
        if error.fatal:
            self.close()

    def close(self) -> None:
        if self._worker is not None:
            self._worker.close()
            self._worker = None


def _pinned_path(task: Task) -> Path | None:
    """The file of published weights, for a task that asks for them."""
    if task.weights != "pinned":
        return None
    return models_lock.pinned_weights_path(task.model, models_lock.weights_folder(os.environ))
