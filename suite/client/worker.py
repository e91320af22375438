"""The controller's end of the worker protocol: a worker with typed methods, a deadline on each.

The fields that travel are listed in suite/worker/protocol.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from suite.client import ceilings, decode, profiles, replays, variants
from suite.client.deadlines import DEADLINES_S
from suite.client.decode import Span
from suite.client.fields import Fields
from suite.client.interpreter import interpreter, worker_environment
from suite.client.replies import (
    Axes,
    Built,
    ByDevice,
    Checked,
    Converted,
    Hello,
    Imported,
    Loaded,
    Memory,
    PassSize,
    Prepared,
    Replayed,
    Timed,
    TimedFor,
    Way,
    WorkerLike,
)
from suite.client.wire import Wire
from suite.errors import UsageError, WorkerError
from suite.records import (
    EvaluatedBatch,
    EvaluationRule,
    Fingerprint,
    FlopCount,
    Interference,
    OutputFidelity,
    ParameterCount,
    Profile,
    Roofline,
    Task,
    Variant,
)
from suite.worker.protocol import PROTOCOL_VERSION

OriginOf = Callable[[str], str | None]


class Worker(WorkerLike):
    """A worker process. Also a context manager that closes it."""

    def __init__(
        self, wire: Wire, hello: Hello, deadlines_s: Mapping[str, float], origin_of: OriginOf = lambda _: None
    ) -> None:
        self._hello = hello
        self._wire = wire
        self._deadlines_s = deadlines_s
        self._origin_of = origin_of
        self._introduced: set[str] = set()

    @classmethod
    def start(  # noqa: PLR0913 (what a process is started with, all by name)
        cls,
        *,
        log: Path,
        thread_count: int,
        python: Path | None = None,
        environment: Mapping[str, str] | None = None,
        deadlines_s: Mapping[str, float] | None = None,
        origin_of: OriginOf = lambda _: None,
    ) -> Self:
        """A worker that has said hello; its stderr is appended to log.

        python: None for interpreter(environment). environment: what to start from, None for os.environ. deadlines_s:
        seconds per operation that differ from DEADLINES_S. origin_of: where a model lies that is not the suite's own;
        the worker looks for one of which it is not told. Raises UsageError for a bad interpreter and WorkerError
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
            raise wire.foreign(f"protocol {reply.get('protocol')!r}, where {PROTOCOL_VERSION} is spoken")
        with decoding(wire, "hello"):
            hello = decode.hello(reply, Span(asked_s=wire.spawned_s, answered_s=wire.span.answered_s))
        return cls(wire, hello, deadlines_s, origin_of)

    @property
    def hello(self) -> Hello:
        return self._hello

    @property
    def process_id(self) -> int:
        return self._wire.process_id

    def import_model(self, model: str) -> Imported:
        reply = self._ask_of(model, "import")
        with decoding(self._wire, "import"):
            return decode.imported(reply, self._wire.span.answered_s - self._wire.spawned_s)

    def count_parameters(self, model: str, checkpoint: str | None) -> ParameterCount:
        reply = self._ask_of(model, "count_parameters", options=_options(checkpoint))
        with decoding(self._wire, "count_parameters"):
            return decode.parameter_count(reply)

    def count_flops(self, model: str, checkpoint: str | None, scenario: str, batch_size: int, axes: Axes) -> FlopCount:
        reply = self._ask_of(
            model,
            "count_flops",
            options=_options(checkpoint),
            scenario=scenario,
            batch_size=batch_size,
            axes=dict(axes),
        )
        with decoding(self._wire, "count_flops"):
            return decode.flop_count(reply)

    def runtimes(self) -> tuple[Way, ...]:
        reply = self._ask("runtimes")
        with decoding(self._wire, "runtimes"):
            return variants.ways(reply)

    def build(self, tasks: Sequence[Task], folder: Path, pinned: Path | None = None) -> Built:
        """Makes what the tasks' runtime needs at all their sizes, or finds it in the folder."""
        task = tasks[0]
        reply = self._ask_of(
            task.model,
            "build",
            options=_options(task.checkpoint, pinned),
            way=_way(task) | {"trajectory": _absolute(task.trajectory)},
            points=variants.points(tasks),
            folder=str(folder.absolute()),
        )
        with decoding(self._wire, "build"):
            return variants.built(reply, folder.absolute(), self._wire.span)

    def load(self, task: Task, pinned: Path | None = None, artefact: Path | None = None) -> Loaded:
        """Builds and fills the task's model for its runtime, precision, device, threads and seed.

        pinned: the file of published weights that fills it; None: the task's checkpoint or seed does. artefact: what
        `build` made, for a runtime that is built.
        """
        files = None if artefact is None else str(artefact)
        options = _options(task.checkpoint, pinned)
        reply = self._ask_of(task.model, "load", options=options, artefact=files, **_way(task))
        with decoding(self._wire, "load"):
            return decode.loaded(reply, self._wire.span)

    def in_force(self) -> Variant:
        """What really runs, after the calls."""
        reply = self._ask("in_force")
        with decoding(self._wire, "in_force"):
            return variants.in_force(reply)

    def write_outputs(self, case: str, path: Path) -> None:
        """One call's outputs, for another worker to compare its own with."""
        self._ask("write_outputs", case=case, path=str(path.absolute()))

    def compare_outputs(self, case: str, path: Path) -> tuple[OutputFidelity, ...]:
        reply = self._ask("compare_outputs", case=case, path=str(path.absolute()))
        with decoding(self._wire, "compare_outputs"):
            return variants.compared(reply)

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
        with decoding(self._wire, "prepare"):
            return decode.prepared(reply)

    def check_inputs(self, case: str) -> Checked:
        """The inputs that were shown to change the output, and what was found amiss."""
        reply = self._ask("check_inputs", case=case)
        with decoding(self._wire, "check_inputs"):
            return decode.checked(reply)

    def fingerprint(self, case: str) -> Fingerprint | None:
        """Of the case's first outputs; None where they could not be looked at."""
        reply = self._ask("fingerprint", case=case)
        with decoding(self._wire, "fingerprint"):
            return decode.fingerprint(reply)

    def evaluate(self, rule: EvaluationRule, start: int, row_count: int, alone: bool) -> EvaluatedBatch:
        reply = self._ask(
            "evaluate",
            evaluation=rule.name,
            data=_absolute(rule.data),
            start=start,
            row_count=row_count,
            batch_size=rule.batch_size,
            alone=alone,
        )
        with decoding(self._wire, "evaluate"):
            return decode.evaluated(reply, row_count, alone, self._wire.span)

    def replay(
        self, rule: EvaluationRule, row_count: int, size: PassSize, duration_s: float, deadline_s: float
    ) -> Replayed:
        asked = {"evaluation": rule.name, "data": _absolute(rule.data), "row_count": row_count, **asdict(size)}
        reply = self._wire.ask("replay", deadline_s, {**asked, "duration_s": duration_s})
        with decoding(self._wire, "replay"):
            return replays.replayed(reply, size, duration_s, self._wire.span)

    def time(self, case: str, call_count: int, deadline_s: float) -> Timed:
        reply = self._wire.ask("time", deadline_s, {"case": case, "call_count": call_count})
        with decoding(self._wire, "time"):
            return decode.timed(reply, call_count, self._wire.span)

    def time_for(self, case: str, duration_s: float, min_call_count: int, deadline_s: float) -> TimedFor:
        """Back-to-back calls for at least duration_s and at least min_call_count of them."""
        arguments = {"case": case, "duration_s": duration_s, "min_call_count": min_call_count}
        reply = self._wire.ask("time_for", deadline_s, arguments)
        with decoding(self._wire, "time_for"):
            return decode.timed_for(reply, duration_s, min_call_count, self._wire.span)

    def watch(self, duration_s: float) -> Interference:
        """What the machine does while the worker sleeps."""
        reply = self._ask("watch", duration_s=duration_s)
        with decoding(self._wire, "watch"):
            return decode.watched(reply, self._wire.span)

    def device_times(self, case: str, call_count: int, deadline_s: float) -> ByDevice:
        reply = self._wire.ask("device_times", deadline_s, {"case": case, "call_count": call_count})
        with decoding(self._wire, "device_times"):
            return profiles.by_device(reply, call_count, self._wire.span)

    def profile(self, case: str, call_count: int, deadline_s: float) -> Profile:
        reply = self._wire.ask("profile", deadline_s, {"case": case, "call_count": call_count})
        with decoding(self._wire, "profile"):
            return profiles.profile(reply, call_count, self._wire.span)

    def memory(self) -> Memory:
        reply = self._ask("memory")
        with decoding(self._wire, "memory"):
            return decode.memory(reply)

    def reset_memory(self) -> bool:
        """Starts a new peak; False where the system can't."""
        reply = self._ask("reset_memory")
        with decoding(self._wire, "reset_memory"):
            return Fields(reply).flag("peak_was_reset")

    def release(self, case: str) -> None:
        self._ask("release", case=case)

    def convert(self, model: str, source: Path, target: Path) -> Converted:
        """Writes published weights as the model's safetensors file."""
        reply = self._ask_of(model, "convert", source=str(source.absolute()), target=str(target.absolute()))
        with decoding(self._wire, "convert"):
            return decode.converted(reply)

    def roofline(self, task: Task, duration_s: float, memory_bytes: int) -> Roofline:
        """What the task's device can do; at most so many bytes are taken for it."""
        reply = self._ask(
            "roofline",
            device=task.device,
            thread_count=task.thread_count,
            precisions=[task.precision],
            duration_s=duration_s,
            memory_bytes=memory_bytes,
        )
        with decoding(self._wire, "roofline"):
            return ceilings.roofline(reply, (task.precision,), memory_bytes, self._wire.span)

    def close(self) -> None:
        """Ends the worker, politely first. May be called again, and after a fatal error."""
        self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask_of(self, model: str, operation: str, **arguments: Any) -> dict[str, Any]:
        """Asks something about a model, after saying where it lies if it is not the suite's own."""
        if model not in self._introduced:
            self._introduced.add(model)
            origin = self._origin_of(model)
            if origin is not None:
                self._ask("introduce", model=model, origin=origin)
        return self._ask(operation, model=model, **arguments)

    def _ask(self, operation: str, **arguments: Any) -> dict[str, Any]:
        return self._wire.ask(operation, self._deadlines_s[operation], arguments)


@contextmanager
def decoding(wire: Wire, operation: str) -> Iterator[None]:
    """A reply without the fields of the protocol, or with nonsense in them, ends the worker."""
    try:
        yield
    except ValueError as exc:
        raise wire.foreign(f"{operation}: {exc}") from exc


def _options(checkpoint: str | None, pinned: Path | None = None) -> dict[str, str | None]:
    return {"checkpoint": _absolute(checkpoint), "pinned": None if pinned is None else _absolute(str(pinned))}


def _way(task: Task) -> dict[str, Any]:
    names = ("runtime", "precision", "device", "thread_count", "seed")
    return {name: getattr(task, name) for name in names}


def _absolute(path: str | None) -> str | None:
    """The worker has another working folder."""
    return None if path is None else str(Path(path).expanduser().absolute())
