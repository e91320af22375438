"""powertop's reports, as an import: what the battery's driver said its rate was, once an iteration.

    powertop --csv=powertop.csv --time=1 --iteration=2000        # beside the run, on battery
    suite power import RUN 'powertop-*.csv' --power powertop

powertop writes a file per iteration, with the moment at which it began in its name, and one line of watts, if a battery
discharges. Version 2.9 separates by `;` under banners of asterisks, later ones by `,`; the number carries a unit with a
prefix. Its "energy consumed" is the rate of the iteration before times the time of this one: it is not read.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import ClassVar

from suite.errors import SensorError, UsageError
from suite.power.base import Description, Options, Sample
from suite.power.imported.csv_align import Aligned, by_marker
from suite.power.imported.csv_import import ImportedSource, file_of
from suite.power.imported.csv_log import Log
from suite.records import NotMeasured, Schedule

PERIOD_S = 1.0
SEARCH_S = 120.0
GAIN_ERROR = 0.05  # of a battery's own gauge; drivers do not say
MINIMUM_PERIODS = 30
LAG_PERIODS = 3  # a rate is that of the iteration before, and the gauge lags besides
STAMP = re.compile(r"-(\d{8}-\d{6})\.csv$")
RATE = re.compile(r"battery reports a discharge rate of:?[\s;,\"]*([\d.]+)\s*([kmuµ]?)W")
PREFIXES = {"": 1.0, "k": 1e3, "m": 1e-3, "u": 1e-6, "µ": 1e-6}


class Powertop(ImportedSource):
    """One mean rate per report, at the middle of its iteration."""

    name = "powertop"
    summary = "powertop's CSV reports of a laptop on battery, brought in after the run; no measurement of its own"
    machine = "laptop"
    rank = 910
    method = "powertop's rates"
    options: ClassVar[Mapping[str, str]] = {
        "file": "the reports, as a pattern: powertop-*.csv",
        "period_s": f"powertop's --time, for the length of windows ({PERIOD_S:g})",
    }

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last_w = 0.0

    def check(self, options: Options) -> None:
        _period_s(options)

    def available(self, options: Options) -> NotMeasured | None:
        try:
            self.log(options)
        except SensorError as error:
            return NotMeasured(code=error.code, reason=error.reason, remedy=error.remedy)
        return None

    def open(self, options: Options) -> Description:
        log = self.log(options)
        self._last_w = log.power_w[-1]
        return self.described(log, options)

    def read(self) -> Sample:
        return Sample(time_s=self._clock(), values=(self._last_w,))

    def log(self, options: Options) -> Log:
        pattern = file_of(options)
        found = pattern.parent.glob(pattern.name)
        stamped = sorted((match[1], path) for path in found if (match := STAMP.search(path.name)))
        if len(stamped) < 2:
            raise SensorError(
                "METER_NO_FILE",
                f"{pattern}: {len(stamped)} report(s) of powertop with a time in the name are there",
                "let powertop write one after the other: powertop --csv=powertop.csv --time=1 --iteration=2000",
            )
        starts_s = [datetime.strptime(stamp, "%Y%m%d-%H%M%S").astimezone().timestamp() for stamp, _ in stamped]
        lasted_s = [b - a for a, b in pairwise(starts_s)]
        lasted_s.append(median(lasted_s))
        middles_s = [start_s + each_s / 2 for start_s, each_s in zip(starts_s, lasted_s, strict=True)]
        powers_w = tuple(_rate_w(path) for _, path in stamped)
        return Log(column="discharge rate", unix=True, time_s=tuple(middles_s), power_w=powers_w)

    def planned(self, options: Options) -> Description:
        return _description(_period_s(options), 0.0)

    def described(self, log: Log, options: Options) -> Description:
        return _description(log.period_s, log.resolution_w)

    def aligned(self, log: Log, schedules: Sequence[Schedule], options: Options) -> Sequence[Aligned]:
        return by_marker(log, schedules, SEARCH_S)


def _description(period_s: float, resolution_w: float) -> Description:
    return Description(
        scope="whole laptop, as its battery's gauge told powertop",
        rails=("battery",),
        quantity="power",
        period_s=period_s,
        minimum_window_s=MINIMUM_PERIODS * period_s,
        resolution=resolution_w,
        gain_error=GAIN_ERROR,
        settle_s=LAG_PERIODS * period_s,
        clock_uncertainty_s=period_s,
    )


def _rate_w(path: Path) -> float:
    """The watts of one report. Raises SensorError where it has none."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        reason = f"{path}: the report can't be read: {(error.strerror or str(error)).lower()}"
        raise SensorError(
            "METER_NO_FILE", reason, "name reports that you may read (powertop writes as root)"
        ) from error
    found = RATE.search(text)
    if found is None:
        raise SensorError(
            "POWERTOP_NO_WATTS",
            f"{path}: powertop gives watts only while a battery discharges, and this report has none",
            "unplug the charger and repeat the run; on a board without a battery, use its own sensor or a meter",
        )
    return float(found[1]) * PREFIXES[found[2]]


def _period_s(options: Options) -> float:
    text = options.get("period_s", str(PERIOD_S))
    try:
        period_s = float(text)
    except ValueError as error:
        raise UsageError(f"--power powertop: period_s must be a number, got {text!r}") from error
    if not 0 < period_s < 3600:
        raise UsageError(f"--power powertop: period_s must be a positive number of seconds, got {text!r}")
    return period_s


PLUGIN = Powertop()
