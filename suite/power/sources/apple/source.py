"""An Apple chip, on the Mac itself: by zeus-apple-silicon, powermetrics or macmon, the first that works."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from suite.errors import SensorError, UsageError
from suite.host.system import System
from suite.power.base import Description, Options, Sample, Source
from suite.power.mac import refusal
from suite.power.sources.apple.common import BackEnd, Feed
from suite.power.sources.apple.macmon import Macmon
from suite.power.sources.apple.powermetrics import Powermetrics
from suite.power.sources.apple.zeus_apple import ZeusApple
from suite.records import NotMeasured

BACK_ENDS: Mapping[str, Callable[[str | None], BackEnd]] = {
    "zeus": lambda _: ZeusApple(),
    "powermetrics": Powermetrics,
    "macmon": Macmon,
}
PROGRAMS = ("powermetrics", "macmon")
_WEIGHT = ("MAC_FROZEN", "MAC_SUDO", "MAC_TOOL_ABSENT")  # which of several refusals helps most


def _here(root: Path) -> System:
    return System(root=root)


class Apple(Source):
    name = "apple"
    summary = "CPU, GPU and Neural Engine of an Apple chip, as Apple estimates them (on the Mac itself)"
    machine = "Apple Mac"
    rank = 60
    codes_elsewhere = frozenset({"NOT_A_MAC"})
    options: ClassVar[Mapping[str, str]] = {
        "backend": f"{', '.join(BACK_ENDS)} (the first that works)",
        "program": f"path of the program of the back end {' or '.join(PROGRAMS)}, which is run as it is",
    }

    def __init__(self, system: Callable[[Path], System] = _here) -> None:
        self._system = system
        self._feed: Feed | None = None

    def check(self, options: Options) -> None:
        back_end = options.get("backend")
        if back_end is not None and back_end not in BACK_ENDS:
            raise UsageError(f"--power apple: backend must be one of {', '.join(BACK_ENDS)}, got {back_end!r}")
        if "program" in options and back_end not in PROGRAMS:
            raise UsageError(f"--power apple: program needs backend={' or backend='.join(PROGRAMS)} beside it")

    def available(self, options: Options) -> NotMeasured | None:
        if "program" in options:
            return None  # it need not be Apple's: whether it answers like it is seen in open
        return refusal(self._system(Path(options.get("root", "/"))))

    def open(self, options: Options) -> Description:
        """Raises SensorError: MAC_TOOL_ABSENT, MAC_SUDO, MAC_FROZEN."""
        failures: list[SensorError] = []
        for name in [options["backend"]] if "backend" in options else BACK_ENDS:
            self._feed = Feed(BACK_ENDS[name](options.get("program")))
            try:
                return self._feed.describe()
            except SensorError as error:
                self.close()
                failures.append(error)
        first = min(failures, key=lambda error: _WEIGHT.index(error.code) if error.code in _WEIGHT else -1)
        raise SensorError(first.code, "; ".join(error.reason for error in failures), first.remedy)

    def read(self) -> Sample:
        assert self._feed is not None  # open made it
        return self._feed.latest()

    def readings(self) -> Sequence[Sample]:
        assert self._feed is not None  # open made it
        return self._feed.new()

    def close(self) -> None:
        if self._feed is not None:
            self._feed.close()
            self._feed = None


PLUGIN = Apple()
