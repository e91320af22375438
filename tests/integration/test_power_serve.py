"""`suite power serve` as a process of its own, fed by a stand-in for powermetrics, and read as a container would."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from suite.errors import SensorError
from suite.power.base import CounterTrace
from suite.power.client import Sampler
from suite.power.helper.lines import VERSION
from suite.power.integrate import energy_j
from suite.power.meter import Meter, WindowRule
from suite.power.sources.mac_helper import MacHelper
from suite.records import NotMeasured
from tests.powermetrics import as_program, recording, truth_j

# A shell that starts a job in the background has it ignore Ctrl-C, and this would be inherited.
MAIN = """
import signal, sys
from suite.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main())
"""
COMMAND = [sys.executable, "-c", MAIN, "power", "serve"]
# The true period exceeds the 0.2 s that are asked for, and varies.
PERIODS_S = [0.21, 0.205, 0.25, 0.22, 0.2]


def wavering_w(at_s):
    """About 4 W, 8 W from 4 to 8 s, never twice the same."""
    return (8.0 if 4.0 <= at_s < 8.0 else 4.0) + 0.1 * ((at_s * 7.3) % 1)


@contextmanager
def served(folder, source):
    """The helper's announcement, and its process."""
    token_file = folder / "token"
    command = [*COMMAND, "--source", source, "--port", "0", "--token-file", str(token_file), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield json.loads(process.stdout.readline()), process
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.communicate(timeout=20)


def replayed(folder, recorded):
    return f"apple:backend=powermetrics,program={as_program(folder, recorded)}"


def options(announced):
    return {"address": f"127.0.0.1:{announced['port']}", "token_file": announced["token_file"]}


def watch(sampler, duration_s):
    """Raises what the sampler ends with."""
    end_s = time.monotonic() + duration_s
    while time.monotonic() < end_s:
        sampler.check()
        time.sleep(0.1)


def load(duration_s):
    """Calls of 20 ms each."""
    started_s, call_count = time.monotonic(), 0
    while time.monotonic() < started_s + duration_s:
        time.sleep(0.02)
        call_count += 1
    return started_s, time.monotonic(), call_count


def meter_of(announced):
    with Sampler.start("mac-helper", options(announced)) as sampler:
        description = sampler.description
    rule = WindowRule(min_window_s=0.5, min_period_count=2, lead_s=0.1, lead_period_count=1)
    return Meter(source="mac-helper", options=options(announced), description=description, rule=rule)


def test_the_joules_agree_with_what_was_replayed(tmp_path):
    recorded = recording(PERIODS_S * 12, wavering_w)
    with (
        served(tmp_path, replayed(tmp_path, recorded)) as (announced, _),
        Sampler.start("mac-helper", options(announced)) as sampler,
    ):
        # The probe of the helper has ended its replay; this is the second.
        origin_s = float((tmp_path / "replay.started").read_text())
        start_s, end_s = origin_s + 2.8, origin_s + 9.3
        time.sleep(max(0.0, end_s + 0.6 - time.monotonic()))
        trace = sampler.collect()
        measured_j = energy_j(trace, start_s, end_s, sampler.description.period_s)
        uncertainty_s = sampler.description.clock_uncertainty_s
    true_j = truth_j(recorded, 2.8, 9.3)
    assert 0 < uncertainty_s < 0.1
    assert trace.rails == ("cpu", "gpu", "ane")
    # Interpolated over one period at either edge, in steady load; a stamp may be late by what the machine is busy.
    assert measured_j == pytest.approx(true_j, rel=0.01)
    assert true_j == pytest.approx(4.5 * 2.5 + 8.5 * 4.0, rel=0.02)


def test_clocks_an_hour_apart_that_drift_give_the_same_joules(tmp_path):
    recorded = recording(PERIODS_S * 12, wavering_w)

    def our_clock():
        return time.monotonic() * (1 - 50e-6) - 3600.0

    with served(tmp_path, replayed(tmp_path, recorded)) as (announced, _):
        source = MacHelper({}, our_clock)
        described = source.open(options(announced))
        origin_s = float((tmp_path / "replay.started").read_text()) * (1 - 50e-6) - 3600.0
        samples = []
        while our_clock() < origin_s + 9.9:
            samples += [sample for sample in source.readings() if not samples or sample.time_s > samples[-1].time_s]
            time.sleep(0.1)
        uncertainty_s = source.clock_uncertainty_s()
        source.close()
    stamps = tuple(sample.time_s for sample in samples)
    series = tuple(zip(*(sample.values for sample in samples), strict=True))
    trace = CounterTrace(rails=described.rails, time_s=stamps, energy_j=series, range_j=None)
    measured_j = energy_j(trace, origin_s + 2.8, origin_s + 9.3, described.period_s)
    assert measured_j == pytest.approx(truth_j(recorded, 2.8, 9.3), rel=0.01)
    assert 0 < uncertainty_s < 0.1


def test_a_helper_that_is_killed_costs_the_energy_and_not_the_calls(tmp_path):
    with served(tmp_path, "simulated") as (announced, process):
        meter = meter_of(announced)
        calls = []

        def load_and_kill(duration_s):
            timed = load(duration_s)
            calls.append(timed)
            if len(calls) == 2:
                process.kill()
                process.wait()
                time.sleep(0.3)
            return timed

        (outcome,) = meter.measure_all(load_and_kill, 2, 0.5, 0.3)
    assert isinstance(outcome, NotMeasured)
    assert outcome.code == "MAC_HELPER_DOWN"
    assert "suite power serve" in outcome.remedy
    assert all(call_count > 0 for _, _, call_count in calls)


def test_a_helper_that_hangs_is_down(tmp_path):
    with served(tmp_path, "simulated") as (announced, process):
        source = MacHelper({})
        try:
            source.open(options(announced))
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)  # it may answer until it has stopped
            with pytest.raises(SensorError, match="said nothing for 5 s") as caught:
                source.readings()
        finally:
            source.close()
    assert caught.value.code == "MAC_HELPER_DOWN"


def test_a_sensor_that_freezes_is_told_as_that(tmp_path):
    recorded = recording([0.2] * 12, wavering_w)  # and silence after 2.4 s
    with (
        served(tmp_path, replayed(tmp_path, recorded)) as (announced, _),
        Sampler.start("mac-helper", options(announced)) as sampler,
        pytest.raises(SensorError, match="powermetrics showed nothing new for 4 s") as caught,
    ):
        watch(sampler, 15.0)
    assert caught.value.code == "MAC_FROZEN"


def test_a_mac_without_root_is_told_before_anything_is_served(tmp_path):
    program = tmp_path / "powermetrics"
    program.write_text("#!/bin/sh\necho 'powermetrics must be invoked as the superuser' >&2\nexit 1\n")
    program.chmod(0o755)
    source = f"apple:backend=powermetrics,program={program}"
    done = subprocess.run(
        [*COMMAND, "--source", source, "--json"], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert json.loads(done.stdout)["code"] == "MAC_SUDO"


def test_clients_come_one_after_another_and_a_wrong_token_is_refused(tmp_path):
    with served(tmp_path, "simulated:load_w=9") as (announced, _):
        for _ in range(2):
            with Sampler.start("mac-helper", options(announced)) as sampler:
                sampler.mark("load")
                start_s = time.monotonic()
                time.sleep(0.6)
                trace = sampler.collect()
                assert energy_j(trace, start_s + 0.1, start_s + 0.4, 0.05) == pytest.approx(9.0 * 0.3)
        (tmp_path / "token").write_text("0" * 64)
        with pytest.raises(SensorError, match="the token is wrong") as caught:
            Sampler.start("mac-helper", options(announced))
    assert caught.value.code == "MAC_HELPER_DOWN"


def test_a_whole_measurement_through_the_helper(tmp_path):
    with served(tmp_path, "simulated:idle_w=2,load_w=7") as (announced, _):
        (reading,) = meter_of(announced).measure_all(load, 2, 0.5, 0.3)
    assert not isinstance(reading, NotMeasured), reading
    for window in reading.windows:
        assert window.energy_j == pytest.approx(7.0 * (window.end_s - window.start_s))
    assert (reading.idle_before_w, reading.idle_after_w) == pytest.approx((2.0, 2.0))
    assert reading.scope == "simulated, not a measurement"


def test_ctrl_c_ends_it_and_the_token_is_for_its_owner_alone(tmp_path):
    token_file = tmp_path / "token"
    token_file.write_text("an old one, readable by all, and longer than the new one will ever be: " + "x" * 100)
    token_file.chmod(0o644)
    with served(tmp_path, "simulated") as (announced, process):
        assert announced["token_file"] == str(token_file)
        assert token_file.read_text() == announced["token"] + "\n"
        assert len(announced["token"]) == 64
        assert stat.S_IMODE(token_file.stat().st_mode) == 0o600
        assert (announced["protocol"], announced["host"]) == (VERSION, "127.0.0.1")
        assert f"{token_file}:/run/secrets/suite-power-token:ro" in announced["docker_options"]
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=20)
    assert process.returncode == 0
    assert told.splitlines()[-1] == "suite: stopped"


def test_a_token_file_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    command = [*COMMAND, "--source", "simulated", "--port", "0", "--token-file", str(tmp_path / "link")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=os.environ)
    assert done.returncode == 2
    assert "the token can't be written" in done.stderr
    assert not (tmp_path / "elsewhere").exists()


def test_a_stall_of_the_program_costs_no_joule_and_adds_none(tmp_path):
    recorded = recording(PERIODS_S * 12, wavering_w)
    with (
        served(tmp_path, replayed(tmp_path, recorded)) as (announced, _),
        Sampler.start("mac-helper", options(announced)) as sampler,
    ):
        origin_s = float((tmp_path / "replay.started").read_text())
        replaying = int((tmp_path / "replay.pid").read_text())
        time.sleep(max(0.0, origin_s + 5.0 - time.monotonic()))
        os.kill(replaying, signal.SIGSTOP)
        time.sleep(1.0)
        os.kill(replaying, signal.SIGCONT)
        time.sleep(max(0.0, origin_s + 9.9 - time.monotonic()))
        trace = sampler.collect()
        measured_j = energy_j(trace, origin_s + 2.8, origin_s + 9.3, sampler.description.period_s)
    assert measured_j == pytest.approx(truth_j(recorded, 2.8, 9.3), rel=0.01)
