"""ONNX files of a torch module, and the session that answers for it: what runtimes on ONNX Runtime share."""

import os
import warnings
from typing import Any, Callable, Dict, List, Optional

from suite.worker import exporting, onnx_session, packages
from suite.worker.calls import not_exportable
from suite.worker.outcome import NotMeasured
from suite.worker.runtime import Artefact, Work

_INT8_OPERATORS = ["MatMul", "Gemm"]  # not Gather: look-ups cost nothing, and their tables are most of the error


def absence() -> Optional[NotMeasured]:
    """Why nothing can be exported and run; None where the packages are there."""
    return onnx_session.available() or packages.absence("torch", "onnx", "onnxscript")


def missing_provider(provider: str) -> Optional[NotMeasured]:
    """Why the provider can't be had here; None where its wheel is installed."""
    import onnxruntime

    there = onnxruntime.get_available_providers()
    if provider in there:
        return None
    return NotMeasured(
        "PROVIDER_MISSING",
        "ONNX Runtime {} has no {} here".format(onnxruntime.__version__, provider),
        "It has {}; install a wheel of ONNX Runtime that brings it".format(", ".join(there)),
    )


def write(work: Work) -> Dict[str, Any]:
    """The files, in int8 where that was asked for. Raises WorkerFault BUILD_FAILED."""

    def save(flat: Any, values: Any, shapes: Any, path: str) -> None:
        part = path + ".fp32" if work.precision == "int8" else path
        _export(flat, values, shapes, part)
        if work.precision == "int8":
            _quantise(part, path)
            for name in (part, part + ".data"):
                if os.path.exists(name):
                    os.remove(name)

    return exporting.write_graphs(work, save, ".onnx")


def _export(flat: Any, values: Any, shapes: Any, path: str) -> None:
    import torch

    names = ["in_{}".format(name) for name in flat.names]  # no output can have such a name
    options: Dict[str, Any] = {"input_names": names, "dynamo": True, "verbose": False, "optimize": True}
    if shapes is not None:
        options["dynamic_shapes"] = (tuple(shapes),)
    torch.onnx.export(flat, values, path, **options)


def _quantise(source: str, target: str) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(source, target, weight_type=QuantType.QInt8, op_types_to_quantize=_INT8_OPERATORS)
    import onnx

    if not any("Integer" in node.op_type for node in onnx.load(target, load_external_data=False).graph.node):
        raise not_exportable("ONNX Runtime found nothing in the graph to quantise")


def threads(target: exporting.Graphs) -> Optional[int]:
    return None if target.session is None else target.session.session.thread_count


class GraphSession:
    """A session whose inputs have the names of the module's."""

    def __init__(self, session: onnx_session.Session) -> None:
        self.session = session

    def bind(self, inputs: Dict[str, Any]) -> Callable[[], List[Any]]:
        import torch

        known = {value.name for value in self.session.inputs}
        call = self.session.bind({"in_" + name: value for name, value in inputs.items() if "in_" + name in known})

        def run() -> List[Any]:
            return [value if isinstance(value, torch.Tensor) else torch.from_numpy(value) for value in call()]

        return run


def opened(  # noqa: PLR0913 (what a session is opened with, by name)
    artefact: Artefact, skeleton: Any, *, device: str, thread_count: int, provider: str, options: Dict[str, Any]
) -> exporting.Graphs:
    def open_graph(file: str) -> GraphSession:
        path = os.path.join(artefact.folder, file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            session = onnx_session.Session(
                path, device=device, thread_count=thread_count, provider=provider, provider_options=options
            )
        return GraphSession(session)

    return exporting.Graphs(artefact.told["graphs"], open_graph, skeleton)


def told(target: exporting.Graphs) -> Dict[str, Any]:
    if target.session is None:
        return {}
    session = target.session.session
    return {"provider": session.provider, "node_counts": session.node_counts}
