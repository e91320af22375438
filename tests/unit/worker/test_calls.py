"""The calls of a module as its graph must answer them."""

import pytest
import torch

from suite.worker import calls
from suite.worker.outcome import WorkerFault


class Two(torch.nn.Module):
    rows = 3

    def forward(self, x, mask=None, **options):
        return {"sum": x.sum(), "seen": [x]}


def test_the_modules_inputs_are_seen_by_name_and_nothing_is_computed():
    module = Two()
    module.forward_hooks = []

    def bind(target):
        return lambda: target(torch.ones(target.rows, 2), mask=torch.ones(2), flag=True)

    (call,) = calls.seen(module, [bind, bind], whole=False)
    assert sorted(call) == ["flag", "mask", "x"]
    assert call["x"].shape == (3, 2)
    assert call["flag"] is True


def test_a_scenario_of_several_passes_gives_a_call_of_each_shape():
    def bind(target):
        return lambda: [target(torch.ones(size))["sum"] for size in (1, 2, 2, 3)]

    found = calls.seen(Two(), [bind], whole=True)
    assert [len(call["x"]) for call in found] == [1, 2, 3]
    assert calls.varying(found) == {"x": [0]}
    assert len(calls.example(found, {"x": [0]})["x"]) == 2  # a size of 1 would be taken for a constant


@pytest.mark.parametrize("value", [(torch.ones(1),), {"a": torch.ones(1)}])
def test_inputs_that_are_no_plain_tensors_are_refused(value):
    with pytest.raises(WorkerFault, match="the input x is a") as caught:
        calls.seen(Two(), [lambda target: lambda: target(value)], whole=False)
    assert caught.value.code == "BUILD_FAILED"


def test_a_flat_module_takes_and_gives_tensors_alone():
    flat = calls.Flat.of(Two(), {"x": torch.ones(2), "flag": True})
    total, seen = flat(torch.tensor([1.0, 2.0]))
    assert flat.names == ["x"]
    assert flat.output_names == ["sum", "seen.0"]
    assert (float(total), seen.tolist()) == (3.0, [1.0, 2.0])


def test_outputs_have_the_form_that_the_module_gave_them():
    assert calls.shaped([""], ["a"]) == "a"
    assert calls.shaped(["0", "1"], ["a", "b"]) == ["a", "b"]
    found = calls.shaped(["logits", "state"], ["a", "b"])
    assert (found.logits, found["state"], found[1], next(iter(found.items()))) == ("a", "b", "b", ("logits", "a"))
    with pytest.raises(AttributeError):
        found.loss  # noqa: B018
