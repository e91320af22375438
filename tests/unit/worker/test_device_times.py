"""The device's own time on a device that these tests stand for: a queue of work, a clock of its own, events in it."""

from types import SimpleNamespace

import pytest
import torch as real_torch

from suite.worker import device_times
from suite.worker.device_times import Device, Queue, Subject
from suite.worker.outcome import WorkerFault

CYCLES_PER_S = 1e9


class Gpu:
    """Does work in order, `work_s` a call, no sooner than it was given; giving it takes the processor `launch_s`.

    Both clocks tell seconds of one time. waits: a call itself waits for the device.
    """

    __version__ = "9.9"

    def __init__(self, launch_s, work_s, waits=False, has_sleep=True):
        self.now_s = self.done_s = 0.0
        self.launch_s, self.work_s, self.waits = launch_s, work_s, waits
        self.cuda = SimpleNamespace(Event=self.event)
        if has_sleep:
            self.cuda._sleep = lambda cycles: self.give(cycles / CYCLES_PER_S)

    def event(self, enable_timing):
        assert enable_timing
        return Event(self)

    def clock(self):
        return self.now_s

    def give(self, work_s):
        self.done_s = max(self.now_s, self.done_s) + work_s

    def synchronise(self):
        self.now_s = max(self.now_s, self.done_s)

    def call(self):
        """Two pieces, with the processor busy before each."""
        for _ in range(2):
            self.now_s += self.launch_s / 2
            self.give(self.work_s / 2)
        if self.waits:
            self.synchronise()
        return {"y": real_torch.zeros(4)}


class Event:
    def __init__(self, gpu):
        self.gpu, self.at_s = gpu, None

    def record(self):
        self.gpu.give(0.0)
        self.at_s = self.gpu.done_s

    def query(self):
        return self.at_s <= self.gpu.now_s

    def elapsed_time(self, other):
        return (other.at_s - self.at_s) * 1e3


def measured(gpu, call_count=3, device="cuda:0"):
    subject = Subject(gpu.call, lambda: {"x": real_torch.zeros(2, 4)}, lambda output: output)
    return device_times.measure(gpu, Device(device, gpu.synchronise), gpu.clock, subject, call_count)


@pytest.fixture(autouse=True)
def stay(monkeypatch):
    """Tensors stay where they are: there is no such device here."""
    monkeypatch.setattr(device_times.tensors, "moved", lambda value, _device: value)


def test_work_is_told_from_launching_where_the_processor_is_the_slower_one():
    found = measured(Gpu(launch_s=0.010, work_s=0.002))
    assert found["wall_s"] == pytest.approx([0.011] * 3)  # the last half of the work ends after the last launch
    assert found["span_s"] == pytest.approx([0.011] * 3)  # with the waiting between the two pieces
    assert found["work_s"] == pytest.approx([0.002] * 3)


def test_both_are_the_same_where_the_device_is_the_slower_one():
    found = measured(Gpu(launch_s=0.001, work_s=0.040))
    assert found["wall_s"] == pytest.approx([0.0405] * 3)
    assert found["work_s"] == pytest.approx([0.040] * 3)


def test_a_call_that_waits_for_the_device_has_no_work_of_its_own():
    assert measured(Gpu(launch_s=0.010, work_s=0.002, waits=True))["work_s"] == []


def test_a_call_too_long_for_a_delay_and_a_torch_without_one_have_none_either():
    assert measured(Gpu(launch_s=0.3, work_s=0.3))["work_s"] == []
    assert measured(Gpu(launch_s=0.01, work_s=0.002, has_sleep=False))["work_s"] == []


def test_the_delay_is_as_long_as_the_device_s_clock_says():
    gpu = Gpu(launch_s=0.010, work_s=0.002)
    queue = Queue(gpu, Device("cuda:0", gpu.synchronise), gpu.clock)
    queue.work_s(gpu.call, 0.011)
    assert queue._speed() == pytest.approx(CYCLES_PER_S)


def test_transfers_are_told_with_their_bytes():
    found = measured(Gpu(launch_s=0.010, work_s=0.002), call_count=2)
    assert (found["in_bytes"], found["out_bytes"]) == (32, 16)
    assert (len(found["in_s"]), len(found["out_s"])) == (2, 2)


def test_events_of_mps_tell_spans_and_no_work():
    gpu = Gpu(launch_s=0.010, work_s=0.002)
    gpu.mps = SimpleNamespace(event=SimpleNamespace(Event=gpu.event))
    found = measured(gpu, device="mps")
    assert found["span_s"] == pytest.approx([0.011] * 3)
    assert found["work_s"] == []


def test_a_torch_without_events_of_mps_says_so():
    with pytest.raises(WorkerFault) as caught:
        measured(Gpu(0.01, 0.01), device="mps")
    assert caught.value.code == "NO_DEVICE_CLOCK"


@pytest.mark.parametrize("call_count", [0, 1001, "3", None])
def test_a_count_that_is_none_is_refused(call_count):
    with pytest.raises(WorkerFault) as caught:
        measured(Gpu(0.01, 0.01), call_count=call_count)
    assert caught.value.code == "BAD_REQUEST"
