"""From the words of a request to a filled module in its precision, and to what its runtime makes of it."""

from typing import Any, Dict, NamedTuple, Optional, Tuple

from suite.worker import artefacts, devices, precision
from suite.worker.brought import artefact as brought
from suite.worker.imports import Imports
from suite.worker.model import Model
from suite.worker.outcome import WorkerFault
from suite.worker.runtime import Artefact, Runtime
from suite.worker.timing import Clock


class Started(NamedTuple):
    plugin: Model
    runner: Runtime
    precision: str
    device: str  # in full
    thread_count: int
    seed: int


class Filled(NamedTuple):
    module: Any
    told: Dict[str, Any]  # what `load` answers of its weights


def begin(imports: Imports, way: Dict[str, Any], model: str) -> Started:
    """way: runtime, precision, device, thread_count, seed. Sets torch up for it. Raises WorkerFault where one of them
    is not here, or not together."""
    torch = imports.module("torch")
    plugin = imports.model(model)
    device = devices.check_device(torch, way["device"])
    runner = plugin.runner(way["runtime"], way["precision"])
    absence = runner.absence(torch, way["precision"], device)
    if absence is not None:
        raise WorkerFault(*absence)
    devices.set_threads(torch, way["thread_count"])
    devices.make_repeatable(torch, way["seed"])
    precision.set_float32_mode(torch, way["precision"], device)
    return Started(plugin, runner, way["precision"], device, way["thread_count"], way["seed"])


def filled(started: Started, options: Dict[str, Any], clock: Clock) -> Filled:
    """The module on the CPU, its weights made in the precision, with what they are."""
    from suite.worker import build, complexity, weights

    began_s = clock()
    module = build.build(started.plugin, options, "cpu", started.seed)
    if started.plugin.own_weights:
        precision.cast_values(module, started.precision)
    else:
        precision.cast(module, started.precision)
    built_s = clock()
    source = weights.place(started.plugin, module, options, started.seed)
    filled_s = clock()
    return Filled(
        module,
        {
            "build_s": built_s - began_s,
            "weights_s": filled_s - built_s,
            "weight_bytes": complexity.count_parameters(module)["parameter_bytes"],
            "weights_source": source,
            "weights_sha256": weights.digest(module),
            "weights_precision": precision.weights_precision(_own(started, module)),
            "configuration": list(started.plugin.configuration(module)),
        },
    )


def _own(started: Started, module: Any) -> str:
    """The precision that is asked for; of a file that of its weights, which are not made in another."""
    return started.plugin.precisions[0] if isinstance(module, brought.Artefact) else started.precision


def loaded(
    started: Started, options: Dict[str, Any], artefact: Optional[str], clock: Clock
) -> Tuple[Any, Dict[str, Any]]:
    """What answers the timed calls, and what `load` answers. artefact: the folder that `build` named, where it did."""
    runner = started.runner
    if not runner.is_built:
        module, told = filled(started, options, clock)
        target = runner.make_ready(module, started.precision, started.device)
        if started.precision == "int8":
            told["weight_bytes"] = precision.weight_bytes(target)
        return target, told
    if artefact is None:
        raise WorkerFault("BAD_REQUEST", "runtime {} is built first".format(runner.name), "Send build first")
    description = artefacts.opened(artefact)
    files = Artefact(artefact, description["told"])
    way = (started.precision, started.device, started.thread_count)
    if runner.needs_module:
        module, told = filled(started, options, clock)
        return runner.open(files, module, *way), told
    began_s = clock()
    target = runner.open(files, _skeleton(started, options), *way)
    told = dict(description["loaded"], build_s=0.0, weights_s=clock() - began_s)
    if started.precision not in (told["weights_precision"], "tf32"):
        told["weight_bytes"] = description["size_bytes"]  # of the files: what was loaded to build them was float32
    return target, told


def _skeleton(started: Started, options: Dict[str, Any]) -> Any:
    """Gives the module without weights, made when it is first asked for."""
    made: Dict[str, Any] = {}

    def skeleton() -> Any:
        from suite.worker import build

        if "module" not in made:
            made["module"] = build.build_for_shapes(started.plugin, options)
        return made["module"]

    return skeleton
