"""The operations of the protocol (see protocol.py) over the one model that this process holds."""

import functools
from typing import Any, Dict, NamedTuple, Optional

from suite.worker import devices, interference, memory, precision, roofline, timing
from suite.worker.case import Case, grad_mode, read_trajectory
from suite.worker.imports import Imports
from suite.worker.loading import Started
from suite.worker.loop import Operation
from suite.worker.model import Model
from suite.worker.outcome import WorkerFault
from suite.worker.peaks import Peaks
from suite.worker.unloaded import Unloaded


class Loaded(NamedTuple):
    """The one model of this process; `target` is what its runtime made of the module."""

    started: Started
    target: Any
    synchronise: timing.Synchronise

    @property
    def model(self) -> Model:
        return self.started.plugin

    @property
    def device(self) -> str:
        return self.started.device


class Operations:
    """State of one worker: at most one model, and its cases by name."""

    def __init__(
        self, process_started_s: float, clock: timing.Clock, meter: Optional[interference.Meter] = None
    ) -> None:
        self._clock = clock
        self._meter = interference.Meter(clock) if meter is None else meter
        self._imports = Imports(clock)
        self._unloaded = Unloaded(process_started_s, clock, self._imports)
        self._loaded: Optional[Loaded] = None
        self._peaks = Peaks(
            lambda: self._imports.module("torch"),
            lambda: None if self._loaded is None else self._loaded.device,
            self._meter.gpu_own_bytes,
        )
        self._cases: Dict[str, Case] = {}
        self._evaluating: Any = None
        self._replaying: Any = None  # inputs that are held for a window of energy

    def by_name(self) -> Dict[str, Operation]:
        """Every operation but quit, which the loop knows itself."""
        own: Dict[str, Operation] = {
            "load": self.load,
            "in_force": self.in_force,
            "write_outputs": self.write_outputs,
            "compare_outputs": self.compare_outputs,
            "prepare": self.prepare,
            "check_inputs": self.check_inputs,
            "fingerprint": self.fingerprint,
            "evaluate": self.evaluate,
            "replay": self.replay,
            "time": self.time,
            "time_for": self.time_for,
            "watch": self._meter.watch,
            "profile": self.profile,
            "memory": self._peaks.account,
            "device_times": self.device_times,
            "reset_memory": self._peaks.reset,
            "release": self.release,
            "roofline": functools.partial(roofline.answer, self._clock, self._meter),
        }
        return dict(self._unloaded.by_name(), **own)

    def load(  # noqa: PLR0913 (the arguments of the protocol)
        self,
        *,
        model: str,
        options: Dict[str, Any],
        runtime: str,
        precision: str,
        device: str,
        thread_count: int,
        seed: int,
        artefact: Optional[str] = None,
    ) -> Dict[str, Any]:
        """Takes the place of the model before, which is given up first: two never lie in memory together."""
        from suite.worker import loading

        self._cases.clear()
        self._loaded = self._evaluating = self._replaying = None
        self._peaks.available_bytes = memory.available_bytes()
        torch = self._imports.module("torch")
        way = {"runtime": runtime, "precision": precision, "device": device}
        started = loading.begin(self._imports, dict(way, thread_count=thread_count, seed=seed), model)
        target, told = loading.loaded(started, options, artefact, self._clock)
        synchronisation = devices.synchronisation(torch, started.device)
        self._meter.watch_gpu(torch, started.device)
        self._meter.watch_pace(torch, started.device)
        self._loaded = Loaded(started, target, synchronisation.call)
        return dict(told, synchronisation=synchronisation.name, thread_count=self._threads())

    def in_force(self) -> Dict[str, Any]:
        """What really runs, as its runtime tells after the calls."""
        from suite.worker import outputs

        loaded = self._model_in_memory()
        return outputs.in_force(loaded.started.runner, loaded.target)

    def write_outputs(self, case: str, path: str) -> Dict[str, Any]:
        """One call's outputs into a file, against which another worker's variant is compared."""
        from suite.worker import fidelity

        return fidelity.write(self._outputs(case).tensors, path)

    def compare_outputs(self, case: str, path: str) -> Dict[str, Any]:
        from suite.worker import fidelity

        found = self._outputs(case)
        return {"outputs": fidelity.compare(found.tensors, found.names, path)}

    def _outputs(self, case: str) -> Any:
        """What one call gives, which no peak holds."""
        from suite.worker import outputs

        loaded, prepared = self._model_in_memory(), self._case(case)
        before = self._peaks.now()
        with grad_mode(loaded.model, loaded.started.precision):
            found = outputs.of(loaded.model, loaded.target, prepared)
        self._peaks.forget_since(before)
        return found

    def prepare(  # noqa: PLR0913 (the arguments of the protocol)
        self,
        *,
        case: str,
        scenario: str,
        batch_size: int,
        axes: Dict[str, int],
        seed: int,
        trajectory: Optional[str] = None,
    ) -> Dict[str, Any]:
        """Makes the inputs on the CPU, the same bytes everywhere, and brings them to the device."""
        from suite.worker import weights

        loaded, torch = self._model_in_memory(), self._imports.module("torch")
        model = loaded.model
        if scenario not in model.scenarios:
            raise WorkerFault(
                "UNKNOWN_SCENARIO",
                "{} has no scenario {!r}".format(model.name, scenario),
                "Use one of {}".format(", ".join(model.scenarios)),
            )
        self.release(case)
        before_bytes = memory.process_memory().resident_bytes

        own_sizes: Dict[str, int] = {}

        def make() -> Dict[str, Any]:
            torch.manual_seed(seed)  # a plug-in may draw from torch itself
            source = weights.Stream(seed, "inputs") if trajectory is None else read_trajectory(model, trajectory)
            own_sizes.update({} if trajectory is None else model.own_sizes(source))
            made = model.inputs(batch_size, axes, source)
            own = model.precisions[:1] == (loaded.started.precision,)  # a file takes the types that it says
            return made if own else precision.cast_inputs(made, loaded.started.precision)

        made = self._cases[case] = Case(model, loaded.target, loaded.device, scenario, make, axes)
        return {
            "inputs_source": model.inputs_source if trajectory is None else "trajectory",
            "inputs_sha256": made.inputs_sha256,
            "own_sizes": own_sizes,
            "step_count": made.step_count,
            "before_resident_bytes": before_bytes,
        }

    def check_inputs(self, case: str) -> Dict[str, Any]:
        from suite.worker import sensitivity

        loaded, prepared = self._model_in_memory(), self._case(case)
        before = self._peaks.now()
        with grad_mode(loaded.model, loaded.started.precision):
            checked = sensitivity.check(loaded.model, loaded.target, prepared.inputs, prepared.scenario)
        self._peaks.forget_since(before)
        return {"changed": checked.changed, "flags": [list(flag) for flag in checked.flags]}

    def fingerprint(self, case: str) -> Dict[str, Any]:
        """Of the case's first outputs since it was prepared: no call is made for it."""
        return {"fingerprint": self._case(case).fingerprint}

    def evaluate(self, **asked: Any) -> Dict[str, Any]:
        """Goes on where the last request ended; from any other row it begins to read anew."""
        from suite.worker import evaluate

        loaded, before = self._model_in_memory(), self._evaluating
        self._evaluating = self._replaying = None  # what fails midway begins anew; what is held would be in its peak
        subject = self._subject()
        with grad_mode(loaded.model, subject.way.precision):
            reading = evaluate.reading(before, subject, asked)
            edge = self._meter.before()
            answer = reading.answer(asked["row_count"], asked["batch_size"], alone=asked["alone"])
            beside = self._meter.since(edge)
        self._evaluating = reading
        return dict(answer, interference=beside)

    def replay(self, duration_s: float, **asked: Any) -> Dict[str, Any]:
        """Passes over an evaluation's first examples; the inputs are held until other ones are asked for."""
        from suite.worker import replay

        loaded, subject = self._model_in_memory(), self._subject()
        self._replaying = self._replaying or replay.Replaying()
        with grad_mode(loaded.model, subject.way.precision):
            passes = self._replaying.passes(subject, asked)
            edge = self._meter.before()
            found = passes.run(duration_s)
            beside = self._meter.since(edge)
        return dict(found, thread_count=self._threads(), interference=beside)

    def _subject(self) -> Any:
        """The loaded model as an evaluation calls it."""
        from suite.worker import evaluate

        loaded = self._model_in_memory()
        way = evaluate.Way(loaded.target, loaded.device, loaded.started.precision)
        return evaluate.Subject(loaded.model, way, loaded.synchronise, self._clock)

    def time(self, case: str, call_count: int) -> Dict[str, Any]:
        if call_count < 1:
            raise WorkerFault("BAD_REQUEST", "call_count is {}".format(call_count), "Ask for at least one call")
        loaded, prepared = self._model_in_memory(), self._case(case)
        before_bytes = self._held_bytes()
        with grad_mode(loaded.model, loaded.started.precision, prepared.sizes):
            edge = self._meter.before()
            if prepared.fresh_call is None:
                timed = timing.time_calls(prepared.call, loaded.synchronise, call_count, self._clock)
            else:
                timed = timing.time_fresh(prepared.fresh_call, loaded.synchronise, call_count, self._clock)
            beside = self._meter.since(edge)
            threads = self._threads()
            self._look(prepared, timed.output, call_count, before_bytes)
        return {
            "started_s": timed.started_s,
            "latency_s": timed.latency_s,
            "thread_count": threads,
            "flags": prepared.flags,
            "interference": beside,
        }

    def time_for(self, case: str, duration_s: float, min_call_count: int) -> Dict[str, Any]:
        if min_call_count < 1:
            raise WorkerFault("BAD_REQUEST", "min_call_count is {}".format(min_call_count), "Ask for at least one call")
        loaded, prepared = self._model_in_memory(), self._case(case)
        before_bytes, window = self._held_bytes(), (loaded.synchronise, duration_s, min_call_count, self._clock)
        with grad_mode(loaded.model, loaded.started.precision, prepared.sizes):
            edge = self._meter.before()
            if prepared.fresh_call is None:
                timed = timing.time_for(prepared.call, *window)
            else:
                timed = timing.time_fresh_for(prepared.fresh_call, *window)
            beside = self._meter.since(edge)
            threads = self._threads()
            self._look(prepared, timed.output, timed.call_count, before_bytes)
        return {
            "started_s": timed.started_s,
            "ended_s": timed.ended_s,
            "call_count": timed.call_count,
            "calls_per_value": timed.calls_per_value,
            "latency_s": timed.latency_s,
            "thread_count": threads,
            "flags": prepared.flags,
            "interference": beside,
        }

    def device_times(self, case: str, call_count: int) -> Dict[str, Any]:
        """What these calls take of a device's memory is in no peak."""
        from suite.worker import apart

        before = self._peaks.now()
        found = apart.by_device(apart.Ready(*self._ready(case)), call_count)
        self._peaks.forget_since(before)
        return found

    def profile(self, case: str, call_count: int) -> Dict[str, Any]:
        from suite.worker import apart

        return apart.profiled(apart.Ready(*self._ready(case)), call_count)

    def _ready(self, case: str) -> Any:
        return self._imports.module("torch"), self._model_in_memory(), self._case(case), self._clock

    def _held_bytes(self) -> int:
        return memory.held_bytes(self._imports.module("torch"), self._model_in_memory().device)

    def _look(self, prepared: Case, output: Any, call_count: int, before_bytes: int) -> None:
        """At the end of a block, outside every duration and every peak: whether all is as it was when it began."""
        grown_bytes = self._held_bytes() - before_bytes
        before = self._peaks.now()
        prepared.look(output, call_count, grown_bytes)
        self._peaks.forget_since(before)

    def release(self, case: str) -> Dict[str, Any]:
        """Gives up the inputs of a case; one that does not exist is released already."""
        if self._cases.pop(case, None) is not None and self._loaded is not None:
            memory.give_back(self._imports.module("torch"), self._loaded.device)
        return {}

    def _model_in_memory(self) -> Loaded:
        if self._loaded is None:
            raise WorkerFault("BAD_REQUEST", "no model is loaded", "Send load first")
        return self._loaded

    def _threads(self) -> int:
        """In force now, after the calls: a model can have changed what `load` has set."""
        loaded = self._model_in_memory()
        own = loaded.started.runner.threads(loaded.target)
        return int(self._imports.module("torch").get_num_threads() if own is None else own)

    def _case(self, name: str) -> Case:
        if name not in self._cases:
            raise WorkerFault("BAD_REQUEST", "there is no case {!r}".format(name), "Send prepare first")
        return self._cases[name]
