from __future__ import annotations

from pathlib import Path

import pytest

from suite.errors import SensorError
from suite.power.sources.ina3221 import Ina3221
from tests.fakes import FakeClock
from tests.simulator import Board, constant

HWMON = "sys/bus/i2c/devices/1-0040/hwmon/hwmon1"


def board(root, kind, power_w=7.0):
    clock = FakeClock()
    made = Board(root, kind, clock=clock)
    made.follow(constant(power_w))
    made.update(clock())
    return made, Ina3221(clock=clock), {"root": str(root)}


def test_hwmon_shows_millivolts_and_milliamperes(tmp_path):
    made, source, options = board(tmp_path, "orin-nano", 0.0)
    made.put(f"{HWMON}/in1_input", "5040\n")
    made.put(f"{HWMON}/curr1_input", "1544\n")
    assert source.available(options) is None
    described = source.open(options)
    assert described.rails == ("VDD_IN",)
    assert described.scope == "module, not carrier board"
    assert described.period_s == 0.05
    assert described.minimum_window_s == 1.0
    # 5.04 V * 40 uV / 5 mOhm + 1.544 A * 8 mV
    assert described.resolution == pytest.approx(0.04032 + 0.012352)
    sample = source.read()
    assert sample.time_s == 1000.0
    assert sample.values == pytest.approx((5.040 * 1.544,))


def test_iio_shows_milliwatts_at_half_the_rate(tmp_path):
    made, source, options = board(tmp_path, "nano", 0.0)
    made.put("sys/bus/i2c/devices/6-0040/iio:device0/in_power0_input", "4321\n")
    described = source.open(options)
    assert (described.rails, described.period_s, described.minimum_window_s) == (("POM_5V_IN",), 0.1, 2.0)
    assert source.read().values == pytest.approx((4.321,))


@pytest.mark.parametrize(
    ("kind", "rail_count", "scope"),
    [
        ("nano", 1, "module, not carrier board"),
        ("tx2", 2, "module and carrier board"),
        ("xavier-nx", 1, "module, not carrier board"),
        ("agx-xavier", 6, "module, not carrier board"),
        ("orin-nano", 1, "module, not carrier board"),
        ("agx-orin", 3, "module, not carrier board"),
    ],
)
def test_the_rails_of_each_board_add_up_to_its_true_power_within_a_count_each(tmp_path, kind, rail_count, scope):
    _, source, options = board(tmp_path, kind, 12.0)
    described = source.open(options)
    assert len(described.rails) == rail_count
    assert described.scope == scope
    assert sum(source.read().values) == pytest.approx(12.0, abs=rail_count * described.resolution)


def test_one_count_is_04_w_on_an_agx_orin_at_20_v(tmp_path):
    _, source, options = board(tmp_path, "agx-orin", 0.0)
    assert source.open(options).resolution == pytest.approx(0.4)


def test_the_drivers_own_shunt_is_believed_over_the_table(tmp_path):
    made, source, options = board(tmp_path, "orin-nano", 0.0)
    made.put(f"{HWMON}/shunt1_resistor", "10000\n")
    assert source.open(options).resolution == pytest.approx(5.0 * 40e-6 / 0.010)


def test_a_nano_2gb_has_no_monitor_and_the_remedy_is_a_meter(tmp_path):
    _, source, options = board(tmp_path, "nano-2gb")
    refused = source.available(options)
    assert refused.code == "NO_SENSOR_NANO2GB"
    assert "--power-csv" in refused.remedy
    with pytest.raises(SensorError, match="no power monitor"):
        source.open(options)


@pytest.mark.parametrize("kind", ["intel", "battery", "thor"])
def test_without_the_driver_there_is_no_ina3221(tmp_path, kind):
    _, source, options = board(tmp_path, kind)
    assert source.available(options).code == "NO_INA3221"


def test_rails_of_an_unknown_board_are_named_and_not_added(tmp_path):
    _, source, options = board(tmp_path, "unknown-board")
    refused = source.available(options)
    assert refused.code == "UNKNOWN_RAILS"
    assert "VDD_A, VDD_B, VDD_C" in refused.reason
    assert "--rails A+B" in refused.remedy


def test_chosen_rails_of_an_unknown_board_are_added(tmp_path):
    _, source, options = board(tmp_path, "unknown-board", 10.0)
    described = source.open(options | {"rails": "VDD_A+VDD_B"})
    assert described.scope == "the rails VDD_A + VDD_B alone, as chosen with --rails"
    assert source.read().values == pytest.approx((7.0, 3.0), abs=described.resolution)


def test_channels_that_are_not_connected_and_the_sum_of_shunts_are_no_rails(tmp_path):
    _, source, options = board(tmp_path, "agx-orin")
    refused = source.available(options | {"rails": "NC"})
    assert "the rails found are: VDD_GPU_SOC, VDD_CPU_CV, VIN_SYS_5V0, VDDQ_VDD2_1V8AO" in refused.reason


def test_a_rail_of_the_total_that_is_missing_from_the_start_is_named(tmp_path):
    made, source, options = board(tmp_path, "agx-orin")
    made.remove(f"{HWMON}/in2_label")
    refused = source.available(options)
    assert refused.code == "UNKNOWN_RAILS"
    assert "VDD_CPU_CV, needed for the total of a Jetson AGX Orin" in refused.reason


def test_a_rail_that_vanishes_mid_run_is_lost_by_name(tmp_path):
    made, source, options = board(tmp_path, "orin-nano")
    source.open(options)
    source.read()
    made.remove(f"{HWMON}/curr1_input")
    with pytest.raises(SensorError, match=r"curr1_input can't be read: No such file") as caught:
        source.read()
    assert caught.value.code == "SENSOR_LOST"


def test_a_file_that_holds_no_number_is_lost(tmp_path):
    made, source, options = board(tmp_path, "orin-nano")
    source.open(options)
    made.put(f"{HWMON}/curr1_input", "n/a\n")
    with pytest.raises(SensorError, match="holds 'n/a', which is no integer") as caught:
        source.read()
    assert caught.value.code == "SENSOR_LOST"


def test_a_refusal_mid_run_has_its_own_code(tmp_path):
    _, _, options = board(tmp_path, "orin-nano")
    refuses = []

    def read(path):
        if refuses and path.name == "in1_input":
            raise PermissionError(13, "Permission denied")
        return Path.read_bytes(path)

    source = Ina3221(clock=FakeClock(), read=read)
    source.open(options)
    source.read()
    refuses.append(True)
    with pytest.raises(SensorError, match="was refused") as caught:
        source.read()
    assert caught.value.code == "SENSOR_PERM"


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (FileNotFoundError(2, "No such file or directory"), "load the sensor's driver again"),
        (OSError(5, "Input/output error"), "dmesg"),
        (OSError(19, "No such device"), "plug the sensor in"),
        (OSError(16, "Device or resource busy"), "end the other program"),
    ],
)
def test_the_remedy_fits_what_the_system_answered(tmp_path, error, remedy):
    _, _, options = board(tmp_path, "orin-nano")
    fails = []

    def read(path):
        if fails and path.name == "in1_input":
            raise error
        return Path.read_bytes(path)

    source = Ina3221(clock=FakeClock(), read=read)
    source.open(options)
    fails.append(True)
    with pytest.raises(SensorError, match=error.strerror) as caught:
        source.read()
    assert caught.value.code == "SENSOR_LOST"
    assert remedy in caught.value.remedy


def test_without_the_device_tree_the_remedy_is_to_mount_it(tmp_path):
    made, source, options = board(tmp_path, "orin-nano")
    made.remove("proc/device-tree")
    refused = source.available(options)
    assert refused.code == "UNKNOWN_RAILS"
    assert "/host/device-tree" in refused.remedy
    assert "VDD_IN" in refused.reason
    assert source.open(options | {"rails": "VDD_IN"}).rails == ("VDD_IN",)


def test_a_thor_whose_other_monitor_serves_lacks_nothing(tmp_path):
    made, source, options = board(tmp_path, "thor")
    made.put("sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon9/in1_label", "VDD_GPU\n")
    refused = source.available(options)
    assert refused.code == "NO_INA3221"
    assert refused.code in source.codes_elsewhere
    assert "nothing is missing: the source ina238 serves this board" in refused.remedy
    made.remove("sys/bus/i2c/drivers/ina238")
    refused = source.available(options)
    assert refused.code == "UNKNOWN_RAILS"
    assert "INA238, which is not to be seen here" in refused.reason


def test_a_negative_current_is_a_negative_power_and_no_fault(tmp_path):
    made, source, options = board(tmp_path, "orin-nano")
    made.put(f"{HWMON}/curr1_input", "-20\n")
    assert source.open(options).resolution > 0
    assert source.read().values == pytest.approx((-0.1,))


@pytest.mark.parametrize("text", ["1_000", "٣", "1" * 40, "0x10", "1.5", ""])
def test_what_is_no_count_is_lost(tmp_path, text):
    made, source, options = board(tmp_path, "orin-nano")
    source.open(options)
    made.put(f"{HWMON}/curr1_input", text)
    with pytest.raises(SensorError, match="which is no integer") as caught:
        source.read()
    assert caught.value.code == "SENSOR_LOST"
