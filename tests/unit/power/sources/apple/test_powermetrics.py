from __future__ import annotations

import math
import plistlib
import string
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.errors import SensorError
from suite.power.sources.apple import powermetrics
from suite.power.sources.apple.powermetrics import Lists, Powermetrics, Timeline, parse
from tests.powermetrics import plist

DATA = Path(__file__).resolve().parents[4] / "data/powermetrics"


def readings(name, chunk_bytes=1 << 20):
    data, lists = (DATA / name).read_bytes(), Lists()
    chunks = [data[start : start + chunk_bytes] for start in range(0, len(data), chunk_bytes)]
    return [parse(text) for chunk in chunks for text in lists.add(chunk)]


def program(folder, script):
    path = folder / "powermetrics"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("chunk_bytes", [1, 7, 1000, 1 << 20])
def test_energy_is_power_times_the_time_that_has_passed_however_the_stream_is_cut(chunk_bytes):
    first, second, third = readings("m1.plist", chunk_bytes)
    assert first.elapsed_s == pytest.approx(0.210)
    assert first.energy_j == pytest.approx({"cpu": 3.0 * 0.210, "gpu": 0.5 * 0.210, "ane": 0.0})
    assert second.energy_j == pytest.approx({"cpu": 3.1005 * 0.205, "gpu": 0.48025 * 0.205, "ane": 0.0})
    assert third.energy_j == pytest.approx({"cpu": 2.9 * 0.25, "gpu": 0.51 * 0.25, "ane": 0.02 * 0.25})


def test_a_list_is_read_as_soon_as_it_ends_and_not_when_the_next_begins():
    lists = Lists()
    assert len(lists.add(plist(0.2, cpu_power=1000))) == 1


def test_a_power_of_zero_beside_an_energy_is_taken_by_the_energy():
    (reading,) = readings("energy-beside-zero-power.plist")
    assert reading.energy_j == pytest.approx({"cpu": 7.2, "gpu": 0.0155 * 2.0})


def test_where_the_sum_alone_is_told_it_is_the_only_rail():
    (reading,) = readings("combined-only.plist")
    assert reading.energy_j == pytest.approx({"chip": 4.2 * 0.2})


def test_a_list_that_was_cut_off_is_left_out():
    (reading,) = readings("cut-off.plist")
    assert reading.elapsed_s == pytest.approx(0.205)


def test_a_list_without_power_is_no_reading():
    assert readings("no-power.plist") == [None]
    assert parse(b"<plist version='1.0'><dict><key>processor</key></plist>") is None
    assert parse(b"Machine model: MacBookPro17,1</plist>") is None


@pytest.mark.parametrize("chunk_bytes", [1, 1000])
@pytest.mark.parametrize("said", [b"Second underflow occured.\n", b"\nSecond underflow occured.\n\n", b"<warning>\0\n"])
def test_text_between_two_lists_costs_none_of_them(said, chunk_bytes):
    one, other = plist(0.2, cpu_power=1000), plist(0.2, cpu_power=3000)
    for between in (one + said + other, one + b"\0" + said + other[1:], said + one + other):
        lists = Lists()
        chunks = [between[start : start + chunk_bytes] for start in range(0, len(between), chunk_bytes)]
        found = [parse(text) for chunk in chunks for text in lists.add(chunk)]
        assert [reading.energy_j["cpu"] for reading in found] == pytest.approx([0.2, 0.6])


def test_a_list_without_the_gpu_is_read_by_its_sum_where_there_is_one():
    (text,) = Lists().add(plist(0.2, cpu_power=3000, ane_power=50, combined_power=8050))
    assert parse(text).energy_j == pytest.approx({"cpu": 0.6, "ane": 0.01, "rest": 1.0})
    (text,) = Lists().add(plist(0.2, cpu_power=3000, ane_power=50))
    assert parse(text).energy_j == pytest.approx({"cpu": 0.6, "ane": 0.01})


def replaced(text, *pairs):
    for old, new in pairs:
        text = text.replace(old, new)
    return text.strip(b"\0\n")


@pytest.mark.parametrize(
    "pair",
    [
        (b"<real>1000</real>", b"<real>nan</real>"),
        (b"<real>1000</real>", b"<real>inf</real>"),
        (b"<real>1000</real>", b"<real>-5</real>"),
        (b"<real>1000</real>", b"<true/>"),
        (b"<real>1000</real>", b"<string>1000</string>"),
        (b"<integer>200000000</integer>", b"<integer>0</integer>"),
        (b"<integer>200000000</integer>", b"<integer>" + b"9" * 5000 + b"</integer>"),
        (b"<integer>200000000</integer>", b"<integer>-1</integer>"),
        (b'encoding="UTF-8"', b'encoding="EBCDIC-0"'),
        (b"</dict>\n</dict>", b"</dict></dict></dict>"),
        (b"<dict>\n<key>is_delta", b"<array>\n<key>is_delta"),
    ],
)
def test_a_list_with_a_value_that_is_none_is_no_reading(pair):
    good = plist(0.2, cpu_power=1000)
    assert parse(replaced(good)).energy_j == pytest.approx({"cpu": 0.2})
    assert parse(replaced(good, pair)) is None


VALUES = st.one_of(
    st.floats(), st.integers(), st.booleans(), st.text(string.ascii_letters, max_size=5), st.binary(max_size=3)
)
KEYS = st.sampled_from(
    [f"{rail}_{kind}" for rail in ("cpu", "gpu", "ane", "combined", "dram") for kind in ("power", "energy")]
)


@given(st.dictionaries(KEYS, VALUES, max_size=8), VALUES)
@settings(derandomize=True, deadline=None, max_examples=200)
def test_any_list_is_no_reading_or_one_of_finite_energies(processor, elapsed_ns):
    try:
        text = plistlib.dumps({"processor": processor, "elapsed_ns": elapsed_ns})
    except (OverflowError, TypeError):  # a list can't hold it
        return
    reading = parse(text)
    if reading is not None:
        assert 0 < reading.elapsed_s <= 3600
        assert all(0 <= energy < math.inf for energy in reading.energy_j.values())
        watts = [value for key, value in processor.items() if key.endswith("power")]
        assert all(type(value) in (int, float) and value >= 0 for value in watts)


@given(st.binary(max_size=300), st.integers(0, 400), st.integers(0, 60))
@settings(derandomize=True, deadline=None, max_examples=200)
def test_damaged_bytes_are_no_reading_and_no_fault(noise, at, lost):
    good = plist(0.2, cpu_power=1000).strip(b"\0\n")
    at = min(at, len(good))
    reading = parse(good[:at] + noise + good[at + lost :])
    assert reading is None or all(0 <= energy < math.inf for energy in reading.energy_j.values())


def test_a_stream_that_is_no_list_is_refused_before_it_fills_the_memory(monkeypatch):
    monkeypatch.setattr(powermetrics, "MAX_BYTES", 1000)
    with pytest.raises(SensorError, match="something else than property lists"):
        Lists().add(b"x" * 1001)


def test_lists_follow_each_other_by_their_own_time_and_not_by_their_arrival():
    timeline = Timeline()
    assert timeline.place(10.0, 0.2) == (10.0, 0.2)
    assert timeline.place(10.203, 0.2) == pytest.approx((10.2, 0.2))
    assert timeline.place(10.401, 0.2) == pytest.approx((10.4, 0.2))


def test_a_list_ends_no_later_than_it_is_printed():
    timeline = Timeline()
    timeline.place(10.05, 0.2)  # the first one was late
    assert timeline.place(10.2, 0.2) == (10.2, 0.2)


def placed(arrived_s, elapsed_s=0.2):
    """Stamps, and the seconds that the lists behind the first stand for in all."""
    timeline = Timeline()
    found = [timeline.place(at_s, elapsed_s) for at_s in arrived_s]
    return [stamp_s for stamp_s, _ in found], sum(covered_s for _, covered_s in found[1:])


ON_TIME = [10.0 + 0.2 * index for index in range(50)]


def test_a_list_that_is_read_late_counts_no_second_twice():
    late = list(ON_TIME)
    late[20] += 0.15
    stamps_s, covered_s = placed(late)
    assert stamps_s == pytest.approx(ON_TIME)
    assert covered_s == pytest.approx(9.8)


@pytest.mark.parametrize("stalled_count", [2, 6, 9])
def test_lists_that_arrive_all_at_once_after_a_stall_keep_their_stamps_and_their_energy(stalled_count):
    burst = [max(at_s, ON_TIME[20 + stalled_count]) if index >= 20 else at_s for index, at_s in enumerate(ON_TIME)]
    stamps_s, covered_s = placed(burst)
    assert stamps_s == pytest.approx(ON_TIME)
    assert covered_s == pytest.approx(9.8)


def test_a_stall_longer_than_was_foreseen_still_counts_no_second_twice():
    late = [at_s + 0.5 if 15 <= index < 35 else at_s for index, at_s in enumerate(ON_TIME)]
    assert placed(late)[1] == pytest.approx(9.8)


def test_time_that_no_list_covers_is_covered_by_the_next_ones():
    slept = [at_s + 1.0 if index >= 20 else at_s for index, at_s in enumerate(ON_TIME)]
    stamps_s, covered_s = placed(slept)
    assert stamps_s[-1] == pytest.approx(slept[-1])
    assert covered_s == pytest.approx(10.8)
    assert max(b - a for a, b in pairwise(stamps_s)) > 3 * 0.2  # a window over it is refused as a gap


def test_a_program_that_loses_a_little_between_lists_is_followed():
    slow = [10.0 + 0.21 * index for index in range(400)]
    stamps_s, covered_s = placed(slow)
    assert covered_s == pytest.approx(slow[-1] - slow[0], abs=0.25)
    assert all(abs(a - b) < 0.25 for a, b in zip(stamps_s, slow, strict=True))


def test_what_a_version_that_is_not_run_by_root_says_becomes_mac_sudo(tmp_path):
    back_end = Powermetrics(program(tmp_path, "echo 'powermetrics must be invoked as the superuser' >&2; exit 1"))
    with pytest.raises(SensorError, match="needs root") as caught:
        next(back_end.pieces())
    assert caught.value.code == "MAC_SUDO"
    assert "sudo suite power serve" in caught.value.remedy


def test_sudo_that_would_ask_for_a_password_becomes_mac_sudo_too(tmp_path):
    back_end = Powermetrics(program(tmp_path, "echo 'sudo: a password is required' >&2; exit 1"))
    with pytest.raises(SensorError, match="password"):
        next(back_end.pieces())


def test_the_line_that_tells_is_the_reason_wherever_it_stands(tmp_path):
    script = "echo 'powermetrics must be invoked as the superuser' >&2; echo 'usage: powermetrics [-i ms]' >&2; exit 1"
    with pytest.raises(SensorError, match="needs root: it says 'powermetrics must be") as caught:
        next(Powermetrics(program(tmp_path, script)).pieces())
    assert caught.value.code == "MAC_SUDO"
    script = "echo 'powermetrics: unrecognized sampler: ane_power' >&2; echo '  -s SAMPLERS  the samplers' >&2; exit 1"
    with pytest.raises(SensorError, match="ended: powermetrics: unrecognized sampler"):
        next(Powermetrics(program(tmp_path, script)).pieces())


def test_another_end_is_a_frozen_sensor(tmp_path):
    with pytest.raises(SensorError, match="powermetrics ended: no such sampler") as caught:
        next(Powermetrics(program(tmp_path, "echo 'no such sampler' >&2; exit 1")).pieces())
    assert caught.value.code == "MAC_FROZEN"


def test_a_program_that_is_not_there_says_so(tmp_path):
    with pytest.raises(SensorError, match="No such file") as caught:
        next(Powermetrics(str(tmp_path / "nothing")).pieces())
    assert caught.value.code == "MAC_TOOL_ABSENT"


def test_it_asks_sudo_only_where_it_must():
    arguments = ("--samplers", "cpu_power,gpu_power,ane_power", "-i", "200", "-f", "plist", "-b", "0")
    assert powermetrics._command(None, False) == ("sudo", "-n", "powermetrics", *arguments)
    assert powermetrics._command(None, True) == ("powermetrics", *arguments)
    assert powermetrics._command("/my/own", False) == ("/my/own", *arguments)
