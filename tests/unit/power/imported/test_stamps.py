"""Stamps: what kind they are is found once, for the whole file."""

from __future__ import annotations

import time

import pytest

from suite.errors import SensorError
from suite.power.imported import csv_log
from suite.power.imported.columns import asked_of

UNIX_S = 1_795_956_800.0  # 2026-11-29 12:53:20 UTC


@pytest.fixture(autouse=True)
def _local_time_is_of_berlin(monkeypatch):
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def log_of(*stamps, head="time", options=None, delimiter=";"):
    text = "\n".join([f"{head}{delimiter}watts", *(f"{stamp}{delimiter}7" for stamp in stamps)]) + "\n"
    return csv_log.parse(text, "m.csv", asked=asked_of(options or {}))


DATES = {
    "ISO, UTC": ("2026-11-29T12:53:20Z", "2026-11-29T12:53:21Z"),
    "ISO with a zone": ("2026-11-29T14:53:20+02:00", "2026-11-29T14:53:21+0200"),
    "ISO, local": ("2026-11-29 13:53:20", "2026-11-29 13:53:21.000000"),
    "slashes, year first": ("2026/11/29 13:53:20", "2026/11/29 13:53:21"),
    "day.month.year": ("29.11.2026 13:53:20", "29.11.2026 13:53:21,000"),
    "day.month.year, two digits": ("29.11.26 13:53:20", "29.11.26 13:53:21"),
    "day/month/year": ("29/11/2026 13:53:20", "29/11/2026 13:53:21"),
    "month/day/year with PM": ("11/29/2026 1:53:20 PM", "11/29/2026 1:53:21 PM"),
    "month/day/year with p.m. and a comma": ("11/29/2026, 01:53:20\u202fp.m.", "11/29/2026, 01:53:21\u202fp.m."),
    "month/day/year of 24 hours": ("11/29/2026 13:53:20", "11/29/2026 13:53:21"),
    "ISO of a week": ("2026-W48-7T13:53:20", "2026-W48-7T13:53:21"),
    "ISO without marks": ("20261129T125320Z", "20261129T125321Z"),
    "without marks": ("20261129T135320", "20261129 135321"),
    "UNIX seconds": ("1795956800", "1795956801"),
    "UNIX milliseconds": ("1795956800000", "1795956801000"),
    "UNIX microseconds": ("1795956800000000", "1795956801000000"),
    "UNIX nanoseconds": ("1795956800000000000", "1795956801000000000"),
}


@pytest.mark.parametrize("stamps", DATES.values(), ids=DATES)
def test_a_stamp_of_the_day_is_seconds_since_1970(stamps):
    log = log_of(*stamps)
    assert log.unix
    assert log.time_s == (UNIX_S, UNIX_S + 1)


def test_a_column_named_after_utc_holds_utc():
    assert log_of("2026-11-29 12:53:20", "2026-11-29 12:53:21", head="Time (UTC)").time_s[0] == UNIX_S


def test_a_date_and_a_time_of_the_day_in_two_columns_are_one_stamp():
    text = "Date;Time;watts\n11/29/2026;01:53:20 PM;7\n11/29/2026;01:53:21 PM;7\n"
    assert csv_log.parse(text, "m.csv").time_s == (UNIX_S, UNIX_S + 1)


def test_the_order_of_dates_is_found_from_the_whole_file_or_asked_for():
    assert log_of("12/11/2026 23:59:59", "13/11/2026 00:00:00").period_s == 1
    assert log_of("11/11/2026 23:59:59", "12/11/2026 00:00:00", "13/11/2026 00:00:00").time_s[1] == 1_794_438_000
    stamps = ("11/12/2026 10:00:00", "11/12/2026 10:00:01")
    with pytest.raises(
        SensorError, match=r"'11/12/2026 10:00:00' leaves open which of its numbers is the month"
    ) as caught:
        log_of(*stamps)
    assert "dates=dmy" in caught.value.remedy
    december, november = (log_of(*stamps, options={"dates": order}).time_s[0] for order in ("dmy", "mdy"))
    assert december - november == 29 * 86_400
    with_am = log_of("11/12/2026 10:00:00 AM", "11/12/2026 10:00:01 AM")
    assert with_am.time_s[0] == november  # who writes AM names the month first


CLOCKS = {
    "elapsed": (("0:00:00", "0:00:01.5"), (0.0, 1.5)),
    "elapsed over a day": (("24:00:00", "25:00:00"), (86_400.0, 90_000.0)),
    "past midnight": (("23:59:59", "00:00:00"), (86_399.0, 86_400.0)),
    "past midnight with AM": (("11:59:59 PM", "12:00:00 AM"), (86_399.0, 86_400.0)),
    "past noon with PM": (("11:59:59 AM", "12:00:00 PM"), (43_199.0, 43_200.0)),
}


@pytest.mark.parametrize(("stamps", "seconds"), CLOCKS.values(), ids=CLOCKS)
def test_a_time_of_the_day_counts_on_past_midnight(stamps, seconds):
    log = log_of(*stamps)
    assert (log.time_s, log.unix) == (seconds, False)


def test_midnight_comes_more_than_once():
    log = log_of("23:59:59", "00:00:00", "12:00:00", "23:59:59", "00:00:01")
    assert log.time_s == (86_399.0, 86_400.0, 129_600.0, 172_799.0, 172_801.0)


REFUSED = {
    "a year beyond": (("9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59-14:00"), "no time that a run could have"),
    "the year 0": (("0000-01-01 00:00:00", "0000-01-01 00:00:01"), "is no time"),
    "a month beyond": (("2026-13-01 00:00:00", "2026-13-01 00:00:01"), "is no time"),
    "an hour beyond": (("2026-11-29 25:00:00", "2026-11-29 25:00:01"), "is no time"),
    "thirteen PM": (("13:00:00 PM", "13:00:01 PM"), "no time of a clock with AM and PM"),
    "a zone by its name": (("2026-11-29 12:00:00 CEST", "2026-11-29 12:00:01 CEST"), "is no time"),
    "words": (("at first", "then"), "is no time"),
}


@pytest.mark.parametrize(("stamps", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_stamp_that_is_none_is_named(stamps, reason):
    with pytest.raises(SensorError, match=rf"m.csv:2: column 'time' holds .*{reason}"):
        log_of(*stamps)


def test_two_kinds_of_stamps_are_refused():
    with pytest.raises(SensorError, match=r"m.csv:3: .* is a date, where the stamps above are a number each"):
        log_of("0", "2026-11-29 12:53:21", "2")


def test_a_clock_that_was_set_back_is_told_apart_from_a_log_out_of_order():
    with pytest.raises(SensorError, match=r"m.csv:3: time goes back by 3600 s, at '2026-10-25T02:00:00Z'") as caught:
        log_of("2026-10-25T03:00:00Z", "2026-10-25T02:00:00Z")
    assert "its clock was set meanwhile" in caught.value.remedy
    with pytest.raises(SensorError, match=r"m.csv:4: time goes back by 3 s") as caught:
        log_of("5", "6", "3")
    assert "in the order of time" in caught.value.remedy
