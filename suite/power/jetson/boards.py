"""NVIDIA Jetson boards: which rails add up to a total that counts nothing twice, and how finely they are measured.

Total rails by NVIDIA's developer guides (power monitor sections); shunts by the boards' device trees. A rail is matched
by its whole name: rails of an unknown board are never added, since one may feed another.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from suite.host.system import DEVICE_TREES
from suite.power.sysfs import Tree
from suite.records import record

USUAL_SHUNT_OHM = 0.005
INA3221_BUS_V = 0.008  # one count of the bus voltage
INA3221_SHUNT_V = 40e-6  # one count of the voltage over the shunt
INA238_SHUNT_V = 5e-6
MODULE = "module, not carrier board"
WHOLE = "module and carrier board"
Sensor = Literal["ina3221", "ina238"]
SHOWN: dict[Sensor, tuple[str, ...]] = {  # what there is where the driver of a monitor shows a rail
    "ina3221": (
        "sys/bus/i2c/drivers/ina3221x/*/iio:device*/rail_name_[0-9]",
        "sys/bus/i2c/drivers/ina3221/*/hwmon/hwmon*/in[1-3]_label",
    ),
    "ina238": ("sys/bus/i2c/drivers/ina238/*/hwmon/hwmon*/power1_input",),
}


@record
class Board:
    """One row. `model` and `compatible` are patterns of the device tree's model and of its names of the module."""

    name: str
    model: str
    compatible: str
    sensor: Sensor | None
    total: tuple[str, ...] = ()
    scope: str = MODULE
    shunt_ohm: float = USUAL_SHUNT_OHM  # where the driver doesn't say
    shunts_ohm: tuple[tuple[str, float], ...] = ()  # the rails that have another one

    def shunt(self, rail: str) -> float:
        return dict(self.shunts_ohm).get(rail, self.shunt_ohm)


# The first match counts: a Nano 2GB's module is a Nano's, too.
BOARDS = (
    Board(name="Jetson Nano 2GB", model=r"\bNano 2GB\b", compatible=r"\bp3448-0003\b", sensor=None),
    Board(
        name="Jetson Nano", model=r"\bJetson Nano\b", compatible=r"\bp3448\b", sensor="ina3221", total=("POM_5V_IN",)
    ),
    Board(name="Jetson TX2 NX", model=r"\bTX2 NX\b", compatible=r"\bp3636\b", sensor="ina3221", total=("VDD_IN",)),
    Board(
        name="Jetson TX2",
        model=r"\bTX2\b|^quill$|^lightning$",
        compatible=r"\b(p3310|p3489)\b",
        sensor="ina3221",
        total=("VDD_IN", "VDD_MUX"),
        scope=WHOLE,
        shunts_ohm=(("VDD_MUX", 0.020),),
    ),
    Board(
        name="Jetson Xavier NX", model=r"\bXavier NX\b", compatible=r"\bp3668\b", sensor="ina3221", total=("VDD_IN",)
    ),
    Board(
        name="Jetson AGX Xavier",
        model=r"\bAGX Xavier\b|^Jetson-AGX$",
        compatible=r"\bp2888\b",
        sensor="ina3221",
        total=("GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"),
    ),
    Board(
        name="Jetson AGX Orin",
        model=r"\bAGX Orin\b",
        compatible=r"\bp3701\b",
        sensor="ina3221",
        # VIN_SYS_5V0 feeds VDDQ_VDD2_1V8AO
        total=("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"),
        shunt_ohm=0.002,
    ),
    Board(
        name="Jetson Orin Nano or Orin NX",
        model=r"\bOrin (Nano|NX)\b",
        compatible=r"\bp3767\b",
        sensor="ina3221",
        total=("VDD_IN",),
    ),
    Board(
        name="Jetson Thor",
        model=r"\bThor\b",
        compatible=r"\bp3834\b",
        sensor="ina238",
        total=("VIN",),
        scope=WHOLE,
        shunt_ohm=0.002,
    ),
)


class Place(NamedTuple):
    """Which board this is, or what is known instead."""

    board: Board | None
    model: str = ""  # as the firmware calls it
    is_hidden: bool = False  # the device tree, which names the board, is not to be seen
    sensors: tuple[Sensor, ...] = ()  # the monitors that show rails here


def look(tree: Tree) -> Place:
    """The board of this device tree, and its monitors."""
    model, compatible = tree.device_tree("model"), tree.device_tree("compatible")
    folders = (tree.path(folder) for folder in DEVICE_TREES)
    return Place(
        board=matching(model, compatible),
        model=model,
        is_hidden=not (model or compatible or any(folder.is_dir() and any(folder.iterdir()) for folder in folders)),
        sensors=tuple(sensor for sensor, patterns in SHOWN.items() if any(map(tree.paths, patterns))),
    )


def recognise(tree: Tree) -> Board | None:
    """The board of this device tree."""
    return matching(tree.device_tree("model"), tree.device_tree("compatible"))


def matching(model: str, compatible: str) -> Board | None:
    """The board by its model; on a carrier of somebody else's, by the name of the module on it."""
    for board in BOARDS:
        if re.search(board.model, model, re.IGNORECASE):
            return board
    return next((board for board in BOARDS if re.search(board.compatible, compatible)), None)
