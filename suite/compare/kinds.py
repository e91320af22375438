"""Which runs are one kind, and how each kind is named: by what tells them apart, or as the person says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from suite.compare.sheet import Facts, Sheet
from suite.errors import UsageError
from suite.outside import brief, one_line

MAX_NAME = 60
MAX_RUN_COUNT = 200
DIGEST_LENGTH = 12
COMMIT_LENGTH = 9

Kinds = Mapping[str, tuple[Sheet, ...]]


def kinds(sheets: Sequence[Sheet], names: Sequence[str] | None = None) -> dict[str, tuple[Sheet, ...]]:
    """Runs by their kinds' names, in the order given. Only runs to which a person gave one name are of one kind.

    Raises UsageError for as many names as there are not runs, and for fewer than two kinds.
    """
    if names is not None and len(names) != len(sheets):
        raise UsageError(
            f"--names: {len(names)} names for {len(sheets)} runs; give one for each run, the same one to runs of a kind"
        )
    told = [one_line(name, MAX_NAME) for name in names] if names is not None else _names(sheets)
    found: dict[str, tuple[Sheet, ...]] = {}
    for name, sheet in zip(told, sheets, strict=True):
        found[name] = (*found.get(name, ()), sheet)
    if len(found) < 2:
        raise UsageError(
            f"--names: all runs are named {brief(told[0])}, and a kind is compared with another; give two names"
        )
    return found


def require_runs(folders: Sequence[Path]) -> None:
    """Raises UsageError for too few or too many of them, and for one that is named twice."""
    if len(folders) < 2:
        raise UsageError("compare: it takes two runs or more; name the folder of another one")
    if len(folders) > MAX_RUN_COUNT:
        raise UsageError(f"compare: {len(folders)} runs are more than {MAX_RUN_COUNT}; name fewer")
    twice = [path for path, count in Counter(folder.resolve() for folder in folders).items() if count > 1]
    if twice:
        raise UsageError(f"compare: {twice[0]} is named twice, and a run is always like itself; name another one")


def _names(sheets: Sequence[Sheet]) -> list[str]:
    """The first of these that tells every run from every other: device, image, commit, folder, path."""
    ways: tuple[Callable[[Sheet], str | None], ...] = (
        lambda sheet: _device(sheet.run),
        lambda sheet: _digest(sheet.run.image),
        lambda sheet: _commit(sheet.run.commit),
        lambda sheet: sheet.folder.resolve().name,
    )
    for way in ways:
        told = [way(sheet) for sheet in sheets]
        known = [one_line(name, MAX_NAME) for name in told if name and name.strip()]
        if len(set(known)) == len(sheets):
            return known
    return _numbered([one_line(str(sheet.folder), MAX_NAME) for sheet in sheets])


def _device(run: Facts) -> str | None:
    return f"{run.machine} ({run.device})" if run.machine and run.device else None


def _digest(image: str | None) -> str | None:
    return image.rpartition(":")[2][:DIGEST_LENGTH] if image else None


def _commit(commit: str | None) -> str | None:
    """A changed checkout is not the commit that it began from."""
    if not commit:
        return None
    return commit[:COMMIT_LENGTH] + ("-dirty" if commit.endswith("-dirty") else "")


def _numbered(names: Sequence[str]) -> list[str]:
    return (
        [f"{number}: {name}" for number, name in enumerate(names, 1)] if len(set(names)) < len(names) else list(names)
    )
