"""RAPL: the energy counters of an Intel or AMD processor, through Linux's powercap files.

The zones overlap: a package holds its core, uncore and (as Linux nests it) memory, and psys holds the packages. So the
packages alone are added, or psys is taken alone.
Source: Linux, Documentation/power/powercap/powercap.rst.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from suite.errors import SensorError, UsageError
from suite.power.base import Description, Options, Sample, Source
from suite.power.counters import GrowingCounter, frozen
from suite.power.sysfs import Tree, tree
from suite.records import NotMeasured, record

ELSEWHERE = "host/powercap"  # where a container may find the folder that its engine masks
FOLDERS = ("sys/class/powercap", ELSEWHERE)
ZONES = {"package": r"package-\d+(-die-\d+)?", "psys": r"psys"}
PERIOD_S = 0.1
MINIMUM_WINDOW_S = 1.0
COUNT_J = 2.0**-14  # the usual unit of the counters
GAIN_ERROR = 0.05  # no vendor states one; comparisons with meters found about this
FIRST_CHANGE_S = 0.5  # a counter grows every millisecond; it has as long to show that it does
LOOK_S = 0.02


@record
class Zone:
    name: str
    folder: str
    range_j: float


class Rapl(Source):
    name = "rapl"
    summary = "the energy counter of an Intel or AMD processor package (RAPL)"
    machine = "Intel or AMD processor"
    rank = 30
    codes_elsewhere = frozenset({"NO_RAPL"})
    part = "cpu package"
    options: ClassVar[Mapping[str, str]] = {
        "zone": "package, or psys where the machine has it: its whole board (package)",
        "path": f"folder that holds intel-rapl:0 (/{FOLDERS[0]}, else /{ELSEWHERE})",
    }

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        read: Callable[[Path], bytes] = Path.read_bytes,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock, self._read, self._sleep = clock, read, sleep
        self._files = Tree()
        self._zones: tuple[Zone, ...] = ()
        self._counters: tuple[GrowingCounter, ...] = ()

    def check(self, options: Options) -> None:
        if options.get("zone", "package") not in ZONES:
            raise UsageError(f"--power rapl: zone must be {' or '.join(ZONES)}, got {options['zone']!r}")

    def available(self, options: Options) -> NotMeasured | None:
        files = tree(options, self._read)
        try:
            found = _find(files, options)
            return found if isinstance(found, NotMeasured) else self._standing(files, found)
        except SensorError as error:
            return NotMeasured(code=error.code, reason=error.reason, remedy=error.remedy)

    def open(self, options: Options) -> Description:
        self._files = tree(options, self._read)
        found = _find(self._files, options)
        if isinstance(found, NotMeasured):
            raise SensorError(found.code, found.reason, found.remedy)
        self._zones = found
        self._counters = tuple(GrowingCounter(zone.name, zone.range_j) for zone in found)
        psys = options.get("zone") == "psys"
        count = len(found)
        package = "CPU package only" if count == 1 else f"{count} CPU packages only"
        return Description(
            scope="the board as its maker wired psys, not the screen" if psys else package,
            rails=tuple(zone.name for zone in found),
            quantity="counter",
            period_s=PERIOD_S,
            minimum_window_s=MINIMUM_WINDOW_S,
            resolution=COUNT_J,
            gain_error=GAIN_ERROR,
            part="whole" if psys else "cpu package",
        )

    def read(self) -> Sample:
        """Joules since the first reading: the counters' turns are already taken out."""
        time_s = self._clock()
        raw_j = [_energy_j(self._files, zone) for zone in self._zones]
        values = [counter.advance(time_s, value) for counter, value in zip(self._counters, raw_j, strict=True)]
        return Sample(time_s=time_s, values=tuple(values))

    def _standing(self, files: Tree, zones: Sequence[Zone]) -> NotMeasured | None:
        """None as soon as every counter has moved; a virtual machine may show counters that never do."""
        first_j = [_energy_j(files, zone) for zone in zones]
        start_s = self._clock()
        while True:
            self._sleep(LOOK_S)
            still = [zone for zone, was_j in zip(zones, first_j, strict=True) if _energy_j(files, zone) == was_j]
            if not still:
                return None
            waited_s = self._clock() - start_s
            if waited_s >= FIRST_CHANGE_S:
                break
        if files.in_virtual_machine():
            return _virtual(f"its counter {still[0].name} never changes")
        error = frozen(still[0].name, waited_s)
        return NotMeasured(code=error.code, reason=error.reason, remedy=error.remedy)


def _find(files: Tree, options: Options) -> tuple[Zone, ...] | NotMeasured:
    """The zones that share nothing. Raises SensorError, RAPL_PERM."""
    wanted = options.get("zone", "package")
    folders = (options["path"],) if "path" in options else FOLDERS
    for folder in folders:
        if zones := _zones(files, folder, ZONES[wanted]):
            for zone in zones:
                _energy_j(files, zone)
            return zones
    return _missing(files, folders, wanted)


def _zones(files: Tree, folder: str, pattern: str) -> tuple[Zone, ...]:
    """Zones at the top: intel-rapl:N, in the folder or in the intel-rapl within. AMD's have the same names."""
    paths = files.paths(f"{folder}/intel-rapl:*/name") or files.paths(f"{folder}/intel-rapl/intel-rapl:*/name")
    found: dict[str, Zone] = {}
    for path in paths:
        zone_folder, name = path.rpartition("/")[0], files.text(path) or ""
        if re.fullmatch(r".*/intel-rapl:\d+", zone_folder) and re.fullmatch(pattern, name) and name not in found:
            range_uj = files.number(f"{zone_folder}/max_energy_range_uj")
            found[name] = Zone(name=name, folder=zone_folder, range_j=range_uj * 1e-6)
    return tuple(found.values())


def _missing(files: Tree, folders: Sequence[str], wanted: str) -> NotMeasured:
    if files.in_virtual_machine():
        return _virtual("it is not handed through")
    if wanted == "package" and files.in_container() and _may_have_rapl(files):
        return NotMeasured(
            code="RAPL_MASKED",
            reason="the container's engine hides the processor's energy counter (/sys/devices/virtual/powercap)",
            remedy="bind it under another path: "
            f"`docker run -v /sys/class/powercap/intel-rapl:/{ELSEWHERE}/intel-rapl:ro ...`, as root in the container",
        )
    places = " and ".join(f"/{folder.lstrip('/')}" for folder in folders)
    return NotMeasured(
        code="NO_RAPL",
        reason=f"this machine shows no RAPL {wanted} counter in {places}",
        remedy="on an Intel or AMD processor, load the driver: `sudo modprobe intel_rapl_msr`; elsewhere, use another "
        "source or a meter with --power-csv",
    )


def _may_have_rapl(files: Tree) -> bool:
    return re.search(r"GenuineIntel|AuthenticAMD|HygonGenuine", files.text("proc/cpuinfo") or "") is not None


def _virtual(why: str) -> NotMeasured:
    return NotMeasured(
        code="RAPL_VM",
        reason=f"this is a virtual machine, which has no energy counter of the processor: {why}",
        remedy="run on the machine itself, or connect a meter and give its file with --power-csv",
    )


def _energy_j(files: Tree, zone: Zone) -> float:
    path = f"{zone.folder}/energy_uj"
    try:
        return files.number(path) * 1e-6  # uJ
    except SensorError as exc:
        if exc.code != "SENSOR_PERM":
            raise
        raise SensorError(
            "RAPL_PERM",
            f"reading {files.path(path)} was refused: only root may read the processor's energy counter "
            "(since CVE-2020-8694, by which it betrayed secrets)",
            "run as root, or until the next start `sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj`",
        ) from exc


PLUGIN = Rapl()
