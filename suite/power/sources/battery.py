"""The battery of a laptop while it discharges: all that the machine draws, as its battery's gauge reports it.

power_now in uW, or current_now in uA times voltage_now in uV; some drivers give a discharging current a minus sign.
Source: Linux, Documentation/ABI/testing/sysfs-class-power.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

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
METER = "use another source, or a meter and --power-csv"
UNPLUG = "unplug the charger, wait a minute, and run again with the battery well charged"


class Way(NamedTuple):
    """One battery of the machine, and how it tells what it gives."""

    folder: str
    tells: Literal["power", "current", "nothing"]

    @property
    def name(self) -> str:
        return self.folder.rpartition("/")[2]


class Battery(Source):
    name = "battery"
    summary = "what a laptop draws from its battery, while it discharges"
    machine = "laptop"
    rank = 80
    codes_elsewhere = frozenset({"NO_BATTERY"})

    def __init__(self, clock: Callable[[], float] = time.monotonic, read: Callable[[Path], bytes] = Path.read_bytes):
        self._clock, self._read = clock, read
        self._files = Tree()
        self._ways: tuple[Way, ...] = ()
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
        self._ways = _batteries(self._files)
        self._values = None
        mute = [way.name for way in self._ways if way.tells == "nothing"]
        beside = f"; {', '.join(mute)} tells nothing and gives nothing" if mute else ""
        return Description(
            scope=f"whole machine, screen included, as its battery's gauge reports it{beside}",
            rails=tuple(way.name for way in self._ways),
            quantity="power",
            period_s=PERIOD_S,
            minimum_window_s=MINIMUM_WINDOW_S,
            resolution=RESOLUTION_W,
            gain_error=GAIN_ERROR,
            settle_s=SETTLE_S,
        )

    def read(self) -> Sample:
        time_s = self._clock()
        values = _power_w(self._files, self._ways)
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


def _batteries(files: Tree) -> tuple[Way, ...]:
    """The machine's own batteries; an empty bay holds none, and that of a mouse has the scope Device.

    Raises SensorError, NO_BATTERY.
    """
    folders = [path.rpartition("/")[0] for path in files.paths(f"{SUPPLIES}/*/type")]
    found = [
        folder
        for folder in folders
        if files.text(f"{folder}/type") == "Battery"
        and files.text(f"{folder}/scope") != "Device"
        and files.text(f"{folder}/present") != "0"
    ]
    if not found:
        raise SensorError("NO_BATTERY", "this machine has no battery", METER)
    ways = tuple(Way(folder, _tells(files, folder)) for folder in found)
    if all(way.tells == "nothing" for way in ways):
        raise _mute(ways[0])
    return ways


def _tells(files: Tree, folder: str) -> Literal["power", "current", "nothing"]:
    """Some drivers show a power that can't be read, or 0 for ever, beside a current and a voltage that can."""
    power_uw = _number(files, f"{folder}/power_now")
    has_current = None not in (_number(files, f"{folder}/current_now"), _number(files, f"{folder}/voltage_now"))
    if power_uw or (power_uw is not None and not has_current):
        return "power"
    if has_current and (power_uw is None or _number(files, f"{folder}/current_now")):
        return "current"
    return "power" if power_uw is not None else "nothing"


def _number(files: Tree, path: str) -> int | None:
    try:
        return files.number(path)
    except SensorError:
        return None


def _power_w(files: Tree, ways: tuple[Way, ...]) -> tuple[float, ...]:
    """Watts that each battery gives; one that rests beside another gives none.

    Raises SensorError: ON_AC, NO_BATTERY, SENSOR_LOST.
    """
    for path in files.paths(f"{SUPPLIES}/*/online"):
        # 1: a fixed voltage, 2: one that was agreed upon (USB PD)
        if files.text(path) not in (None, "0") and files.text(path.replace("/online", "/scope")) != "Device":
            supply = path.split("/")[-2]
            raise SensorError("ON_AC", f"the charger is plugged in ({supply}), so the battery shows nothing", UNPLUG)
    statuses = {way: files.text(f"{way.folder}/status") or "unknown" for way in ways}
    giving = [way for way, status in statuses.items() if status == "Discharging"]
    if not giving and (unreadable := [way for way in ways if _is_unreadable(files, f"{way.folder}/status")]):
        raise SensorError(
            "SENSOR_LOST",
            f"the state of the battery {unreadable[0].name} can't be read ({files.path(unreadable[0].folder)}/status)",
            "run again; where it happens again, look for the battery's driver in the output of `dmesg`",
        )
    if not giving:
        told = ", ".join(f"{way.name}: {status}" for way, status in statuses.items())
        raise SensorError("ON_AC", f"no battery says that it discharges ({told}), so none shows the power", UNPLUG)
    for way in giving:
        if way.tells == "nothing":
            raise _mute(way)
    return tuple(_drawn_w(files, way) if way in giving else 0.0 for way in ways)


def _is_unreadable(files: Tree, path: str) -> bool:
    """There, and nothing can be read from it."""
    return files.path(path).exists() and files.text(path) is None


def _mute(way: Way) -> SensorError:
    reason = f"the battery {way.name} reports neither its power nor its current and voltage"
    return SensorError("NO_BATTERY", reason, METER)


def _drawn_w(files: Tree, way: Way) -> float:
    if way.tells == "power":
        return abs(files.number(f"{way.folder}/power_now")) * 1e-6  # uW
    current_ua, voltage_uv = files.number(f"{way.folder}/current_now"), files.number(f"{way.folder}/voltage_now")
    return abs(current_ua) * abs(voltage_uv) * 1e-12  # uA * uV = pW


PLUGIN = Battery()
