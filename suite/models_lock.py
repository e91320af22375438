"""models.lock: what each model must come to, on every machine: its parameters, its seeded weights and inputs, its MACs.

The figures don't depend on the device: they are checked where they can be counted, and stand in where they can't.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Literal

from suite.errors import StoreError
from suite.records import Task, record, require
from suite.replies import Axes, WorkerLike
from suite.worker.model import Model

SCHEMA_VERSION = 1
PATH = Path(__file__).resolve().parent.parent / "models.lock"
SEED = 0
# Sizes at which MACs are locked beside the defaults, one changed at a time: round ones, and those of the shipped plans.
SWEEPS: Mapping[str, tuple[int, ...]] = {
    "text_tokens": (8, 10, 16, 20, 25, 32, 40, 50, 64, 80, 100, 128, 160, 200),
    "image_regions": (9, 18, 36, 72, 100),
    "frames": (10, 25, 50, 100),
}
EPISODE_FRAMES = (10, 50)


@record
class LockedMacs:
    """Multiply-accumulates of one item of a batch; a batch of n takes n times as many."""

    scenario: str
    axes: dict[str, int]
    mac_count: int


@record
class LockedModel:
    """`weights_sha256` and `inputs_sha256` are of `seed`; the inputs' at the default sizes and batch 1."""

    source: Literal["seeded"]
    unique_parameter_count: int
    seed: int
    weights_sha256: str
    inputs_sha256: str
    macs: tuple[LockedMacs, ...]


@record
class ModelsLock:
    schema_version: int
    models: dict[str, LockedModel]

    def __post_init__(self) -> None:
        require(self.schema_version == SCHEMA_VERSION, f"schema_version must be {SCHEMA_VERSION}")


@cache
def load(path: Path = PATH) -> ModelsLock:
    """The lock; one without models where there is no file. Raises StoreError where the file is damaged."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(ModelsLock).validate_json(path.read_bytes())
    except FileNotFoundError:
        return ModelsLock(schema_version=SCHEMA_VERSION, models={})
    except (OSError, ValidationError) as exc:
        raise StoreError(
            f"{path}: not a lock of this version; restore it from git, or run `suite models lock`"
        ) from exc


def expected_unique_count(model: str, path: Path = PATH) -> int | None:
    locked = load(path).models.get(model)
    return None if locked is None else locked.unique_parameter_count


def expected_weights_sha256(model: str, seed: int, path: Path = PATH) -> str | None:
    """None for a model that isn't locked, and for another seed."""
    locked = load(path).models.get(model)
    return None if locked is None or locked.seed != seed else locked.weights_sha256


def locked_mac_count(model: str, scenario: str, axes: Axes, batch_size: int, path: Path = PATH) -> int | None:
    """MACs of one call; None at sizes that aren't locked."""
    locked = load(path).models.get(model)
    for macs in () if locked is None else locked.macs:
        if macs.scenario == scenario and macs.axes == dict(axes):
            return batch_size * macs.mac_count
    return None


def generate(models: Sequence[Model], start: Callable[[], WorkerLike]) -> ModelsLock:
    """Counts and hashes the models, each in a worker of its own. One without parameters has nothing to lock.

    Raises WorkerError, NO_FLOP_COUNTER among others.
    """
    locked = {}
    for model in models:
        worker = start()
        try:
            entry = _lock(model, worker)
        finally:
            worker.close()
        if entry.unique_parameter_count:
            locked[model.name] = entry
    return ModelsLock(schema_version=SCHEMA_VERSION, models=locked)


def write(lock: ModelsLock, path: Path = PATH) -> None:
    """Replaces the file; a locked size takes one line, so that a difference shows what changed. Raises StoreError."""
    plain = asdict(lock)
    sizes = {}
    for name, model in plain["models"].items():
        model["macs"] = list(model["macs"])
        for index, macs in enumerate(model["macs"]):
            mark = f"@{name}/{index}@"
            sizes[json.dumps(mark)] = json.dumps(macs)
            model["macs"][index] = mark
    text = json.dumps(plain, indent=2)
    for mark, line in sizes.items():
        text = text.replace(mark, line)
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as exc:
        raise StoreError(f"{path}: {exc.strerror}; the lock was not written") from exc
    load.cache_clear()


def _lock(model: Model, worker: WorkerLike) -> LockedModel:
    default = tuple((axis.name, axis.default) for axis in model.axes)
    task = Task(test="latency", model=model.name, axes=default, seed=SEED)
    unique_count = worker.count_parameters(model.name, None).unique_count
    return LockedModel(
        source="seeded",
        unique_parameter_count=unique_count,
        seed=SEED,
        weights_sha256=worker.load(task).weights_sha256,
        inputs_sha256=worker.prepare("locked", task).inputs_sha256,
        macs=tuple(_macs(model, worker)) if unique_count else (),
    )


def _macs(model: Model, worker: WorkerLike) -> Iterator[LockedMacs]:
    for scenario, axes in _points(model):
        count = worker.count_flops(model.name, None, scenario, 1, tuple(axes.items()))
        yield LockedMacs(scenario=scenario, axes=axes, mac_count=count.mac_count)


def _points(model: Model) -> Iterator[tuple[str, dict[str, int]]]:
    """The default sizes, then each axis' sweep, then the episodes."""
    default = {axis.name: axis.default for axis in model.axes}
    yield "forward", default
    for axis in model.axes:
        for size in SWEEPS.get(axis.name, ()):
            if axis.minimum <= size <= axis.maximum and size != axis.default:
                yield "forward", {**default, axis.name: size}
    if "episode" in model.scenarios:
        for frames in EPISODE_FRAMES:
            yield "episode", {**default, "frames": frames}
