"""powertop's reports, as an import: what the battery's driver said its rate was, once an iteration.

    powertop --csv=powertop.csv --time=1 --iteration=2000        # beside the run, on battery
    suite power import RUN 'powertop-*.csv' --power powertop

powertop writes a file per iteration, with the moment at which it began in its name, and one line of watts, if a battery
discharges. Version 2.9 separates by `;` under banners of asterisks, later ones by `,`; the number carries a unit with a
prefix, and below 1 W a blank may stand behind that ("796 m W"). Its "energy consumed" is the rate of the iteration
before times the time of this one: it is not read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice, pairwise
from pathlib import Path
from statistics import median
from typing import ClassVar, NamedTuple

from suite.errors import SensorError, UsageError
from suite.power.base import Description, Options
from suite.power.imported.csv_align import Aligned, by_marker
from suite.power.imported.csv_import import ImportedSource, file_of, number
from suite.power.imported.csv_log import Log
from suite.power.imported.quantities import unit
from suite.power.imported.text import of_file, shown
from suite.records import Schedule

PERIOD_S = 1.0
SEARCH_S = 120.0
GAIN_ERROR = 0.05  # of a battery's own gauge; drivers do not say
MINIMUM_PERIODS = 30
LAG_PERIODS = 3  # a rate is that of the iteration before, and the gauge lags besides
MAX_REPORTS = 50_000
MAX_REPORT_LINES = 20_000
STAMP = re.compile(r"-(\d{8}-\d{6})\.csv$")
TITLE = re.compile(r"Device Power Report|PowerTOP Report|PowerTOP Version|battery reports", re.IGNORECASE)
# fmt_prefix of powertop's lib.cpp: a number of up to three digits, a blank, a prefix, and format_watts' W.
RATE = re.compile(r"battery reports a discharge rate of:?[\s;,\"]*(\d{1,9}(?:[.,]\d{1,9})?)\s*([kmuμn]?)\s*W\b")


class Report(NamedTuple):
    """When its iteration began (seconds since 1970), and where it is."""

    start_s: float
    path: Path


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

    def check(self, options: Options) -> None:
        _period_s(options)

    def log(self, options: Options) -> Log:
        reports = _reports(file_of(options))
        lasted_s = [b.start_s - a.start_s for a, b in pairwise(reports)]
        lasted_s.append(median(lasted_s))
        middles_s = [each.start_s + lasted / 2 for each, lasted in zip(reports, lasted_s, strict=True)]
        found = [_rate_w(each.path) for each in reports]
        rates = [(time_s, rate) for time_s, rate in zip(middles_s, found, strict=True) if isinstance(rate, float)]
        missing = [(each, rate) for each, rate in zip(reports, found, strict=True) if isinstance(rate, SensorError)]
        if len(rates) < 2:
            raise missing[0][1]
        first = shown(missing[0][0].path.name) if missing else ""
        note = f"{len(missing)} of {len(found)} reports hold no watts, first {first}" if missing else ""
        times_s, powers_w = zip(*rates, strict=True)
        return Log(column="discharge rate", unix=True, time_s=times_s, power_w=powers_w, note=note)

    def planned(self, options: Options) -> Description:
        return _description(_period_s(options), 0.0)

    def described(self, log: Log, options: Options) -> Description:
        return _description(log.period_s, log.resolution_w, log.note)

    def aligned(self, log: Log, schedules: Sequence[Schedule], options: Options) -> Sequence[Aligned]:
        return by_marker(log, schedules, SEARCH_S)


def _description(period_s: float, resolution_w: float, note: str = "") -> Description:
    return Description(
        scope=f"whole laptop, as its battery's gauge told powertop{f' ({note})' if note else ''}",
        rails=("battery",),
        quantity="power",
        period_s=period_s,
        minimum_window_s=MINIMUM_PERIODS * period_s,
        resolution=resolution_w,
        gain_error=GAIN_ERROR,
        settle_s=LAG_PERIODS * period_s,
        clock_uncertainty_s=period_s,
    )


def _reports(pattern: Path) -> list[Report]:
    """In the order of time. Raises SensorError METER_NO_FILE where they are fewer than two, or not of one run."""
    try:
        paths = sorted(islice(pattern.parent.glob(pattern.name), MAX_REPORTS + 1))
    except (OSError, ValueError, NotImplementedError) as error:
        raise _no_reports(f"{str(pattern)!r} is no pattern of files: {str(error).lower()}") from error
    if len(paths) > MAX_REPORTS:
        raise _no_reports(f"{pattern}: over {MAX_REPORTS:,} files match")
    stamped = [(match[1], path) for path in paths if (match := STAMP.search(path.name))]
    if len(stamped) < 2:
        raise _no_reports(f"{pattern}: {len(stamped)} report(s) of powertop with a time in the name are there")
    reports = [Report(_start_s(stamp, path), path) for stamp, path in sorted(stamped)]
    for before, after in pairwise(reports):
        if after.start_s <= before.start_s:
            raise _no_reports(
                f"{after.path}: it did not begin after {before.path.name}: these are of two runs, or of two clocks"
            )
    return reports


def _start_s(stamp: str, path: Path) -> float:
    """Local time in seconds since 1970. Raises SensorError METER_NO_FILE."""
    try:
        return datetime.strptime(stamp, "%Y%m%d-%H%M%S").timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise _no_reports(f"{path}: {stamp!r} in its name is no time") from error


def _no_reports(reason: str) -> SensorError:
    return SensorError(
        "METER_NO_FILE",
        reason,
        "let powertop write one after the other: powertop --csv=powertop.csv --time=1 --iteration=2000",
    )


def _rate_w(path: Path) -> float | SensorError:
    """The watts of one report, or why it has none. Raises SensorError where it can't be read."""
    is_report = False
    with of_file(path, "powertop's report") as text:
        for line in islice(text.lines(), MAX_REPORT_LINES):
            is_report = is_report or TITLE.search(line) is not None
            found = RATE.search(unicodedata.normalize("NFKC", line)) if "battery reports" in line else None
            rate = unit(f"{found[2]}W") if found else None
            if found and rate:
                return float(found[1].replace(",", ".")) * rate.factor
    if not is_report:
        return SensorError(
            "POWERTOP_NO_WATTS",
            f"{path}: this is no report of powertop in English",
            "run it as LC_ALL=C powertop --csv=powertop.csv, and name its reports alone",
        )
    return SensorError(
        "POWERTOP_NO_WATTS",
        f"{path}: powertop gives watts only while a battery discharges, and this report has none",
        "unplug the charger and repeat the run; on a board without a battery, use its own sensor or a meter",
    )


def _period_s(options: Options) -> float:
    period_s = number("powertop", options, "period_s", PERIOD_S)
    if not 0 < period_s < 3600:
        raise UsageError(
            f"--power powertop: period_s must be a positive number of seconds, got {options['period_s']!r}"
        )
    return period_s


PLUGIN = Powertop()
