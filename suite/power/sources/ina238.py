"""The INA238 power monitor of a Jetson Thor, at the input of the whole system, read from sysfs (hwmon).

in1_input is the bus voltage in mV, curr1_input the current in mA, power1_input the power in uW.
Source: Linux, Documentation/hwmon/ina238.rst.
"""

from __future__ import annotations

from suite.power.base import Options
from suite.power.jetson.boards import INA238_SHUNT_V, SHOWN, USUAL_SHUNT_OHM, Board, look
from suite.power.jetson.monitor import Found, Monitor
from suite.power.jetson.rails import total
from suite.power.sysfs import Tree
from suite.records import NotMeasured, record

GAIN_ERROR = 0.02  # the shunt's tolerance, mostly


@record
class Input:
    """The rail of one monitor."""

    rail: str
    folder: str
    period_s: float = 0.05

    def power_w(self, files: Tree) -> float:
        return files.number(f"{self.folder}/power1_input") * 1e-6  # uW

    def resolution_w(self, files: Tree, board: Board | None) -> float:
        """One count of the shunt's voltage at the bus voltage of this moment."""
        bus_v = abs(files.number(f"{self.folder}/in1_input")) * 1e-3  # mV
        return bus_v * INA238_SHUNT_V / (board.shunt_ohm if board else USUAL_SHUNT_OHM)


class Ina238(Monitor):
    name = "ina238"
    summary = "the power monitor at the input of a Jetson Thor (INA238, through sysfs)"
    machine = "Jetson Thor"
    rank = 11
    codes_elsewhere = frozenset({"NO_INA238"})
    gain_error = GAIN_ERROR

    def find(self, files: Tree, options: Options) -> Found | NotMeasured:
        place = look(files)
        inputs = _inputs(files, place.board)
        if not inputs:
            return NotMeasured(
                code="NO_INA238",
                reason="there is no INA238 power monitor here (a Jetson Thor has one)",
                remedy="on a Thor, use NVIDIA's kernel and, in a container, mount /sys; elsewhere, use another source",
            )
        chosen = total([each.rail for each in inputs], place, options, "ina238")
        if isinstance(chosen, NotMeasured):
            return chosen
        by_rail = {each.rail: each for each in inputs}
        return Found(chosen.scope, tuple(by_rail[rail] for rail in chosen.rails))


def _inputs(files: Tree, board: Board | None) -> tuple[Input, ...]:
    """Not every kernel gives a label; a Thor has one such monitor, so its name is known then."""
    folders = [path.rpartition("/")[0] for path in files.paths(SHOWN["ina238"][0])]
    only = board.total[0] if board is not None and board.sensor == "ina238" and len(folders) == 1 else None
    labels = [files.text(f"{folder}/in1_label") or files.text(f"{folder}/label") for folder in folders]
    return tuple(
        Input(rail=label or only or folder.split("/")[5], folder=folder)
        for label, folder in zip(labels, folders, strict=True)
    )


PLUGIN = Ina238()
