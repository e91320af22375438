"""The operations of the protocol (see protocol.py) over the one model that this process holds."""

import importlib
import os
import platform
import sys
from typing import Any, Callable, Dict, NamedTuple, Optional

from suite.worker import devices, memory, plugins, timing
from suite.worker.loop import Operation
from suite.worker.model import Model
from suite.worker.outcome import WorkerFault
from suite.worker.protocol import PROTOCOL_VERSION

_REPORTED_PACKAGES = ("torch", "transformers", "numpy", "onnxruntime")


class Loaded(NamedTuple):
    """The one model of this process; `target` is what its runtime made of the module."""

    model: Model
    target: Any
    device: str
    synchronise: timing.Synchronise


class Case(NamedTuple):
    """Inputs on the device, and the call that is timed."""

    scenario: str
    inputs: Dict[str, Any]
    call: Callable[[], Any]


class Operations:
    """State of one worker: at most one model, and its cases by name."""

    def __init__(self, process_started_s: float, clock: timing.Clock) -> None:
        self._process_started_s = process_started_s
        self._clock = clock
        self._folders = plugins.model_folders(os.environ)
        self._import_s = 0.0
        self._peak_was_reset = False
        self._loaded = None  # type: Optional[Loaded]
        self._cases = {}  # type: Dict[str, Case]

    def by_name(self) -> Dict[str, Operation]:
        """Every operation but quit, which the loop knows itself."""
        return {
            "hello": self.hello,
            "import": self.import_model,
            "count_parameters": self.count_parameters,
            "count_flops": self.count_flops,
            "load": self.load,
            "prepare": self.prepare,
            "check_inputs": self.check_inputs,
            "time": self.time,
            "time_for": self.time_for,
            "memory": self.memory,
            "reset_memory": self.reset_memory,
            "release": self.release,
            "convert": self.convert,
        }

    def hello(self) -> Dict[str, Any]:
        try:
            found = devices.available_devices(self._import("torch"))
        except ImportError:
            found = []
        return {
            "protocol": PROTOCOL_VERSION,
            "process_started_s": self._process_started_s,
            "versions": _versions(),
            "devices": found,
            "clock": timing.clock_name(),
        }

    def import_model(self, model: str) -> Dict[str, Any]:
        plugin = self._model(model)
        for name in plugin.packages + plugin.modules:
            self._import(name)
        return {"import_s": self._import_s, "resident_bytes": memory.process_memory().resident_bytes}

    def count_parameters(self, model: str, options: Dict[str, Any]) -> Dict[str, Any]:
        from suite.worker import build, complexity

        plugin = self._model(model)
        module = build.build(plugin, options, "meta")
        return dict(complexity.count_parameters(module), configuration=plugin.configuration(module))

    def count_flops(
        self, model: str, options: Dict[str, Any], scenario: str, batch_size: int, axes: Dict[str, int]
    ) -> Dict[str, Any]:
        from suite.worker import complexity

        return complexity.count_flops(self._model(model), options, scenario, batch_size, axes)

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
    ) -> Dict[str, Any]:
        """Takes the place of the model before, which is given up first: two never lie in memory together."""
        from suite.worker import build, complexity, weights

        self._cases.clear()
        self._loaded = None
        torch = self._import("torch")
        plugin = self._model(model)
        device = devices.check_device(torch, device)
        runner = self._runtime(runtime, precision)
        threads_in_force = devices.set_threads(torch, thread_count)
        devices.make_repeatable(torch, seed)

        started_s = self._clock()
        module = build.build(plugin, options, "cpu")
        built_s = self._clock()
        source = weights.place(plugin, module, options, seed)
        filled_s = self._clock()
        result = {
            "build_s": built_s - started_s,
            "weights_s": filled_s - built_s,
            "weight_bytes": complexity.count_parameters(module)["parameter_bytes"],
            "weights_source": source,
            "weights_sha256": weights.digest(module),
            "configuration": plugin.configuration(module),
            "thread_count": threads_in_force,
        }
        synchronisation = devices.synchronisation(torch, device)
        result["synchronisation"] = synchronisation.name
        self._loaded = Loaded(plugin, runner.make_ready(module, precision, device), device, synchronisation.call)
        return result

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

        model, target, device, _ = self._model_in_memory()
        if scenario not in model.scenarios:
            raise WorkerFault(
                "UNKNOWN_SCENARIO",
                "{} has no scenario {!r}".format(model.name, scenario),
                "Use one of {}".format(", ".join(model.scenarios)),
            )
        self.release(case)
        before_bytes = memory.process_memory().resident_bytes
        source = weights.Stream(seed, "inputs") if trajectory is None else _read_trajectory(model, trajectory)
        tensors = model.inputs(batch_size, axes, source)
        digest = weights.digest_tensors(tensors)
        inputs = {name: tensor.to(device) for name, tensor in tensors.items()}
        call, step_count = model.bind(target, inputs, scenario)
        self._cases[case] = Case(scenario, inputs, call)
        return {
            "inputs_source": "seeded" if trajectory is None else "trajectory",
            "inputs_sha256": digest,
            "own_sizes": {} if trajectory is None else model.own_sizes(source),
            "step_count": step_count,
            "before_resident_bytes": before_bytes,
        }

    def check_inputs(self, case: str) -> Dict[str, Any]:
        from suite.worker import sensitivity

        model, target, _, _ = self._model_in_memory()
        prepared = self._case(case)
        return {"changed": list(sensitivity.check_inputs(model, target, prepared.inputs, prepared.scenario))}

    def time(self, case: str, call_count: int) -> Dict[str, Any]:
        if call_count < 1:
            raise WorkerFault("BAD_REQUEST", "call_count is {}".format(call_count), "Ask for at least one call")
        synchronise, call = self._model_in_memory().synchronise, self._case(case).call
        with self._import("torch").inference_mode():
            timed = timing.time_calls(call, synchronise, call_count, self._clock)
        return {"started_s": timed.started_s, "latency_s": timed.latency_s}

    def time_for(self, case: str, duration_s: float, min_call_count: int) -> Dict[str, Any]:
        if min_call_count < 1:
            raise WorkerFault("BAD_REQUEST", "min_call_count is {}".format(min_call_count), "Ask for at least one call")
        synchronise, call = self._model_in_memory().synchronise, self._case(case).call
        with self._import("torch").inference_mode():
            timed = timing.time_for(call, synchronise, duration_s, min_call_count, self._clock)
        return {
            "started_s": timed.started_s,
            "ended_s": timed.ended_s,
            "call_count": len(timed.latency_s),
            "latency_s": timed.latency_s,
        }

    def memory(self) -> Dict[str, Any]:
        process = memory.process_memory()
        device = "cpu" if self._loaded is None else self._loaded.device
        return {
            "resident_bytes": process.resident_bytes,
            "peak_resident_bytes": process.peak_resident_bytes,
            "peak_was_reset": self._peak_was_reset,
            "device_peak_bytes": memory.device_peak_bytes(self._import("torch"), device),
        }

    def reset_memory(self) -> Dict[str, Any]:
        if self._loaded is not None:
            memory.reset_device_peak(self._import("torch"), self._loaded.device)
        self._peak_was_reset = memory.reset_peak()
        return {"peak_was_reset": self._peak_was_reset}

    def release(self, case: str) -> Dict[str, Any]:
        """Gives up the inputs of a case; one that does not exist is released already."""
        if self._cases.pop(case, None) is not None and self._loaded is not None:
            memory.give_back(self._import("torch"), self._loaded.device)
        return {}

    def convert(self, model: str, source: str, target: str) -> Dict[str, Any]:
        """The one operation that writes a file: published weights as safetensors."""
        from suite.worker import convert

        plugin = self._model(model)
        if not plugin.takes_pinned:
            raise WorkerFault("BAD_REQUEST", "{} takes no published weights".format(model), "Leave the model out")
        return convert.convert(plugin, source, target)

    def _model(self, name: str) -> Model:
        model = plugins.get(plugins.MODELS, name, self._folders)  # type: Model
        absence = model.available()
        if absence is not None:
            raise WorkerFault(*absence)
        return model

    def _runtime(self, name: str, precision: str) -> Any:
        runtime = plugins.get(plugins.RUNTIMES, name)
        absence = runtime.available()
        if absence is not None:
            raise WorkerFault(*absence)
        if precision not in runtime.precisions:
            raise WorkerFault(
                "UNSUPPORTED_PRECISION",
                "runtime {} has no precision {!r}".format(name, precision),
                "Use one of {}".format(", ".join(runtime.precisions)),
            )
        return runtime

    def _model_in_memory(self) -> Loaded:
        if self._loaded is None:
            raise WorkerFault("BAD_REQUEST", "no model is loaded", "Send load first")
        return self._loaded

    def _case(self, name: str) -> Case:
        if name not in self._cases:
            raise WorkerFault("BAD_REQUEST", "there is no case {!r}".format(name), "Send prepare first")
        return self._cases[name]

    def _import(self, name: str) -> Any:
        """The module; the seconds of importing it are added to what the cold start shows."""
        if name in sys.modules:
            return sys.modules[name]
        started_s = self._clock()
        try:
            return importlib.import_module(name)
        finally:
            self._import_s += self._clock() - started_s


def _read_trajectory(model: Model, path: str) -> Any:
    if not model.takes_trajectory:
        raise WorkerFault("BAD_REQUEST", "{} takes no trajectory".format(model.name), "Leave the trajectory out")
    return model.read_trajectory(path)


def _versions() -> Dict[str, str]:
    """Of the interpreter and of the libraries that a figure may depend on, where they are installed."""
    versions = {"python": platform.python_version()}
    for package in _REPORTED_PACKAGES:
        version = _installed_version(package)
        if version is not None:
            versions[package] = version
    return versions


def _installed_version(package: str) -> Optional[str]:
    """Without importing the package where its metadata can be read (Python >= 3.8)."""
    if package in sys.modules:
        return str(getattr(sys.modules[package], "__version__", "unknown"))
    try:
        if sys.version_info >= (3, 8):
            from importlib.metadata import PackageNotFoundError, version
        else:
            from importlib_metadata import PackageNotFoundError, version
    except ImportError:
        return None
    try:
        return str(version(package))
    except PackageNotFoundError:
        return None
