"""What, how far, how long still: exact on a fake clock."""

from __future__ import annotations

import io
import threading
from dataclasses import replace

import pytest

from suite.cli import progress
from suite.cli.progress import LiveProgress, PlainProgress
from suite.measure.estimate import allowed_s
from suite.records import EnergyRule, Repetition, Task
from tests.unit.samples import ABSENT, latency_record

TASKS = tuple(
    Task(test="latency", model="null", batch_size=size, repetition=Repetition(time_limit_s=10.0)) for size in (1, 2, 4)
)


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_tasks_may_take_is_their_time_limit_or_a_rough_guess() -> None:
    counting = Task(test="params", model="null")
    energy = Task(test="energy", model="null", energy=EnergyRule(window_count=3, window_s=5.0, idle_s=10.0))
    assert allowed_s(TASKS, metered=True) == 30.0
    assert allowed_s([counting], metered=True) == 1.0
    assert allowed_s([energy], metered=True) == 35.0
    assert allowed_s([energy], metered=False) == 0.0


def test_a_line_says_what_came_out_how_far_it_is_and_how_long_it_still_takes() -> None:
    stream, clock = io.StringIO(), Clock()
    plain = PlainProgress(stream, clock)
    plain.plan(allowed_s(TASKS, metered=True), len(TASKS))
    plain.begin("timing null, 3 sizes in turns")
    clock.now_s = 5.0  # half of what the limit allows: its 10 s of the 30 are done with
    plain.advance(TASKS[0], latency_record(TASKS[0], (0.011, 0.012, 0.013)))
    clock.now_s = 24.0  # later than 20 s, which two tasks of three may take
    plain.advance(TASKS[1], replace(latency_record(TASKS[1]), latency=ABSENT))
    plain.advance(TASKS[2], latency_record(TASKS[2], (0.5,)))
    plain.close()
    assert stream.getvalue().splitlines() == [
        "3 tasks, up to about 30 s",
        "timing null, 3 sizes in turns",
        "[1/3] null latency, batch 1: 12.0 ms (median of 3), about 20 s left",
        "[2/3] null latency, batch 2: not measured: NO_POWER_SOURCE (there is no sensor), about 6 s left",
        "[3/3] null latency, batch 4: 500 ms (median of 1)",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (89.0, "89 s"), (95.0, "2 min"), (3600.0, "60 min"), (6000.0, "1 h 40 min")]
)
def test_durations_read_as_a_person_says_them(seconds: float, text: str) -> None:
    assert progress.duration(seconds) == text


def test_a_terminal_gets_a_bar_that_no_thread_redraws_beside_the_measurement() -> None:
    stream = Terminal()
    bar = progress.opened(stream)
    assert isinstance(bar, LiveProgress)
    threads_before = threading.active_count()
    bar.plan(30.0, len(TASKS))
    bar.begin("timing null")
    assert threading.active_count() == threads_before
    bar.advance(TASKS[0], latency_record(TASKS[0], (0.012,)))
    bar.note("a note [with brackets]")
    bar.close()
    written = stream.getvalue()
    assert "null latency, batch 1: 12.0 ms (median of 1)" in written
    assert "a note [with brackets]" in written
    assert "1/3" in written


def test_a_file_gets_plain_lines() -> None:
    assert isinstance(progress.opened(io.StringIO()), PlainProgress)
