"""An fp32 ONNX file in fp16 or dynamic int8: written once, in a process of its own, and run like the file itself."""

import os
from typing import Any, Dict, List, Optional

from suite.worker import onnx_session
from suite.worker.brought import onnx_graph
from suite.worker.outcome import NotMeasured, WorkerFault
from suite.worker.runtime import Artefact, Runtime, Work

PRECISIONS = ("fp16", "int8")
_NAME = "model.onnx"
_INT8_OPERATORS = ["MatMul", "Gemm"]  # not Conv: ONNX Runtime's integer convolutions are slower than those of float32


class VariantRunner(Runtime):
    name, title = "onnxruntime", "ONNX Runtime"
    is_built, needs_module = True, False

    def __init__(self, path: str, precision: str) -> None:
        """path: of a file whose weights are fp32."""
        self.path = path
        self.precisions = (precision,)
        self._elements: List[str] = []

    def available(self) -> Optional[NotMeasured]:
        return onnx_session.available()

    def absence(self, torch: Any, precision: str, device: str) -> Optional[NotMeasured]:
        return None  # whether the provider is there, and takes the file, is told as it is opened

    def build(self, work: Work) -> Dict[str, Any]:
        """Dynamic int8 needs no calibration: activations are measured at each call. Raises WorkerFault BUILD_FAILED."""
        import onnx

        found = with_initialisers(onnx.load(self.path))
        target = os.path.join(work.folder, _NAME)
        note = _half(found, target) if work.precision == "fp16" else _integers(found, target)
        made = onnx.load(target)
        return {"dynamic": True, "graph_count": 1, "notes": [note], "elements": _elements(made.graph)}

    def open(self, artefact: Artefact, module: Any, precision: str, device: str, thread_count: int) -> Any:
        self._elements = list(artefact.told["elements"])
        return onnx_session.Session(os.path.join(artefact.folder, _NAME), device=device, thread_count=thread_count)

    def threads(self, target: Any) -> Optional[int]:
        return int(target.thread_count)

    def told(self, target: Any) -> Dict[str, Any]:
        return {"provider": target.provider, "node_counts": target.node_counts, "elements": self._elements}


def with_initialisers(model: Any) -> Any:
    """The model, its tensor constants turned into initialisers, which alone are converted; changed in place."""
    kept = []
    for node in model.graph.node:
        held = [attribute for attribute in node.attribute if attribute.name == "value"]
        if node.op_type != "Constant" or not held:
            kept.append(node)
            continue
        tensor = model.graph.initializer.add()
        tensor.CopyFrom(held[0].t)
        tensor.name = node.output[0]
    kept = [_copied(node) for node in kept]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    return model


def _copied(node: Any) -> Any:
    """Its own: what is deleted from a graph may not be read any more."""
    own = type(node)()
    own.CopyFrom(node)
    return own


def _half(model: Any, target: str) -> str:
    import onnx

    try:
        from onnxruntime.transformers.float16 import convert_float_to_float16
    except ImportError as error:
        raise WorkerFault(
            "PACKAGE_MISSING",
            "this build of ONNX Runtime has no onnxruntime.transformers.float16, which converts a file to fp16",
            "install the usual wheel: pip install onnxruntime",
        ) from error
    onnx.save(convert_float_to_float16(model, keep_io_types=False), target)
    return "weights and inputs of the file were rounded to float16; a provider without kernels for it casts back"


def _integers(model: Any, target: str) -> str:
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    part = target + ".fp32"
    onnx.save(model, part)
    try:
        quantize_dynamic(part, target, weight_type=QuantType.QInt8, op_types_to_quantize=_INT8_OPERATORS)
    finally:
        os.remove(part)
    before = sum(node.op_type in _INT8_OPERATORS for node in model.graph.node)
    changed = sum(node.op_type == "MatMulInteger" for node in onnx.load(target).graph.node)
    if not changed:
        raise WorkerFault(
            "BUILD_FAILED",
            "ONNX Runtime found no product of matrices in the file that int8 could be made of",
            "leave int8 out",
        )
    return "dynamic int8, without calibration: {} of {} products of matrices; all else stays in float32".format(
        changed, before
    )


def _elements(graph: Any) -> List[str]:
    """Element types of the weights, the most elements first."""
    totals: Dict[str, int] = {}
    for _, tensor in onnx_graph.tensors(graph):
        if onnx_graph.is_weight(tensor):
            dtype = onnx_graph.dtype_of(tensor.data_type)
            totals[dtype] = totals.get(dtype, 0) + onnx_graph.element_count(tensor)
    return sorted(totals, key=lambda dtype: (-totals[dtype], dtype))
