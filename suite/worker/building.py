"""The operation `build`: makes a runtime's files from a filled module, or finds those that were made of the same."""

import contextlib
import hashlib
import platform
import sys
from typing import Any, Dict, List

from suite.worker import artefacts, calls, memory, packages, precision, weights
from suite.worker.brought.artefact import Artefact
from suite.worker.case import grad_mode, read_trajectory
from suite.worker.loading import Filled, Started
from suite.worker.model import Model
from suite.worker.outcome import WorkerFault
from suite.worker.runtime import Work
from suite.worker.timing import Clock


def answer(  # noqa: PLR0913 (what a build depends on)
    clock: Clock,
    started: Started,
    filled: Filled,
    way: Dict[str, Any],
    *,
    points: List[Dict[str, Any]],
    folder: str,
) -> Dict[str, Any]:
    """way: runtime, precision, device, thread_count, seed, trajectory. points: scenario, batch_size, axes of each call.

    Raises WorkerFault BUILD_FAILED or BUILDS_UNWRITABLE.
    """
    model, module = started.plugin, filled.module
    seen = _calls(model, module, way, points)
    key = artefacts.key_of(
        {
            "model": model.name,
            "weights": filled.told["weights_sha256"],
            "calls": sorted(repr(_typed(call)) for call in seen),
            "way": [way["runtime"], way["precision"]],
            "machine": _machine(way) if started.runner.of_the_machine else None,
            "sources": _sources(model, module),
            "versions": packages.versions(packages.OF_BUILDS),
        }
    )
    there = artefacts.found(folder, key)
    if there is not None:
        return dict(_reply(there), cached=True)
    started_s = clock()
    with artefacts.being_built(folder, key) as part, grad_mode(model, way["precision"]):
        work = Work(module, seen, way["precision"], way["device"], way["thread_count"], part)
        told = started.runner.build(work)
        description = {
            "told": told,
            "build_s": clock() - started_s,
            "peak_resident_bytes": memory.process_memory().peak_resident_bytes,
            "loaded": filled.told,
        }
        kept = artefacts.keep(folder, key, part, description)
    return dict(_reply(kept), cached=False)


def _calls(model: Model, module: Any, way: Dict[str, Any], points: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """Of the module, one of each shape that the points lead to; none of what is no module, and has its sizes open."""
    if isinstance(module, Artefact):
        return []
    found: Dict[Any, Dict[str, Any]] = {}
    for scenario in sorted({point["scenario"] for point in points}):
        if scenario not in model.scenarios:
            raise WorkerFault("UNKNOWN_SCENARIO", "{} has no {!r}".format(model.name, scenario), "Use another")
        binds = (_bind(model, way, point) for point in points if point["scenario"] == scenario)
        for call in calls.seen(module, binds, whole=scenario != "forward"):
            found.setdefault(calls.shapes_of(call), call)
    return list(found.values())


def _bind(model: Model, way: Dict[str, Any], point: Dict[str, Any]) -> Any:
    def bound(recorder: Any) -> Any:
        source = weights.Stream(way["seed"], "inputs")
        if way.get("trajectory") is not None:
            source = read_trajectory(model, way["trajectory"])
        made = model.inputs(point["batch_size"], point["axes"], source)
        return model.bind(recorder, precision.cast_inputs(made, way["precision"]), point["scenario"])[0]

    return bound


def _typed(call: Dict[str, Any]) -> Any:
    return [(name, str(getattr(value, "dtype", ""))) for name, value in sorted(call.items())], calls.shapes_of(call)


def _sources(model: Model, module: Any) -> List[str]:
    """Hashes of the files that say what the module computes: equal weights may be used otherwise."""
    parts = [module] if isinstance(module, Artefact) else list(module.modules())
    owners = {type(model).__module__} | {type(part).__module__ for part in parts}
    owners |= {name for name in sys.modules if name.startswith("suite.worker")}
    paths = {getattr(sys.modules.get(name), "__file__", None) for name in owners}
    found = []
    for path in filter(None, paths):
        with contextlib.suppress(OSError), open(str(path), "rb") as file:
            found.append(hashlib.sha256(file.read()).hexdigest())
    return sorted(found)


def _machine(way: Dict[str, Any]) -> List[Any]:
    """What compiled code may depend on."""
    device = way["device"]
    if device.startswith("cuda"):
        import torch

        return [device, way["thread_count"], torch.cuda.get_device_name(device)]
    return [device, way["thread_count"], platform.machine(), _cpu_flags()]


def _cpu_flags(path: str = "/proc/cpuinfo") -> str:
    try:
        with open(path) as file:
            return next((line.partition(":")[2].strip() for line in file if line.startswith(("flags", "Features"))), "")
    except OSError:
        return ""


def _reply(description: Dict[str, Any]) -> Dict[str, Any]:
    return {
        "folder": description["folder"],
        "build_s": description["build_s"],
        "peak_resident_bytes": description["peak_resident_bytes"],
        "size_bytes": description["size_bytes"],
        "dynamic": bool(description["told"].get("dynamic")),
        "graph_count": len(description["told"].get("graphs", ())) or int(description["told"].get("graph_count", 1)),
        "notes": list(description["told"].get("notes", ())),
    }
