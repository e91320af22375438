"""An external meter (USB, bench supply, wall plug) through the CSV that its program writes. Any device, no driver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from suite.errors import SensorError, UsageError
from suite.power.base import Description, Options
from suite.power.imported import csv_log
from suite.power.imported.columns import asked_of
from suite.power.imported.csv_align import Aligned, by_marker, by_stamps
from suite.power.imported.csv_import import ImportedSource, file_of, number
from suite.power.imported.csv_log import Log
from suite.power.imported.text import written_s
from suite.records import Schedule
from suite.units import show

DEFAULTS = {"period_s": 1.0, "offset_s": 0.0, "offset_error_s": 1.0, "search_s": 60.0, "gain_error": 0.02}
FILE_STAMP_S = 2.0  # as coarse as file systems stamp what they hold
MINIMUM_PERIODS = 30  # below, an instantaneous reading a second says little of a load that changes


class CsvMeter(ImportedSource):
    """Times and powers of a file, laid over the run by its steps or by its stamps."""

    name = "csv"
    summary = "the log of an external meter (--power-csv FILE), brought in after the run"
    rank = 900
    names = frozenset(("file", "column", "time", "volts"))
    options: ClassVar[Mapping[str, str]] = {
        "file": "the log: --power-csv FILE says the same",
        "column": "which column holds the power, or the current, where there are several",
        "unit": "of that column, where its name tells none: W, mW, uW, A, mA or uA",
        "volts": "the voltage, where the log holds the current alone: a number, or a column's name",
        "time": "which column holds the time, where no name says so",
        "time_unit": "of that column, where its name tells none: s, ms, us, ns, min or h (s)",
        "dates": "in which order dates are, where the log leaves it open: dmy, mdy or ymd",
        "decimal": "the decimal mark, where the log leaves it open: point or comma",
        "from_before": "yes: take a log of elapsed time that was written before the run (no)",
        "align": "marker: by the steps that the load makes (default); offset: by the stamps",
        "offset_s": "what the stamps lack to this machine's clock, for align=offset (0)",
        "offset_error_s": f"how well that is known, 95 % ({DEFAULTS['offset_error_s']:g})",
        "search_s": f"how far stamps of the day may be wrong, for align=marker ({DEFAULTS['search_s']:g})",
        "gain_error": f"the meter's own relative error, 95 %, from its data sheet ({DEFAULTS['gain_error']:g})",
        "period_s": f"between two readings, where the file is not there before the run ({DEFAULTS['period_s']:g})",
    }

    def check(self, options: Options) -> None:
        settings = _settings(options)
        for name in ("period_s", "search_s"):
            if not settings[name] > 0:
                raise UsageError(f"--power csv: {name} must be a positive number, got {options[name]!r}")
        for name in ("offset_error_s", "gain_error"):
            if settings[name] < 0:
                raise UsageError(f"--power csv: {name} must be zero or more, got {options[name]!r}")
        if options.get("from_before", "no") not in ("yes", "no"):
            raise UsageError(f"--power csv: from_before must be yes or no, got {options['from_before']!r}")
        asked_of(options)
        if options.get("align", "marker") not in ("marker", "offset"):
            raise UsageError(f"--power csv: align must be marker or offset, got {options['align']!r}")

    def log(self, options: Options) -> Log:
        return csv_log.load(file_of(options), asked=asked_of(options))

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
        note = f"; {log.note}" if log.note else ""
        scope = f"all that the external meter feeds (column {log.column!r}, aligned by {by}, {gain}{note})"
        return _description(scope, log.period_s, log.resolution_w, options)

    def aligned(self, log: Log, schedules: Sequence[Schedule], options: Options) -> Sequence[Aligned]:
        settings = _settings(options)
        if options.get("align") == "offset":
            offset_s, error_s = settings["offset_s"], settings["offset_error_s"]
            places: Sequence[Aligned] = [by_stamps(log, schedule, offset_s, error_s) for schedule in schedules]
        else:
            places = by_marker(log, schedules, settings["search_s"])
        if not log.unix and options.get("from_before") != "yes":
            _refuse_older(options, schedules)
        return places


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
    return {name: number("csv", options, name, default) for name, default in DEFAULTS.items()}


def _refuse_older(options: Options, schedules: Sequence[Schedule]) -> None:
    """Elapsed time does not say of which day it is; a file that was written before the run can't be of it.

    Raises SensorError METER_OLD.
    """
    began_s = min(each.idle_before.start_s + each.unix_offset_s[0] for each in schedules)
    file = file_of(options)
    before_s = began_s - written_s(file)
    if before_s > FILE_STAMP_S:
        raise SensorError(
            "METER_OLD",
            f"{file}: this log of elapsed time was last written to {show(before_s, 's')} before the run began",
            "export the log of this run; if it is that, written under a wrong clock: --power-csv-from-before, or"
            " --power csv:from_before=yes",
        )


PLUGIN = CsvMeter()
