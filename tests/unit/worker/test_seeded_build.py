"""What `build` computes from random values is the same in every run; parameters of every kind are filled or left."""

import warnings

import pytest
import torch

from suite.worker import build, initial, weights
from suite.worker.complexity import count_parameters
from suite.worker.outcome import WorkerFault
from tests.unit.worker.made import Made

LARGE = (1 << 18) + 8


class Buffered(torch.nn.Module):
    """A buffer that `make` gives, beside a layer."""

    def __init__(self, make):
        super().__init__()
        self.layer = torch.nn.Linear(4, 2)
        self.register_buffer("codebook", make())


def scrape():
    """Memory that was used and given back: what torch.empty then finds is not zero."""
    for count in (64 * 16, LARGE):
        [torch.full((count,), 1e30) for _ in range(4)]


def placed(factory, seed=0):
    scrape()
    torch.manual_seed(seed)
    module = build.build(Made(factory), {}, "cpu", seed)
    weights.fill(module, seed)
    return module


def spectral():
    return torch.nn.utils.parametrizations.spectral_norm(torch.nn.Linear(600, 500))


def old_spectral():
    return torch.nn.utils.spectral_norm(torch.nn.Linear(6, 5))


def weight_normed():
    return torch.nn.utils.weight_norm(torch.nn.Linear(6, 5))


def quantised():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.quantization.quantize_dynamic(torch.nn.Sequential(torch.nn.Linear(600, 500)), {torch.nn.Linear})


BUFFERS = {
    "normal": lambda: torch.empty(64, 16).normal_(),
    "large normal": lambda: torch.empty(LARGE).normal_(),
    "uniform": lambda: torch.empty(64, 16).uniform_(2.0, 3.0),
    "never written": lambda: torch.empty(64, 16),
    "large, never written": lambda: torch.empty(LARGE),
    "new_empty": lambda: torch.zeros(2).new_empty(64, 16),
    "half": lambda: torch.empty(64, 16, dtype=torch.float16),
    "complex": lambda: torch.empty(64, 16, dtype=torch.complex64),
    "randn": lambda: torch.randn(64, 16),
    "computed": lambda: torch.empty(64, 16).normal_().exp(),
    "of a layer": lambda: torch.nn.Linear(4, 4).weight.detach().clone(),
    "initialised": lambda: torch.nn.init.trunc_normal_(torch.zeros(64, 16)),
    "orthogonal": lambda: torch.nn.init.orthogonal_(torch.empty(8, 8)),
}
MODULES = {"spectral": spectral, "old spectral": old_spectral, "weight norm": weight_normed, "quantised": quantised}
FACTORIES = dict({name: lambda make=make: Buffered(make) for name, make in BUFFERS.items()}, **MODULES)


@pytest.mark.parametrize("name", FACTORIES)
@pytest.mark.filterwarnings("ignore")
def test_every_build_with_a_seed_gives_the_same_finite_values(name):
    modules = [placed(FACTORIES[name]) for _ in range(3)]
    assert len({weights.digest(module) for module in modules}) == 1
    outputs = [module(torch.ones(1, 600))[0] for module in modules] if name in ("spectral", "quantised") else []
    tensors = outputs + [buffer.float() for buffer in modules[0].buffers() if not buffer.is_complex()]
    assert all(bool(tensor.isfinite().all()) for tensor in tensors)
    assert all(torch.equal(outputs[0], output) for output in outputs)


@pytest.mark.parametrize("name", ["normal", "large normal", "quantised", "spectral", "computed"])
@pytest.mark.filterwarnings("ignore")
def test_another_seed_gives_other_values(name):
    assert weights.digest(placed(FACTORIES[name], 0)) != weights.digest(placed(FACTORIES[name], 1))


def test_seeded_values_have_the_mean_and_spread_that_were_asked_for():
    with initial.seeded(0):
        normal, uniform = torch.empty(10000).normal_(3.0, 0.5), torch.empty(10000).uniform_(2.0, 3.0)
        by_name = torch.nn.init.normal_(torch.zeros(10000), mean=1.0, std=2.0)
    assert abs(normal.mean().item() - 3.0) < 0.05
    assert abs(normal.std().item() - 0.5) < 0.05
    assert 2.0 <= uniform.min().item() < uniform.max().item() < 3.0
    assert abs(by_name.std().item() - 2.0) < 0.1


def test_a_spectral_norm_is_that_of_the_weight_it_was_built_for():
    weight = placed(spectral).weight.detach().double().numpy()
    import numpy

    assert abs(numpy.linalg.norm(weight, 2) - 1.0) < 0.3  # of a power iteration, not of a chance vector


def test_large_parameters_are_left_unwritten_while_building():
    written = []
    original = weights.Stream.fill_uniform
    weights.Stream.fill_uniform = lambda self, tensor, *rest: (
        written.append(tensor.numel()) or original(self, tensor, *rest)
    )
    try:
        module = torch.nn.Linear(1, 1)
        with initial.seeded(0) as draw:
            module = torch.nn.Linear(1000, 1000)
            module.weight.data.normal_()  # as transformers 4 does
            torch.nn.init.normal_(module.weight)
        draw.settle(module)
    finally:
        weights.Stream.fill_uniform = original
    assert max(written) == 1000


def test_initialisers_and_makers_of_memory_come_back():
    before = torch.empty, torch.Tensor.new_empty, torch.nn.Module.register_parameter
    with initial.seeded(0):
        assert torch.empty is not before[0]
    assert (torch.empty, torch.Tensor.new_empty, torch.nn.Module.register_parameter) == before
    assert "normal_" not in vars(torch.Tensor)


def made_memory(x):
    return torch.empty(2, 2).fill_(1.0) + x


@pytest.mark.filterwarnings("ignore")
def test_a_script_can_be_compiled_while_building():
    with initial.seeded(0):
        scripted = torch.jit.script(made_memory)
    assert scripted(torch.ones(2, 2)).tolist() == [[2.0, 2.0]] * 2


DTYPES = [torch.float16, torch.bfloat16, torch.float64, torch.complex64, torch.int8, torch.bool]
DTYPES += [getattr(torch, name) for name in ("float8_e4m3fn", "float8_e5m2") if hasattr(torch, name)]
SHAPES = [(3, 4), (0, 16), (4,), (), (0,)]


class Holding(torch.nn.Module):
    def __init__(self, parameter):
        super().__init__()
        self.weight = parameter


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_parameters_of_every_type_and_shape_are_filled_or_left(dtype, shape):
    value = torch.zeros(shape, dtype=dtype)
    module = Holding(torch.nn.Parameter(value, requires_grad=False))
    weights.fill(module, 0)
    filled = module.weight.detach()
    assert filled.dtype == dtype
    if dtype in (torch.int8, torch.bool) or not value.numel():
        assert torch.equal(filled.float(), value.float())
    elif len(shape) < 2:
        assert filled.to(torch.complex64).real.unique().tolist() == [1.0]
    else:
        limit = 1.0  # of a fan-in of 3 weights: sqrt(3 / 4)
        values = torch.view_as_real(filled) if dtype.is_complex else filled.float()
        assert bool(values.isfinite().all())
        assert 0.0 < values.abs().max().item() <= limit
    assert len(weights.digest(module)) == 64


def test_the_values_do_not_depend_on_layout_and_hardly_on_precision():
    plain = Holding(torch.nn.Parameter(torch.zeros(4, 3, 2, 2)))
    last = Holding(torch.nn.Parameter(torch.zeros(4, 3, 2, 2).to(memory_format=torch.channels_last)))
    half = Holding(torch.nn.Parameter(torch.zeros(4, 3, 2, 2, dtype=torch.float16)))
    for module in (plain, last, half):
        weights.fill(module, 5)
    assert torch.equal(plain.weight, last.weight)
    assert not last.weight.is_contiguous()
    assert torch.equal(plain.weight.half(), half.weight)


def test_lists_of_parameters_are_filled():
    module = torch.nn.ParameterList([torch.nn.Parameter(torch.zeros(2, 2)) for _ in range(2)])
    weights.fill(module, 0)
    assert all(bool((parameter != 0).all()) for parameter in module)


def test_a_parameter_without_memory_is_named():
    module = torch.nn.Module()
    module.weight = torch.nn.Parameter(torch.empty(2, 2, device="meta"))
    with pytest.raises(WorkerFault, match="BAD_PLUGIN: the parameter weight has no memory"):
        weights.fill(module, 0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_lazy_layers_are_made_by_a_call_at_the_usual_size(device):
    model = Made(
        lambda: torch.nn.Sequential(torch.nn.LazyLinear(3)),
        lambda batch, _, source: {"input": source.uniform((batch, 7))},
    )
    assert count_parameters(build.build(model, {}, device))["unique_count"] == 7 * 3 + 3


class Silent(torch.nn.Linear):
    """As in the Episodic Transformer's own feature extractor: `train`, and so `eval`, returns nothing."""

    def train(self, mode=True):
        super().train(mode)


def test_eval_is_called_for_its_effect():
    from suite.worker.runtimes.eager import PLUGIN

    module = build.build(Made(lambda: Silent(2, 2)), {})
    assert isinstance(module, Silent)
    assert not module.training
    assert PLUGIN.make_ready(module, "fp32", "cpu") is module


@pytest.mark.parametrize("returned", [None, torch.nn.Linear, lambda x: x])
def test_what_is_no_module_is_refused_by_name(returned):
    with pytest.raises(WorkerFault, match="BAD_PLUGIN: build of made returns a"):
        build.build(Made(lambda: returned), {})


class Reading(torch.nn.Module):
    """Looks at a value while it is built."""

    def __init__(self):
        super().__init__()
        self.rates = [value.item() for value in torch.linspace(0, 1, 3)]
        self.layer = torch.nn.Linear(3, 2)


def test_a_build_that_looks_at_values_is_counted_on_the_cpu():
    assert count_parameters(build.build_for_shapes(Made(Reading), {}))["unique_count"] == 8


@pytest.mark.filterwarnings("ignore")
def test_packed_weights_and_bags_of_embeddings_are_counted():
    counted = count_parameters(build.build_for_shapes(Made(quantised), {}))
    assert counted["unique_count"] == 600 * 500 + 500
    assert ["qint8", 600 * 500] in counted["bytes_by_dtype"]
    bag = torch.nn.Sequential(torch.nn.EmbeddingBag(10, 4), torch.nn.Linear(4, 2))
    assert count_parameters(bag)["embedding_count"] == 40
