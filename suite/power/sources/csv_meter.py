"""An external meter (USB, bench supply, wall plug) through the CSV that its program writes. Any device, no driver."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from suite.errors import SensorError, UsageError
from suite.power.base import Description, Options, Sample
from suite.power.imported import csv_log
from suite.power.imported.csv_align import Aligned, by_marker, by_stamps
from suite.power.imported.csv_import import ImportedSource, file_of
from suite.power.imported.csv_log import Log
from suite.records import NotMeasured, Schedule

DEFAULTS = {"period_s": 1.0, "offset_s": 0.0, "offset_error_s": 1.0, "search_s": 60.0, "gain_error": 0.02}
MINIMUM_PERIODS = 30  # below, an instantaneous reading a second says little of a load that changes


class CsvMeter(ImportedSource):
    """Times and powers of a file, laid over the run by its steps or by its stamps."""

    name = "csv"
    summary = "the log of an external meter (--power-csv FILE), brought in after the run"
    rank = 900
    options: ClassVar[Mapping[str, str]] = {
        "file": "the log: --power-csv FILE says the same",
        "column": "which column holds the power, where there are several",
        "align": "marker: by the steps that the load makes (default); offset: by the stamps",
        "offset_s": "what the stamps lack to this machine's clock, for align=offset (0)",
        "offset_error_s": f"how well that is known, 95 % ({DEFAULTS['offset_error_s']:g})",
        "search_s": f"how far stamps of the day may be wrong, for align=marker ({DEFAULTS['search_s']:g})",
        "gain_error": f"the meter's own relative error, 95 %, from its data sheet ({DEFAULTS['gain_error']:g})",
        "period_s": f"between two readings, where the file is not there before the run ({DEFAULTS['period_s']:g})",
    }

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last_w = 0.0

    def check(self, options: Options) -> None:
        settings = _settings(options)
        for name in ("period_s", "search_s"):
            if not settings[name] > 0:
                raise UsageError(f"--power csv: {name} must be a positive number, got {options[name]!r}")
        for name in ("offset_error_s", "gain_error"):
            if settings[name] < 0:
                raise UsageError(f"--power csv: {name} must be zero or more, got {options[name]!r}")
        if options.get("align", "marker") not in ("marker", "offset"):
            raise UsageError(f"--power csv: align must be marker or offset, got {options['align']!r}")

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
        """The log's last reading: all that a look at the file before a run can show."""
        return Sample(time_s=self._clock(), values=(self._last_w,))

    def log(self, options: Options) -> Log:
        return csv_log.load(file_of(options), options.get("column"))

    def planned(self, options: Options) -> Description:
        """By what is in the file already, or by `period_s`."""
        try:
            log = self.log(options)
        except SensorError:
            return _description("an external meter", _settings(options)["period_s"], 0.0, options)
        return self.described(log, options)

    def described(self, log: Log, options: Options) -> Description:
        by = "the stamps" if options.get("align") == "offset" else "the load's steps"
        assumed = "" if "gain_error" in options else ", assumed"
        gain = f"gain error {_settings(options)['gain_error'] * 100:g} %{assumed}"
        scope = f"all that the external meter feeds (column {log.column!r}, aligned by {by}, {gain})"
        return _description(scope, log.period_s, log.resolution_w, options)

    def aligned(self, log: Log, schedules: Sequence[Schedule], options: Options) -> Sequence[Aligned]:
        settings = _settings(options)
        if options.get("align") == "offset":
            offset_s, error_s = settings["offset_s"], settings["offset_error_s"]
            return [by_stamps(log, schedule, offset_s, error_s) for schedule in schedules]
        return by_marker(log, schedules, settings["search_s"])


def _description(scope: str, period_s: float, resolution_w: float, options: Options) -> Description:
    settings = _settings(options)
    return Description(
        scope=scope,
        rails=("meter",),
        quantity="power",
        period_s=period_s,
        minimum_window_s=MINIMUM_PERIODS * period_s,
        resolution=resolution_w,
        gain_error=settings["gain_error"],
        clock_uncertainty_s=settings["offset_error_s"] if options.get("align") == "offset" else period_s,
    )


def _settings(options: Options) -> dict[str, float]:
    """Every option that is a number. Raises UsageError."""
    settings = dict(DEFAULTS)
    for name in DEFAULTS.keys() & options.keys():
        try:
            settings[name] = float(options[name])
        except ValueError as error:
            raise UsageError(f"--power csv: {name} must be a number, got {options[name]!r}") from error
        if not math.isfinite(settings[name]):
            raise UsageError(f"--power csv: {name} must be a number, got {options[name]!r}")
    return settings


PLUGIN = CsvMeter()
