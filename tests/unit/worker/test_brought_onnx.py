"""ONNX files made here, by the numbers: parameters to any depth, formulas, branches, ranges, a hidden size."""

import hashlib
import os

import numpy
import pytest

from suite.worker.brought import onnx_cost, onnx_file, onnx_graph
from suite.worker.complexity import count_flops, count_parameters
from suite.worker.outcome import WorkerFault
from suite.worker.weights import Stream

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def value(name, shape, kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def weight(name, *shape, dtype="float32"):
    return numpy_helper.from_array(numpy.full(shape, 0.5, dtype=dtype), name)


def made(nodes, inputs, outputs, weights=()):
    graph = helper.make_graph(list(nodes), "g", list(inputs), list(outputs), initializer=list(weights))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("mine", 1)])
    model.ir_version = 8
    return model


def opened(tmp_path, model, **settings):
    path = tmp_path / "m.onnx"
    onnx.save(model, str(path))
    found = onnx_file.load(dict({"word": str(path), "name": "m.onnx"}, **settings))
    found.introduce()
    return found


def linear():
    node = helper.make_node("Gemm", ["x", "w", "b"], ["y"])
    return made([node], [value("x", ["n", 4])], [value("y", ["n", 3])], [weight("w", 4, 3), weight("b", 3)])


def branching():
    """if chosen: x @ a (4 x 8) @ c (8 x 2), else: x @ b (4 x 2); weights lie within the branches."""

    def branch(name, nodes, weights):
        return helper.make_graph(nodes, name, [], [value("y", ["n", 2])], initializer=weights)

    wide = [helper.make_node("MatMul", ["x", "a"], ["h"]), helper.make_node("MatMul", ["h", "c"], ["y"])]
    then = branch("then", wide, [weight("a", 4, 8), weight("c", 8, 2)])
    other = branch("other", [helper.make_node("MatMul", ["x", "b"], ["y"])], [weight("b", 4, 2)])
    node = helper.make_node("If", ["chosen"], ["z"], then_branch=then, else_branch=other)
    return made([node], [value("x", ["n", 4]), value("chosen", [], BOOL)], [value("z", None)])


def test_counts_hash_and_macs_of_a_linear_layer(tmp_path):
    found = opened(tmp_path, linear())
    module = found.build({})
    counted = count_parameters(module)
    assert (counted["unique_count"], counted["parameter_bytes"]) == (15, 60)
    assert counted["bytes_by_dtype"] == [["float32", 60]]
    flops = count_flops(found, {}, "forward", 3, {})
    assert (flops["mac_count"], flops["by_operator"], flops["unknown"]) == (36, [["Gemm", 36]], [])
    assert len(module.weights_sha256()) == 64
    assert found.content_sha256() == hashlib.sha256((tmp_path / "m.onnx").read_bytes()).hexdigest()
    assert found.precisions == ("fp32",)


def test_the_hash_is_of_the_weights(tmp_path):
    first = opened(tmp_path, linear()).build({}).weights_sha256()
    changed = linear()
    changed.graph.initializer[0].CopyFrom(weight("w", 4, 3, dtype="float64"))
    assert onnx_graph.sha256(changed.graph, str(tmp_path)) != first


def test_constants_and_branches_hold_parameters_too(tmp_path):
    constant = helper.make_node("Constant", [], ["w"], value=weight("w", 4, 3))
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    alone = made([constant, node], [value("x", ["n", 4])], [value("y", ["n", 3])])
    assert count_parameters(opened(tmp_path, alone).build({}))["unique_count"] == 12
    found = opened(tmp_path, branching())
    assert count_parameters(found.build({}))["unique_count"] == 32 + 16 + 8


@pytest.mark.parametrize(("chosen", "macs"), [(1, 32 + 16), (0, 8)])
def test_the_branch_that_runs_is_the_one_that_counts(tmp_path, chosen, macs):
    found = opened(tmp_path, branching(), ranges={"chosen": [chosen, chosen]})
    flops = count_flops(found, {}, "forward", 1, {})
    assert (flops["mac_count"], flops["unknown"]) == (macs, [])


def test_a_branch_that_no_run_decides_is_a_lower_bound_and_named():
    def never():
        raise RuntimeError("no inputs")

    cost = onnx_cost.count(branching(), {"x": (1, 4), "chosen": ()}, never, "m")
    assert (cost.mac_count, cost.unknown) == (8, ["If (its cheaper branch counts)"])


FORMULAS = [
    # 5 x 5 places, 6 channels, each of 2 channels in a group of 2 x 3 x 3 kernels
    (helper.make_node("Conv", ["x", "w"], ["y"], group=2), [1, 4, 7, 7], [6, 2, 3, 3], 25 * 6 * 2 * 9),
    (helper.make_node("ConvTranspose", ["x", "w"], ["y"]), [1, 4, 5, 5], [4, 6, 3, 3], 4 * 25 * 6 * 9),
    (helper.make_node("MatMul", ["x", "w"], ["y"]), [2, 5, 4], [4, 3], 2 * 5 * 4 * 3),
    (helper.make_node("Gemm", ["x", "w"], ["y"], transA=1), [4, 5], [4, 3], 5 * 4 * 3),
    (helper.make_node("Einsum", ["x", "w"], ["y"], equation="bik,kj->bij"), [2, 5, 4], [4, 3], 2 * 5 * 4 * 3),
]


@pytest.mark.parametrize(("node", "shape", "weights", "macs"), FORMULAS, ids=[row[0].op_type for row in FORMULAS])
def test_formulas(node, shape, weights, macs):
    model = made([node], [value("x", shape)], [value("y", None)], [weight("w", *weights)])
    assert onnx_cost.count(model, {"x": tuple(shape)}, dict, "m").mac_count == macs


def test_a_recurrent_layer_takes_each_weight_once_a_step():
    node = helper.make_node("LSTM", ["x", "w", "r"], ["y"], hidden_size=5)
    weights = [weight("w", 1, 20, 4), weight("r", 1, 20, 5)]
    model = made([node], [value("x", [7, 2, 4])], [value("y", None)], weights)
    assert onnx_cost.count(model, {"x": (7, 2, 4)}, dict, "m").mac_count == 7 * 2 * (20 * 4 + 20 * 5)


def test_what_has_no_formula_is_named_and_never_taken_as_free():
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("Mystery", ["h"], ["y"], domain="mine")]
    model = made(nodes, [value("x", [2, 4])], [value("y", None)], [weight("w", 4, 3)])
    cost = onnx_cost.count(model, {"x": (2, 4)}, dict, "m")
    assert (cost.mac_count, cost.unknown) == (24, ["Mystery"])
    alone = made(nodes[1:], [value("h", [2, 3])], [value("y", None)])
    with pytest.raises(WorkerFault, match="Mystery of unknown cost"):
        onnx_cost.count(alone, {"h": (2, 3)}, dict, "m")


def test_a_table_says_the_range_of_what_is_looked_up_in_it(tmp_path):
    nodes = [helper.make_node("Cast", ["ids"], ["i"], to=INT64), helper.make_node("Gather", ["table", "i"], ["y"])]
    model = made(nodes, [value("ids", ["n", "seq"], TensorProto.INT32)], [value("y", None)], [weight("table", 50, 4)])
    found = opened(tmp_path, model, sizes={"seq": 6})
    assert found.settings["ranges"] == {"ids": [0, 49]}
    assert count_parameters(found.build({}))["embedding_count"] == 200
    ids = found.inputs(2, {"seq": 6}, Stream(0, "inputs"))["ids"]
    assert (tuple(ids.shape), str(ids.dtype)) == ((2, 6), "torch.int32")
    assert 0 <= int(ids.min()) <= int(ids.max()) <= 49


def test_a_size_behind_a_symbol_is_told_with_its_flag(tmp_path):
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    model = made([node], [value("x", ["n", "width"])], [value("y", None)], [weight("w", 4, 3)])
    with pytest.raises(WorkerFault) as told:
        opened(tmp_path, model, sizes={"width": 5})
    assert told.value.code == "CALL_FAILED"
    assert "m.onnx can't be called at width = 5" in told.value.reason
    assert told.value.remedy == "a size may be fixed behind a symbol; give the one it needs by --axis width=N"
    assert opened(tmp_path, model, sizes={"width": 4}).axes[0].default == 4


def test_only_onnx_runtime_in_the_file_s_precision(tmp_path):
    found = opened(tmp_path, linear())
    assert found.runner("onnxruntime", "fp32").available() is None
    with pytest.raises(WorkerFault, match="the runtime eager can't run: it holds no torch module"):
        found.runner("eager", "fp32")
    with pytest.raises(WorkerFault, match="holds its weights in fp32, and not in fp16"):
        found.runner("onnxruntime", "fp16")


def test_a_call_gives_what_the_graph_computes(tmp_path):
    found = opened(tmp_path, linear())
    target = found.runner("onnxruntime", "fp32").make_ready(found.build({}), "fp32", "cpu")
    inputs = found.inputs(2, {}, Stream(0, "inputs"))
    call, passes = found.bind(target, inputs, "forward")
    (output,) = call()
    assert passes == 1
    assert numpy.allclose(output, inputs["x"].numpy() @ numpy.full((4, 3), 0.5) + 0.5, atol=1e-6)


def test_a_fixed_batch_is_the_only_one(tmp_path):
    node = helper.make_node("Relu", ["x"], ["y"])
    found = opened(tmp_path, made([node], [value("x", [2, 4])], [value("y", None)]))
    assert found.one_batch
    assert tuple(found.inputs(1, {}, Stream(0, "i"))["x"].shape) == (2, 4)
    with pytest.raises(WorkerFault, match="without a batch that could be 3"):
        found.inputs(3, {}, Stream(0, "i"))


def test_real_inputs_are_given_as_they_are_and_again_for_a_larger_batch(tmp_path):
    path = str(tmp_path / "real.npz")
    numpy.savez(path, x=numpy.arange(8, dtype="float32").reshape(2, 4))
    found = opened(tmp_path, linear(), inputs=path)
    assert found.inputs_source == "file"
    assert found.inputs(3, {}, None)["x"][:, 0].tolist() == [0, 4, 0]


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"y": numpy.zeros((1, 4))}, "has no array 'x'; it holds y"),
        ({"x": numpy.zeros((1, 5))}, r"has x as \[1, 5\], and the model takes \['n', 4\]"),
        ({"x": numpy.array(["a"])}, "x holds no numbers"),
    ],
)
def test_real_inputs_that_do_not_fit_are_refused(tmp_path, arrays, told):
    path = str(tmp_path / "real.npz")
    numpy.savez(path, **arrays)
    with pytest.raises(WorkerFault, match=told):
        opened(tmp_path, linear(), inputs=path)


def test_pickled_inputs_are_not_opened(tmp_path):
    path = str(tmp_path / "real.npz")
    numpy.savez(path, x=numpy.array([{"a": 1}], dtype=object))
    with pytest.raises(WorkerFault, match=r"can't be read as a .npz file"):
        opened(tmp_path, linear(), inputs=path)


@pytest.mark.parametrize("content", [b"", b"no model", b"\x80\x04}", os.urandom(64)])
def test_what_is_no_onnx_file_is_told_in_a_line(tmp_path, content):
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(WorkerFault) as told:
        onnx_file.load({"word": str(path), "name": "m.onnx"})
    assert told.value.code == "MODEL_UNREADABLE"
    assert told.value.reason.startswith(f"{path} is no ONNX file")


@pytest.mark.parametrize(
    ("dtype", "byte_count"),
    [("float32", 24), ("float16", 12), ("int16", 12), ("uint16", 12), ("int8", 6), ("bool", 6), ("float64", 48)],
)
def test_each_element_type_takes_its_own_bytes(dtype, byte_count):
    assert onnx_graph.byte_count(numpy_helper.from_array(numpy.ones((2, 3), dtype=dtype), "w")) == byte_count


def test_an_element_type_of_unknown_size_is_refused_and_not_taken_as_small(monkeypatch):
    monkeypatch.setattr(onnx_graph, "dtype_of", lambda _: "float128")
    with pytest.raises(WorkerFault) as told:
        onnx_graph.byte_count(weight("w", 2))
    assert told.value.code == "COUNT_FAILED"


def test_weights_of_a_type_that_no_precision_stands_for_are_refused(tmp_path):
    wide = made(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        [value("x", [1, 3], TensorProto.DOUBLE)],
        [value("y", [1, 3], TensorProto.DOUBLE)],
        [weight("w", 3, dtype="float64")],
    )
    with pytest.raises(WorkerFault) as told:
        opened(tmp_path, wide)
    assert (told.value.code, "float64" in told.value.reason) == ("UNSUPPORTED_PRECISION", True)
