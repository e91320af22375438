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
