from __future__ import annotations

import os
from datetime import datetime

import pytest

from suite.errors import SensorError, UsageError
from suite.power.imported.csv_import import readings
from suite.power.sources.powertop import PLUGIN
from suite.records import EnergyReading
from tests.unit.power.sources.test_csv_meter import IDLE_W, LOAD_W, UNIX_S, power_w, schedule

REPORT_2_9 = """________________________________________________________________________________
 *  *  *   Device Power Report   *  *  *

The battery reports a discharge rate of: {rate};
The power consumed was : 147 J;
Usage;Device Name;PW Estimate
  5.5%;CPU core;  2.62 W
"""
REPORT_2_15 = """*** Device Power Report ***

"The battery reports a discharge rate of: ","{rate}"
"The energy consumed was : ","147 J"
Usage,Device Name,PW Estimate
"""
ON_MAINS = " *  *  *   Device Power Report   *  *  *\n\nUsage;Device Name\n  5.5%;CPU core\n"


def report(folder, unix_s, text):
    stamp = datetime.fromtimestamp(unix_s).strftime("%Y%m%d-%H%M%S")
    (folder / f"powertop-{stamp}.csv").write_text(text)


@pytest.mark.parametrize("text", [REPORT_2_9, REPORT_2_15], ids=["2.9", "2.15"])
@pytest.mark.parametrize(
    ("rate", "watts"),
    [
        ("12.5 W", 12.5),
        (" 983 mW ", 0.983),
        ("  796 m W", 0.796),
        ("   8.30 m W", 0.0083),
        (" 412 \u00b5W", 412e-6),
        (" 412 \u03bcW", 412e-6),
        ("1.02 kW", 1020.0),
        ("12,5 W", 12.5),
        ("    0 mW", 0.0),
    ],
)
def test_the_rate_is_read_with_its_prefix_in_both_formats(tmp_path, text, rate, watts):
    for second in range(3):
        report(tmp_path, UNIX_S + 20 * second, text.format(rate=rate))
    log = PLUGIN.log({"file": str(tmp_path / "powertop-*.csv")})
    assert log.power_w == pytest.approx((watts,) * 3)
    assert log.time_s == tuple(UNIX_S + 10 + 20 * second for second in range(3))
    assert (log.unix, log.period_s) == (True, 20.0)


def test_reports_of_a_machine_on_mains_hold_no_watts(tmp_path):
    for second in range(3):
        report(tmp_path, UNIX_S + second, ON_MAINS)
    missing = PLUGIN.available({"file": str(tmp_path / "powertop-*.csv")})
    assert missing.code == "POWERTOP_NO_WATTS"
    assert "only while a battery discharges" in missing.reason


def test_one_report_is_no_series(tmp_path):
    with pytest.raises(SensorError, match=r"0 report\(s\) of powertop") as caught:
        PLUGIN.log({"file": str(tmp_path / "powertop-*.csv")})
    assert caught.value.code == "METER_NO_FILE"
    assert "--iteration" in caught.value.remedy


def test_an_import_from_powertop_is_labelled_as_one(tmp_path):
    plan = [schedule()]
    for second in range(60, 330):
        report(tmp_path, UNIX_S + second, REPORT_2_9.format(rate=f"{power_w(plan, second - 1):.2f} W"))
    (found,) = readings(PLUGIN, {"file": str(tmp_path / "powertop-*.csv")}, plan)
    assert isinstance(found, EnergyReading)
    assert (found.source, found.method) == ("powertop", "powertop's rates")
    assert [window.energy_j for window in found.windows] == pytest.approx([LOAD_W * 40.0] * 3, rel=0.01)
    assert found.idle_before_w == pytest.approx(IDLE_W)
    assert found.budget.gain_j == pytest.approx(0.05 * LOAD_W * 40.0, rel=0.01)


def test_a_wrong_period_is_named():
    with pytest.raises(UsageError, match="period_s must be a positive number of seconds, got '0'"):
        PLUGIN.check({"period_s": "0"})
    with pytest.raises(UsageError, match="period_s must be a number, got 'x'"):
        PLUGIN.check({"period_s": "x"})
    assert PLUGIN.planned({"period_s": "5"}).minimum_window_s == 150.0


def test_reports_without_watts_among_others_are_gaps_and_named(tmp_path):
    plan = [schedule()]
    for second in range(60, 330):
        rate = REPORT_2_9.format(rate=f"{power_w(plan, second - 1):.2f} W")
        report(tmp_path, UNIX_S + second, ON_MAINS if second in (62, 63) else rate)
    options = {"file": str(tmp_path / "powertop-*.csv")}
    (found,) = readings(PLUGIN, options, plan)
    assert isinstance(found, EnergyReading)
    assert "2 of 270 reports hold no watts, first " in found.scope
    for second in range(180, 184):
        report(tmp_path, UNIX_S + second, ON_MAINS)
    (found,) = readings(PLUGIN, options, plan)
    assert found.code == "GAP"


def test_a_report_in_another_language_is_no_machine_on_mains(tmp_path):
    for second in range(3):
        report(tmp_path, UNIX_S + second, "Die Batterie meldet eine Entladerate von: 12,5 W;\n")
    missing = PLUGIN.available({"file": str(tmp_path / "powertop-*.csv")})
    assert (missing.code, "LC_ALL=C" in missing.remedy) == ("POWERTOP_NO_WATTS", True)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["powertop-99999999-999999.csv", "powertop-20261129-120000.csv"], "'99999999-999999' in its name is no time"),
        (["powertop-00010101-000000.csv", "powertop-20261129-120000.csv"], "in its name is no time"),
        (["a-20261129-120000.csv", "b-20261129-120000.csv"], "of two runs, or of two clocks"),
    ],
)
def test_reports_that_are_no_series_are_named(tmp_path, names, reason):
    for name in names:
        (tmp_path / name).write_text(REPORT_2_9.format(rate="12.5 W"))
    with pytest.raises(SensorError, match=reason) as caught:
        PLUGIN.log({"file": str(tmp_path / "*.csv")})
    assert caught.value.code == "METER_NO_FILE"


@pytest.mark.parametrize("pattern", ["", "/", "**", "a\0b-*.csv", "[", "../../../*"])
def test_a_pattern_that_is_none_is_refused(pattern):
    with pytest.raises(SensorError) as caught:
        PLUGIN.log({"file": pattern})
    assert caught.value.code == "METER_NO_FILE"


def test_what_is_no_regular_file_among_the_reports_is_refused(tmp_path):
    os.mkfifo(tmp_path / "powertop-20261129-120000.csv")
    (tmp_path / "powertop-20261129-120001.csv").write_text(REPORT_2_9.format(rate="12.5 W"))
    with pytest.raises(SensorError, match="this is no regular file"):
        PLUGIN.log({"file": str(tmp_path / "*.csv")})
