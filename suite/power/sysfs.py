"""Small readers of /sys and /proc for power sources, under a root that tests and --sysfs-root can move."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from suite.errors import SensorError
from suite.host.system import DEVICE_TREES
from suite.power.base import Options

FROZEN_S = 2.0  # a sensor that shows the same numbers for so long on either side of a change of load has stopped


@dataclass(frozen=True, slots=True)
class Tree:
    """Files under a root. Paths are relative to it; a leading slash is dropped."""

    root: Path = Path("/")
    read: Callable[[Path], bytes] = Path.read_bytes

    def path(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def paths(self, pattern: str) -> list[str]:
        """What matches, relative to the root, in natural order: cpu2 before cpu10."""
        found = [path.relative_to(self.root).as_posix() for path in self.root.glob(pattern.lstrip("/"))]
        return sorted(found, key=lambda path: (len(path), path))

    def text(self, path: str) -> str | None:
        """A file's text without white space and NULs around it; None where it can't be read or is empty."""
        try:
            return self._text(path) or None
        except OSError:
            return None

    def device_tree(self, field: str) -> str:
        """A field of the device tree, such as "model"; empty where there is none, as on a PC."""
        return next((text for folder in DEVICE_TREES if (text := self.text(f"{folder}/{field}"))), "")

    def number(self, path: str) -> int:
        """A sensor's file that holds one integer.

        Raises SensorError: SENSOR_PERM where reading is refused, SENSOR_LOST where it fails or gives no integer.
        """
        try:
            text = self._text(path)
            return int(text)
        except PermissionError as exc:
            raise SensorError(
                "SENSOR_PERM",
                f"reading {self.path(path)} was refused",
                "run as root or as a user who may read that file",
            ) from exc
        except OSError as exc:
            raise self._lost(path, exc.strerror or str(exc)) from exc
        except ValueError as exc:
            raise self._lost(path, f"it holds {text[:40]!r}, which is no integer") from exc

    def in_container(self) -> bool:
        return any(self.path(path).exists() for path in (".dockerenv", "run/.containerenv"))

    def in_virtual_machine(self) -> bool:
        """An x86 processor says so itself."""
        flags = re.search(r"^flags\s*:(.*)$", self.text("proc/cpuinfo") or "", re.MULTILINE)
        return flags is not None and "hypervisor" in flags[1].split()

    def _text(self, path: str) -> str:
        return self.read(self.path(path)).decode(errors="replace").strip(" \t\r\n\0")

    def _lost(self, path: str, why: str) -> SensorError:
        return SensorError(
            "SENSOR_LOST",
            f"the sensor's file {self.path(path)} can't be read: {why}",
            "run again; where it happens again, look for the sensor's driver in the output of `dmesg`",
        )


def tree(options: Options, read: Callable[[Path], bytes] = Path.read_bytes) -> Tree:
    return Tree(Path(options.get("root", "/")), read)


class Stillness:
    """Notices a sensor that goes on answering with the same numbers although the load changed."""

    def __init__(self, limit_s: float = FROZEN_S) -> None:
        self._limit_s = limit_s
        self._values: Sequence[float] | None = None
        self._changed_s = 0.0
        self._label: str | None = None
        self._marked_s: float | None = None

    def mark(self, label: str, at_s: float) -> None:
        """A stretch begins; where the one before had another label, the load changes."""
        if self._label is not None and label != self._label:
            self._marked_s = at_s
        self._label = label

    def check(self, values: Sequence[float], at_s: float) -> None:
        """Raises SensorError, SENSOR_FROZEN."""
        if values != self._values:
            self._values, self._changed_s = values, at_s
            return
        marked_s = self._marked_s
        if marked_s is None or at_s - marked_s < self._limit_s or marked_s - self._changed_s < self._limit_s:
            return
        raise SensorError(
            "SENSOR_FROZEN",
            f"the power sensor showed exactly the same values for {at_s - self._changed_s:.3g} s, although the load "
            "changed meanwhile: it has stopped, or the load is smaller than what it can resolve",
            "restart the machine, then run again; where it happens again, measure a larger batch or another source",
        )
