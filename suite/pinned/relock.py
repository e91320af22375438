"""Writes models.lock: counts and hashes every model by a worker, and keeps what people chose of the lock before."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from suite.client.replies import WorkerLike
from suite.errors import StoreError
from suite.pinned.lock import PATH, SCHEMA_VERSION, LockedMacs, LockedModel, ModelsLock, Pinned, load
from suite.records import Task, record
from suite.worker.model import Model

SEED = 0
# Sizes at which MACs are locked beside the defaults, one changed at a time: round ones, and those of the shipped plans.
SWEEPS: Mapping[str, tuple[int, ...]] = {
    "text_tokens": (8, 10, 16, 20, 25, 32, 40, 50, 64, 80, 100, 128, 160, 200),
    "image_regions": (9, 18, 36, 72, 100),
    "frames": (10, 25, 50, 100),
}
EPISODE_FRAMES = (10, 50)


@record
class Made:
    """What a machine makes of a model: the count and hashes that a lock holds."""

    unique_parameter_count: int
    weights_sha256: str
    inputs_sha256: str

    def differences(self, locked: LockedModel) -> tuple[str, ...]:
        """Fields that the lock has otherwise: ("weights_sha256",)."""
        return tuple(name for name, value in asdict(self).items() if value != getattr(locked, name))


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


def make(model: Model, worker: WorkerLike) -> Made:
    """Weights and default inputs of the model, made here from the seed, without a forward pass."""
    default = tuple((axis.name, axis.default) for axis in model.axes)
    task = Task(test="latency", model=model.name, axes=default, seed=SEED)
    return Made(
        unique_parameter_count=worker.count_parameters(model.name, None).unique_count,
        weights_sha256=worker.load(task).weights_sha256,
        inputs_sha256=worker.prepare("locked", task).inputs_sha256,
    )


def _lock(model: Model, worker: WorkerLike) -> LockedModel:
    made = make(model, worker)
    return LockedModel(
        source="shipped" if model.shipped_weights else "seeded",
        unique_parameter_count=made.unique_parameter_count,
        seed=SEED,
        weights_sha256=made.weights_sha256,
        inputs_sha256=made.inputs_sha256,
        macs=tuple(_macs(model, worker)) if made.unique_parameter_count else (),
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


def with_pinned(lock: ModelsLock, name: str, pinned: Pinned) -> ModelsLock:
    """The lock with another pin for that model or tokenizer."""
    if name in lock.tokenizers:
        return replace(lock, tokenizers={**lock.tokenizers, name: pinned})
    return replace(lock, models={**lock.models, name: replace(lock.models[name], pinned=pinned)})


def keeping_pins(lock: ModelsLock, before: ModelsLock) -> ModelsLock:
    """A lock that was counted anew, with the pins and the order of the one before: both are somebody's choice."""
    names = [*(name for name in before.models if name in lock.models), *lock.models]
    kept = {
        name: replace(model, pinned=before.models[name].pinned) if name in before.models else model
        for name, model in ((name, lock.models[name]) for name in names)
    }
    return replace(lock, models=kept, tokenizers=before.tokenizers)


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
