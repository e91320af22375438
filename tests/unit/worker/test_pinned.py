"""Published weights: what is converted and loaded is what the file held, tied ones once, and nothing in it is run."""

import os
from collections import OrderedDict
from pathlib import Path

import pytest
import torch

from suite.worker import build, convert, pinned, plugins, tensor_file, weights
from suite.worker.model import Model
from suite.worker.outcome import WorkerFault

TINY = Path(__file__).resolve().parents[2] / "data" / "pinned"


class Tied(Model):
    """An embedding that is the output layer too, a normalisation layer, and a batch counter."""

    name = "tied"
    takes_pinned = True

    def build(self, options):
        module = torch.nn.Module()
        module.words = torch.nn.Embedding(5, 4)
        module.LayerNorm = torch.nn.LayerNorm(4)
        module.batch = torch.nn.BatchNorm1d(4)
        module.head = torch.nn.Linear(4, 5, bias=False)
        module.head.weight = module.words.weight
        return module


def published(**changed):
    """As an old file has it: legacy names, both names of the tied tensor, a buffer that the model doesn't know."""
    table = torch.arange(20, dtype=torch.float32).reshape(5, 4)
    state = OrderedDict([
        ("module.words.weight", table), ("module.head.weight", table), ("LayerNorm.gamma", torch.full((4,), 2.0)),
        ("LayerNorm.beta", torch.full((4,), 3.0)), ("batch.weight", torch.ones(4)), ("batch.bias", torch.zeros(4)),
        ("batch.running_mean", torch.zeros(4)), ("batch.running_var", torch.ones(4).half()),
        ("position_ids", torch.arange(9)),
    ])  # fmt: skip
    state.update(changed)
    return state


def converted(tmp_path, state):
    source, target = str(tmp_path / "published.bin"), str(tmp_path / "model.safetensors")
    torch.save(state, source)
    return target, convert.convert(Tied(), source, target)


def test_each_weight_is_kept_once_under_the_model_s_name(tmp_path):
    target, result = converted(tmp_path, published())
    names = ["LayerNorm.bias", "LayerNorm.weight", "batch.bias", "batch.running_mean", "batch.running_var",
             "batch.weight", "words.weight"]  # fmt: skip
    assert sorted(tensor_file.read(target)) == names
    assert result["left_out"] == ["position_ids"]


def test_the_loaded_module_has_the_values_the_ties_and_the_hash_that_conversion_told(tmp_path):
    target, result = converted(tmp_path, published())
    module = build.build(Tied(), {})
    assert weights.place(Tied(), module, {"checkpoint": None, "pinned": target}, seed=0) == "pinned"
    assert torch.equal(module.head.weight, torch.arange(20, dtype=torch.float32).reshape(5, 4))
    assert module.head.weight is module.words.weight
    assert module.LayerNorm.weight.tolist() == [2.0] * 4
    assert module.LayerNorm.bias.tolist() == [3.0] * 4
    assert module.batch.running_var.dtype == torch.float32
    assert weights.digest(module) == result["weights_sha256"]


@pytest.mark.parametrize("name", ["module.words.weight", "module.head.weight"])
def test_a_tied_tensor_may_come_under_either_name(tmp_path, name):
    state = published()
    del state[name]
    _, result = converted(tmp_path, state)
    assert result == converted(tmp_path, published())[1]


UNFIT = {
    "lacks": ({"batch.weight": "no tensor"}, "lacks the tensor batch.weight"),
    "shape": ({"batch.weight": torch.ones(3)}, r"has batch.weight as \[3\], not \[4\]"),
    "twice": ({"words.weight": torch.zeros(5, 4)}, "holds two tensors that are both words.weight"),
    "whole numbers": ({"batch.weight": torch.ones(4, dtype=torch.int64)}, "has batch.weight as int64"),
    "one value": ({"batch.weight": torch.ones(1).expand(4)}, r"has batch.weight as a tensor \[4\] of 4 stored bytes"),
    "ties": ({"module.head.weight": torch.zeros(5, 4)}, "two values for one tensor, words.weight and head.weight"),
}


@pytest.mark.parametrize(("changed", "message"), UNFIT.values(), ids=list(UNFIT))
def test_weights_that_do_not_fit_are_refused(tmp_path, changed, message):
    with pytest.raises(WorkerFault, match=message) as fault:
        converted(tmp_path, published(**changed))
    assert fault.value.code == "PINNED_SHAPE"
    assert not (tmp_path / "model.safetensors").exists()


class Harmful:
    def __reduce__(self):
        return os.system, ("touch harmed",)


@pytest.mark.parametrize("content", [OrderedDict(published(), extra=Harmful()), [1, 2], OrderedDict()])
def test_nothing_in_a_file_is_run_and_what_is_no_table_is_refused(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WorkerFault) as fault:
        converted(tmp_path, content)
    assert fault.value.code == "PINNED_UNREADABLE"
    assert not (tmp_path / "harmed").exists()


def test_a_converted_file_of_another_model_is_refused(tmp_path):
    path = str(tmp_path / "file")
    tensor_file.write(path, {"words.weight": torch.zeros(5, 4)})
    with pytest.raises(WorkerFault, match=r"lacks the tensor LayerNorm.weight"):
        pinned.load_into(build.build(Tied(), {}), path)


def test_a_converted_file_with_more_in_it_is_refused(tmp_path):
    target, _ = converted(tmp_path, published())
    tensor_file.write(target, dict(tensor_file.read(target), another=torch.zeros(2)))
    with pytest.raises(WorkerFault, match=r"PINNED_SHAPE: .* holds another, for which the model has no place"):
        pinned.load_into(build.build(Tied(), {}), target)


def test_a_tiny_lxmert_computes_the_same_from_the_converted_file(tmp_path):
    pytest.importorskip("transformers")
    model = plugins.get(plugins.MODELS, "tiny-lxmert", folders=[str(TINY)])
    original = build.build(model, {})
    weights.fill(original, 7)
    torch.save(original.state_dict(), str(tmp_path / "pytorch_model.bin"))
    told = convert.convert(model, str(tmp_path / "pytorch_model.bin"), str(tmp_path / "model.safetensors"))
    loaded = build.build(model, {})
    pinned.load_into(loaded, str(tmp_path / "model.safetensors"))
    assert weights.digest(loaded) == weights.digest(original) == told["weights_sha256"]
    inputs = model.inputs(2, {"text_tokens": 5, "image_regions": 3}, weights.Stream(0, "inputs"))
    with torch.no_grad():
        one, other = (model.output_tensors(model.bind(module, inputs, "forward")[0]()) for module in (original, loaded))
    assert all(torch.equal(first, second) for first, second in zip(one, other))  # noqa: B905 (Python 3.6)
