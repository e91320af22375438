from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.errors import SensorError
from suite.power.program import Chunk
from suite.power.sources.apple.macmon import Macmon, parse

LINE = {
    "timestamp": "2026-11-23T12:00:00+00:00",
    "cpu_power": 2.0,
    "gpu_power": 0.5,
    "ane_power": 0.0,
    "sys_power": 9.0,
}


class Printed:
    """A program that prints those chunks at those times, and ends."""

    told = ""

    def __init__(self, *chunks):
        self._chunks = chunks

    def chunks(self):
        return iter(Chunk(*chunk) for chunk in self._chunks)

    def close(self):
        pass


def line(**changed):
    return json.dumps(LINE | changed).encode() + b"\n"


def pieces(*chunks):
    back_end, found = Macmon(), []
    back_end._program = Printed(*chunks)
    with pytest.raises(SensorError) as caught:
        found.extend(back_end.pieces())
    return found, caught.value


def test_the_chip_is_read_and_not_the_whole_system():
    assert parse(line()) == {"cpu": 2.0, "gpu": 0.5, "ane": 0.0}


@pytest.mark.parametrize("text", [b"", b"not JSON", b"[1]", b"{}", b'{"cpu_power": "much"}', b'{"gpu_power": 1}'])
def test_a_line_without_the_cpus_power_is_no_reading(text):
    assert parse(text) is None


def test_a_line_stands_for_the_time_since_the_line_before():
    found, _ = pieces((10.0, line()), (10.25, line(cpu_power=4.0)), (10.75, line()))
    assert [piece.time_s for piece in found] == [10.0, 10.25, 10.75]
    assert found[1].energy_j == {"cpu": 1.0, "gpu": 0.125, "ane": 0.0}
    assert found[2].energy_j == {"cpu": 1.0, "gpu": 0.25, "ane": 0.0}


def test_lines_may_arrive_in_parts_and_after_something_else():
    text = b"a warning\n" + line()
    found, _ = pieces((10.0, text[:30]), (10.1, text[30:]))
    assert [piece.time_s for piece in found] == [10.1]


def test_a_line_that_was_lost_is_filled_by_the_next():
    found, _ = pieces((10.0, line()), (10.2, b"{damaged\n"), (10.5, line()))
    assert found[-1].energy_j["cpu"] == pytest.approx(2.0 * 0.5)


def test_its_end_is_a_frozen_sensor():
    found, error = pieces((10.0, line()))
    assert len(found) == 1
    assert (error.code, error.reason.split(",")[0]) == ("MAC_FROZEN", "macmon ended")


def test_where_it_is_not_installed_the_remedy_says_how():
    with pytest.raises(SensorError, match="brew install macmon") as caught:
        next(Macmon("/nowhere/macmon").pieces())
    assert caught.value.code == "MAC_TOOL_ABSENT"


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "-1", "1e400", "true", '"2"', "[2]", "9" * 400])
def test_a_power_that_is_none_is_no_reading(value):
    assert parse(json.dumps(LINE).replace('"cpu_power": 2.0', f'"cpu_power": {value}').encode()) is None


def test_a_sum_that_exceeds_the_rails_is_believed():
    assert parse(line(all_power=2.5)) == {"cpu": 2.0, "gpu": 0.5, "ane": 0.0}
    assert parse(line(gpu_power=None, all_power=8.0)) == {"cpu": 2.0, "ane": 0.0, "rest": 6.0}


@given(
    st.dictionaries(
        st.sampled_from(["cpu_power", "gpu_power", "ane_power", "all_power", "sys_power"]),
        st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=3), st.lists(st.floats())),
    )
)
@settings(derandomize=True, deadline=None, max_examples=200)
def test_any_line_is_no_reading_or_one_of_finite_powers(told):
    found = parse(json.dumps(told).encode())
    if found is not None:
        assert found["cpu"] == told["cpu_power"]
        assert all(0 <= power_w < math.inf for power_w in found.values())


@given(st.binary(max_size=60))
@settings(derandomize=True, deadline=None, max_examples=200)
def test_any_bytes_are_no_reading(text):
    assert parse(text) is None
    assert parse(b"[" * 100_000 + text) is None
