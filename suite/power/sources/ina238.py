"""The INA238 power monitor of a Jetson Thor, at the input of the whole system, read from sysfs (hwmon).

in1_input is the bus voltage in mV, curr1_input the current in mA, power1_input the power in uW.
Source: Linux, Documentation/hwmon/ina238.rst.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from suite.errors import SensorError
from suite.power.base import Description, Options, Sample, Source
from suite.power.jetson.boards import INA238_SHUNT_V, USUAL_SHUNT_OHM, Board, recognise
from suite.power.jetson.rails import RAILS_OPTION, total
from suite.power.sysfs import Stillness, Tree, tree
from suite.records import NotMeasured

PERIOD_S = 0.05
MINIMUM_PERIODS = 20
GAIN_ERROR = 0.02  # the shunt's tolerance, mostly


class Ina238(Source):
    name = "ina238"
    summary = "the power monitor at the input of a Jetson Thor (INA238, through sysfs)"
    machine = "Jetson Thor"
    rank = 11
    codes_elsewhere = frozenset({"NO_INA238"})
    options: ClassVar[Mapping[str, str]] = {"rails": RAILS_OPTION}

    def __init__(self, clock: Callable[[], float] = time.monotonic, read: Callable[[Path], bytes] = Path.read_bytes):
        self._clock, self._read = clock, read
        self._files = Tree()
        self._folders: tuple[str, ...] = ()
        self._stillness = Stillness()

    def available(self, options: Options) -> NotMeasured | None:
        found = _find(tree(options, self._read), options)
        return found if isinstance(found, NotMeasured) else None

    def open(self, options: Options) -> Description:
        self._files = tree(options, self._read)
        found = _find(self._files, options)
        if isinstance(found, NotMeasured):
            raise SensorError(found.code, found.reason, found.remedy)
        scope, folders = found
        self._folders = tuple(folders.values())
        self._stillness = Stillness()
        board = recognise(self._files)
        shunt_ohm = board.shunt_ohm if board else USUAL_SHUNT_OHM
        bus_v = max(self._files.number(f"{folder}/in1_input") for folder in self._folders) * 1e-3  # mV
        return Description(
            scope=scope,
            rails=tuple(folders),
            quantity="power",
            period_s=PERIOD_S,
            minimum_window_s=MINIMUM_PERIODS * PERIOD_S,
            resolution=bus_v * INA238_SHUNT_V / shunt_ohm,
            gain_error=GAIN_ERROR,
        )

    def read(self) -> Sample:
        time_s = self._clock()
        values = tuple(self._files.number(f"{folder}/power1_input") * 1e-6 for folder in self._folders)  # uW
        self._stillness.check(values, time_s)
        return Sample(time_s=time_s, values=values)

    def mark(self, label: str) -> None:
        self._stillness.mark(label, self._clock())


def _find(files: Tree, options: Options) -> tuple[str, dict[str, str]] | NotMeasured:
    """The scope in words, and the folder of each rail of the total."""
    board = recognise(files)
    board = board if board is not None and board.sensor == "ina238" else None
    monitors = tuple(_monitors(files, board))
    if not monitors:
        return NotMeasured(
            code="NO_INA238",
            reason="there is no INA238 power monitor here (a Jetson Thor has one)",
            remedy="on a Thor, use NVIDIA's kernel and, in a container, mount /sys; elsewhere, use another source",
        )
    chosen = total([rail for rail, _ in monitors], board, options)
    if isinstance(chosen, NotMeasured):
        return chosen
    folders = dict(monitors)
    return chosen.scope, {rail: folders[rail] for rail in chosen.rails}


def _monitors(files: Tree, board: Board | None) -> Iterator[tuple[str, str]]:
    """(rail, folder). Not every kernel gives a label; a Thor has one such monitor, so its name is known then."""
    folders = [
        path.rpartition("/")[0] for path in files.paths("sys/bus/i2c/drivers/ina238/*/hwmon/hwmon*/power1_input")
    ]
    only = board.total[0] if board is not None and len(folders) == 1 else None
    for folder in folders:
        label = files.text(f"{folder}/in1_label") or files.text(f"{folder}/label")
        yield label or only or folder.split("/")[5], folder


PLUGIN = Ina238()
