from __future__ import annotations

import pytest

from suite.errors import SensorError
from suite.power.sources.ina238 import Ina238
from tests.fakes import FakeClock
from tests.simulator import Board, constant

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


def test_on_another_board_the_monitor_of_the_table_is_named(tmp_path):
    made, source, options = board(tmp_path)
    made.put("proc/device-tree/model", "NVIDIA Jetson AGX Orin Developer Kit\0")
    made.put("sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon9/in1_label", "VDD_GPU_SOC\n")
    refused = source.available(options)
    assert (refused.code, refused.code in source.codes_elsewhere) == ("NO_INA238", True)
    assert "the source ina3221 serves this board" in refused.remedy


@pytest.mark.parametrize("text", ["-120000", "-0"])
def test_power_below_zero_is_read_as_it_is(tmp_path, text):
    made, source, options = board(tmp_path)
    source.open(options)
    made.put(f"{FOLDER}/power1_input", text)
    assert source.read().values == pytest.approx((int(text) * 1e-6,))
