"""A worker that stood still in an energy window is seen by the call that lasts far longer than the others."""

from __future__ import annotations

import pytest

from suite.measure.pauses import flags, pause_of
from suite.records import CallWindow, Schedule, Stretch


def schedule(*windows):
    spans = [Stretch(start_s=0.0, end_s=5.0), Stretch(start_s=6.0, end_s=60.0), Stretch(start_s=61.0, end_s=66.0)]
    return Schedule(
        idle_before=spans[0],
        load=spans[1],
        windows=tuple(CallWindow(start_s=a, end_s=b, call_count=10) for a, b in windows),
        idle_after=spans[2],
        unix_offset_s=(0.0, 0.0),
    )


WINDOWS = schedule((10.0, 20.0), (20.0, 33.0))


def test_a_call_of_three_seconds_among_those_of_a_hundredth_is_a_pause_of_its_window():
    loads = [(10.0, [0.01] * 1000, 1), (20.0, [*[0.01] * 500, 3.01, *[0.01] * 500], 1)]
    (flag,) = flags(WINDOWS, loads)
    assert flag.code == "WORKER_PAUSED"
    assert "energy window 2 took 3.00 s longer than the others" in flag.text
    assert "of the window's 13.0 s" in flag.text


def test_a_pause_outside_the_windows_is_no_doubt_about_them():
    loads = [(6.0, [*[0.01] * 50, 3.01], 1), (10.0, [0.01] * 1000, 1), (33.0, [3.01, 0.01, 0.01], 1)]
    assert list(flags(WINDOWS, loads)) == []


@pytest.mark.parametrize(
    ("latency_s", "per_value", "pause_s"),
    [
        ([0.01] * 1000, 1, 0.0),
        ([0.01] * 1000 + [0.4], 1, 0.0),  # slow, as calls now and then are
        ([0.01] * 1000 + [0.6], 1, 0.59),
        ([0.01] * 1000 + [3.01, 2.01], 1, 5.0),
        ([2.0] * 5 + [5.0], 1, 3.0),
        ([2.0, 2.1, 2.3, 2.4], 1, 0.0),
        ([2.0] * 5 + [2.6], 1, 0.6),
        ([10.0, 10.6], 1, 0.0),  # two calls that differ are no pause
        ([0.001] * 100 + [0.376], 8, 3.0),  # means of eight calls each
        ([3.0], 1, 0.0),
    ],
)
def test_how_much_longer_than_usual_is_a_pause(latency_s, per_value, pause_s):
    assert pause_of(latency_s, per_value) == pytest.approx(pause_s)
