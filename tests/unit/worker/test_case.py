"""What is found at the edges of timed blocks, and how inputs that a model changes are set back."""

# ruff: noqa: ARG005  # answers take a model's inputs by name, used or not

import itertools
import time

import pytest
import torch

from suite.worker import growth, timing
from suite.worker.case import Case, digest, grad_mode
from suite.worker.model import Model
from suite.worker.outcome import WorkerFault
from suite.worker.weights import digest_tensors
from tests.unit.worker.made import Made

MB = 1_000_000


class Calls:
    """A case around a function of the named inputs, timed in blocks."""

    def __init__(self, answer, make, **declared):
        self.model = Made(None, make, **declared)
        self.model.bind = lambda target, inputs, scenario: ((lambda: answer(**inputs)), 1)
        self.case = Case(self.model, None, "cpu", "forward", lambda: self.model.inputs(1, {}, None))

    def block(self, call_count, grown_bytes=0):
        with grad_mode(self.model):
            if self.case.fresh_call is None:
                timed = timing.time_calls(self.case.call, None, call_count, time.perf_counter)
            else:
                timed = timing.time_fresh(self.case.fresh_call, None, call_count, time.perf_counter)
        self.case.look(timed.output, call_count, grown_bytes)
        return timed.output

    def codes(self):
        return [code for code, _ in self.case.flags]


def pixels(*_):
    return {"image": torch.full((2, 3), 204.0), "text": torch.tensor([[1, 2]])}


def test_calls_that_leave_all_as_it_was_raise_no_flag():
    calls = Calls(lambda image, text: image.sum() + text.sum(), pixels)
    for call_count in (1, 1, 5):
        calls.block(call_count)
    assert calls.case.flags == []
    assert calls.case.fresh_call is None


def test_inputs_changed_in_place_are_set_back_before_every_call():
    seen = []
    calls = Calls(lambda image, text: seen.append(image.max().item()) or image.div_(255) + text.sum(), pixels)
    outputs = [calls.block(call_count) for call_count in (1, 1, 25, 3)]
    assert seen == [204.0] * 30
    assert all(torch.equal(outputs[0], output) for output in outputs)
    assert calls.codes() == ["INPUTS_CHANGED"]
    assert "in its first call, image: they are set back" in calls.case.flags[0][1]


def test_inputs_changed_later_are_set_back_from_then_on():
    number = itertools.count(1)
    calls = Calls(lambda image, text: image.mul_(2) if next(number) == 5 else image + 1, pixels)
    for call_count in (1, 3, 3, 3):
        calls.block(call_count)
    assert "within its first 7 calls, image" in dict(calls.case.flags)["INPUTS_CHANGED"]
    assert calls.block(2)[0][0].item() == 205.0


class Growing:
    """As a cache of keys and values: each call makes it longer."""

    def __init__(self):
        self.keys = torch.zeros(1, 2)


def lengthen(cache, x):
    cache.keys = torch.cat([cache.keys, x])
    return cache.keys


def test_a_cache_that_grows_is_taken_anew_for_every_call():
    calls = Calls(lengthen, lambda *_: {"cache": Growing(), "x": torch.ones(1, 2)})
    assert [len(calls.block(call_count)) for call_count in (1, 1, 4, 2)] == [2] * 4
    assert calls.codes() == ["INPUTS_CHANGED"]


def test_inputs_that_cannot_be_made_again_are_said_to_be_changed():
    number = itertools.count()
    calls = Calls(lambda x: x.add_(1), lambda *_: {"x": torch.full((2,), float(next(number)))})
    calls.block(1)
    assert "can't be made again" in dict(calls.case.flags)["INPUTS_CHANGED"]
    assert calls.case.fresh_call is None


def test_an_output_that_is_another_later_is_told_with_what_became_of_it():
    number = itertools.count(1)
    calls = Calls(lambda image, text: image / (0.0 if next(number) > 5 else 1.0) - float("inf"), pixels)
    calls.block(1)
    assert calls.codes() == ["OUTPUT_INFINITE"]
    calls.block(3)
    assert calls.codes() == ["OUTPUT_INFINITE"]
    calls.block(3)
    assert calls.codes() == ["OUTPUT_CHANGED", "OUTPUT_INFINITE", "OUTPUT_NOT_FINITE"]
    assert "(call 7)" in dict(calls.case.flags)["OUTPUT_NOT_FINITE"]


@pytest.mark.parametrize("answer", [lambda x: None, lambda x: "text", lambda x: {"n": 3}, lambda x: torch.zeros(0, 4)])
def test_outputs_without_values_cost_no_timing(answer):
    calls = Calls(answer, lambda *_: {"x": torch.ones(2)})
    calls.block(1)
    calls.block(3)
    assert calls.codes() in (["OUTPUT_EMPTY"], ["OUTPUT_WITHOUT_TENSORS"])


def test_an_output_that_cannot_be_gone_through_costs_no_timing():
    class Closed(Made):
        def output_tensors(self, output):
            raise KeyError("closed")

    calls = Calls(lambda x: x, lambda *_: {"x": torch.ones(2)})
    calls.case._model = Closed(None)
    calls.block(2)
    assert calls.codes() == ["CHECK_FAILED"]


def test_a_leak_of_a_megabyte_a_call_is_told():
    calls = Calls(lambda x: x, lambda *_: {"x": torch.ones(2)})
    for call_count in (1, 1, 1, 10, 10, 10):
        calls.block(call_count, grown_bytes=call_count * MB)
    assert calls.codes() == ["MEMORY_GROWS"]
    assert "32 MB over 32 calls, by 1 MB a call" in calls.case.flags[0][1]


def leak(*blocks):
    ledger = growth.Ledger()
    for call_count, grown_bytes in blocks:
        ledger.add(call_count, grown_bytes)
    return ledger.leak()


@pytest.mark.parametrize(
    "blocks",
    [
        [(1, 300 * MB), (1, 20 * MB), (10, 0), (10, 0), (10, 0)],  # what the first calls take and keep
        [(10, 1 * MB), (10, -1 * MB), (10, 1 * MB), (10, -1 * MB)],
        [(10, 100_000)] * 8,  # too little to be told from an allocator's play
        [(1, 100 * MB)] * 3,  # too few blocks
        [(10, 5 * MB), (10, 5 * MB), (10, 0), (10, 30 * MB), (10, -10 * MB), (10, 0), (10, 0), (10, 0)],
        [],
    ],
)
def test_memory_that_settles_is_no_leak(blocks):
    assert leak(*blocks) is None


def test_a_leak_is_told_by_the_rate_of_the_later_calls():
    assert leak((1, 200 * MB), (10, 400 * MB), (10, 400 * MB), (10, 400 * MB)) == (1400 * MB, 31, 40 * MB)
    assert leak(*[(1000, 3 * MB)] * 4).bytes_per_call == 3000


def test_inputs_of_tensors_alone_hash_as_ever_and_others_count_too():
    tensors = {"b": torch.ones(2), "a": torch.tensor([[1]])}
    assert digest(tensors) == digest_tensors(tensors)
    texts = [digest(dict(tensors, text=text)) for text in ("one", "two", None, 3, ["one"])]
    assert len({*texts, digest(tensors)}) == 6
    assert digest({"x": [torch.ones(1), {"y": torch.ones(2)}]}) != digest({"x": [torch.ones(1), {"y": torch.zeros(2)}]})


@pytest.mark.parametrize("made", [[torch.ones(1)], None, torch.ones(1)])
def test_inputs_without_names_are_refused(made):
    with pytest.raises(WorkerFault, match="BAD_PLUGIN: inputs of made gives a"):
        Case(Made(None), None, "cpu", "forward", lambda: made)


def test_an_input_that_one_call_uses_up_is_refused_by_name():
    with pytest.raises(WorkerFault, match="BAD_PLUGIN: inputs of made gives frames as a generator"):
        Case(Made(None), None, "cpu", "forward", lambda: {"frames": (number for number in range(3))})


def gradient(x):
    with torch.enable_grad():
        leaf = x.detach().requires_grad_(True)
        return torch.autograd.grad((leaf**2).sum(), leaf)[0]


def test_a_model_that_takes_a_gradient_needs_another_mode_and_is_told_so():
    calls = Calls(lambda x: gradient(x * 2), lambda *_: {"x": torch.ones(2)})
    with pytest.raises(WorkerFault, match=r"INFERENCE_MODE: Made failed.*declare grad_mode = 'no_grad'"):
        calls.block(1)
    for mode in ("no_grad", "enable_grad"):
        calls = Calls(lambda x: gradient(x * 2), lambda *_: {"x": torch.ones(2)}, grad_mode=mode)
        assert calls.block(2).tolist() == [4.0, 4.0]


def test_an_unknown_mode_is_a_bad_plug_in():
    with pytest.raises(WorkerFault, match="BAD_PLUGIN: made declares grad_mode 'fast'"):
        grad_mode(Made(None, grad_mode="fast")).__enter__()


def test_a_cache_made_in_the_first_call_is_updated_in_the_same_mode():
    state = {}

    def answer(x):
        state.setdefault("cache", torch.zeros(2)).add_(x)
        return x

    calls = Calls(answer, lambda *_: {"x": torch.ones(2)})
    calls.block(1)
    with grad_mode(Model()):
        answer(torch.ones(2))
    calls.block(3)
    assert calls.case.flags == []
