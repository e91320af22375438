"""A Jetson's power rails through the service of jetson-stats: where sysfs itself is out of reach, as in a container.

`tot` is not used: where a board has no total rail the service adds all rails up, also those that feed one another. Nor
is `avg`, which is the mean of the last value and the last mean. The rails are chosen by the table of boards.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from suite.errors import SensorError, UsageError
from suite.power.base import Description, Options, Sample, Source
from suite.power.jetson.boards import (
    INA238_SHUNT_V,
    INA3221_BUS_V,
    INA3221_SHUNT_V,
    USUAL_SHUNT_OHM,
    Board,
    matching,
    recognise,
)
from suite.power.jetson.rails import RAILS_OPTION, Total, total
from suite.power.sources.jtop.process import Reader, error, interpreters
from suite.power.sysfs import Stillness, tree
from suite.records import NotMeasured

SOCKET = "run/jtop.sock"
INTERVAL_S = 0.1
INTERVAL_LIMITS_S = (0.05, 10.0)
START_DEADLINE_S = 5.0  # for each Python that is tried
SILENCE_S = 3.0  # and at least 5 intervals: the service has stopped
MINIMUM_PERIODS = 20
GAIN_ERROR = 0.05  # shunt and converter, as modules are specified
UPTIME_STEP_S = 0.01  # the service's stamps are cut to it
READ_OUT_W = 0.001  # it cuts the product of volts and amperes to milliwatts
CLOCK_BOOTTIME = 7  # of Linux: what uptime counts; macOS, where this module is only declared, has none


class Jtop(Source):
    name = "jtop"
    summary = "the power rails of a Jetson board, through the service of jetson-stats"
    machine = "Jetson"
    rank = 20
    codes_elsewhere = frozenset({"JTOP_ABSENT"})
    options: ClassVar[Mapping[str, str]] = {
        "interval_s": f"seconds between two measurements of the service ({INTERVAL_S:g})",
        "python": "the Python that has jetson-stats (this one, that of the command jtop, python3)",
        "rails": RAILS_OPTION,
    }

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._reader: Reader | None = None
        self._rails: tuple[str, ...] = ()
        self._silence_s = SILENCE_S
        self._last: Sample | None = None
        self._given = False  # whether the sampler has seen the first sample
        self._heard_s = 0.0
        self._stillness = Stillness()

    def check(self, options: Options) -> None:
        _interval_s(options)

    def available(self, options: Options) -> NotMeasured | None:
        """Looks at the socket alone."""
        refused = _refused(Path(options.get("root", "/")) / SOCKET)
        if refused is None:
            return None
        return NotMeasured(code=refused.code, reason=refused.reason, remedy=refused.remedy)

    def open(self, options: Options) -> Description:
        asked_s = _interval_s(options)
        pythons = interpreters(options.get("python"), os.environ)
        self._reader, ready = Reader.start(pythons, asked_s, START_DEADLINE_S)
        held_s = float(ready["interval_s"])
        if held_s > asked_s * 1.001:
            raise SensorError(
                "JTOP_SLOW",
                f"another client made the service jtop measure every {held_s:g} s; {asked_s:g} s was asked for",
                "close the other client (jtop in a terminal, a dashboard), wait five seconds and run again; or accept "
                f"longer windows with --power jtop:interval_s={held_s:g}",
            )
        board = recognise(tree(options)) or matching(
            ready["hardware"].get("Model", ""), ready["hardware"].get("P-Number", "")
        )
        chosen = _chosen(ready["rails"], board, options)
        self._rails = chosen.rails
        self._silence_s = max(SILENCE_S, 5 * held_s)
        self._stillness = Stillness()
        self._heard_s = self._clock()
        self._given = False
        self._last = self._sample(self._reader.next(time.monotonic() + START_DEADLINE_S))
        return Description(
            scope=chosen.scope,
            rails=chosen.rails,
            quantity="power",
            period_s=held_s,
            minimum_window_s=MINIMUM_PERIODS * held_s,
            resolution=max(_resolution_w(name, ready["rails"][name], board) for name in chosen.rails),
            gain_error=GAIN_ERROR,
        )

    def read(self) -> Sample:
        """The newest sample."""
        self.readings()
        assert self._last is not None  # open waited for one
        return self._last

    def readings(self) -> Sequence[Sample]:
        """What the service measured since the last call; at first, the sample that open waited for."""
        assert self._reader is not None
        assert self._last is not None
        now_s = self._clock()
        fresh = [] if self._given else [self._last]
        for reply in self._reader.waiting():
            sample = self._sample(reply)
            if sample.time_s > self._last.time_s:
                fresh.append(sample)
                self._last = sample
        self._given = True
        if fresh:
            self._heard_s = now_s
        elif now_s - self._heard_s > self._silence_s:
            raise error("lost", f"it measured nothing new for {now_s - self._heard_s:.3g} s")
        self._stillness.check(self._last.values, now_s)
        return fresh

    def mark(self, label: str) -> None:
        self._stillness.mark(label, self._clock())

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _sample(self, reply: Mapping[str, Any]) -> Sample:
        """In watts, and on the system-wide monotonic clock: uptime goes on in suspend, that clock does not."""
        power_mw = reply["power_mw"]
        missing = [name for name in self._rails if name not in power_mw]
        if missing:
            raise error("lost", f"it shows the rail {missing[0]} no more")
        ahead_s = time.clock_gettime(CLOCK_BOOTTIME) - time.monotonic()
        return Sample(
            time_s=reply["uptime_s"] + UPTIME_STEP_S / 2 - ahead_s,
            values=tuple(power_mw[name] * 1e-3 for name in self._rails),  # mW
        )


def _interval_s(options: Options) -> float:
    """Raises UsageError naming what is allowed."""
    text = options.get("interval_s", str(INTERVAL_S))
    low_s, high_s = INTERVAL_LIMITS_S
    try:
        interval_s = float(text)
    except ValueError:
        interval_s = -1.0
    if not low_s <= interval_s <= high_s:
        raise UsageError(f"--power jtop: interval_s must lie in {low_s:g}..{high_s:g} seconds, got {text!r}")
    return interval_s


def _refused(socket: Path) -> SensorError | None:
    """Why nobody can talk to the service through this socket, as far as the file tells."""
    try:
        mode = socket.stat().st_mode
    except PermissionError:
        return error("permission", "")
    except OSError:
        return error("no service", "")
    if stat.S_ISDIR(mode):
        return SensorError(
            "JTOP_SOCKET_IS_DIR",
            f"{socket} is a folder: a container was started with -v for a socket that was not there",
            "start the service on the host, remove the folder there, and start the container with "
            "--mount type=bind,source=/run/jtop.sock,target=/run/jtop.sock",
        )
    return None if os.access(socket, os.R_OK | os.W_OK) else error("permission", "")


def _chosen(rails: Mapping[str, Any], board: Board | None, options: Options) -> Total:
    """Raises SensorError: NO_SENSOR_NANO2GB, NO_INA3221, UNKNOWN_RAILS."""
    if board is not None and board.sensor is None:
        raise SensorError(
            "NO_SENSOR_NANO2GB",
            f"the {board.name} has no power monitor, so the service jtop shows no power",
            "connect a USB or wall power meter that records, and give its file with --power-csv",
        )
    if not rails:
        raise SensorError(
            "NO_INA3221",
            "the service jtop runs and shows no power: it found no power monitor on this board",
            "use NVIDIA's kernel, whose driver shows the INA3221; elsewhere, use another source",
        )
    chosen = total(list(rails), board, options)
    if isinstance(chosen, NotMeasured):
        raise SensorError(chosen.code, chosen.reason, chosen.remedy)
    return chosen


def _resolution_w(name: str, rail: Mapping[str, float], board: Board | None) -> float:
    """One count of the shunt's voltage and one of the bus voltage, and the milliwatt that the service cuts to."""
    volt, current_a = rail["volt_mv"] * 1e-3, abs(rail["current_ma"]) * 1e-3
    shunt_ohm = board.shunt(name) if board else USUAL_SHUNT_OHM
    shunt_v = INA238_SHUNT_V if board and board.sensor == "ina238" else INA3221_SHUNT_V
    return volt * shunt_v / shunt_ohm + current_a * INA3221_BUS_V + READ_OUT_W


PLUGIN = Jtop()
