from __future__ import annotations

import sys

import pytest

from suite.errors import SensorError
from suite.power.client import Sampler

READY = (
    "import json, sys, time\n"
    "ready = dict(scope='test', rails=['a'], quantity='counter', period_s=0.1, minimum_window_s=1.0, resolution=0.0,\n"
    "             gain_error=0.0, settle_s=0.0, counter_range_j=8.0)\n"
    "print(json.dumps({'ready': ready}), flush=True)\n"
)


def start(program, deadline_s=30.0):
    return Sampler.start("fake", {}, command=[sys.executable, "-c", program], deadline_s=deadline_s)


def test_the_simulated_source_is_sampled_in_a_process_of_its_own():
    with Sampler.start("simulated", {"load_w": "9", "period_s": "0.001"}) as sampler:
        assert sampler.description.rails == ("simulated",)
        assert sampler.description.scope == "simulated, not a measurement"
        sampler.mark("load")
        sampler.mark("idle")
        trace = sampler.collect()
    assert trace.rails == ("simulated",)
    assert set(trace.power_w[0]) <= {2.0, 9.0}
    assert trace.power_w[0][0] == 2.0


def test_counters_come_with_their_range():
    answer = "sys.stdin.readline(); print(json.dumps({'samples': {'time_s': [1.0, 2.0], 'values': [[5.0, 7.0]]}}))"
    with start(READY + answer) as sampler:
        trace = sampler.collect()
    assert trace.energy_j == ((5.0, 7.0),)
    assert trace.range_j == 8.0


def test_a_source_that_blocks_for_ever_is_hung_and_its_process_ends():
    with pytest.raises(SensorError, match=r"fake did not answer for 0.2 s") as caught:
        start("import time; time.sleep(600)", deadline_s=0.2)
    assert caught.value.code == "SENSOR_HUNG"


def test_the_sources_own_code_comes_through():
    error = '{"error": {"code": "JTOP_ABSENT", "reason": "no jtop", "remedy": "start it"}}'
    with pytest.raises(SensorError, match="no jtop; start it") as caught:
        start(f"print('{error}')")
    assert caught.value.code == "JTOP_ABSENT"


def test_a_crash_at_the_start_is_lost_with_its_last_line():
    with pytest.raises(SensorError, match="ended while it was needed: ImportError: no libpower") as caught:
        start("raise ImportError('no libpower')")
    assert caught.value.code == "SENSOR_LOST"


def test_a_sampler_that_ends_during_a_window_is_noticed():
    with start(READY + "sys.exit(4)") as sampler:
        sampler._process.wait()
        with pytest.raises(SensorError, match="exit status 4") as caught:
            sampler.check()
        assert caught.value.code == "SENSOR_LOST"
        with pytest.raises(SensorError):
            sampler.mark("idle")


def test_an_error_during_a_window_is_noticed_with_its_code():
    error = "print(json.dumps({'error': dict(code='UNPLUGGED', reason='gone', remedy='plug it in')}), flush=True)"
    with start(READY + error) as sampler:
        sampler._process.wait()
        with pytest.raises(SensorError) as caught:
            sampler.collect()
    assert caught.value.code == "UNPLUGGED"


def test_a_running_sampler_checks_out_and_ends_when_it_is_closed():
    with start(READY + "sys.stdin.read()") as sampler:
        sampler.check()
    assert sampler._process.returncode == 0


def test_a_sampler_that_does_not_end_is_killed(monkeypatch):
    monkeypatch.setattr("suite.power.client.CLOSE_DEADLINE_S", 0.1)
    with start(READY + "time.sleep(600)") as sampler:
        pass
    assert sampler._process.returncode == -9
