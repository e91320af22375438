from __future__ import annotations

import pytest

from suite.errors import SensorError
from suite.power.sources.battery import Battery
from tests.fakes import FakeClock
from tests.simulator import Board, constant, noisy

BAT0 = "sys/class/power_supply/BAT0"
BAT1 = "sys/class/power_supply/BAT1"


def machine(root, kind="battery", power_w=12.5):
    clock = FakeClock()
    board = Board(root, kind, clock=clock)
    board.follow(constant(power_w))
    board.update(clock())
    return board, Battery(clock=clock), {"root": str(root)}


def test_power_now_comes_in_microwatts(tmp_path):
    board, source, options = machine(tmp_path)
    board.put(f"{BAT0}/power_now", "12345000\n")
    assert source.available(options) is None
    described = source.open(options)
    assert described.rails == ("BAT0",)
    assert described.scope.startswith("whole machine")
    assert (described.period_s, described.minimum_window_s, described.part) == (1.0, 120.0, "whole")
    assert source.read().values == pytest.approx((12.345,))


@pytest.mark.parametrize("current_ua", [1_500_000, -1_500_000])
def test_current_times_voltage_stands_in_for_power_whatever_its_sign(tmp_path, current_ua):
    board, source, options = machine(tmp_path, "battery-current")
    board.put(f"{BAT1}/current_now", f"{current_ua}\n")
    board.put(f"{BAT1}/voltage_now", "11400000\n")
    source.open(options)
    assert source.read().values == pytest.approx((17.1,))


def test_a_second_battery_that_rests_gives_nothing(tmp_path):
    board, source, options = machine(tmp_path)
    for name, text in (("type", "Battery"), ("status", "Not charging"), ("power_now", "0")):
        board.put(f"{BAT1}/{name}", f"{text}\n")
    assert source.open(options).rails == ("BAT0", "BAT1")
    assert source.read().values == pytest.approx((12.5, 0.0))


def test_a_charger_that_is_plugged_in_is_named(tmp_path):
    board, source, options = machine(tmp_path)
    board.plug(True)
    refused = source.available(options)
    assert refused.code == "ON_AC"
    assert "plugged in (AC)" in refused.reason
    assert refused.remedy.startswith("unplug the charger")


def test_a_battery_that_is_full_or_unknown_does_not_show_the_power(tmp_path):
    board, source, options = machine(tmp_path)
    board.put(f"{BAT0}/status", "Full\n")
    refused = source.available(options)
    assert refused.code == "ON_AC"
    assert "BAT0: Full" in refused.reason


def test_a_charger_that_is_plugged_in_mid_run_ends_it(tmp_path):
    board, source, options = machine(tmp_path)
    source.open(options)
    source.read()
    board.plug(True)
    with pytest.raises(SensorError) as caught:
        source.read()
    assert caught.value.code == "ON_AC"


def test_a_gauge_that_repeats_itself_for_a_minute_is_stale(tmp_path):
    board, _, options = machine(tmp_path)
    clock = FakeClock()
    source = Battery(clock=clock)
    source.open(options)
    board.follow(noisy(12.0, 1.0, seed=1, start_s=1000.0, end_s=1200.0))
    for _ in range(30):
        board.update(clock())
        source.read()
        clock.sleep(1.0)
    for _ in range(59):  # the last change was at 1029 s
        source.read()
        clock.sleep(1.0)
    with pytest.raises(SensorError, match="exactly the same power for 60 s") as caught:
        source.read()
    assert caught.value.code == "BATTERY_STALE"


def test_the_battery_of_a_mouse_is_not_the_machines(tmp_path):
    board, source, options = machine(tmp_path, "intel")
    mouse = "sys/class/power_supply/hidpp_battery_0"
    for name, text in (("type", "Battery"), ("scope", "Device"), ("online", "1"), ("status", "Discharging")):
        board.put(f"{mouse}/{name}", f"{text}\n")
    refused = source.available(options)
    assert (refused.code, refused.reason) == ("NO_BATTERY", "this machine has no battery")


def test_a_battery_that_reports_no_power_is_none(tmp_path):
    board, source, options = machine(tmp_path)
    board.remove(f"{BAT0}/power_now")
    board.remove(f"{BAT0}/voltage_now")
    refused = source.available(options)
    assert refused.code == "NO_BATTERY"
    assert "BAT0 reports neither its power nor its current and voltage" in refused.reason


def supply(board, folder, **files):
    for name, text in files.items():
        board.put(f"sys/class/power_supply/{folder}/{name}", f"{text}\n")


RESTING = {"type": "Battery", "status": "Unknown"}


@pytest.mark.parametrize(
    "second",
    [
        RESTING,  # neither its power nor its current
        {**RESTING, "status": "Not charging"},
        {**RESTING, "status": "Full", "power_now": 0},
        {**RESTING, "status": "Charging", "power_now": 5_000_000},  # by the other battery
        {**RESTING, "current_now": 0, "voltage_now": 12_000_000},
    ],
)
def test_a_battery_that_rests_beside_the_one_that_works_is_named_and_costs_nothing(tmp_path, second):
    board, source, options = machine(tmp_path)
    supply(board, "BAT1", **second)
    assert source.available(options) is None
    described = source.open(options)
    assert described.rails == ("BAT0", "BAT1")
    assert ("; BAT1 tells nothing and gives nothing" in described.scope) == (len(second) == 2)
    assert source.read().values == pytest.approx((12.5, 0.0))


def test_an_empty_bay_is_no_battery(tmp_path):
    board, source, options = machine(tmp_path)
    supply(board, "BAT1", type="Battery", present="0", status="Unknown")
    assert source.open(options).rails == ("BAT0",)
    supply(board, "BAT0", present="0")
    assert source.available(options).reason == "this machine has no battery"


def test_two_batteries_that_discharge_are_added(tmp_path):
    board, source, options = machine(tmp_path)
    supply(board, "BAT1", type="Battery", status="Discharging", current_now=-500_000, voltage_now=12_000_000)
    source.open(options)
    assert source.read().values == pytest.approx((12.5, 6.0))


def test_a_battery_that_discharges_and_tells_nothing_makes_the_sum_too_small(tmp_path):
    board, source, options = machine(tmp_path)
    supply(board, "BAT1", type="Battery", status="Discharging")
    refused = source.available(options)
    assert refused.code == "NO_BATTERY"
    assert "the battery BAT1 reports neither" in refused.reason


@pytest.mark.parametrize("power_now", ["", "n/a", "0"])
def test_current_and_voltage_stand_in_for_a_power_that_can_not_be_read(tmp_path, power_now):
    board, source, options = machine(tmp_path)
    supply(board, "BAT0", power_now=power_now, current_now=1_500_000, voltage_now=11_400_000)
    source.open(options)
    assert source.read().values == pytest.approx((17.1,))


def test_a_power_that_the_system_refuses_is_stood_in_for_as_well(tmp_path):
    board, _, options = machine(tmp_path)
    supply(board, "BAT0", current_now=1_500_000, voltage_now=11_400_000)

    def read(path):
        if path.name == "power_now":
            raise OSError(61, "No data available")
        return path.read_bytes()

    source = Battery(clock=FakeClock(), read=read)
    source.open(options)
    assert source.read().values == pytest.approx((17.1,))


@pytest.mark.parametrize("online", ["1", "2"])
def test_a_charger_of_either_kind_is_a_charger(tmp_path, online):
    board, source, options = machine(tmp_path)
    supply(board, "ucsi-source-psy-1", type="USB", online=online)
    refused = source.available(options)
    assert refused.code == "ON_AC"
    assert "ucsi-source-psy-1" in refused.reason


def test_a_state_that_can_not_be_read_for_a_moment_is_no_charger(tmp_path):
    board, source, options = machine(tmp_path)
    source.open(options)
    board.put(f"{BAT0}/status", "")
    with pytest.raises(SensorError, match="the state of the battery BAT0 can't be read") as caught:
        source.read()
    assert caught.value.code == "SENSOR_LOST"


def test_a_battery_that_vanishes_mid_run_is_noticed(tmp_path):
    board, source, options = machine(tmp_path)
    source.open(options)
    board.remove(f"{BAT0}/power_now")
    with pytest.raises(SensorError) as caught:
        source.read()
    assert caught.value.code == "SENSOR_LOST"
