"""Each file in tests/data/meters is in the layout that its meter's maker, or the logger used with it, writes."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from suite.errors import SensorError
from suite.power.imported import csv_log
from suite.power.imported.columns import asked_of

METERS = Path(__file__).resolve().parents[3] / "data" / "meters"
TRUE_W = (2.0, 2.0, 7.0, 7.0, 2.0)
UNIX_S = 1_795_956_800.0
# File -> what has to be told, the column that is read, whether its stamps are of the day. Where each layout is from:
# pc-nrfconnect-ppk's export; PowerTool's and PyMonsoon's sampleEngine's; Otii's export of channels; Joulescope's
# statistics recording; Shelly's Switch component; python-kasa's emeter; tapo's EnergyUsageResult; rd-usb's export
# (UM25C); fnirsi_logger (FNB58); the INA219 library's own names; Watts up's USB software; Home Assistant's history.
LAYOUTS = {
    "nordic-ppk2.csv": ({"volts": "5.0"}, "Current(uA)", False),
    "monsoon-powertool.csv": ({}, "Main Avg Power (mW)", False),
    "monsoon-pymonsoon.csv": ({}, "Main(mA) x Main Voltage(V)", False),
    "otii.csv": ({}, "Main power (W)", False),
    "joulescope.csv": ({}, "power", False),
    "shelly.csv": ({}, "apower", True),
    "kasa.csv": ({}, "power_mw", True),
    "tapo.csv": ({"unit": "mW"}, "current_power", True),
    "um25c-rd-usb.csv": ({}, "Power (W)", True),
    "fnirsi-fnb58.txt": ({}, "current_A x voltage_V", True),
    "ina219.csv": ({}, "current_mA x busvoltage", False),
    "watts-up.txt": ({}, "Watts", True),
    "home-assistant.csv": ({}, "sensor.desk_power", True),
}


@pytest.fixture(autouse=True)
def _local_time_is_utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_every_meter_with_a_file_is_read_here():
    assert {path.name for path in METERS.iterdir()} == set(LAYOUTS)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_meters_export_is_read_as_it_comes(name):
    options, column, unix = LAYOUTS[name]
    log = csv_log.load(METERS / name, asked=asked_of(options))
    assert log.power_w[:5] == pytest.approx(TRUE_W, rel=1e-3)
    assert [time_s - log.time_s[0] for time_s in log.time_s[:5]] == pytest.approx([0, 1, 2, 3, 4])
    assert (log.column, log.unix) == (column, unix)
    assert not unix or abs(log.time_s[0] - UNIX_S) < 3600


@pytest.mark.parametrize(
    ("name", "reason", "remedy"),
    [
        ("nordic-ppk2.csv", "is a current, and no column of voltage goes with it .Nordic PPK2.", "csv:volts=3.3"),
        ("tapo.csv", "the unit of column 'current_power' differs between exports of Tapo", "csv:unit=mW"),
    ],
)
def test_what_a_meters_export_leaves_open_is_asked_for(name, reason, remedy):
    with pytest.raises(SensorError, match=reason) as caught:
        csv_log.load(METERS / name)
    assert remedy in caught.value.remedy


def test_the_main_channel_is_read_only_where_the_others_carry_nothing():
    head = "Time(s),Main(mA),USB(mA),Aux(mA),Main Voltage(V),USB Voltage(V),\n"
    rows = "0,1400,200,0,5,5,\n1,1400,200,0,5,5,\n"
    with pytest.raises(SensorError, match=r"two channels carry power, 'USB\(mA\)' beside 'Main\(mA\)'"):
        csv_log.parse(head + rows, "m.csv")
    assert csv_log.parse(head + rows, "m.csv", "USB(mA)").power_w == pytest.approx((1.0, 1.0))


def test_a_state_of_home_assistant_holds_until_it_changes_and_not_while_it_is_unavailable():
    log = csv_log.load(METERS / "home-assistant.csv")
    assert [time_s - UNIX_S for time_s in log.time_s] == [0, 1, 2, 3, 4, 6, 7]
    assert log.power_w == (2.0, 2.0, 7.0, 7.0, 2.0, 2.0, 2.1)
    assert "watts assumed" in log.note


def history(*entities):
    return "entity_id,state,last_changed\n" + "".join(
        f"{name},{7 + second},2026-11-29T13:13:2{second}Z\n" for name in entities for second in range(3)
    )


def test_of_several_entities_the_power_is_taken_or_asked_for():
    assert csv_log.parse(history("sensor.a_voltage", "sensor.a_power"), "h.csv").column == "sensor.a_power"
    with pytest.raises(SensorError, match=r"several entities could be meant: sensor.a_power, sensor.b_power"):
        csv_log.parse(history("sensor.a_power", "sensor.b_power"), "h.csv")
    assert csv_log.parse(history("sensor.a_power", "sensor.b_power"), "h.csv", "sensor.b_power").power_w[0] == 7
    with pytest.raises(SensorError, match=r"no entity is a power by its name: sensor.a_energy"):
        csv_log.parse(history("sensor.a_energy"), "h.csv")
    with pytest.raises(SensorError, match=r"'sensor.plug' is no power by its name") as caught:
        csv_log.parse(history("sensor.plug"), "h.csv", "sensor.plug")
    assert "unit=W" in caught.value.remedy
    asked = asked_of({"column": "sensor.plug", "unit": "mW"})
    assert csv_log.parse(history("sensor.plug"), "h.csv", asked=asked).power_w[0] == 0.007
