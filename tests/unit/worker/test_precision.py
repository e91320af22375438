"""Weights and inputs in the precision that was asked for, made so from the start."""

from types import SimpleNamespace

import pytest
import torch

from suite.worker import build, precision, tensor_file, weights
from suite.worker.outcome import WorkerFault
from tests.unit.worker.made import Made


class Small(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(300, 200)
        self.norm = torch.nn.LayerNorm(200)
        self.other = torch.nn.Linear(300, 200, bias=False)
        self.other.weight = self.layer.weight  # tied
        self.register_buffer("scale", torch.tensor([1.0, 1.0 / 3.0]))
        self.register_buffer("count", torch.tensor([7]))


def _filled(name):
    module = build.build(Made(Small), {})
    precision.cast(module, name)
    weights.fill(module, 3)
    return module


@pytest.mark.parametrize(("name", "dtype"), [("fp16", torch.float16), ("bf16", torch.bfloat16)])
def test_weights_of_16_bits_are_the_float32_ones_rounded_tensor_by_tensor(name, dtype):
    whole, half = _filled("fp32"), _filled(name)
    found = dict(half.named_parameters())
    for key, expected in whole.named_parameters():
        assert found[key].dtype == dtype
        assert torch.equal(found[key], expected.to(dtype))
    assert len(found) == 4
    assert torch.equal(half.scale, whole.scale.to(dtype))
    assert half.count.dtype == torch.int64
    assert half.other.weight is half.layer.weight


def test_the_digest_says_of_which_precision_the_weights_are():
    assert len({weights.digest(_filled(name)) for name in ("fp32", "fp16", "bf16")}) == 3


@pytest.mark.parametrize("name", ["tf32", "int8"])
def test_what_computes_otherwise_has_weights_of_float32(name):
    assert weights.digest(_filled(name)) == weights.digest(_filled("fp32"))
    assert precision.weights_precision(name) == "fp32"


def test_a_large_parameter_is_never_written_as_float32():
    """Its float32 values would be drawn, or copied: neither happens to memory that nobody reads."""
    module = torch.nn.Module()
    module.weight = torch.nn.Parameter(torch.full((1 << 16,), float("nan")))
    precision.cast(module, "fp16")
    assert module.weight.dtype == torch.float16
    assert not module.weight.isnan().all()


def test_a_part_that_a_parametrisation_computes_from_keeps_its_values():
    if not hasattr(torch.nn.utils, "parametrizations"):
        pytest.skip("this torch has none")
    module = torch.nn.utils.parametrizations.orthogonal(torch.nn.Linear(300, 300))
    before = {key: value.clone() for key, value in module.named_parameters() if weights.is_parametrised(key)}
    precision.cast(module, "bf16")
    for key, value in before.items():
        assert torch.equal(dict(module.named_parameters())[key], value.to(torch.bfloat16))


def test_inputs_that_are_floats_go_in_the_modules_precision_and_others_stay():
    made = {"x": torch.ones(2), "ids": torch.ones(2, dtype=torch.int64), "pair": (torch.ones(1), None), "n": 3}
    found = precision.cast_inputs(made, "fp16")
    assert found["x"].dtype == found["pair"][0].dtype == torch.float16
    assert found["ids"].dtype == torch.int64
    assert found["pair"][1] is None
    assert found["n"] == 3
    assert precision.cast_inputs(made, "int8") is made


def test_tf32_is_refused_where_there_is_no_gpu_that_has_it():
    found = precision.absence(torch, "tf32", "cpu")
    assert found is not None
    assert found.code == "UNSUPPORTED_PRECISION"
    assert "cpu has none" in found.reason


@pytest.mark.parametrize("name", ["fp16", "bf16"])
def test_whether_16_bits_can_work_is_tried(name):
    found = precision.absence(torch, name, "cpu")
    if torch.__version__.startswith("1.10."):
        assert (found is None) == (name == "bf16")
        assert found is None or "\"clamp_min_cpu\" not implemented for 'Half'" in found.reason
    else:
        assert found is None


class Stubborn:
    """A mode that stays as it is, whatever it is told."""

    def __setattr__(self, name, value):
        pass

    allow_tf32 = True


def test_a_mode_that_is_not_in_force_is_an_error():
    matmul = SimpleNamespace(allow_tf32=True)
    cuda = SimpleNamespace(backends=SimpleNamespace(cuda=SimpleNamespace(matmul=matmul), cudnn=Stubborn()))
    with pytest.raises(WorkerFault, match="reads False and True after it was set to False") as caught:
        precision.set_float32_mode(cuda, "fp32", "cuda:0")
    assert caught.value.code == "PRECISION_NOT_IN_FORCE"


def test_a_missing_kernel_is_a_precision_that_cannot_work():
    found = precision.refusal(RuntimeError("\"addmm_impl_cpu_\" not implemented for 'Half'"), "fp16")
    assert found is not None
    assert found.code == "UNSUPPORTED_PRECISION"
    assert precision.refusal(RuntimeError("sizes differ"), "fp16") is None
    assert precision.refusal(RuntimeError("not implemented for 'Long'"), "fp32") is None


def test_published_weights_are_rounded_as_they_are_read(tmp_path):
    values = torch.arange(3_000_000.0).div_(7.0)
    path = str(tmp_path / "w.safetensors")
    tensor_file.write(path, {"w": values})
    half = torch.empty(3_000_000, dtype=torch.bfloat16)
    with tensor_file.opened(path) as file:
        file.read_into("w", half)
    assert torch.equal(half, values.to(torch.bfloat16))
