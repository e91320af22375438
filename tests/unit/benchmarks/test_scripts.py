"""What the scripts of benchmarks/ rest on: the disturber's schedule, and the rules of other tools."""

from __future__ import annotations

import itertools

import pytest

from benchmarks.disturber import DUTY, KINDS, Disturber, stretches
from benchmarks.peer_rules import RULES, hyperfine_runs, pyperf_values, pytest_rounds


def test_a_disturber_is_busy_for_its_share_of_the_time_and_the_seed_decides_when() -> None:
    first = list(itertools.islice(stretches(3), 2000))
    idle_s, busy_s = (sum(column) for column in zip(*first, strict=True))
    assert busy_s / (idle_s + busy_s) == pytest.approx(DUTY, abs=0.01)
    assert first[:50] == list(itertools.islice(stretches(3), 50))
    assert first[:50] != list(itertools.islice(stretches(4), 50))
    assert all(1.0 <= busy <= 3.0 for _, busy in first)


@pytest.mark.parametrize("kind", KINDS)
def test_a_disturber_s_processes_run_only_within_it(kind: str) -> None:
    with Disturber(kind, seed=1) as disturber:
        running = list(disturber.running)
        assert len(running) == len(KINDS[kind])
        assert all(process.poll() is None for process in running)
    assert all(process.returncode is not None for process in running)


def test_pyperf_doubles_the_calls_of_a_value_and_leaves_the_first_value_out() -> None:
    calls_s = [0.03] * 4 + [0.04] * 4 + [0.06] * 4 + [9.0] * 3  # four calls last 0.1 s; three are no value
    assert pyperf_values(calls_s) == pytest.approx([0.04, 0.06])
    assert len(pyperf_values([0.2] * 100)) == 60
    with pytest.raises(ValueError, match="too few"):
        pyperf_values([0.03] * 7)


def test_hyperfine_and_pytest_benchmark_run_for_their_time_and_at_least_so_often() -> None:
    assert len(hyperfine_runs([0.01] * 1000)) == 300
    assert len(hyperfine_runs([1.0] * 50)) == 10
    assert len(pytest_rounds([0.01] * 1000)) == 100
    assert len(pytest_rounds([1.0] * 50)) == 5


def test_each_rule_says_its_figure() -> None:
    calls_s = [0.5, 0.5, 0.7, 0.5, 0.8, 0.6] + [0.6] * 20
    found = {name: rule(calls_s) for name, rule in RULES.items()}
    assert found["hyperfine 1.19, min"] == found["pytest-benchmark 5.3, min"] == 0.5
    assert found["hyperfine 1.19, mean"] == pytest.approx(0.6)
    assert found["pytest-benchmark 5.3, mean"] == pytest.approx(0.6)
    assert found["pytest-benchmark 5.3, median"] == 0.5
    assert found["pyperf 2.10, mean"] == pytest.approx(sum(calls_s[1:]) / 25)
