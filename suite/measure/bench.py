"""A worker with one model loaded: started at first use, and again after it died."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from suite import registry
from suite.client.replies import Checked, Hello, Imported, Loaded, Prepared, WorkerLike
from suite.errors import WorkerError
from suite.pinned import lock as models_lock
from suite.records import ColdStart, Flag, Provenance, Task

OpenWorker = Callable[[int], WorkerLike]  # thread_count -> a worker that has said hello


class Bench:
    """What the tasks of one group share: the same model, runtime, precision, device, threads and weights.

    `task` is any one of them. A model that can't be loaded can't be loaded for the next task either: the error is kept
    and raised again.
    """

    def __init__(self, task: Task, open_worker: OpenWorker) -> None:
        self.task = task
        self._open_worker = open_worker
        self._worker: WorkerLike | None = None
        self._load_error: WorkerError | None = None
        self._checked: Checked | None = None
        self.start_count = 0  # workers started so far: a change says that what was prepared is gone
        self.hello: Hello | None = None
        self.imported: Imported | None = None
        self.loaded: Loaded | None = None

    @property
    def versions(self) -> tuple[tuple[str, str], ...]:
        return self.hello.versions if self.hello is not None else ()

    def ready(self) -> WorkerLike:
        """The worker, with the model loaded. Raises WorkerError."""
        if self._load_error is not None:
            raise self._load_error
        if self._worker is None:
            try:
                self._worker = self._open_worker(self.task.thread_count)
                self._load(self._worker)
            except WorkerError as error:
                self._load_error = error
                self.close()
                raise
        return self._worker

    def _load(self, worker: WorkerLike) -> None:
        self.start_count += 1
        self.hello = worker.hello
        self.imported = worker.import_model(self.task.model)
        self.loaded = worker.load(self.task, _pinned_path(self.task))
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

    def flags(self, found: Mapping[str, str]) -> tuple[Flag, ...]:
        """Doubts about the model, and those that were `found` beside the calls of one task, by code."""
        doubts = dict(self._checked.flags if self._checked is not None else ()) | dict(found)
        return tuple(Flag(code=code, text=text) for code, text in doubts.items())

    def provenance(self, prepared: Prepared) -> Provenance:
        assert self.loaded is not None
        brought = registry.brought(self.task.model)
        return Provenance(
            weights_source=self.loaded.weights_source,
            weights_sha256=self.loaded.weights_sha256,
            weights_verified=self.loaded.weights_sha256 == self._expected_weights_sha256(),
            inputs_source=prepared.inputs_source,
            inputs_sha256=prepared.inputs_sha256,
            inputs_checked=self._checked.changed if self._checked is not None else (),
            configuration=self.loaded.configuration,
            own_sizes=prepared.own_sizes,
            origin=None if brought is None else brought.word,
            origin_sha256=None if brought is None else brought.content_sha256,
        )

    def _expected_weights_sha256(self) -> str | None:
        """models.lock's, for the source that the weights came from; None where it has none."""
        assert self.loaded is not None
        match self.loaded.weights_source:
            case "seeded":
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
