"""The battery of a laptop while it discharges: all that the machine draws, as its battery's gauge reports it.

power_now in uW, or current_now in uA times voltage_now in uV; some drivers give a discharging current a minus sign.
Source: Linux, Documentation/ABI/testing/sysfs-class-power.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from suite.errors import SensorError
from suite.power.base import Description, Options, Sample, Source
from suite.power.sysfs import Tree, tree
from suite.records import NotMeasured

SUPPLIES = "sys/class/power_supply"
PERIOD_S = 1.0
MINIMUM_WINDOW_S = 120.0
SETTLE_S = 20.0  # gauges lag
STALE_S = 60.0
RESOLUTION_W = 0.01
GAIN_ERROR = 0.05
UNPLUG = "unplug the charger, wait a minute, and run again with the battery well charged"


class Battery(Source):
    name = "battery"
    summary = "what a laptop draws from its battery, while it discharges"
    machine = "laptop"
    rank = 80
    codes_elsewhere = frozenset({"NO_BATTERY"})

    def __init__(self, clock: Callable[[], float] = time.monotonic, read: Callable[[Path], bytes] = Path.read_bytes):
        self._clock, self._read = clock, read
        self._files = Tree()
        self._folders: tuple[str, ...] = ()
        self._values: tuple[float, ...] | None = None
        self._changed_s = 0.0

    def available(self, options: Options) -> NotMeasured | None:
        try:
            files = tree(options, self._read)
            _power_w(files, _batteries(files))
        except SensorError as error:
            return NotMeasured(code=error.code, reason=error.reason, remedy=error.remedy)
        return None

    def open(self, options: Options) -> Description:
        self._files = tree(options, self._read)
        self._folders = _batteries(self._files)
        self._values = None
        return Description(
            scope="whole machine, screen included, as its battery's gauge reports it",
            rails=tuple(folder.rpartition("/")[2] for folder in self._folders),
            quantity="power",
            period_s=PERIOD_S,
            minimum_window_s=MINIMUM_WINDOW_S,
            resolution=RESOLUTION_W,
            gain_error=GAIN_ERROR,
            settle_s=SETTLE_S,
        )

    def read(self) -> Sample:
        time_s = self._clock()
        values = _power_w(self._files, self._folders)
        if values != self._values:
            self._values, self._changed_s = values, time_s
        elif time_s - self._changed_s >= STALE_S:
            raise SensorError(
                "BATTERY_STALE",
                f"the battery reported exactly the same power for {time_s - self._changed_s:.0f} s: its gauge is not "
                "being read",
                "charge it a little, unplug it and run again; where that does not help, use a meter and --power-csv",
            )
        return Sample(time_s=time_s, values=values)


def _batteries(files: Tree) -> tuple[str, ...]:
    """The machine's own batteries; that of a mouse has the scope Device. Raises SensorError, NO_BATTERY."""
    folders = [path.rpartition("/")[0] for path in files.paths(f"{SUPPLIES}/*/type")]
    found = [
        folder
        for folder in folders
        if files.text(f"{folder}/type") == "Battery" and files.text(f"{folder}/scope") != "Device"
    ]
    if not found:
        raise SensorError("NO_BATTERY", "this machine has no battery", "use another source, or a meter and --power-csv")
    for folder in found:
        if files.text(f"{folder}/power_now") is None and (
            files.text(f"{folder}/current_now") is None or files.text(f"{folder}/voltage_now") is None
        ):
            raise SensorError(
                "NO_BATTERY",
                f"the battery {folder.rpartition('/')[2]} reports neither its power nor its current and voltage",
                "use another source, or a meter and --power-csv",
            )
    return tuple(found)


def _power_w(files: Tree, folders: tuple[str, ...]) -> tuple[float, ...]:
    """Watts that each battery gives; one that rests beside another gives none. Raises SensorError, ON_AC."""
    for path in files.paths(f"{SUPPLIES}/*/online"):
        if files.text(path) == "1" and files.text(path.replace("/online", "/scope")) != "Device":
            supply = path.split("/")[-2]
            raise SensorError("ON_AC", f"the charger is plugged in ({supply}), so the battery shows nothing", UNPLUG)
    statuses = {folder: files.text(f"{folder}/status") for folder in folders}
    if "Discharging" not in statuses.values():
        status = ", ".join(f"{folder.rpartition('/')[2]}: {status or 'unknown'}" for folder, status in statuses.items())
        raise SensorError("ON_AC", f"the battery is not discharging ({status}), so it does not show the power", UNPLUG)
    return tuple(_drawn_w(files, folder) if statuses[folder] == "Discharging" else 0.0 for folder in folders)


def _drawn_w(files: Tree, folder: str) -> float:
    if files.path(f"{folder}/power_now").exists():
        return abs(files.number(f"{folder}/power_now")) * 1e-6  # uW
    return abs(files.number(f"{folder}/current_now")) * files.number(f"{folder}/voltage_now") * 1e-12  # uA * uV = pW


PLUGIN = Battery()
