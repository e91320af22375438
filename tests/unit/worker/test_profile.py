"""Where the time of a call goes, on this torch: parts add up to the whole, products to those of a plain count."""

import time

import pytest
import torch

from suite.worker import profile
from suite.worker.outcome import WorkerFault


class Inner(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = torch.nn.Conv1d(3, 4, 3)
        self.linear = torch.nn.Linear(8, 5)

    def forward(self, x):
        return self.linear(self.convolution(x))


class Outer(torch.nn.Module):
    """Calls one part twice, and multiplies by itself."""

    def __init__(self):
        super().__init__()
        self.inner = Inner()

    def forward(self, x):
        return self.inner(x) @ self.inner(x).transpose(1, 2)


CONVOLUTION, LINEAR, OWN = 2 * 4 * 8 * 3 * 3, 2 * 4 * 8 * 5, 2 * 4 * 4 * 5  # of one call, batch 2


def profiled(target, call, call_count=2):
    with torch.inference_mode():
        subject = profile.Subject(target, "cpu", call, None)
        return profile.profile(torch, subject, call_count, time.perf_counter)


def of_outer(call_count=2):
    target, x = Outer().eval(), torch.randn(2, 3, 10)
    return profiled(target, lambda: target(x), call_count)


@pytest.fixture(scope="module")
def found():
    return of_outer()


def test_products_are_counted_by_operator_and_by_module(found):
    pytest.importorskip("torch.utils.flop_counter")
    counts = {each["operator"]: each["mac_count"] for each in found["operators"] if each["mac_count"]}
    assert sum(counts.values()) == 2 * (CONVOLUTION + LINEAR) + OWN
    assert counts["convolution"] == 2 * CONVOLUTION
    by_path = {each["path"]: each["mac_count"] for each in found["modules"]}
    assert by_path == {
        "(model)": OWN,
        "inner": 0,
        "inner.convolution": 2 * CONVOLUTION,
        "inner.linear": 2 * LINEAR,
    }
    assert found["uncounted"] is None


def test_calls_are_counted_over_all_profiled_calls(found):
    calls = {each["path"]: (each["kind"], each["call_count"]) for each in found["modules"]}
    assert calls["(model)"] == ("Outer", 2)
    assert calls["inner.linear"] == ("Linear", 4)
    convolution = next(each for each in found["operators"] if each["operator"] == "convolution")
    assert convolution["call_count"] == 4


def test_what_an_operator_calls_to_do_its_products_is_its_own(found):
    names = {each["operator"] for each in found["operators"]}
    assert not any("mkldnn_convolution" in name or "slow_conv" in name or name == "_convolution" for name in names)


def test_own_times_add_up_to_the_whole_module_s(found):
    whole = next(each for each in found["modules"] if each["path"] == "(model)")
    assert sum(each["self_s"] for each in found["modules"]) == pytest.approx(whole["total_s"], rel=0.01)
    assert 0 < whole["total_s"] <= sum(found["latency_s"])
    assert len(found["latency_s"]) == 2


def test_no_hook_stays_behind():
    target, x = Outer().eval(), torch.randn(2, 3, 10)
    profiled(target, lambda: target(x))
    assert all(not part._forward_hooks and not part._forward_pre_hooks for part in target.modules())


def test_a_call_outside_of_torch_is_refused():
    with pytest.raises(WorkerFault) as caught:
        profiled(object(), lambda: 7)
    assert caught.value.code == "NOTHING_SEEN"


def test_without_a_counter_the_times_stand_and_say_why(monkeypatch):
    def refuse():
        raise WorkerFault("NO_FLOP_COUNTER", "this torch has none", "use torch 2.1")

    monkeypatch.setattr(profile.complexity, "require_counter", refuse)
    found = of_outer()
    assert found["uncounted"] == ["NO_FLOP_COUNTER", "this torch has none", "use torch 2.1"]
    assert {each["mac_count"] for each in found["operators"] + found["modules"]} == {None}
    assert "convolution" in {each["operator"] for each in found["operators"]}


@pytest.mark.parametrize("call_count", [0, -1, 1001, 1.5, None])
def test_a_count_that_is_none_is_refused(call_count):
    with pytest.raises(WorkerFault) as caught:
        profile.checked_count(call_count)
    assert caught.value.code == "BAD_REQUEST"


class Event:
    """An event of the profiler's; times in µs. Children are told their parent."""

    def __init__(self, name, cpu_us, device_us=0.0, children=(), device_type="DeviceType.CPU"):
        self.name, self.cpu_time_total, self.device_time_total = name, cpu_us, device_us
        self.self_cpu_time_total = cpu_us - sum(child.cpu_time_total for child in children)
        self.self_device_time_total = device_us - sum(child.device_time_total for child in children)
        self.device_type, self.cpu_parent, self.children = device_type, None, children
        for child in children:
            child.cpu_parent = self

    def flat(self):
        return [self, *(event for child in self.children for event in child.flat())]


def on_a_gpu():
    """A whole of 100 µs on the processor and 1,000 on the device; a part of it has 600, a product of 500 among them."""
    product = Event("aten::linear", 30, 500, (Event("aten::addmm", 20, 500, (Event("cudaLaunchKernel", 5),)),))
    part = Event("suite.module:layer", 40, 600, (product, Event("aten::add", 5, 100)))
    whole = Event("suite.module:", 100, 1000, (part, Event("aten::softmax", 10, 400)))
    kernel = Event("void at::native::gemm()", 500, 500, device_type="DeviceType.CUDA")
    annotation = Event("suite.module:layer", 600, 600, device_type="DeviceType.CUDA")
    return [*whole.flat(), kernel, annotation]


def test_on_a_gpu_times_are_the_device_s_and_its_own_records_are_not_counted_twice():
    found = profile._operators(on_a_gpu(), {"addmm"}, on_device=True)
    told = {each["operator"]: (each["device_self_s"], each["call_count"]) for each in found}
    assert told == {
        "addmm": (pytest.approx(500e-6), 1),
        "softmax": (pytest.approx(400e-6), 1),
        "add": (pytest.approx(100e-6), 1),
        "linear": (0.0, 1),
    }
    assert found[0]["operator"] == "addmm"


def test_on_a_gpu_a_module_s_own_time_is_less_that_of_the_parts_within_it():
    parts = {"": Outer(), "layer": torch.nn.Linear(1, 1)}
    layer, whole = profile._modules(on_a_gpu(), parts, on_device=True)
    assert (layer["path"], layer["kind"], layer["call_count"]) == ("layer", "Linear", 1)
    assert (layer["device_self_s"], layer["device_total_s"]) == (pytest.approx(600e-6), pytest.approx(600e-6))
    assert (whole["device_self_s"], whole["device_total_s"]) == (pytest.approx(400e-6), pytest.approx(1000e-6))
    assert (whole["self_s"], whole["total_s"]) == (pytest.approx(60e-6), pytest.approx(100e-6))


def test_older_torch_names_device_times_after_cuda():
    event = Event("aten::add", 5, 100)
    event.self_cuda_time_total = event.self_device_time_total
    del event.self_device_time_total
    assert profile._device_s(event, "self_") == pytest.approx(100e-6)


def test_a_device_that_the_profiler_sees_nothing_of_is_refused(monkeypatch):
    class Blind:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        @staticmethod
        def events():
            return [Event("aten::add", 5)]

    monkeypatch.setattr(profile, "_profiler", lambda *_: Blind())
    with pytest.raises(WorkerFault) as caught:
        profile.profile(torch, profile.Subject(object(), "cuda:0", lambda: 1, None), 1, time.perf_counter)
    assert caught.value.code == "NO_DEVICE_TIMES"


def test_mps_has_no_times_in_the_profiler():
    with pytest.raises(WorkerFault) as caught:
        profile._profiler(torch, "mps")
    assert caught.value.code == "NO_DEVICE_TIMES"
