"""models.lock: what each model must come to, on every machine: its parameters, its seeded weights and inputs, its MACs,
and where its published weights come from, to the byte.

The figures don't depend on the device: they are checked where they can be counted, and stand in where they can't.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, field, replace
from functools import cache
from pathlib import Path
from typing import Literal

from suite.client.replies import Axes, WorkerLike
from suite.errors import StoreError
from suite.records import Task, record, require
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
UNRESOLVED = "unresolved"
NO_LICENCE = "none stated"
FOLDER_VARIABLE = "SUITE_WEIGHTS"
CONVERTED_NAME = "model.safetensors"


@record
class LockedMacs:
    """Multiply-accumulates of one item of a batch; a batch of n takes n times as many."""

    scenario: str
    axes: dict[str, int]
    mac_count: int


@record
class PinnedFile:
    """A file of a repository. UNRESOLVED: whoever fetches it first looks at its hash, and records it."""

    path: str
    size_bytes: int | None = None
    sha256: str = UNRESOLVED

    def __post_init__(self) -> None:
        require(".." not in self.path.split("/") and not self.path.startswith("/"), f"{self.path} leaves its folder")
        _require_hash("sha256", self.sha256)

    @property
    def resolved(self) -> bool:
        return self.sha256 != UNRESOLVED


@record
class Pinned:
    """Files of one revision of a repository, and what they become. A tokenizer's are used as they are.

    `converted_sha256` is of the safetensors file made of them, `weights_sha256` of the weights once loaded.
    """

    repository: str
    revision: str
    licence: str
    files: tuple[PinnedFile, ...]
    converted_sha256: str | None = None
    weights_sha256: str | None = None

    def __post_init__(self) -> None:
        require(re.fullmatch(r"[\w.-]+/[\w.-]+", self.repository) is not None, f"{self.repository} is not owner/name")
        require(re.fullmatch(r"[0-9a-f]{40}", self.revision) is not None, "revision must be a commit of 40 hex digits")
        for name in ("converted_sha256", "weights_sha256"):
            _require_hash(name, getattr(self, name))

    @property
    def publishable(self) -> bool:
        """Whether an image that holds these files may be handed around."""
        return self.licence != NO_LICENCE


def _require_hash(name: str, value: str | None) -> None:
    known = value in (None, UNRESOLVED) or re.fullmatch(r"[0-9a-f]{64}", str(value)) is not None
    require(known, f"{name} must have 64 hex digits or say {UNRESOLVED!r}")


@record
class LockedModel:
    """`weights_sha256` and `inputs_sha256` are of `seed`; the inputs' at the default sizes and batch 1."""

    source: Literal["seeded"]
    unique_parameter_count: int
    seed: int
    weights_sha256: str
    inputs_sha256: str
    pinned: Pinned | None = None
    macs: tuple[LockedMacs, ...]


@record
class Made:
    """What a machine makes of a model: the count and hashes that a lock holds."""

    unique_parameter_count: int
    weights_sha256: str
    inputs_sha256: str

    def differences(self, locked: LockedModel) -> tuple[str, ...]:
        """Fields that the lock has otherwise: ("weights_sha256",)."""
        return tuple(name for name, value in asdict(self).items() if value != getattr(locked, name))


@record
class ModelsLock:
    schema_version: int
    models: dict[str, LockedModel]
    tokenizers: dict[str, Pinned] = field(default_factory=dict)

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


def pinned_sources(path: Path = PATH) -> dict[str, Pinned]:
    """What can be fetched, by the name of its model or tokenizer."""
    lock = load(path)
    models = {name: model.pinned for name, model in lock.models.items() if model.pinned is not None}
    return models | lock.tokenizers


def pinned_weights_sha256(model: str, path: Path = PATH) -> str | None:
    """Of the published weights once loaded; None where nobody has recorded it yet."""
    pinned = pinned_sources(path).get(model)
    known = pinned is not None and pinned.weights_sha256 != UNRESOLVED
    return pinned.weights_sha256 if pinned is not None and known else None


def weights_folder(environment: Mapping[str, str]) -> Path:
    """Where fetched files lie: SUITE_WEIGHTS, else a folder of the user's cache."""
    if given := environment.get(FOLDER_VARIABLE):
        return Path(given).expanduser().absolute()
    cache = environment.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "suite" / "weights"


def pinned_weights_path(model: str, folder: Path, path: Path = PATH) -> Path:
    """The converted file of a model, there or not. Raises StoreError where the lock pins none."""
    pinned = pinned_sources(path).get(model)
    if pinned is None:
        raise StoreError(f"{path}: pins no published weights of {model}; choose another model")
    return folder / model / pinned.revision / CONVERTED_NAME


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
        source="seeded",
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
