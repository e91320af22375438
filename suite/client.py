"""The controller's end of the worker protocol: a worker with typed methods, a deadline on each.

The fields that travel are listed in suite/worker/protocol.py.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from suite import models_lock
from suite.errors import UsageError, WorkerError
from suite.records import FlopCount, OperatorCost, ParameterCount, SharedGroup, Task
from suite.replies import Axes, Converted, Hello, Imported, Loaded, Memory, Prepared, Timed, TimedFor, WorkerLike
from suite.wire import Wire
from suite.worker import plugins
from suite.worker.protocol import PROTOCOL_VERSION

INTERPRETER_VARIABLE = "SUITE_WORKER_PYTHON"

# Seconds that an operation may take on the slowest board with a cold SD card; only a hang lasts longer.
DEADLINES_S: Mapping[str, float] = {
    "hello": 180,
    "import": 600,
    "count_parameters": 300,
    "count_flops": 300,
    "load": 900,
    "prepare": 300,
    "check_inputs": 900,
    "memory": 60,
    "reset_memory": 60,
    "release": 60,
    "convert": 1800,
}
_NOT_OURS = {
    "PYTHONPATH",
    "PYTHONSAFEPATH",
    "__PYVENV_LAUNCHER__",
}  # would show or hide modules for another interpreter


def interpreter(environment: Mapping[str, str]) -> Path:
    """SUITE_WORKER_PYTHON, or the controller's own interpreter. Raises UsageError where it names no program."""
    name = environment.get(INTERPRETER_VARIABLE)
    if not name:
        return Path(sys.executable)
    path = shutil.which(os.path.expanduser(name), path=environment.get("PATH"))  # noqa: PTH111 (may be a bare name)
    if path is None:
        raise UsageError(f"{INTERPRETER_VARIABLE}={name}: no such program; name a Python >= 3.6 that has torch >= 1.10")
    return Path(path).absolute()  # not resolved: a link into a virtual environment is how it finds its packages


def worker_environment(base: Mapping[str, str], thread_count: int) -> dict[str, str]:
    """What the worker inherits: threads set before a library can read them, no hub, no Python path of ours."""
    kept = {name: value for name, value in base.items() if name not in _NOT_OURS}
    folders = plugins.model_folders(base)
    if folders:
        kept[plugins.FOLDERS_VARIABLE] = os.pathsep.join(folders)  # absolute: the worker has another working folder
    return kept | {
        "OMP_NUM_THREADS": str(thread_count),
        "MKL_NUM_THREADS": str(thread_count),
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "PYTHONUNBUFFERED": "1",  # what a model printed before it crashed is in the log
    }


class Worker(WorkerLike):
    """A worker process. Also a context manager that closes it."""

    def __init__(self, wire: Wire, hello: Hello, deadlines_s: Mapping[str, float]) -> None:
        self._hello = hello
        self._wire = wire
        self._deadlines_s = deadlines_s

    @classmethod
    def start(
        cls,
        *,
        log: Path,
        thread_count: int,
        python: Path | None = None,
        environment: Mapping[str, str] | None = None,
        deadlines_s: Mapping[str, float] | None = None,
    ) -> Self:
        """A worker that has said hello; its stderr is appended to log.

        python: None for interpreter(environment). environment: what to start from, None for os.environ. deadlines_s:
        seconds per operation that differ from DEADLINES_S. Raises UsageError for a bad interpreter and WorkerError
        where the worker dies or answers in another protocol.
        """
        base = os.environ if environment is None else environment
        python = python or interpreter(base)
        deadlines_s = {**DEADLINES_S, **(deadlines_s or {})}
        wire = Wire(python, log, worker_environment(base, thread_count))
        try:
            reply = wire.ask("hello", deadlines_s["hello"], {})
        except WorkerError as exc:
            wire.kill()
            if exc.code == "CRASHED":
                raise UsageError(f"{python}: no Python >= 3.6 that can run a worker: {exc.reason}") from exc
            raise
        if reply.get("protocol") != PROTOCOL_VERSION:
            raise wire.foreign(f"protocol {reply.get('protocol')}, where {PROTOCOL_VERSION} is spoken")
        with _decoding(wire, "hello"):
            hello = Hello(
                process_s=reply["process_started_s"] - wire.spawned_s,
                versions=tuple(reply["versions"].items()),
                devices=tuple(reply["devices"]),
                clock=reply["clock"],
            )
        return cls(wire, hello, deadlines_s)

    @property
    def hello(self) -> Hello:
        return self._hello

    @property
    def process_id(self) -> int:
        return self._wire.process_id

    def import_model(self, model: str) -> Imported:
        reply = self._ask("import", model=model)
        with _decoding(self._wire, "import"):
            return Imported(import_s=reply["import_s"], resident_bytes=reply["resident_bytes"])

    def count_parameters(self, model: str, checkpoint: str | None) -> ParameterCount:
        reply = self._ask("count_parameters", model=model, options=_options(checkpoint))
        with _decoding(self._wire, "count_parameters"):
            return ParameterCount(
                unique_count=reply["unique_count"],
                registered_count=reply["registered_count"],
                trainable_count=reply["trainable_count"],
                embedding_count=reply["embedding_count"],
                buffer_element_count=reply["buffer_element_count"],
                parameter_bytes=reply["parameter_bytes"],
                buffer_bytes=reply["buffer_bytes"],
                bytes_by_dtype=_pairs(reply["bytes_by_dtype"]),
                shared=tuple(
                    SharedGroup(names=tuple(group["names"]), parameter_count=group["parameter_count"])
                    for group in reply["shared"]
                ),
                expected_unique_count=None,
                configuration=tuple(reply["configuration"]),
            )

    def count_flops(self, model: str, checkpoint: str | None, scenario: str, batch_size: int, axes: Axes) -> FlopCount:
        reply = self._ask(
            "count_flops",
            model=model,
            options=_options(checkpoint),
            scenario=scenario,
            batch_size=batch_size,
            axes=dict(axes),
        )
        with _decoding(self._wire, "count_flops"):
            return FlopCount(
                mac_count=reply["mac_count"],
                by_operator=tuple(
                    OperatorCost(operator=name, mac_count=count) for name, count in _pairs(reply["by_operator"])
                ),
                uncounted=tuple(reply["uncounted"]),
                source="counted",
                configuration=tuple(reply["configuration"]),
            )

    def load(self, task: Task) -> Loaded:
        """Builds and fills the task's model for its runtime, precision, device, threads and seed."""
        reply = self._ask(
            "load",
            model=task.model,
            options=_options(task.checkpoint) | {"pinned": _pinned_path(task)},
            runtime=task.runtime,
            precision=task.precision,
            device=task.device,
            thread_count=task.thread_count,
            seed=task.seed,
        )
        with _decoding(self._wire, "load"):
            return Loaded(
                build_s=reply["build_s"],
                weights_s=reply["weights_s"],
                weight_bytes=reply["weight_bytes"],
                weights_source=reply["weights_source"],
                weights_sha256=reply["weights_sha256"],
                thread_count=reply["thread_count"],
                synchronisation=reply["synchronisation"],
                configuration=tuple(reply["configuration"]),
            )

    def prepare(self, case: str, task: Task) -> Prepared:
        """Makes the task's inputs, known as `case` from then on."""
        reply = self._ask(
            "prepare",
            case=case,
            scenario=task.scenario,
            batch_size=task.batch_size,
            axes=dict(task.axes),
            seed=task.seed,
            trajectory=_absolute(task.trajectory),
        )
        with _decoding(self._wire, "prepare"):
            return Prepared(
                inputs_source=reply["inputs_source"],
                inputs_sha256=reply["inputs_sha256"],
                step_count=reply["step_count"],
                before_resident_bytes=reply["before_resident_bytes"],
                own_sizes=tuple(reply["own_sizes"].items()),
            )

    def check_inputs(self, case: str) -> tuple[str, ...]:
        """The inputs that were shown to change the output. Raises WorkerError INPUT_IGNORED where one does not."""
        reply = self._ask("check_inputs", case=case)
        with _decoding(self._wire, "check_inputs"):
            return tuple(reply["changed"])

    def time(self, case: str, call_count: int, deadline_s: float) -> Timed:
        reply = self._wire.ask("time", deadline_s, {"case": case, "call_count": call_count})
        with _decoding(self._wire, "time"):
            return Timed(started_s=reply["started_s"], latency_s=tuple(reply["latency_s"]))

    def time_for(self, case: str, duration_s: float, min_call_count: int, deadline_s: float) -> TimedFor:
        """Back-to-back calls for at least duration_s and at least min_call_count of them."""
        arguments = {"case": case, "duration_s": duration_s, "min_call_count": min_call_count}
        reply = self._wire.ask("time_for", deadline_s, arguments)
        with _decoding(self._wire, "time_for"):
            return TimedFor(
                started_s=reply["started_s"],
                ended_s=reply["ended_s"],
                call_count=reply["call_count"],
                latency_s=tuple(reply["latency_s"]),
            )

    def memory(self) -> Memory:
        reply = self._ask("memory")
        with _decoding(self._wire, "memory"):
            return Memory(
                resident_bytes=reply["resident_bytes"],
                peak_resident_bytes=reply["peak_resident_bytes"],
                peak_was_reset=reply["peak_was_reset"],
                device_peak_bytes=reply["device_peak_bytes"],
            )

    def reset_memory(self) -> bool:
        """Starts a new peak; False where the system can't."""
        reply = self._ask("reset_memory")
        with _decoding(self._wire, "reset_memory"):
            return bool(reply["peak_was_reset"])

    def release(self, case: str) -> None:
        self._ask("release", case=case)

    def convert(self, model: str, source: Path, target: Path) -> Converted:
        """Writes published weights as the model's safetensors file."""
        reply = self._ask("convert", model=model, source=str(source.absolute()), target=str(target.absolute()))
        with _decoding(self._wire, "convert"):
            return Converted(
                sha256=reply["sha256"], weights_sha256=reply["weights_sha256"], left_out=tuple(reply["left_out"])
            )

    def close(self) -> None:
        """Ends the worker, politely first. May be called again, and after a fatal error."""
        self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, operation: str, **arguments: Any) -> dict[str, Any]:
        return self._wire.ask(operation, self._deadlines_s[operation], arguments)


@contextmanager
def _decoding(wire: Wire, operation: str) -> Iterator[None]:
    """A reply without the fields of the protocol, or with nonsense in them, ends the worker."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise wire.foreign(f"{operation} gave {type(exc).__name__} ({exc})") from exc


def _options(checkpoint: str | None) -> dict[str, str | None]:
    return {"checkpoint": _absolute(checkpoint)}


def _pinned_path(task: Task) -> str | None:
    if task.weights != "pinned":
        return None
    return _absolute(str(models_lock.pinned_weights_path(task.model, models_lock.weights_folder(os.environ))))


def _absolute(path: str | None) -> str | None:
    """The worker has another working folder."""
    return None if path is None else str(Path(path).expanduser().absolute())


def _pairs(items: Any) -> tuple[tuple[str, int], ...]:
    return tuple((name, count) for name, count in items)
