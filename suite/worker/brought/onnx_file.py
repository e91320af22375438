"""An ONNX file: run by ONNX Runtime as it is, counted from the file itself."""

import os
from typing import Any, Callable, Dict, List, Optional, Tuple

from suite.worker import files, onnx_session
from suite.worker.brought import base, onnx_cost, onnx_graph
from suite.worker.brought.artefact import Artefact
from suite.worker.brought.shapes import layout
from suite.worker.outcome import NotMeasured, WorkerFault
from suite.worker.runtime import Runtime
from suite.worker.weights import Stream

RUNTIME = "onnxruntime"
_PRECISIONS = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16", "int8": "int8", "uint8": "int8"}


class OnnxModel(base.Brought):
    packages = ("torch", "onnx", "onnxruntime")
    runtimes = (RUNTIME,)

    def __init__(self, settings: Dict[str, Any]) -> None:
        super().__init__(settings, "a model that was brought as an ONNX file")
        self.path = self.word
        self.proto = _read(self.path)
        self.precisions = (_precision(self.proto.graph),)
        given = onnx_graph.inputs(self.proto.graph)
        odd = [one for one in given if one.dtype in ("no tensor", "string")]
        if odd:
            what = "takes {} as {}, which can't be made up".format(odd[0].name, odd[0].dtype)
            raise base.unreadable(self.path, what, "bring it by a function: --model module:function")
        real = self.real_inputs()
        self.settle(layout(given, settings, self.title, real=None if real is None else real.shape))

    def introduce(self) -> None:
        """Finds the ranges of integer inputs, and shows that ONNX Runtime can run the file."""
        ranges = self.settings["ranges"]
        entries: Dict[str, int] = {}
        for table in onnx_graph.tables(self.proto.graph):
            entries[table.input] = min(table.entry_count, entries.get(table.input, table.entry_count))
        for name, count in entries.items():
            ranges.setdefault(name, [0, count - 1])
        if self.real_inputs() is None:
            opened = onnx_session.Session(self.path)
            self.settle_ranges(lambda arrays: opened.bind(arrays)())

    def build(self, options: Dict[str, Any]) -> Any:
        return OnnxArtefact(self)

    def runner(self, runtime: str, precision: str) -> Any:
        if runtime != RUNTIME:
            raise WorkerFault(
                "UNSUPPORTED_RUNTIME",
                "{} is an ONNX file, which the runtime {} can't run: it holds no torch module".format(
                    self.title, runtime
                ),
                "leave --runtime out, or say --runtime {}".format(RUNTIME),
            )
        if precision not in self.precisions:
            raise WorkerFault(
                "UNSUPPORTED_PRECISION",
                "{} holds its weights in {}, and not in {}".format(self.title, self.precisions[0], precision),
                "leave --precision out, or bring a file in {}".format(precision),
            )
        return FileRunner(self.path, precision)

    def bind(self, module: Any, inputs: Dict[str, Any], scenario: str) -> Tuple[Callable[[], Any], int]:
        return module.bind(inputs), 1


class FileRunner(Runtime):
    """ONNX Runtime on a file as it is: nothing is built."""

    name, title = RUNTIME, "ONNX Runtime"

    def __init__(self, path: str, precision: str) -> None:
        self.path = path
        self.precisions = (precision,)

    def available(self) -> Optional[NotMeasured]:
        return onnx_session.available()

    def absence(self, torch: Any, precision: str, device: str) -> Optional[NotMeasured]:
        return None  # the precision is the file's own, and whether the provider is there is told as it is opened

    def make_ready(self, module: Any, precision: str, device: str) -> Any:
        import torch

        return onnx_session.Session(self.path, device=device, thread_count=torch.get_num_threads())

    def threads(self, target: Any) -> Optional[int]:
        return int(target.thread_count)

    def told(self, target: Any) -> Dict[str, Any]:
        return {"provider": target.provider, "node_counts": target.node_counts}


class OnnxArtefact(Artefact):
    def __init__(self, model: OnnxModel) -> None:
        self._model = model
        self._graph = model.proto.graph

    def count_parameters(self) -> Dict[str, Any]:
        """Every tensor of the file is a parameter, also a shape or an index that its exporter wrote as a constant; none
        can be trained."""
        held = [tensor for _, tensor in onnx_graph.tensors(self._graph)]
        totals: Dict[str, int] = {}
        for tensor in held:
            dtype = onnx_graph.dtype_of(tensor.data_type)
            totals[dtype] = totals.get(dtype, 0) + onnx_graph.byte_count(tensor)
        count = sum(map(onnx_graph.element_count, held))
        return {
            "unique_count": count,
            "registered_count": count,
            "trainable_count": 0,
            "embedding_count": sum(table.element_count for table in onnx_graph.tables(self._graph)),
            "buffer_element_count": 0,
            "parameter_bytes": sum(totals.values()),
            "buffer_bytes": 0,
            "bytes_by_dtype": [[dtype, totals[dtype]] for dtype in sorted(totals)],
            "shared": [],
        }

    def weights_sha256(self) -> str:
        return onnx_graph.sha256(self._graph, os.path.dirname(self._model.path))

    def count_flops(self, batch_size: int, axes: Dict[str, int]) -> Dict[str, Any]:
        shapes = {name: self._model.layout.shape(name, batch_size, axes) for name in self._model.layout.dims}

        def make() -> Dict[str, Any]:
            made = self._model.inputs(batch_size, axes, Stream(0, "inputs"))
            return {name: tensor.numpy() for name, tensor in made.items()}

        return onnx_cost.count(self._model.proto, shapes, make, self._model.title)._asdict()


def load(settings: Dict[str, Any]) -> OnnxModel:
    return OnnxModel(settings)


def _read(path: str) -> Any:
    """Raises WorkerFault MODEL_UNREADABLE or PACKAGE_MISSING."""
    try:
        import onnx
    except ImportError as error:
        raise WorkerFault(
            "PACKAGE_MISSING",
            "{} needs the package onnx, which the worker's Python lacks".format(path),
            "install onnx and onnxruntime there: pip install onnx onnxruntime",
        ) from error
    try:
        with files.open_regular(path) as file:
            found = onnx.load_model_from_string(file.read())
    except OSError as error:
        raise base.unreadable(path, "can't be read: {}".format(error.strerror), "give the path of the file") from error
    except Exception as error:  # protobuf's own kinds, of each of its versions
        raise base.unreadable(
            path, "is no ONNX file ({})".format(base.line(error)), "export the model again"
        ) from error
    if not found.graph.node:
        raise base.unreadable(path, "is no ONNX file: it holds no operator", "export the model again")
    return found


def _precision(graph: Any) -> str:
    """The one that most of the file's weights are in; fp32 of a file without any.

    Raises WorkerFault UNSUPPORTED_PRECISION for weights of a type that none of ours stands for.
    """
    totals: Dict[str, int] = {}
    for _, tensor in onnx_graph.tensors(graph):
        if onnx_graph.is_weight(tensor):
            dtype = onnx_graph.dtype_of(tensor.data_type)
            totals[dtype] = totals.get(dtype, 0) + onnx_graph.element_count(tensor)
    most: List[str] = sorted(totals, key=lambda dtype: -totals[dtype])
    if most and most[0] not in _PRECISIONS:
        raise WorkerFault(
            "UNSUPPORTED_PRECISION",
            "most of its weights are {}, and there is {}".format(most[0], ", ".join(sorted(_PRECISIONS))),
            "export it with weights of one of these types",
        )
    return _PRECISIONS[most[0]] if most else "fp32"
