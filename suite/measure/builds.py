"""The folder in which built files are kept: where it is, and that it keeps its bound."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from suite.errors import UsageError
from suite.outside import brief

FOLDER_VARIABLE = "SUITE_BUILDS"
BOUND_VARIABLE = "SUITE_BUILDS_MAX_GB"
DEFAULT_MAX_GB = 8.0
_PART_PREFIX = ".part-"  # what a build that was cut off leaves behind
_PART_LIFE_S = 86_400.0


def folder_of(environment: Mapping[str, str]) -> Path:
    """SUITE_BUILDS, else a folder of the user's cache."""
    if given := environment.get(FOLDER_VARIABLE):
        return Path(given).expanduser().absolute()
    cache = environment.get("XDG_CACHE_HOME") or "~/.cache"
    return (Path(cache).expanduser() / "suite" / "builds").absolute()


def max_bytes_of(environment: Mapping[str, str]) -> int:
    """Raises UsageError where SUITE_BUILDS_MAX_GB is no number above 0."""
    text = environment.get(BOUND_VARIABLE) or str(DEFAULT_MAX_GB)
    try:
        bound_gb = float(text)
        if not 0 < bound_gb < 1e6:
            raise ValueError
    except ValueError:
        raise UsageError(f"{BOUND_VARIABLE}: {brief(text)} is no number of gigabytes; give one above 0, as 8") from None
    return int(bound_gb * 1e9)


class Builds:
    """A folder that can be written to: the one that is meant, else a temporary one that ends with the run."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        base = os.environ if environment is None else environment
        self._wanted = folder_of(base)
        self.max_bytes = max_bytes_of(base)
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    def folder(self) -> Path:
        """Made where it isn't there yet."""
        if self._temporary is not None:
            return Path(self._temporary.name).resolve()
        try:
            self._wanted.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._wanted):
                return self._wanted.resolve()
        except OSError:
            self._temporary = tempfile.TemporaryDirectory(prefix="suite-builds-", ignore_cleanup_errors=True)
            return Path(self._temporary.name).resolve()

    @property
    def is_temporary(self) -> bool:
        """Whether what is built is lost with the run, since the folder that is meant can't be written to."""
        return self._temporary is not None

    def make_room(self, kept: Path | None, now_s: float) -> tuple[Path, ...]:
        """Removes what was used longest ago until the folder keeps its bound; `kept` stays. now_s: seconds since 1970.

        Returns what was removed.
        """
        found = [(path, _used_s(path)) for path in self.folder().iterdir() if path.is_dir() and not path.is_symlink()]
        gone = [path for path, used_s in found if path.name.startswith(_PART_PREFIX) and now_s - used_s > _PART_LIFE_S]
        whole = sorted(((used_s, path) for path, used_s in found if not path.name.startswith(".")), reverse=True)
        total_bytes = 0
        for _, path in sorted(whole, key=lambda item: (item[1] != kept, -item[0])):
            total_bytes += _size_bytes(path)
            if path != kept and total_bytes > self.max_bytes:
                gone.append(path)
        for path in gone:
            shutil.rmtree(path, ignore_errors=True)
        return tuple(gone)

    def close(self) -> None:
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None


def _used_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _size_bytes(folder: Path) -> int:
    total = 0
    for at, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(at) / name).lstat().st_size
            except OSError:
                continue
    return total
