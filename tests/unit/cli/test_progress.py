"""What, how far, how long still: exact on a fake clock."""

from __future__ import annotations

import io
import threading
from dataclasses import replace

import pytest

from suite.cli import progress
from suite.cli.live import LiveProgress, place_of
from suite.cli.progress import PlainProgress, Quiet
from suite.cli.session import opened
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
        "3 tasks, estimated at 30 s",
        "timing null, 3 sizes in turns",
        "[1/3] null latency, batch 1: 12.0 ms (median of 3), about 20 s left",
        "[2/3] null latency, batch 2: not measured: NO_POWER_SOURCE (there is no sensor), about 6 s left",
        "[3/3] null latency, batch 4: 500 ms (median of 1)",
    ]


def test_a_log_gets_the_same_news_now_and_then_however_often_it_is_told() -> None:
    stream, clock = io.StringIO(), Clock()
    plain = PlainProgress(stream, clock)
    plain.begin("timing null, round 1, 3 of 3 sizes")
    for second in range(1, 62):
        clock.now_s = float(second)
        plain.begin(f"waiting for quiet: other processes took 90 % of 2 cores, mypy (process {second}) the most")
        plain.begin("timing null, round 1, 3 of 3 sizes" if second < 30 else "timing null, round 2, 3 of 3 sizes")
    told = [line.partition(":")[0] for line in stream.getvalue().splitlines()]
    assert told == [
        "timing null, round 1, 3 of 3 sizes",
        "waiting for quiet",  # after 1 s
        "timing null, round 2, 3 of 3 sizes",  # after 30 s
        "waiting for quiet",  # after 31 s
        "timing null, round 2, 3 of 3 sizes",  # after 60 s
        "waiting for quiet",  # after 61 s
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (89.0, "89 s"), (95.0, "2 min"), (3600.0, "60 min"), (6000.0, "1 h 40 min")]
)
def test_durations_read_as_a_person_says_them(seconds: float, text: str) -> None:
    assert progress.duration(seconds) == text


def test_a_terminal_gets_a_bar_that_no_thread_redraws_beside_the_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    bar = opened(stream)
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


def test_a_file_a_dumb_terminal_and_ci_get_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    assert isinstance(opened(io.StringIO()), PlainProgress)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(opened(Terminal()), PlainProgress)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("CI", "true")
    assert isinstance(opened(Terminal()), PlainProgress)


def test_quiet_tells_no_progress_but_what_must_be_known() -> None:
    stream = io.StringIO()
    quiet = Quiet(stream)
    quiet.plan(30.0, 3)
    quiet.begin("timing null")
    quiet.advance(TASKS[0], latency_record(TASKS[0], (0.012,)))
    quiet.note("interrupted, 2 left")
    quiet.close()
    assert stream.getvalue() == "interrupted, 2 left\n"


def test_a_table_in_place_counts_what_is_done_and_what_is_not_available(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    tasks = (*TASKS, *(replace(task, model="other", precision="fp16") for task in TASKS[:2]))
    stream = Terminal()
    live = LiveProgress(stream, Clock(), no_color=True)
    live.asked(tasks)
    live.plan(50.0, len(tasks))
    live.advance(tasks[0], latency_record(tasks[0], (0.012,)))
    live.advance(tasks[3], replace(latency_record(tasks[3]), latency=ABSENT))
    table = stream.getvalue().rpartition("latency\n")[2] or stream.getvalue()
    live.close()
    rows = [line.split() for line in table.splitlines() if line.strip().startswith(("null", "other"))]
    assert ["null", "1/3"] in rows
    assert ["other", "(fp16)", "1/2", "(1", "n/a)"] in rows


def test_variants_of_a_model_have_a_line_each() -> None:
    task = TASKS[0]
    assert place_of(task) == ("null", "latency")
    assert place_of(replace(task, device="cuda:0", runtime="compiled", precision="fp16")) == (
        "null (cuda:0, compiled, fp16)",
        "latency",
    )
