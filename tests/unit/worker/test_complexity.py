"""Counting: what is shared is counted once and named; MACs agree with what can be worked out by hand."""

import pytest
import torch

from suite.worker import build, initial, operators
from suite.worker.complexity import ShapeSource, count_flops, count_parameters
from suite.worker.model import Axis, Model
from suite.worker.outcome import WorkerFault
from tests.unit.worker.made import Made

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


F = torch.nn.functional


def macs_of(run, *shapes, module=None, complex_numbers=False):
    """What one call of run(module, *tensors) is counted as, by operator, and what is unknown."""
    dtype = torch.complex64 if complex_numbers else torch.float32
    inputs = {f"x{number}": torch.ones(shape, dtype=dtype) for number, shape in enumerate(shapes)}
    model = Made(module or torch.nn.Identity, inputs)
    model.bind = lambda built, given, _scenario: ((lambda: run(built, *given.values())), 1)
    counted = count_flops(model, {}, "forward", 1, {})
    return counted["mac_count"], counted["unknown"]


ATTENTION = [(2, 4, 5, 8)] * 3
FORMULAS = {
    "mv": (lambda _, a, b: a @ b, [(3, 4), (4,)], 12),
    "dot": (lambda _, a, b: a @ b, [(4,), (4,)], 4),
    "vdot": (lambda _, a, b: torch.vdot(a, b), [(4,), (4,)], 4),
    "addmv": (lambda _, a, b, c: torch.addmv(a, b, c), [(3,), (3, 4), (4,)], 12),
    "addr": (lambda _, a, b, c: torch.addr(a, b, c), [(3, 5), (3,), (5,)], 15),
    "addmm in place": (lambda _, a, b, c: a.clone().addmm_(b, c), [(3, 5), (3, 4), (4, 5)], 60),
    "addbmm": (lambda _, a, b, c: torch.addbmm(a, b, c), [(3, 5), (2, 3, 4), (2, 4, 5)], 120),
    "baddbmm": (lambda _, a, b, c: torch.baddbmm(a, b, c), [(2, 3, 5), (2, 3, 4), (2, 4, 5)], 120),
    "baddbmm in place": (lambda _, a, b, c: a.clone().baddbmm_(b, c), [(2, 3, 5), (2, 3, 4), (2, 4, 5)], 120),
    "cdist": (lambda _, a, b: torch.cdist(a, b), [(3, 5), (6, 5)], 3 * 6 * 5),
    "cdist of many": (lambda _, a, b: torch.cdist(a, b), [(30, 5), (60, 5)], 30 * 60 * 5),
    "cdist of a batch, p=1": (lambda _, a, b: torch.cdist(a, b, p=1.0), [(2, 3, 5), (2, 6, 5)], 2 * 3 * 6 * 5),
    "pdist": (lambda _, a: torch.pdist(a), [(4, 5)], 6 * 5),
    "einsum": (lambda _, a, b: torch.einsum("bik,bjk->bij", a, b), [(2, 3, 5), (2, 4, 5)], 2 * 3 * 4 * 5),
    "conv_tbc": (lambda _, a, b, c: torch.conv_tbc(a, b, c), [(7, 2, 4), (3, 4, 6), (6,)], 5 * 2 * 6 * 3 * 4),
    "attention": (lambda _, q, k, v: F.scaled_dot_product_attention(q, k, v), ATTENTION, 2 * 4 * 5 * 5 * 16),
    "attention on the CPU": (
        lambda _, q, k, v: F.scaled_dot_product_attention(q * q.sum().item(), k, v),
        ATTENTION,
        2 * 4 * 5 * 5 * 16,
    ),
}
LAYERS = {
    "bilinear": (lambda: torch.nn.Bilinear(16, 16, 4), [(2, 16), (2, 16)], 2 * 16 * 16 * 4),
    "grouped convolution": (lambda: torch.nn.Conv2d(4, 6, 3, groups=2), [(1, 4, 5, 5)], 9 * 9 * 6 * 2),
    "transposed, grouped": (lambda: torch.nn.ConvTranspose2d(4, 6, 3, groups=2), [(1, 4, 5, 5)], 25 * 9 * 4 * 3),
    "lstm": (lambda: torch.nn.LSTM(4, 8, bidirectional=True), [(3, 2, 4)], 2 * 6 * (4 * 8 * 4 + 4 * 8 * 8)),
    "gru": (lambda: torch.nn.GRU(4, 8), [(3, 2, 4)], 6 * (3 * 8 * 4 + 3 * 8 * 8)),
    "rnn": (lambda: torch.nn.RNN(4, 8), [(3, 2, 4)], 6 * (8 * 4 + 8 * 8)),
    "encoder layer": (
        lambda: torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
        [(2, 3, 8)],
        2 * 3 * (4 * 64 + 2 * 8 * 16) + 2 * 2 * 3 * 3 * 8,
    ),
}


@needs_counter
@pytest.mark.parametrize("name", FORMULAS)
def test_products_of_every_kind_have_their_closed_form(name):
    run, shapes, mac_count = FORMULAS[name]
    assert macs_of(run, *shapes) == (mac_count, [])


def values_first(module, *tensors):
    return module(*tensors) if tensors[0].sum().item() else None


@needs_counter
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("where", ["meta", "cpu"])
@pytest.mark.parametrize("name", LAYERS)
def test_layers_cost_the_same_with_and_without_values(name, where):
    module, shapes, mac_count = LAYERS[name]
    run = values_first if where == "cpu" else (lambda module, *tensors: module(*tensors))
    assert macs_of(run, *shapes, module=module) == (mac_count, [])


@needs_counter
@pytest.mark.filterwarnings("ignore")
def test_a_quantised_layer_is_counted_though_its_weights_are_packed():
    def quantised():
        layer = torch.nn.Sequential(torch.nn.Linear(4, 5))
        return torch.ao.quantization.quantize_dynamic(layer, {torch.nn.Linear})

    assert macs_of(lambda module, x: module(x), (2, 3, 4), module=quantised) == (2 * 3 * 4 * 5, [])


@needs_counter
@pytest.mark.parametrize(
    ("run", "unknown"),
    [
        (lambda _, a: torch.fft.rfft(a @ a), ["_fft_r2c"]),
        (lambda _, a: torch.linalg.inv(a @ a + 9 * torch.eye(4, device=a.device)), ["linalg_inv_ex"]),
        (lambda _, a: torch.matrix_exp(a @ a), ["linalg_matrix_exp"]),
        (lambda _, a: (a @ a).cumsum(0).sort()[0].softmax(0).transpose_(0, 1).relu_(), []),
        (
            lambda _, a: torch.nn.functional.grid_sample((a @ a)[None, None], a[None, :, :2, None].expand(1, 4, 2, 2)),
            [],
        ),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_what_is_neither_known_nor_cheap_makes_the_count_a_lower_bound(run, unknown):
    mac_count, named = macs_of(run, (4, 4))
    assert (mac_count, named) == (64, unknown)


@needs_counter
@pytest.mark.filterwarnings("ignore")
def test_attention_that_looks_at_its_mask_is_counted_as_it_would_be_without():
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 32}
    config = transformers.BertConfig(vocab_size=50, **sizes)
    ids = {"input_ids": torch.ones(2, 5, dtype=torch.int64), "attention_mask": torch.ones(2, 5, dtype=torch.int64)}
    counted = count_flops(Made(lambda: transformers.BertModel(config), ids), {}, "forward", 1, {})
    layer = 4 * 16 * 16 + 2 * 16 * 32 + 2 * 5 * 16
    assert (counted["mac_count"], counted["unknown"]) == (2 * 5 * layer + 2 * 16 * 16, [])


@needs_counter
def test_complex_products_and_operators_of_others_are_named():
    assert macs_of(lambda _, a: a @ a, (4, 4), complex_numbers=True) == (64, ["mm of complex numbers"])
    library = torch.library.Library("suite_test", "DEF")
    library.define("opaque(Tensor x) -> Tensor")
    library.impl("opaque", lambda x: x @ x, "CPU")
    assert macs_of(lambda _, a: torch.ops.suite_test.opaque(a) @ a, (4, 4)) == (64, ["suite_test.opaque"])
    with pytest.raises(WorkerFault, match=r"NOTHING_COUNTED: Made ran no operator.*suite_test.opaque of unknown cost"):
        macs_of(lambda _, a: torch.ops.suite_test.opaque(a), (4, 4))


@needs_counter
def test_a_model_that_runs_nowhere_has_a_code_of_its_own():
    def refuses(*_):
        raise RuntimeError("needs a GPU")

    with pytest.raises(WorkerFault, match=r"COUNT_FAILED: Made could not be counted.*needs a GPU"):
        macs_of(refuses, (4, 4))


@pytest.mark.parametrize(
    "name", ["relu_", "_foreach_add_", "gelu_backward", "special_i0e", "sort", "transpose_", "_to_copy"]
)
def test_cheap_operators_are_known_in_all_their_forms(name):
    assert operators.is_cheap(name)


@pytest.mark.parametrize("name", ["mm", "_fft_r2c", "linalg_svd", "torchvision.nms", "no_such_operator", "_cudnn_rnn"])
def test_what_is_not_listed_is_not_cheap(name):
    assert not operators.is_cheap(name)


def test_nothing_is_both_cheap_and_counted_by_a_formula():
    assert [name for name in operators.FORMULAS if operators.is_cheap(name)] == []
