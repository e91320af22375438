from __future__ import annotations

import os
import time

import pytest

from suite.errors import SensorError
from suite.power.base import Description, Sample, Source
from suite.power.sampler import PipeRequests, serve
from suite.records import NotMeasured

OWN_CLOCK = {"clock_uncertainty_s": 0.0}


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


class Script:
    """Requests at given times: the clock runs to the next one, or to the time that is waited for."""

    def __init__(self, clock, *requests):
        self.clock = clock
        self.requests = list(requests)

    def next(self, due_s):
        if self.requests and self.requests[0][0] <= due_s:
            at_s, line = self.requests.pop(0)
            self.clock.now_s = max(self.clock.now_s, at_s)
            return line
        self.clock.now_s = max(self.clock.now_s, due_s)
        return None


class Fake(Source):
    name = "fake"
    summary = "for tests"

    def __init__(self, clock, *, read_s=0.0, refused=None, fails_after=None, stale_count=1):
        self.clock, self.read_s, self.refused = clock, read_s, refused
        self.fails_after, self.stale_count = fails_after, stale_count
        self.reads, self.marks, self.closed, self.opened_with = [], [], 0, None

    def available(self, options):
        return self.refused

    def open(self, options):
        self.opened_with = options
        return Description(
            scope="test",
            rails=("a", "b"),
            quantity="power",
            period_s=1.0,
            minimum_window_s=1.0,
            resolution=0.0,
            gain_error=0.0,
        )

    def read(self):
        if len(self.reads) == self.fails_after:
            raise SensorError("UNPLUGGED", "the meter is gone", "plug it in")
        self.reads.append(self.clock.now_s)
        self.clock.now_s += self.read_s(len(self.reads)) if callable(self.read_s) else self.read_s
        stamp_s = self.reads[(len(self.reads) - 1) // self.stale_count * self.stale_count]
        return Sample(time_s=stamp_s, values=(1.0, float(len(self.reads))))

    def mark(self, label):
        self.marks.append((self.clock.now_s, label))

    def close(self):
        self.closed += 1


def run(clock, source, *requests):
    replies = []
    status = serve(source, {"key": "value"}, Script(clock, *requests), replies.append, clock)
    return status, replies


def test_it_reads_at_the_start_and_then_once_a_period_until_its_input_ends():
    clock = Clock()
    source = Fake(clock)
    status, replies = run(clock, source, (103.5, "flush"), (104.5, "quit"))
    assert status == 0
    assert source.opened_with == {"key": "value"}
    assert source.reads == [100.0, 101.0, 102.0, 103.0, 104.0]
    assert replies[0]["ready"]["rails"] == ("a", "b")
    assert replies[1:] == [
        {"samples": {"time_s": [100.0, 101.0, 102.0, 103.0], "values": [[1.0] * 4, [1.0, 2.0, 3.0, 4.0]]} | OWN_CLOCK}
    ]
    assert source.closed == 1


def test_slow_readings_do_not_shift_the_schedule():
    clock = Clock()
    source = Fake(clock, read_s=0.25)
    run(clock, source, (104.5, "quit"))
    assert source.reads == [100.0, 101.0, 102.0, 103.0, 104.0]


def test_periods_that_were_missed_are_not_made_up():
    clock = Clock()
    source = Fake(clock, read_s=lambda count: 2.5 if count == 2 else 0.0)
    run(clock, source, (106.5, "quit"))
    assert source.reads == [100.0, 101.0, 104.0, 105.0, 106.0]


def test_a_stamp_that_was_given_before_is_no_new_sample():
    clock = Clock()
    _, replies = run(clock, Fake(clock, stale_count=2), (103.5, "flush"), (103.5, "quit"))
    assert replies[1]["samples"] == {"time_s": [100.0, 102.0], "values": [[1.0, 1.0], [1.0, 3.0]]} | OWN_CLOCK


def test_marks_reach_the_source_at_once_and_are_acknowledged():
    clock = Clock()
    source = Fake(clock)
    _, replies = run(clock, source, (100.25, "mark load"), (101.75, "mark idle"), (102.5, "quit"))
    assert source.marks == [(100.25, "load"), (101.75, "idle")]
    assert replies[1:] == [{"marked": "load"}, {"marked": "idle"}]
    assert source.reads == [100.0, 101.0, 102.0]


def test_a_second_flush_goes_on_from_the_last_sample_of_the_first():
    clock = Clock()
    _, replies = run(clock, Fake(clock), (101.5, "flush"), (103.5, "flush"), (103.5, "quit"))
    assert [reply["samples"]["time_s"] for reply in replies[1:]] == [[100.0, 101.0], [101.0, 102.0, 103.0]]


def test_a_source_that_is_not_there_says_why_and_is_never_opened():
    clock = Clock()
    source = Fake(clock, refused=NotMeasured(code="NO_BOARD", reason="no such board", remedy="get one"))
    assert run(clock, source) == (
        1,
        [{"error": {"code": "NO_BOARD", "reason": "no such board", "remedy": "get one"}}],
    )
    assert source.opened_with is None
    assert source.closed == 1


def test_a_source_without_one_sample_is_never_ready():
    clock = Clock()
    status, replies = run(clock, Fake(clock, fails_after=0))
    assert status == 1
    assert [list(reply) for reply in replies] == [["error"]]


def test_a_source_that_fails_later_ends_with_its_error():
    clock = Clock()
    source = Fake(clock, fails_after=3)
    status, replies = run(clock, source)
    assert status == 1
    assert [list(reply) for reply in replies] == [["ready"], ["error"]]
    assert replies[1]["error"]["code"] == "UNPLUGGED"
    assert source.closed == 1


@pytest.fixture
def pipe():
    read_end, write_end = os.pipe()
    yield read_end, write_end
    os.close(read_end)


def test_a_pipe_gives_whole_lines_and_its_end_is_quit(pipe):
    read_end, write_end = pipe
    requests = PipeRequests(read_end)
    os.write(write_end, b"mark load\nflu")
    now_s = time.monotonic()
    assert requests.next(now_s) == "mark load"
    assert requests.next(now_s) is None
    os.write(write_end, b"sh\n")
    assert requests.next(now_s) == "flush"
    os.close(write_end)
    assert requests.next(now_s) == "quit"


def test_a_source_that_hands_over_several_readings_loses_none():
    class Several(Fake):
        def readings(self):
            return [Sample(time_s=self.clock.now_s - back_s, values=(back_s, 0.0)) for back_s in (0.5, 0.25)]

        def clock_uncertainty_s(self):
            return 0.125

    clock = Clock()
    _, replies = run(clock, Several(clock), (101.5, "flush"), (101.5, "quit"))
    assert replies[1]["samples"] == {
        "time_s": [99.5, 99.75, 100.5, 100.75],
        "values": [[0.5, 0.25, 0.5, 0.25], [0.0] * 4],
        "clock_uncertainty_s": 0.125,
    }


class Shaky(Fake):
    """Fails at some of its readings, by number, with a code; or gives a value that is none."""

    def __init__(self, clock, failures, code="SENSOR_LOST", values=None):
        super().__init__(clock)
        self.failures, self.code, self.odd, self.number = failures, code, values, 0

    def read(self):
        number, self.number = self.number, self.number + 1
        if number in self.failures:
            if self.odd is not None:
                return Sample(time_s=self.clock.now_s, values=self.odd)
            raise SensorError(self.code, "the bus was busy", "wait for it")
        return super().read()


@pytest.mark.parametrize("code", ["SENSOR_LOST", "SENSOR_PERM", "RAPL_PERM"])
def test_one_reading_that_fails_is_a_gap_with_its_reason(code):
    clock = Clock()
    status, replies = run(clock, Shaky(clock, {2}, code), (104.5, "flush"), (104.5, "quit"))
    assert status == 0
    assert replies[1]["samples"]["time_s"] == [100.0, 101.0, 103.0, 104.0]
    assert replies[1]["samples"]["missed"] == [(102.0, "the bus was busy", "wait for it")]


def test_a_sensor_that_fails_for_longer_than_a_gap_is_lost():
    clock = Clock()
    status, replies = run(clock, Shaky(clock, set(range(2, 100))))
    assert status == 1
    assert replies[-1]["error"]["reason"] == "the bus was busy"
    assert clock.now_s == 105.0  # it could be read at 101 s, and three periods of patience had passed


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ((float("nan"), 1.0), "nan for a"),
        ((1.0, float("inf")), "inf for b"),
        ((1e300, 1.0), "1e+300 for a"),
        ((1.0,), "1 values for 2 rails"),
        ((1.0, 2.0, 3.0), "3 values for 2 rails"),
    ],
)
def test_a_value_that_is_none_is_no_sample(values, told):
    clock = Clock()
    _, replies = run(clock, Shaky(clock, {1}, values=values), (102.5, "flush"), (102.5, "quit"))
    assert replies[1]["samples"]["time_s"] == [100.0, 102.0]
    assert told in replies[1]["samples"]["missed"][0][1]
    status, replies = run(clock, Shaky(clock, {0}, values=values))
    assert (status, replies[0]["error"]["code"]) == (1, "SENSOR_LOST")


def test_readings_that_fail_are_told_up_to_a_number():
    clock = Clock()
    source = Shaky(clock, set(range(1, 200, 2)))
    _, replies = run(clock, source, (250.5, "flush"), (251.5, "flush"), (251.5, "quit"))
    assert len(replies[1]["samples"]["missed"]) == 20
    assert len(replies[2]["samples"].get("missed", [])) <= 1
