"""The recognition model of PP-OCRv4, as the package rapidocr-onnxruntime ships it: an ONNX file, run as it is."""

import importlib.util
import os
from typing import Any, Callable, Dict, List, Optional, Tuple

from suite.worker.model import Axis, Model
from suite.worker.outcome import NotMeasured, WorkerFault

HEIGHT = 48
INPUT = "x"
_PACKAGE, _FILE = "rapidocr_onnxruntime", os.path.join("models", "ch_PP-OCRv4_rec_infer.onnx")
_WIDTH = Axis("width", "pixels of width", 320, 16, 4096)


class OcrRec(Model):
    name = "ocr-rec"
    title = "PP-OCRv4 recognition"
    task = "reading a line of text"
    why = (
        "A small network of convolutions and two attention blocks whose weights are real and come in a package of the "
        "index: what it reads is known, and lines are as long as text is."
    )
    source = "PaddleOCR's ch_PP-OCRv4_rec (Apache-2.0), the .onnx file of rapidocr-onnxruntime as it is"
    axes = (_WIDTH,)
    packages = ("torch", "onnx", "onnxruntime")
    extra = "ocr"
    runtimes = ("onnxruntime",)
    precisions = ("fp32", "fp16", "int8")  # the first is the file's own, the others are made of it
    own_weights = True

    def available(self) -> Optional[NotMeasured]:
        """The package is not among `packages`: it is never imported, and what it requires is not needed."""
        absence = super().available()
        if absence is not None or file_of() is not None:
            return absence
        return NotMeasured(
            "PACKAGE_MISSING",
            "{} needs the file {} of rapidocr-onnxruntime, which the worker's Python lacks".format(self.title, _FILE),
            "install it there: pip install rapidocr-onnxruntime (the suite's extra {})".format(self.extra),
        )

    def build(self, options: Dict[str, Any]) -> Any:
        return self._opened().build(options)

    def inputs(self, batch_size: int, axes: Dict[str, int], source: Any) -> Dict[str, Any]:
        """x [B, 3, 48, W], from -1 (black) to 1 (white)."""
        return {INPUT: source.child(INPUT).uniform((batch_size, 3, HEIGHT, axes["width"]))}

    def runner(self, runtime: str, precision: str) -> Any:
        found = self._opened()
        if precision not in self.precisions:
            raise WorkerFault(
                "UNSUPPORTED_PRECISION",
                "{} holds its weights in fp32, of which ONNX Runtime can make fp16 and int8, and not {}".format(
                    self.title, precision
                ),
                "use one of {}".format(", ".join(self.precisions)),
            )
        if precision == self.precisions[0] or runtime not in self.runtimes:
            return found.runner(runtime, precision)
        from suite.worker.brought.onnx_variant import VariantRunner

        return VariantRunner(found.path, precision)

    def bind(self, module: Any, inputs: Dict[str, Any], scenario: str) -> Tuple[Callable[[], Any], int]:
        return module.bind(inputs), 1

    def alphabet(self) -> List[str]:
        """What each place of the output stands for: nothing (CTC's blank), the file's characters, a space."""
        told = {entry.key: entry.value for entry in self._opened().proto.metadata_props}
        listed = told.get("character", "").split("\n")
        return [""] + [character.rstrip("\r") for character in listed if character] + [" "]

    def _opened(self) -> Any:
        """Raises WorkerFault."""
        from suite.worker.brought import loading, words

        absence = self.available()
        if absence is not None:
            raise WorkerFault(*absence)
        settings = {
            "word": file_of(),
            "name": self.name,
            "title": self.title,
            "shapes": {INPUT: ["batch", 3, HEIGHT, _WIDTH.name]},
            "axes": {_WIDTH.name: dict(_WIDTH._asdict())},
        }
        return loading.load(words.origin(settings))


def file_of() -> Optional[str]:
    """The path of the file in the package, which is not imported; None where it is not installed."""
    spec = importlib.util.find_spec(_PACKAGE)
    paths = [os.path.join(folder, _FILE) for folder in (spec.submodule_search_locations or ())] if spec else []
    return next((path for path in paths if os.path.isfile(path)), None)


PLUGIN = OcrRec()
