"""What the two power monitors of Jetsons have in common as sources: found, then a rail read after the other."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol

from suite.errors import SensorError
from suite.power.base import Description, Options, Sample, Source
from suite.power.jetson.boards import Board, recognise
from suite.power.jetson.rails import RAILS_OPTION
from suite.power.sysfs import Tree, tree
from suite.records import NotMeasured

MINIMUM_PERIODS = 20


class Rail(Protocol):
    """One rail of one monitor, and the files that show it."""

    @property
    def rail(self) -> str: ...

    @property
    def period_s(self) -> float: ...

    def power_w(self, files: Tree) -> float:
        """Raises SensorError."""

    def resolution_w(self, files: Tree, board: Board | None) -> float:
        """One count, at the voltage and current of this moment. Raises SensorError."""


class Found(NamedTuple):
    scope: str  # in words
    rails: tuple[Rail, ...]  # that make up the total


class Monitor(Source):
    """A power monitor in sysfs. gain_error: shunt and converter, as modules are specified."""

    gain_error: ClassVar[float]
    options: ClassVar[Mapping[str, str]] = {"rails": RAILS_OPTION}

    def __init__(self, clock: Callable[[], float] = time.monotonic, read: Callable[[Path], bytes] = Path.read_bytes):
        self._clock, self._read = clock, read
        self._files = Tree()
        self._rails: tuple[Rail, ...] = ()

    @abstractmethod
    def find(self, files: Tree, options: Options) -> Found | NotMeasured:
        """The rails of the total on this machine."""

    def available(self, options: Options) -> NotMeasured | None:
        found = self.find(tree(options, self._read), options)
        return found if isinstance(found, NotMeasured) else None

    def open(self, options: Options) -> Description:
        self._files = tree(options, self._read)
        found = self.find(self._files, options)
        if isinstance(found, NotMeasured):
            raise SensorError(found.code, found.reason, found.remedy)
        self._rails = found.rails
        board = recognise(self._files)
        period_s = max(rail.period_s for rail in self._rails)
        return Description(
            scope=found.scope,
            rails=tuple(rail.rail for rail in self._rails),
            quantity="power",
            period_s=period_s,
            minimum_window_s=MINIMUM_PERIODS * period_s,
            resolution=max(rail.resolution_w(self._files, board) for rail in self._rails),
            gain_error=self.gain_error,
        )

    def read(self) -> Sample:
        time_s = self._clock()
        return Sample(time_s=time_s, values=tuple(rail.power_w(self._files) for rail in self._rails))
