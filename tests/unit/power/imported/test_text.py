"""What is read is a regular file of bounded size, in any of the encodings that meters' programs write."""

from __future__ import annotations

import os
import tracemalloc
from itertools import pairwise

import pytest

from suite.errors import SensorError
from suite.power.imported import csv_log, readings, text
from suite.power.imported.readings import Readings

MICRO = "Time (s),Power (µW)\n0,7000000\n1,7000000\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252"])
@pytest.mark.parametrize("eol", ["\n", "\r\n", "\r"])
def test_a_log_is_read_in_every_encoding(tmp_path, encoding, eol):
    file = tmp_path / "m.csv"
    file.write_bytes(MICRO.replace("\n", eol).encode(encoding))
    assert csv_log.load(file).power_w == pytest.approx((7.0, 7.0))


def refusal(path):
    with pytest.raises(SensorError) as caught:
        csv_log.load(path)
    assert "\n" not in str(caught.value)
    return caught.value


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path, tmp_path.joinpath("/dev/zero"), tmp_path.joinpath("/dev/null")):
        error = refusal(path)
        assert (error.code, "this is no regular file" in error.reason) == ("METER_NO_FILE", True)
    (tmp_path / "link").symlink_to(tmp_path / "fifo")
    assert "no regular file" in refusal(tmp_path / "link").reason


@pytest.mark.parametrize("name", ["absent.csv", "a\0b.csv", "x" * 300, "m\udcff.csv"])
def test_a_name_that_names_no_file_is_refused(tmp_path, name):
    assert refusal(tmp_path / name).code == "METER_NO_FILE"


def test_a_workbook_is_told_from_csv(tmp_path):
    (tmp_path / "m.csv").write_bytes(b"PK\x03\x04" + bytes(200))
    assert "a workbook or an archive" in refusal(tmp_path / "m.csv").reason


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "MAX_BYTES", 1000)
    (tmp_path / "m.csv").write_bytes(b"time,watts\n" + b"0,7\n" * 400)
    error = refusal(tmp_path / "m.csv")
    assert (error.code, error.remedy) == ("METER_CSV", text.SMALLER)


def test_binary_bytes_are_refused_in_one_line(tmp_path):
    (tmp_path / "m.csv").write_bytes(bytes(range(256)) * 40)
    assert refusal(tmp_path / "m.csv").code == "METER_CSV"


def test_many_readings_become_means_over_equal_stretches(monkeypatch):
    monkeypatch.setattr(readings, "MAX_READINGS", 100)
    collected = Readings()
    for number in range(100_000):
        collected.add(1.8e9 + number / 1000, 2.0 if number < 40_000 else 7.0)
    time_s, power_w = collected.finish()
    assert 50 <= len(time_s) <= 101
    assert set(power_w[: len(power_w) * 3 // 10]) == {2.0}
    assert set(power_w[len(power_w) // 2 :]) == {7.0}
    steps = [b - a for a, b in pairwise(time_s)]
    mean_w = sum(power_w) / len(power_w)
    assert mean_w == pytest.approx(5.0, rel=0.03)
    assert max(steps[1:-1]) == pytest.approx(min(steps[1:-1]), rel=0.01)


def test_a_log_of_many_rows_costs_little_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(readings, "MAX_READINGS", 2000)
    file = tmp_path / "m.csv"
    with file.open("w") as handle:
        handle.write("Timestamp(ms),Power (mW)\n")
        handle.writelines(f"{number / 10},{7000 + number % 7}\n" for number in range(60_000))
    tracemalloc.start()
    try:
        log = csv_log.load(file)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 1000 <= len(log.time_s) <= 4000
    assert peak_bytes < 2e6  # 60,000 rows as Python floats alone are 4 MB
