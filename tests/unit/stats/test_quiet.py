"""A block is disturbed by what the machine did meanwhile; unknown is no disturbance and no quiet either."""

from __future__ import annotations

from dataclasses import replace

import pytest

from suite.records import Interference, QuietRule
from suite.stats import quiet

RULE = QuietRule()
ALONE = Interference(wall_s=1.0, own_s=2.0, ours_s=0.01, foreign_s=0.0, stolen_s=0.0)


@pytest.mark.parametrize(
    ("changed", "core_count", "told"),
    [
        ({"foreign_s": 0.0}, 2, None),
        ({"foreign_s": 0.12}, 2, None),  # 0.02 s may be the counters' steps: 5 % at most is certain
        ({"foreign_s": 0.13}, 2, "other processes took 6 % of its 2 cores"),
        ({"foreign_s": 0.13}, 4, None),  # of more cores it is less
        ({"foreign_s": 0.13}, 1, "other processes took 11 % of its core"),
        ({"foreign_s": 3.02}, 2, "other processes took 150 % of its 2 cores"),  # on other cores too
        ({"stolen_s": 0.42}, 2, "the host of this virtual machine took 20 % of its 2 cores"),
        ({"throttle_count": 0}, 2, None),
        ({"throttle_count": 1}, 2, "heat or power lowered the clock (1 event)"),
        ({"clock_hz": 1.79e9}, 2, "the clock was 10 % below the usual"),
        ({"clock_hz": 1.85e9}, 2, None),
        ({"clock_hz": 2.5e9}, 2, "the clock was 25 % above the usual"),
        ({"gpu_foreign_share": 0.4}, 2, "other processes used the GPU for 40 % of the time"),
        ({"gpu_foreign_share": 0.04}, 2, None),
        ({"gpu_throttle": ("thermal",)}, 2, "the GPU's clock was lowered (thermal)"),
        ({"gpu_throttle": ()}, 2, None),
        ({"gpu_throttle": ("software power cap",)}, 2, None),  # a board at full load
        ({"switch_count": 900, "fault_count": 9, "stalled_s": 0.9}, 2, None),  # told, and no part of the rule
    ],
)
def test_the_cause_is_told_where_it_passes_its_limit(
    changed: dict[str, object], core_count: int, told: str | None
) -> None:
    found = replace(ALONE, **changed)  # type: ignore[arg-type]
    assert quiet.disturbance(found, RULE, core_count, usual_clock_hz=2e9) == told


@pytest.mark.parametrize(
    ("changed", "helps"),
    [
        ({"foreign_s": 1.0}, "close what runs beside it"),
        ({"gpu_foreign_share": 0.5}, "close what runs beside it"),
        ({"stolen_s": 1.0}, "measure at another time, or on a machine of its own"),
        ({"pace_s": 2.0}, "measure at another time, or on a machine of its own"),
        ({"throttle_count": 3}, "let it cool, or take a power mode that it can hold"),
        ({"gpu_throttle": ("thermal",)}, "let it cool, or take a power mode that it can hold"),
        ({"clock_hz": 1e9}, "hold the clock (the governor performance), or measure once it is steady"),
    ],
)
def test_every_cause_has_the_remedy_that_fits_it(changed: dict[str, object], helps: str) -> None:
    found = replace(ALONE, **changed)  # type: ignore[arg-type]
    told = quiet.disturbance(found, RULE, 2, usual_clock_hz=2e9, usual_pace_s=1.0)
    assert told is not None
    assert quiet.remedy(told) == helps


@pytest.mark.parametrize("found", [None, Interference(wall_s=1.0), Interference(wall_s=0.0, foreign_s=0.0)])
def test_what_the_machine_does_not_tell_disturbs_nothing(found: Interference | None) -> None:
    assert quiet.disturbance(found, RULE, 2, usual_clock_hz=2e9) is None


@pytest.mark.parametrize(
    ("pace_s", "best_s", "told"),
    [
        (None, 8e-5, None),
        (1e-4, None, None),
        (8.7e-5, 8e-5, None),
        (1e-4, 8e-5, "a fixed piece of arithmetic took 25 % longer than usual"),
        (6e-5, 8e-5, "a fixed piece of arithmetic took 25 % less than usual"),
    ],
)
def test_where_no_clock_is_told_the_pace_tells(pace_s: float | None, best_s: float | None, told: str | None) -> None:
    found = replace(ALONE, pace_s=pace_s)
    assert quiet.disturbance(found, RULE, 2, usual_pace_s=best_s) == told
    assert quiet.slowed(found, RULE, best_s) == told


def test_the_usual_pace_is_the_median_of_the_run() -> None:
    assert quiet.usual_pace_s([1.0] * 4) is None
    assert quiet.usual_pace_s([1.0] * 5) == 1.0
    assert quiet.usual_pace_s([0.1, *[1.0] * 30]) == 1.0  # a lucky reading is no best
    assert quiet.usual_pace_s([1.0] * 30 + [1.25] * 31) == 1.25


def test_without_a_usual_clock_none_has_changed() -> None:
    assert quiet.disturbance(replace(ALONE, clock_hz=1.0), RULE, 2, None) is None
    assert quiet.usual_clock_hz([1e9, 2e9]) is None
    assert quiet.usual_clock_hz([1e9, 3e9, 2e9]) == 2e9
    assert quiet.usual_clock_hz([9e9] * 100 + [2e9] * 25) == 2e9  # the last ones


def test_limits_are_the_rules_own() -> None:
    strict = QuietRule(max_foreign_share=0.0)
    assert quiet.disturbance(replace(ALONE, foreign_s=0.05), strict, 2) == "other processes took 2 % of its 2 cores"
    assert quiet.disturbance(replace(ALONE, foreign_s=1.9), QuietRule(max_foreign_share=1.0), 2) is None


def test_two_stretches_are_one_and_what_one_does_not_know_is_unknown() -> None:
    first = Interference(wall_s=0.02, own_s=0.02, foreign_s=0.0, switch_count=1, clock_hz=2e9)
    then = Interference(wall_s=0.08, own_s=0.0, foreign_s=0.06, switch_count=2, clock_hz=1e9, ours_s=0.01)
    both = quiet.joined(first, then)
    assert (both.wall_s, both.own_s, both.foreign_s) == pytest.approx((0.1, 0.02, 0.06))
    assert (both.switch_count, both.clock_hz, both.ours_s) == (3, 2e9, None)


def test_the_shortest_telling_block_shows_a_share_of_fifteen_percent() -> None:
    for core_count in (1, 2, 8):
        wall_s = quiet.least_telling_s(core_count)
        taken_s = 0.151 * wall_s * core_count + 0.02
        assert quiet.share(taken_s, wall_s, core_count) == pytest.approx(0.151)
        assert quiet.least_telling_s(core_count) * core_count == pytest.approx(0.02 / 0.15)
