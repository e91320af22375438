"""The INA3221 power monitors of a Jetson, read from sysfs.

Two layouts. JetPack 4 (iio): rail_name_N and in_powerN_input in mW, N from 0. JetPack 5 and later (hwmon): inN_label,
inN_input in mV and currN_input in mA, N from 1 to 3; in4 to in7 are voltages over the shunts and their sum.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from suite.errors import SensorError
from suite.power.base import Description, Options, Sample, Source
from suite.power.jetson.boards import INA3221_BUS_V, INA3221_SHUNT_V, USUAL_SHUNT_OHM, Board, recognise
from suite.power.jetson.rails import RAILS_OPTION, total
from suite.power.sysfs import Stillness, Tree, tree
from suite.records import NotMeasured, record

IIO, HWMON = "ina3221x", "ina3221"  # the drivers' names
PERIOD_S = {IIO: 0.1, HWMON: 0.05}
MINIMUM_PERIODS = 20
GAIN_ERROR = 0.05  # shunt and converter, as modules are specified
UNUSED = "NC"


@record
class Channel:
    """One rail of one monitor, and the files that show it."""

    rail: str
    driver: str
    power_mw: str | None  # iio
    bus_mv: str
    current_ma: str
    shunt_uohm: str | None

    def power_w(self, files: Tree) -> float:
        if self.power_mw is not None:
            return files.number(self.power_mw) * 1e-3  # mW
        return files.number(self.bus_mv) * files.number(self.current_ma) * 1e-6  # mV * mA = uW


class Ina3221(Source):
    name = "ina3221"
    summary = "the power monitor of a Jetson board (INA3221, through sysfs)"
    machine = "Jetson"
    rank = 10
    codes_elsewhere = frozenset({"NO_INA3221"})
    options: ClassVar[Mapping[str, str]] = {"rails": RAILS_OPTION}

    def __init__(self, clock: Callable[[], float] = time.monotonic, read: Callable[[Path], bytes] = Path.read_bytes):
        self._clock, self._read = clock, read
        self._files = Tree()
        self._channels: tuple[Channel, ...] = ()
        self._stillness = Stillness()

    def available(self, options: Options) -> NotMeasured | None:
        found = _find(tree(options, self._read), options)
        return found if isinstance(found, NotMeasured) else None

    def open(self, options: Options) -> Description:
        self._files = tree(options, self._read)
        found = _find(self._files, options)
        if isinstance(found, NotMeasured):
            raise SensorError(found.code, found.reason, found.remedy)
        scope, self._channels = found
        self._stillness = Stillness()
        board = recognise(self._files)
        period_s = max(PERIOD_S[channel.driver] for channel in self._channels)
        return Description(
            scope=scope,
            rails=tuple(channel.rail for channel in self._channels),
            quantity="power",
            period_s=period_s,
            minimum_window_s=MINIMUM_PERIODS * period_s,
            resolution=max(_resolution_w(channel, board, self._files) for channel in self._channels),
            gain_error=GAIN_ERROR,
        )

    def read(self) -> Sample:
        time_s = self._clock()
        values = tuple(channel.power_w(self._files) for channel in self._channels)
        self._stillness.check(values, time_s)
        return Sample(time_s=time_s, values=values)

    def mark(self, label: str) -> None:
        self._stillness.mark(label, self._clock())


def _find(files: Tree, options: Options) -> tuple[str, tuple[Channel, ...]] | NotMeasured:
    """The scope in words and the channels that make up the total."""
    board = recognise(files)
    if board is not None and board.sensor is None:
        return NotMeasured(
            code="NO_SENSOR_NANO2GB",
            reason=f"the {board.name} has no power monitor",
            remedy="connect a USB or wall power meter that records, and give its file with --power-csv",
        )
    channels = tuple(channel for channel in _channels(files) if channel.rail != UNUSED)
    if not channels:
        return NotMeasured(
            code="NO_INA3221",
            reason="there is no INA3221 power monitor here, or its driver shows no rail",
            remedy="on a Jetson, use NVIDIA's kernel and, in a container, mount /sys; elsewhere, use another source",
        )
    chosen = total([channel.rail for channel in channels], board if _reads(board) else None, options)
    if isinstance(chosen, NotMeasured):
        return chosen
    by_rail = {channel.rail: channel for channel in channels}
    return chosen.scope, tuple(by_rail[rail] for rail in chosen.rails)


def _reads(board: Board | None) -> bool:
    return board is not None and board.sensor == "ina3221"


def _channels(files: Tree) -> Iterator[Channel]:
    for path in files.paths(f"sys/bus/i2c/drivers/{IIO}/*/iio:device*/rail_name_[0-9]"):
        folder, number = path.rpartition("/")[0], path[-1]
        yield Channel(
            rail=files.text(path) or UNUSED,
            driver=IIO,
            power_mw=f"{folder}/in_power{number}_input",
            bus_mv=f"{folder}/in_voltage{number}_input",
            current_ma=f"{folder}/in_current{number}_input",
            shunt_uohm=None,
        )
    for path in files.paths(f"sys/bus/i2c/drivers/{HWMON}/*/hwmon/hwmon*/in[1-3]_label"):
        folder, number = path.rpartition("/")[0], re.findall(r"\d", path)[-1]
        yield Channel(
            rail=files.text(path) or UNUSED,
            driver=HWMON,
            power_mw=None,
            bus_mv=f"{folder}/in{number}_input",
            current_ma=f"{folder}/curr{number}_input",
            shunt_uohm=f"{folder}/shunt{number}_resistor",
        )


def _resolution_w(channel: Channel, board: Board | None, files: Tree) -> float:
    """One count of the shunt's voltage and one of the bus voltage, at the voltage and current of this moment."""
    bus_v = files.number(channel.bus_mv) * 1e-3  # mV
    current_a = abs(files.number(channel.current_ma)) * 1e-3  # mA
    return bus_v * INA3221_SHUNT_V / _shunt_ohm(channel, board, files) + current_a * INA3221_BUS_V


def _shunt_ohm(channel: Channel, board: Board | None, files: Tree) -> float:
    stated = files.text(channel.shunt_uohm) if channel.shunt_uohm else None
    if stated is not None and stated.isdigit() and int(stated) > 0:
        return int(stated) * 1e-6  # uOhm
    return board.shunt(channel.rail) if board else USUAL_SHUNT_OHM


PLUGIN = Ina3221()
