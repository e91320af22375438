from __future__ import annotations

import pytest

from suite.errors import UsageError
from suite.power.base import Sample
from suite.power.sources.simulated import PLUGIN, Simulated


def test_it_is_2_w_idle_and_7_w_under_load_unless_told_otherwise():
    source = Simulated(clock=lambda: 12.5)
    source.open({})
    readings = [source.read()]
    for label in ("load", "idle"):
        source.mark(label)
        readings.append(source.read())
    assert readings == [Sample(time_s=12.5, values=(watts,)) for watts in (2.0, 7.0, 2.0)]


def test_its_options_are_what_it_gives():
    source = Simulated(clock=lambda: 0.0)
    described = source.open({"idle_w": "0.5", "load_w": "40", "period_s": "0.01"})
    assert described.period_s == 0.01
    assert described.scope == "simulated, not a measurement"
    assert source.read().values == (0.5,)
    source.mark("load")
    assert source.read().values == (40.0,)


def test_nobody_gets_it_without_asking():
    assert not PLUGIN.automatic
    assert PLUGIN.available({}) is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"load_w": "much"}, "load_w must be a number, got 'much'"),
        ({"idle_w": "-1"}, "idle_w must be a number of watts, zero or more, got '-1'"),
        ({"load_w": "nan"}, "load_w must be a number of watts"),
        ({"load_w": "inf"}, "load_w must be a number of watts"),
        ({"period_s": "0"}, r"period_s must lie in 0.001..10 seconds, got '0'"),
        ({"period_s": "11"}, r"period_s must lie in 0.001..10 seconds"),
    ],
)
def test_a_bad_option_is_named_with_what_is_allowed(options, message):
    with pytest.raises(UsageError, match=message):
        PLUGIN.check(options)
