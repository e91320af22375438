"""Model files that nobody here made, as they come in packages of the index: declared, counted, called, checked."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from suite.worker import sensitivity
from suite.worker.brought import loading, words
from suite.worker.case import Case, grad_mode
from suite.worker.complexity import count_flops, count_parameters
from suite.worker.outcome import WorkerFault

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

OCR, VAD, MAGIC = "rapidocr_onnxruntime", "silero_vad", "magika"
RATE = {"sr": [16000, 16000]}
DET, REC = {"p2o_DynamicDimension_1": 64, "p2o_DynamicDimension_2": 96}, {"x_2": 48, "p2o_DynamicDimension_1": 64}
# package, file, sizes, ranges, parameters, MACs of one call, precision, inputs shown to matter
FILES: list[tuple[Any, ...]] = [
    (OCR, "models/ch_PP-OCRv4_det_infer.onnx", DET, {}, 1_171_841, 34_639_104, "fp32", ["x"]),
    (OCR, "models/ch_PP-OCRv4_rec_infer.onnx", REC, {}, 2_690_407, 140_486_208, "fp32", ["x"]),
    (
        OCR,
        "models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
        {"x_2": 48, "x_3": 192},
        {},
        133_777,
        16_315_376,
        "fp32",
        ["x"],
    ),
    (
        VAD,
        "data/silero_vad.onnx",
        {"input_1": 576, "state_1": 1},
        RATE,
        545_597,
        679_552,
        "fp32",
        ["input", "state"],
    ),
    (VAD, "data/silero_vad_16k_op15.onnx", {"sequence": 576}, RATE, 309_795, 679_552, "fp32", ["input", "state"]),
    (VAD, "data/silero_vad_half.onnx", {"sequence": 576}, {}, 309_790, 679_552, "fp32", ["input", "state"]),
    (MAGIC, "models/standard_v3_3/model.onnx", {}, {"bytes": [0, 256]}, 784_519, 366_717_952, "fp32", ["bytes"]),
]


def path_of(package: str, file: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"the package {package} is not installed, whose files are looked at (locks/models.txt)")
    return Path(spec.submodule_search_locations[0]) / file


def brought(path: Path, **settings: Any) -> Any:
    model = loading.load(words.origin({"word": str(path), "name": path.name, "folder": str(path.parent), **settings}))
    model.introduce()
    return model


@pytest.mark.parametrize("row", FILES, ids=[Path(row[1]).name for row in FILES])
def test_an_onnx_file(row: Any) -> None:
    package, file, sizes, ranges, parameters, macs, precision, changed = row
    model = brought(path_of(package, file), sizes=sizes, ranges=dict(ranges))
    axes = {axis.name: axis.default for axis in model.axes}
    module = model.build({})
    counted = count_parameters(module)
    flops = count_flops(model, {}, "forward", 1, axes)
    assert (counted["unique_count"], flops["mac_count"], flops["unknown"]) == (parameters, macs, [])
    assert model.precisions == (precision,)
    assert sum(byte_count for _, byte_count in counted["bytes_by_dtype"]) == counted["parameter_bytes"]
    from suite.worker.weights import Stream

    target = model.runner("onnxruntime", precision).make_ready(module, precision, "cpu")
    case = Case(model, target, "cpu", "forward", lambda: model.inputs(1, axes, Stream(0, "inputs")), axes)
    with grad_mode(model):
        checked = sensitivity.check(model, target, case.inputs, "forward")
    assert checked.changed == changed


def test_an_open_size_is_an_error_that_prints_the_flags() -> None:
    path = path_of(OCR, "models/ch_PP-OCRv4_rec_infer.onnx")
    with pytest.raises(WorkerFault) as told:
        brought(path)
    assert told.value.remedy == "give each: --axis x_2=N --axis p2o_DynamicDimension_1=N"


def test_a_torchscript_file() -> None:
    path = path_of(VAD, "data/silero_vad.jit")
    with pytest.raises(WorkerFault) as told:
        brought(path)
    assert told.value.remedy == "say it by --shape x=batch,N,... or bring real inputs by --inputs FILE.npz"
    with pytest.raises(WorkerFault, match=r"takes sr as int, and nothing says which; say it: --range sr=VALUE"):
        brought(path, shapes={"x": ["batch", 512]})
    model = brought(path, shapes={"x": ["batch", 512]}, ranges=dict(RATE))
    assert (model.axes, model.own_weights) == ((), True)
    assert count_parameters(model.build({}))["unique_count"] > 300_000
