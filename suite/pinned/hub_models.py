"""Models of Hugging Face by name and revision: found in what was fetched and in the library's own cache, or fetched.

A revision is a commit in full: a branch would be another model tomorrow. Weights are taken as safetensors alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from suite.errors import AbsentError, FetchError, StoreError, UsageError
from suite.pinned.fetch import fetch as fetch_files
from suite.pinned.hub import Hub, Tell
from suite.pinned.lock import UNRESOLVED, Pinned, PinnedFile, weights_folder
from suite.records import record

_WORD = re.compile(r"hf:([\w.-]+(?:/[\w.-]+)?)(?:@([\w.-]+))?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
CONFIG, INDEX, WEIGHTS = "config.json", "model.safetensors.index.json", "model.safetensors"
OPTIONAL = ("preprocessor_config.json", "generation_config.json")


@record
class HubName:
    """`revision` None: the one that the cache holds as main."""

    repository: str
    revision: str | None

    @property
    def folder_name(self) -> str:
        return self.repository.replace("/", "--")


def parse(word: str) -> HubName:
    """Of hf:NAME@REVISION. Raises UsageError."""
    found = _WORD.fullmatch(word)
    if found is None:
        raise UsageError(f"{word}: there is no such folder, and it is no name; write it as hf:OWNER/NAME@REVISION")
    return HubName(repository=found[1], revision=found[2])


def find(word: str, environment: Mapping[str, str]) -> Path:
    """The folder of a model that is here. Raises UsageError with the command that fetches it."""
    name = parse(word)
    if name.revision is not None:
        fetched = weights_folder(environment) / "hf" / name.folder_name / name.revision
        if (fetched / CONFIG).is_file():
            return fetched
    for cache in _caches(environment):
        own = cache / f"models--{name.folder_name}"
        commit = _commit(own, name.revision or "main")
        if commit is not None and (own / "snapshots" / commit / CONFIG).exists():
            return own / "snapshots" / commit
    revision = name.revision or "REVISION"
    raise UsageError(
        f"{word}: it is not in the cache; suite models fetch --model hf:{name.repository}@{revision} brings it"
        + ("" if name.revision else ", where REVISION is the commit in full")
    )


def _caches(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Where the library huggingface_hub keeps what it fetched. Source: its documented variables."""
    if given := environment.get("HF_HUB_CACHE"):
        return (Path(given).expanduser(),)
    home = environment.get("HF_HOME") or f"{environment.get('XDG_CACHE_HOME') or '~/.cache'}/huggingface"
    return (Path(home).expanduser() / "hub",)


def _commit(folder: Path, revision: str) -> str | None:
    if (folder / "snapshots" / revision).is_dir():
        return revision
    try:
        text = (folder / "refs" / revision).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    return text if _COMMIT.fullmatch(text) else None


def fetch(word: str, folder: Path, hub: Hub, tell: Tell, *, trust_remote_code: bool = False) -> Path:
    """Brings a model's config and weights, and its code where a person said so. In place only when all of it is there.

    Raises UsageError for a revision that is none, FetchError, StoreError.
    """
    name = parse(word)
    if name.revision is None or not _COMMIT.fullmatch(name.revision):
        raise UsageError(f"{word}: give the revision as a commit in full (40 digits), which the hub shows under Files")
    place = folder / "hf" / name.folder_name / name.revision
    if (place / CONFIG).is_file():
        return place
    part = place.with_name(place.name + ".part")

    def bring(path: str) -> Path:
        file = PinnedFile(path=path, size_bytes=None, sha256=UNRESOLVED)
        pinned = Pinned(repository=name.repository, revision=str(name.revision), licence="not looked at", files=(file,))
        return fetch_files(pinned, part, hub, tell, record_hashes=True)[0].path

    config = _object(bring(CONFIG))
    _bring_weights(bring, word)
    for path in OPTIONAL:
        _optional(bring, path)
    if trust_remote_code:
        for module in sorted({str(value).partition(".")[0] for value in config.get("auto_map", {}).values()}):
            bring(f"{module}.py")
    try:
        part.rename(place)
    except OSError as error:
        raise StoreError(f"{place}: {error.strerror}; choose another folder with --to") from error
    return place


def _bring_weights(bring: Any, word: str) -> None:
    index = _optional(bring, INDEX)
    if index is not None:
        for path in sorted(set(_object(index).get("weight_map", {}).values())):
            if not isinstance(path, str) or not re.fullmatch(r"[\w.-]+\.safetensors", path):
                raise FetchError(f"{word}: its index names {path!r}, which is no file of weights; nothing is in place")
            bring(path)
        return
    try:
        bring(WEIGHTS)
    except AbsentError as error:
        raise FetchError(
            f"{word}: it has no weights as safetensors at that revision, and pickled ones are not taken; name a "
            "revision that has them"
        ) from error


def _optional(bring: Any, path: str) -> Path | None:
    try:
        found: Path = bring(path)
    except AbsentError:
        return None
    return found


def _object(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FetchError(f"{path}: is no JSON ({error}); name another revision") from error
    if not isinstance(found, dict):
        raise FetchError(f"{path}: holds no object; name another revision")
    return found
