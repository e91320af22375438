"""Small readers of /sys and /proc for power sources, under a root that tests and --sysfs-root can move."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from suite.errors import SensorError
from suite.host.system import DEVICE_TREES
from suite.power.base import Options

NUMBER = re.compile(r"[+-]?[0-9]{1,19}")  # no sensor's count is longer
OTHERWISE = "run again; where it happens again, look for the sensor's driver in the output of `dmesg`"
REMEDIES = {  # by what the system answered
    errno.ENOENT: "mount the whole of /sys where this is a container; else load the sensor's driver again, which shows "
    "such a file, or name another source",
    errno.ENODEV: "plug the sensor in or load its driver again, then run again",
    errno.EISDIR: "give the right folder: a file is expected there",
    errno.ENOTDIR: "give the right folder: a file is expected there",
    errno.EBUSY: "end the other program that uses the sensor, then run again",
}


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
        except PermissionError as exc:
            raise SensorError(
                "SENSOR_PERM",
                f"reading {self.path(path)} was refused",
                "run as root or as a user who may read that file",
            ) from exc
        except OSError as exc:
            remedy = REMEDIES.get(exc.errno or 0, OTHERWISE)
            raise self._lost(path, exc.strerror or str(exc), remedy) from exc
        if NUMBER.fullmatch(text) is None:
            raise self._lost(path, f"it holds {text[:40]!r}, which is no integer", OTHERWISE)
        return int(text)

    def in_container(self) -> bool:
        return any(self.path(path).exists() for path in (".dockerenv", "run/.containerenv"))

    def in_virtual_machine(self) -> bool:
        """An x86 processor says so itself."""
        flags = re.search(r"^flags\s*:(.*)$", self.text("proc/cpuinfo") or "", re.MULTILINE)
        return flags is not None and "hypervisor" in flags[1].split()

    def _text(self, path: str) -> str:
        return self.read(self.path(path)).decode(errors="replace").strip(" \t\r\n\0")

    def _lost(self, path: str, why: str, remedy: str) -> SensorError:
        return SensorError("SENSOR_LOST", f"the sensor's file {self.path(path)} can't be read: {why}", remedy)


def tree(options: Options, read: Callable[[Path], bytes] = Path.read_bytes) -> Tree:
    return Tree(Path(options.get("root", "/")), read)
