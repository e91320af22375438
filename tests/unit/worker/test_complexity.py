"""Counting: what is shared is counted once and named; MACs agree with what can be worked out by hand."""

import pytest
import torch

from suite.worker import build, initial
from suite.worker.complexity import ShapeSource, count_flops, count_parameters
from suite.worker.model import Axis, Model
from suite.worker.outcome import WorkerFault

try:
    from torch.utils import flop_counter as counter
except ImportError:
    counter = None

needs_counter = pytest.mark.skipif(counter is None, reason="this torch has no counter of operations")


class Tied(torch.nn.Module):
    """Two names for one encoder, an embedding tied to a head, a bias of its own, and a shared part without weights."""

    def __init__(self):
        super().__init__()
        encoder, relu = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.LayerNorm(4)), torch.nn.ReLU()
        self.words = torch.nn.Embedding(10, 4)
        self.encoders = torch.nn.ModuleDict({"human": encoder, "synthetic": encoder})
        self.relus = torch.nn.ModuleList([relu, relu])
        self.head = torch.nn.Linear(4, 10)
        self.head.weight = self.words.weight
        self.words_again = torch.nn.Embedding(10, 4)
        self.words_again.weight = self.words.weight
        self.frozen = torch.nn.Linear(2, 3, bias=False).requires_grad_(False)
        self.register_buffer("mask", torch.ones(6, dtype=torch.bool))


def test_what_is_shared_is_counted_once_and_named():
    counted = count_parameters(Tied())
    encoder, words, head_bias, frozen = 4 * 4 + 4 + 8, 40, 10, 6
    assert counted["unique_count"] == encoder + words + head_bias + frozen
    assert counted["registered_count"] == 2 * encoder + 3 * words + head_bias + frozen
    assert counted["trainable_count"] == encoder + words + head_bias
    assert counted["embedding_count"] == words
    assert counted["shared"] == [
        {"names": ["encoders.human", "encoders.synthetic"], "parameter_count": encoder},
        {"names": ["head.weight", "words.weight", "words_again.weight"], "parameter_count": words},
    ]


def test_bytes_cover_parameters_and_buffers_by_type():
    counted = count_parameters(Tied())
    assert counted["parameter_bytes"] == 4 * counted["unique_count"]
    assert (counted["buffer_element_count"], counted["buffer_bytes"]) == (6, 6)
    assert counted["bytes_by_dtype"] == [["bool", 6], ["float32", 4 * counted["unique_count"]]]


def test_a_part_that_hangs_in_a_shared_module_and_elsewhere_is_named_by_tensor():
    module = torch.nn.Module()
    inner = torch.nn.Linear(2, 2)
    module.first = torch.nn.Sequential(inner)
    module.second = module.first
    module.outside = inner
    assert count_parameters(module)["shared"] == [
        {"names": ["first", "second"], "parameter_count": 6},
        {"names": ["first.0.weight", "outside.weight"], "parameter_count": 4},
        {"names": ["first.0.bias", "outside.bias"], "parameter_count": 2},
    ]


def test_a_module_without_parameters_counts_nothing():
    counted = count_parameters(torch.nn.Identity())
    assert counted["unique_count"] == counted["registered_count"] == 0
    assert counted["shared"] == counted["bytes_by_dtype"] == []


class Layered(Model):
    """x [B, n, 4] -> linear 4 to 8, then x times its own transpose."""

    name = title = "layered"
    axes = (Axis("text_tokens", "text tokens", 5, 1, 100),)
    scenarios = ("forward", "episode")

    def build(self, options):
        return torch.nn.Linear(4, 8)

    def inputs(self, batch_size, axes, source):
        return {"x": source.uniform((batch_size, axes["text_tokens"], 4))}

    def bind(self, module, inputs, scenario):
        def run():
            states = torch.relu(module(inputs["x"]))
            return states.matmul(states.transpose(1, 2))

        return (run, 1) if scenario == "forward" else ((lambda: [run() for _ in range(3)]), 3)


@needs_counter
def test_macs_are_the_closed_form_by_operator_and_what_has_none_is_named():
    batch_size, tokens = 3, 7
    counted = count_flops(Layered(), {}, "forward", batch_size, {"text_tokens": tokens})
    assert counted["mac_count"] == batch_size * (tokens * 4 * 8 + tokens * tokens * 8)
    assert counted["by_operator"] == [["bmm", batch_size * tokens * tokens * 8], ["addmm", batch_size * tokens * 32]]
    assert counted["uncounted"] == ["relu"]


@needs_counter
def test_a_scenario_of_three_passes_costs_three_times_as_much():
    once = count_flops(Layered(), {}, "forward", 1, {"text_tokens": 7})
    assert count_flops(Layered(), {}, "episode", 1, {"text_tokens": 7})["mac_count"] == 3 * once["mac_count"]


class Idle(Layered):
    title = "Idle"

    def bind(self, module, inputs, scenario):
        return (lambda: torch.relu(inputs["x"])), 1


@needs_counter
def test_a_model_that_multiplies_nothing_is_refused():
    with pytest.raises(WorkerFault, match="NOTHING_COUNTED: Idle ran no operator"):
        count_flops(Idle(), {}, "forward", 1, {"text_tokens": 7})


@pytest.mark.skipif(counter is not None, reason="this torch has a counter of operations")
def test_a_torch_without_a_counter_says_so():
    with pytest.raises(WorkerFault, match="NO_FLOP_COUNTER"):
        count_flops(Layered(), {}, "forward", 1, {"text_tokens": 7})


def test_the_source_of_shapes_gives_tensors_without_memory():
    source = ShapeSource().child("x")
    tensors = [source.uniform((2, 3)), source.integers((2, 3), 0, 5), source.full((2, 3), 1)]
    assert source.fractions((4,)).shape == (4,)
    assert [(tuple(tensor.shape), tensor.device.type) for tensor in tensors] == [((2, 3), "meta")] * 3
    assert [tensor.dtype for tensor in tensors] == [torch.float32, torch.int64, torch.int64]


class Large(Model):
    def build(self, options):
        module = torch.nn.Linear(50000, 20000)  # 4 GB
        module.register_buffer("numbers", torch.arange(3))
        return module


def test_a_module_built_for_counting_takes_no_memory():
    module = build.build(Large(), {}, "meta")
    assert count_parameters(module)["parameter_bytes"] == 4 * (50000 * 20000 + 20000)
    assert not module.training


def test_random_initialisers_leave_tensors_as_they_are_and_come_back():
    tensor = torch.zeros(3)
    with initial.without_random_initialisers():
        assert tensor.normal_() is tensor
        torch.nn.init.uniform_(tensor, 1.0, 2.0)
        assert tensor.tolist() == [0.0] * 3
    torch.nn.init.uniform_(tensor, 1.0, 2.0)
    assert tensor.min().item() >= 1.0


def test_constants_and_buffers_are_set_while_random_initialisers_rest():
    with initial.without_random_initialisers():
        norm = torch.nn.BatchNorm1d(3)
    assert norm.weight.tolist() == norm.running_var.tolist() == [1.0] * 3
    assert norm.bias.tolist() == [0.0] * 3
