from __future__ import annotations

import dataclasses

import pytest

from suite.host import flags, standing
from suite.records import Flag, HostState
from tests.unit.samples import FACTS

CALM = HostState(
    time_s=0.0,
    power_mode="MAXN (mode 0)",
    governors=("performance",),
    cpu_frequency_hz=(1.5e9,),
    temperature_c=(("cpu", 40.0), ("gpu", 39.0)),
    load_1min=1.9,
    memory_available_bytes=1024**3,
    throttle_count=3,
    on_battery=False,
)


def with_(**changes):
    return dataclasses.replace(CALM, **changes)


def test_a_calm_machine_casts_no_doubt():
    assert flags(CALM, CALM, own_thread_count=2) == ()


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"throttle_count": 5}, Flag(code="THROTTLED", text="the processor's throttle count grew by 2")),
        (
            {"governors": ("powersave", "schedutil")},
            Flag(code="GOVERNOR_CHANGED", text="the CPU governor changed from performance to powersave, schedutil"),
        ),
        (
            {"power_mode": "5W (mode 1)"},
            Flag(code="POWER_MODE_CHANGED", text="the power mode changed from MAXN (mode 0) to 5W (mode 1)"),
        ),
        (
            {"temperature_c": (("cpu", 51.0), ("gpu", 52.5), ("new", 90.0))},
            Flag(code="TEMPERATURE_ROSE", text="gpu rose by 13.5 °C to 52.5 °C"),
        ),
        (
            {"load_1min": 2.75},
            Flag(code="HIGH_LOAD", text="the load of 2.75 was more than the 2 threads measured can make"),
        ),
        ({"memory_available_bytes": 52428800}, Flag(code="LOW_MEMORY", text="only 50.0 MiB of memory were left")),
    ],
)
def test_each_doubt_has_its_code_and_says_what_was_seen(changes, flag):
    assert flags(CALM, with_(**changes), own_thread_count=2) == (flag,)


@pytest.mark.parametrize(
    "changes",
    [
        {"temperature_c": (("cpu", 50.0), ("gpu", 30.0))},
        {"load_1min": 2.5},
        {"throttle_count": None},
        {"load_1min": None},
        {"memory_available_bytes": None},
        {"on_battery": None},
        {"temperature_c": ()},
    ],
)
def test_what_is_small_or_unknown_casts_none(changes):
    assert flags(CALM, with_(**changes), own_thread_count=2) == ()


def test_the_load_of_the_minute_before_is_not_held_against_the_task():
    assert flags(with_(load_1min=9.0), CALM, own_thread_count=2) == ()


def test_memory_that_was_short_before_is_a_doubt_too():
    assert [flag.code for flag in flags(with_(memory_available_bytes=1), CALM, own_thread_count=2)] == ["LOW_MEMORY"]


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (True, True, "the machine ran on its battery, where many slow down"),
        (False, True, "the machine went from mains to battery during the measurement; many slow down there"),
        (True, False, "the machine went from battery to mains during the measurement; many slow down on battery"),
        (None, True, "the machine was on its battery at the end; many slow down there"),
        (
            True,
            None,
            "the machine was on its battery at the start, and does not say whether at the end; many slow down there",
        ),
        (False, False, None),
        (None, None, None),
        (False, None, None),
    ],
)
def test_a_change_of_supply_is_told_as_a_change(before, after, text):
    found = flags(with_(on_battery=before), with_(on_battery=after), own_thread_count=2)
    assert found == (() if text is None else (Flag(code="ON_BATTERY", text=text),))


BOARD = dataclasses.replace(
    FACTS, board="NVIDIA Jetson Nano", architecture="aarch64", virtualization="container (docker)"
)


def test_a_machine_that_is_what_it_seems_casts_no_doubt():
    assert standing(BOARD, "cpu") == ()
    assert standing(dataclasses.replace(BOARD, l4t="R32.7.1"), "cuda") == ()


def test_a_board_that_was_timed_on_its_processor_is_doubted():
    (flag,) = standing(dataclasses.replace(BOARD, l4t="R32.7.1"), "cpu")
    assert flag.code == "GPU_UNUSED"


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_what_an_emulated_processor_took_is_doubted(device):
    (flag,) = standing(dataclasses.replace(BOARD, virtualization="container (docker), emulated (Rosetta)"), device)
    assert flag == Flag(code="EMULATED", text="the processor is emulated (Rosetta): such a figure means nothing")
