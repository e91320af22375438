from __future__ import annotations

import pytest

from suite.errors import SensorError
from suite.power.sources.ina238 import Ina238
from tests.fakes import FakeClock
from tests.simulator import Board, constant, step

FOLDER = "sys/bus/i2c/devices/2-0044/hwmon/hwmon1"


def board(root, kind="thor", power_w=40.0):
    clock = FakeClock()
    made = Board(root, kind, clock=clock)
    made.follow(constant(power_w))
    made.update(clock())
    return made, Ina238(clock=clock), {"root": str(root)}


def test_power_comes_in_microwatts(tmp_path):
    made, source, options = board(tmp_path)
    made.put(f"{FOLDER}/power1_input", "43210000\n")
    assert source.available(options) is None
    described = source.open(options)
    assert described.rails == ("VIN",)
    assert described.scope == "module and carrier board"
    assert described.resolution == pytest.approx(20.0 * 5e-6 / 0.002)
    assert source.read().values == pytest.approx((43.21,))


def test_a_thors_only_monitor_needs_no_label(tmp_path):
    made, source, options = board(tmp_path)
    made.remove(f"{FOLDER}/in1_label")
    assert source.open(options).rails == ("VIN",)


def test_another_label_is_not_taken_for_the_total(tmp_path):
    made, source, options = board(tmp_path)
    made.put(f"{FOLDER}/in1_label", "VDD_FAN\n")
    refused = source.available(options)
    assert refused.code == "UNKNOWN_RAILS"
    assert "VDD_FAN" in refused.reason


def test_on_an_unknown_board_the_rail_must_be_chosen(tmp_path):
    made, source, options = board(tmp_path)
    made.put("proc/device-tree/model", "Somebody's\0")
    made.put("proc/device-tree/compatible", "somebody,carrier\0")
    assert source.available(options).code == "UNKNOWN_RAILS"
    assert source.open(options | {"rails": "VIN"}).scope == "the rails VIN alone, as chosen with --rails"


def test_without_the_driver_there_is_no_ina238(tmp_path):
    _, source, options = board(tmp_path, "orin-nano")
    assert source.available(options).code == "NO_INA238"
    with pytest.raises(SensorError, match="no INA238"):
        source.open(options)


def test_a_monitor_that_vanishes_mid_run_is_lost(tmp_path):
    made, source, options = board(tmp_path)
    source.open(options)
    source.read()
    made.remove(FOLDER)
    with pytest.raises(SensorError, match="power1_input can't be read") as caught:
        source.read()
    assert caught.value.code == "SENSOR_LOST"


def test_a_frozen_monitor_is_found_out_when_the_load_changes(tmp_path):
    clock = FakeClock()
    made = Board(tmp_path, "thor", clock=clock)
    made.follow(step(20.0, 40.0, at_s=1003.0))
    made.freeze()
    source = Ina238(clock=clock)
    source.open({"root": str(tmp_path)})
    source.mark("idle")
    source.read()
    clock.sleep(3.0)
    source.mark("load")
    clock.sleep(1.9)
    source.read()
    clock.sleep(0.2)
    with pytest.raises(SensorError) as caught:
        source.read()
    assert caught.value.code == "SENSOR_FROZEN"
