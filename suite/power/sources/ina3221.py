"""The INA3221 power monitors of a Jetson, read from sysfs.

Two layouts. JetPack 4 (iio): rail_name_N and in_powerN_input in mW, N from 0. JetPack 5 and later (hwmon): inN_label,
inN_input in mV and currN_input in mA, N from 1 to 3; in4 to in7 are voltages over the shunts and their sum.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from suite.power.base import Options
from suite.power.jetson.boards import INA3221_BUS_V, INA3221_SHUNT_V, SHOWN, USUAL_SHUNT_OHM, Board, look
from suite.power.jetson.monitor import Found, Monitor
from suite.power.jetson.rails import total
from suite.power.sysfs import Tree
from suite.records import NotMeasured, record

IIO, HWMON = "ina3221x", "ina3221"  # the drivers' names
PERIOD_S = {IIO: 0.1, HWMON: 0.05}
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

    @property
    def period_s(self) -> float:
        return PERIOD_S[self.driver]

    def power_w(self, files: Tree) -> float:
        if self.power_mw is not None:
            return files.number(self.power_mw) * 1e-3  # mW
        return files.number(self.bus_mv) * files.number(self.current_ma) * 1e-6  # mV * mA = uW

    def resolution_w(self, files: Tree, board: Board | None) -> float:
        """One count of the shunt's voltage and one of the bus voltage, at the voltage and current of this moment."""
        bus_v = abs(files.number(self.bus_mv)) * 1e-3  # mV
        current_a = abs(files.number(self.current_ma)) * 1e-3  # mA
        return bus_v * INA3221_SHUNT_V / self._shunt_ohm(files, board) + current_a * INA3221_BUS_V

    def _shunt_ohm(self, files: Tree, board: Board | None) -> float:
        stated = files.text(self.shunt_uohm) if self.shunt_uohm else None
        if stated is not None and stated.isdecimal() and int(stated) > 0:
            return int(stated) * 1e-6  # uOhm
        return board.shunt(self.rail) if board else USUAL_SHUNT_OHM


class Ina3221(Monitor):
    name = "ina3221"
    summary = "the power monitor of a Jetson board (INA3221, through sysfs)"
    machine = "Jetson"
    rank = 10
    codes_elsewhere = frozenset({"NO_INA3221"})
    gain_error = GAIN_ERROR

    def find(self, files: Tree, options: Options) -> Found | NotMeasured:
        place = look(files)
        board = place.board
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
                remedy="on a Jetson, use NVIDIA's kernel and, in a container, mount /sys; elsewhere, use another "
                "source",
            )
        chosen = total([channel.rail for channel in channels], place, options, "ina3221")
        if isinstance(chosen, NotMeasured):
            return chosen
        by_rail = {channel.rail: channel for channel in channels}
        return Found(chosen.scope, tuple(by_rail[rail] for rail in chosen.rails))


def _channels(files: Tree) -> Iterator[Channel]:
    for path in files.paths(SHOWN["ina3221"][0]):
        folder, number = path.rpartition("/")[0], path[-1]
        yield Channel(
            rail=files.text(path) or UNUSED,
            driver=IIO,
            power_mw=f"{folder}/in_power{number}_input",
            bus_mv=f"{folder}/in_voltage{number}_input",
            current_ma=f"{folder}/in_current{number}_input",
            shunt_uohm=None,
        )
    for path in files.paths(SHOWN["ina3221"][1]):
        folder, number = path.rpartition("/")[0], re.findall(r"\d", path)[-1]
        yield Channel(
            rail=files.text(path) or UNUSED,
            driver=HWMON,
            power_mw=None,
            bus_mv=f"{folder}/in{number}_input",
            current_ma=f"{folder}/curr{number}_input",
            shunt_uohm=f"{folder}/shunt{number}_resistor",
        )


PLUGIN = Ina3221()
