"""models.lock: what each model must come to, on every machine: its parameters, its seeded weights and inputs, its MACs,
and where its published weights come from, to the byte.

The figures don't depend on the device: they are checked where they can be counted, and stand in where they can't.
This module reads; relock.py writes the file anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from functools import cache
from pathlib import Path
from typing import Literal

import suite
from suite.client.replies import Axes
from suite.errors import StoreError
from suite.limits import MAX_LOCK_BYTES
from suite.outside import is_name
from suite.records import record, require
from suite.records.values import require_name

SCHEMA_VERSION = 1
PATH = Path(suite.__file__).resolve().parents[1] / "models.lock"
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
        require(all(is_name(part.lstrip(".")) for part in self.path.split("/")), f"{self.path} names no file")
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
    """`inputs_sha256`, and that of seeded weights, are of `seed`; the inputs' at the default sizes and batch 1."""

    source: Literal["seeded", "shipped"]
    unique_parameter_count: int
    seed: int
    weights_sha256: str
    inputs_sha256: str
    pinned: Pinned | None = None
    macs: tuple[LockedMacs, ...]


@record
class ModelsLock:
    schema_version: int
    models: dict[str, LockedModel]
    tokenizers: dict[str, Pinned] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(self.schema_version == SCHEMA_VERSION, f"schema_version must be {SCHEMA_VERSION}")
        for name in (*self.models, *self.tokenizers):  # a folder is named after each
            require_name("model", name)


@cache
def load(path: Path = PATH) -> ModelsLock:
    """The lock; one without models where there is no file. Raises StoreError where the file is damaged."""
    from pydantic import TypeAdapter

    from suite.records.schema import require_bounded

    try:
        with path.open("rb") as file:
            content = file.read(MAX_LOCK_BYTES + 1)
        require(len(content) <= MAX_LOCK_BYTES, f"it has more than {MAX_LOCK_BYTES} bytes")
        require_bounded(content)
        return TypeAdapter(ModelsLock).validate_json(content)
    except FileNotFoundError:
        return ModelsLock(schema_version=SCHEMA_VERSION, models={})
    except (OSError, ValueError) as exc:  # a ValidationError is one
        raise StoreError(
            f"{path}: not a lock of this version; restore it from git, or run `suite models lock`"
        ) from exc


def expected_unique_count(model: str, path: Path = PATH) -> int | None:
    locked = load(path).models.get(model)
    return None if locked is None else locked.unique_parameter_count


def expected_weights_sha256(model: str, seed: int, path: Path = PATH) -> str | None:
    """None for a model that isn't locked, and for another seed where the weights are drawn from it."""
    locked = load(path).models.get(model)
    if locked is None or (locked.source == "seeded" and locked.seed != seed):
        return None
    return locked.weights_sha256


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


def locked_mac_count(model: str, scenario: str, axes: Axes, batch_size: int, path: Path = PATH) -> int | None:
    """MACs of one call; None at sizes that aren't locked."""
    locked = load(path).models.get(model)
    for macs in () if locked is None else locked.macs:
        if macs.scenario == scenario and macs.axes == dict(axes):
            return batch_size * macs.mac_count
    return None
