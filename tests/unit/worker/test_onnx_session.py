"""ONNX files as callables, by the real ONNX Runtime on the CPU."""

import numpy
import pytest
import torch

from suite.worker import onnx_session
from suite.worker.onnx_session import CPU, Session, Value
from suite.worker.outcome import WorkerFault

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


@pytest.fixture
def path(tmp_path):
    """y = x * scale + x, with one named and one unnamed size."""
    from onnx import TensorProto, helper

    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", None])
    scale = helper.make_tensor_value_info("scale", TensorProto.FLOAT, [])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", None])
    nodes = [helper.make_node("Mul", ["x", "scale"], ["z"]), helper.make_node("Add", ["z", "x"], ["y"])]
    graph = helper.make_graph(nodes, "g", [x, scale], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="hand")
    model.ir_version = 8
    helper.set_model_props(model, {"author": "me"})
    file = tmp_path / "m.onnx"
    onnx.save(model, str(file))
    return str(file)


def test_what_the_file_takes_and_gives_is_told(path):
    session = Session(path, thread_count=2)
    assert session.inputs == (Value("x", "float32", ("batch", None)), Value("scale", "float32", ()))
    assert session.outputs == (Value("y", "float32", ("batch", None)),)
    assert session.metadata == {"author": "me", "producer": "hand"}
    assert session.thread_count == 2


def test_the_provider_that_ran_is_told_with_its_nodes(path):
    session = Session(path)
    assert session.provider == CPU
    assert session.providers == [CPU]
    assert session.node_counts in (None, {CPU: 2})
    assert session.fallen_back_count == 0


@pytest.mark.parametrize("make", [torch.tensor, lambda values: numpy.array(values, numpy.float32)])
def test_a_bound_call_reads_its_inputs_where_they_lie(path, make):
    x, scale = make([[1.0, 2.0]]), make(3.0)
    call = Session(path).bind({"x": x, "scale": scale})
    assert call()[0].tolist() == [[4.0, 8.0]]
    x[0, 0] = 10.0
    assert call()[0].tolist() == [[40.0, 8.0]]


def test_called_with_other_inputs_it_takes_those(path):
    session = Session(path)
    scale = torch.tensor(1.0)
    first = torch.tensor([[1.0]])
    assert session(x=first, scale=scale)["y"].tolist() == [[2.0]]
    assert session(x=first, scale=scale)["y"].tolist() == [[2.0]]
    assert session(x=torch.tensor([[5.0]]), scale=scale)["y"].tolist() == [[10.0]]


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({"x": torch.ones(1, 1)}, "the call lacks scale"),
        ({"x": torch.ones(1, 1), "scale": torch.tensor(1.0), "mask": torch.ones(1)}, "has no input mask"),
        ({"x": torch.ones(1, 1, dtype=torch.int64), "scale": torch.tensor(1.0)}, "x is int64, and the file takes flo"),
    ],
)
def test_inputs_that_do_not_fit_are_refused_by_name(path, inputs, reason):
    with pytest.raises(WorkerFault, match=reason) as caught:
        Session(path).bind(inputs)
    assert caught.value.code == "BAD_INPUT"


def test_a_provider_that_is_not_here_is_an_error_and_no_fallback(path):
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("it is here")
    with pytest.raises(WorkerFault, match="has no CUDAExecutionProvider here") as caught:
        Session(path, device="cuda:0")
    assert caught.value.code == "PROVIDER_MISSING"


class Silent:
    """What ONNX Runtime gives where a provider is registered by its wheel and could not be had."""

    def __init__(self, providers, counts):
        self._providers, self._counts = providers, counts

    def get_providers(self):
        return self._providers

    def get_provider_graph_assignment_info(self):
        class Part:
            def __init__(self, name, count):
                self.ep_name, self.get_nodes = name, lambda: [None] * count

        return [Part(*item) for item in self._counts.items()]

    def get_inputs(self):
        return []

    get_outputs = get_inputs

    def get_session_options(self):
        return onnxruntime.SessionOptions()


@pytest.mark.parametrize(
    ("providers", "counts"),
    [([CPU], {CPU: 3}), (["CUDAExecutionProvider", CPU], {CPU: 3})],
)
def test_a_silent_fallback_is_an_error(monkeypatch, providers, counts):
    monkeypatch.setattr(onnx_session, "_opened", lambda *_: Silent(providers, counts))
    with pytest.raises(WorkerFault, match="put it on CPUExecutionProvider") as caught:
        Session("m.onnx", device="cuda:0")
    assert caught.value.code == "PROVIDER_FELL_BACK"


def test_nodes_that_fell_back_are_counted(monkeypatch):
    counts = {"CUDAExecutionProvider": 5, CPU: 2}
    monkeypatch.setattr(onnx_session, "_opened", lambda *_: Silent(list(counts), counts))
    assert Session("m.onnx", device="cuda:0").fallen_back_count == 2


@pytest.mark.parametrize("content", [None, b"hello"])
def test_a_file_that_is_no_model_is_refused_with_its_name(tmp_path, content):
    file = tmp_path / "bad.onnx"
    if content:
        file.write_bytes(content)
    with pytest.raises(WorkerFault, match=r"bad\.onnx can't be opened by ONNX Runtime") as caught:
        Session(str(file))
    assert caught.value.code == "ONNX_UNREADABLE"


def test_a_device_without_a_provider_is_refused():
    with pytest.raises(WorkerFault, match="no provider for the device 'xpu'"):
        onnx_session.provider_of("xpu")
