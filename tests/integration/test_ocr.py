"""PP-OCRv4's recognition model as its package ships it: what it reads, in fp32, fp16 and int8."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from suite.worker import build, complexity, precision, text_lines
from suite.worker.case import Case, grad_mode
from suite.worker.evaluation import Example
from suite.worker.evaluations.ocr_lines import PLUGIN as LINES
from suite.worker.evaluations.ocr_lines import Drawn
from suite.worker.models.ocr_rec import PLUGIN as OCR
from suite.worker.outcome import WorkerFault
from suite.worker.runtime import Artefact, Work
from suite.worker.weights import Stream

if OCR.available() is not None:
    pytest.skip("rapidocr-onnxruntime is not installed (locks/models.txt), or no ONNX Runtime", allow_module_level=True)

TEXTS = ("the first line of the page", "Measurement 4711", "oxygen, zigzag and jazz", "$250 or 12%")


@pytest.fixture(scope="module")
def module() -> Any:
    return build.build(OCR, {})


def ready(module: Any, name: str, folder: Path) -> tuple[Any, Any, Artefact | None]:
    runner = OCR.runner("onnxruntime", name)
    if not runner.is_built:
        return runner, runner.make_ready(module, name, "cpu"), None
    told = runner.build(Work(module, [], name, "cpu", 1, str(folder)))
    artefact = Artefact(str(folder), told)
    return runner, runner.open(artefact, module, name, "cpu", 1), artefact


def read(target: Any, name: str, examples: list[Example]) -> list[Any]:
    inputs = precision.cast_inputs(LINES.inputs(OCR, examples), name)
    output = OCR.bind(target, inputs, "forward")[0]()
    return [judged for (judged,) in LINES.judge(OCR, output, examples)]


def clean(text: str) -> Example:
    folder = text_lines.fonts_folder()
    assert folder is not None
    image = text_lines.drawn(text_lines.Line(text, "DejaVuSans.ttf", 36, 0, 255), folder, 48)
    return Example(Drawn(image.width, image.tobytes()), text, 0, image.width)


def test_the_alphabet_is_the_files_with_the_blank_first_and_the_space_last() -> None:
    alphabet = OCR.alphabet()
    assert (len(alphabet), alphabet[0], alphabet[1], alphabet[-1]) == (6625, "", "'", " ")
    assert all(len(character) == 1 for character in alphabet[1:])
    assert set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789$%.,;:?!") <= set(alphabet)


@pytest.mark.parametrize("name", OCR.precisions)
def test_clean_lines_are_read_letter_by_letter_in_each_precision(module: Any, name: str, tmp_path: Path) -> None:
    _, target, _ = ready(module, name, tmp_path)
    assert [read(target, name, [clean(text)])[0].answered for text in TEXTS] == list(TEXTS)


def test_most_lines_of_the_evaluation_are_read_exactly(module: Any, tmp_path: Path) -> None:
    _, target, _ = ready(module, "fp32", tmp_path)
    judged = [read(target, "fp32", [row])[0] for row in itertools.islice(LINES.rows(OCR, None), 24)]
    assert sum(one.score for one in judged) >= 20
    assert sum(one.further[0][0] for one in judged) / sum(one.further[0][1] for one in judged) < 0.02
    assert all(one.reachable for one in judged)


def test_int8_is_in_products_of_matrices_alone_and_says_so(module: Any, tmp_path: Path) -> None:
    runner, target, artefact = ready(module, "int8", tmp_path)
    assert artefact is not None
    assert artefact.told["notes"] == [
        "dynamic int8, without calibration: 9 of 13 products of matrices; all else stays in float32"
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.onnx"]
    assert set(runner.told(target)["elements"]) == {"float32", "int8"}
    assert 7_000_000 < (tmp_path / "model.onnx").stat().st_size < 8_500_000  # of 10.9 MB


def test_fp16_has_its_weights_and_its_inputs_in_16_bits(module: Any, tmp_path: Path) -> None:
    runner, target, _ = ready(module, "fp16", tmp_path)
    assert runner.told(target)["elements"][0] == "float16"
    assert [value.dtype for value in target.inputs] == ["float16"]
    assert (tmp_path / "model.onnx").stat().st_size < 5_600_000


def test_other_precisions_and_runtimes_are_one_line() -> None:
    with pytest.raises(WorkerFault, match="of which ONNX Runtime can make fp16 and int8, and not bf16") as told:
        OCR.runner("onnxruntime", "bf16")
    assert told.value.remedy == "use one of fp32, fp16, int8"
    with pytest.raises(WorkerFault, match="which the runtime eager can't run"):
        OCR.runner("eager", "fp32")


def test_its_size_is_open_in_the_width_alone(module: Any, tmp_path: Path) -> None:
    assert complexity.count_parameters(module)["unique_count"] == 2_690_407
    assert complexity.count_flops(OCR, {}, "forward", 1, {"width": 64})["mac_count"] == 140_486_208
    target = ready(module, "fp32", tmp_path)[1]
    for width in (16, 333):
        case = Case(OCR, target, "cpu", "forward", lambda: OCR.inputs(2, {"width": width}, Stream(0, "inputs")), {})  # noqa: B023
        with grad_mode(OCR):
            (scores,) = OCR.output_tensors(case.call())
        assert (scores.shape[0], scores.shape[2]) == (2, 6625)
