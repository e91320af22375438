"""Power below zero: an offset is kept and flagged, a probe in reverse is refused, and neither is a fault."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.errors import SensorError
from suite.power import sign
from suite.power.base import Description
from suite.power.channel import Gauge, Stretch, Stretches, Timed, read
from suite.records import EnergyReading, PowerTrace
from suite.report.energies import inference_energy

DESCRIBED = Description(
    scope="test",
    rails=("total",),
    quantity="power",
    period_s=0.5,
    minimum_window_s=1.0,
    resolution=0.01,
    gain_error=0.01,
)
STRETCHES = Stretches(Stretch(2.0, 12.0), Stretch(14.0, 26.0), [Timed(15.0, 25.0, 10)], Stretch(28.0, 38.0))
STAMPS = tuple(0.5 * index for index in range(81))


def reading(*levels_w, **described):
    """levels_w: (idle, load) for each rail."""
    rails = tuple(f"rail{number}" for number in range(len(levels_w)))
    series = tuple(tuple(load_w if 14.0 <= at_s < 27.0 else idle_w for at_s in STAMPS) for idle_w, load_w in levels_w)
    described = dataclasses.replace(DESCRIBED, rails=rails, **described)
    trace = PowerTrace(rails=rails, time_s=STAMPS, power_w=series)
    return read(Gauge("meter", {}, described), trace, STRETCHES)


def test_an_idle_power_a_little_below_zero_is_kept_and_flagged():
    found = reading((-0.05, 7.0))
    assert (found.idle_before_w, found.idle_after_w) == pytest.approx((-0.05, -0.05))
    assert [window.energy_j for window in found.windows] == [70.0]
    (flag,) = sign.flags([found])
    assert flag.code == "POWER_BELOW_ZERO"
    assert "rail0 down to -50.0 mW" in flag.text
    energy = inference_energy(found, 1)
    assert energy.gross_j == 7.0
    assert energy.net_j == pytest.approx(7.05)  # the offset is in both, and taken off


def test_nothing_is_flagged_where_nothing_is_below_zero():
    assert list(sign.flags([reading((0.0, 7.0))])) == []


@pytest.mark.parametrize("levels_w", [(-2.0, -7.0), (-2.0, 7.0), (2.0, -7.0)])
def test_a_probe_in_reverse_is_refused(levels_w):
    with pytest.raises(SensorError, match="the wrong way round") as caught:
        reading(levels_w)
    assert caught.value.code == "POWER_NEGATIVE"
    assert "turn the probe round" in caught.value.remedy


def test_one_rail_in_reverse_is_refused_by_its_name_though_the_sum_is_positive():
    with pytest.raises(SensorError, match=r"rail1 shows -1\.00 W while idle") as caught:
        reading((3.0, 9.0), (-1.0, -2.0))
    assert caught.value.code == "POWER_NEGATIVE"


def test_one_rail_with_an_offset_is_kept_in_the_sum():
    found = reading((3.0, 9.0), (-0.02, -0.02))
    assert [window.energy_j for window in found.windows] == pytest.approx([89.8])
    (flag,) = sign.flags([found])
    assert "rail1 down to -20.0 mW" in flag.text
    assert "rail0" not in flag.text


def test_a_rail_that_shows_its_offset_alone_gives_no_figure():
    """-20 mA at 5 V on a monitor of 20 mA a count, idle and under load."""
    with pytest.raises(SensorError, match="no more than its own offset") as caught:
        reading((-0.1, -0.102), resolution=0.1)
    assert caught.value.code == "BELOW_RESOLUTION"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_no_number_is_refused(value):
    with pytest.raises(SensorError, match="no number") as caught:
        reading((2.0, value))
    assert caught.value.code == "SENSOR_LOST"


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=3), st.floats(0, 10))
@settings(derandomize=True, deadline=None, max_examples=200)
def test_any_power_is_refused_by_a_code_or_becomes_a_reading(levels_w, resolution):
    try:
        found = reading(*levels_w, resolution=resolution)
    except SensorError as error:
        if error.code not in ("SENSOR_FROZEN", "POWER_NEGATIVE", "BELOW_RESOLUTION"):
            raise
        return
    assert isinstance(found, EnergyReading)
    assert found.windows[0].energy_j >= 0
