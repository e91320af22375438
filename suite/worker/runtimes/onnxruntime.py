"""ONNX Runtime, by the provider of the device: the processor's, CUDA's, or Core ML's on a Mac."""

from typing import Any, Dict, Optional

from suite.worker import onnx_graphs, onnx_session
from suite.worker.outcome import NotMeasured
from suite.worker.runtime import Artefact, Runtime, Work

_CUDA = "CUDAExecutionProvider"


class OnnxRuntime(Runtime):
    name = "onnxruntime"
    title = "ONNX Runtime"
    packages = ("torch", "onnx", "onnxscript", "onnxruntime")
    precisions = ("fp32", "tf32", "fp16", "int8")
    is_built, needs_module = True, False

    def available(self) -> Optional[NotMeasured]:
        return onnx_graphs.absence()

    def absence(self, torch: Any, precision: str, device: str) -> Optional[NotMeasured]:
        found = onnx_graphs.missing_provider(onnx_session.provider_of(device))
        return found if found is not None or precision == "int8" else super().absence(torch, precision, device)

    def build(self, work: Work) -> Dict[str, Any]:
        return onnx_graphs.write(work)

    def open(self, artefact: Artefact, module: Any, precision: str, device: str, thread_count: int) -> Any:
        provider = onnx_session.provider_of(device)
        options = {"use_tf32": "1" if precision == "tf32" else "0"} if provider == _CUDA else {}
        return onnx_graphs.opened(
            artefact, module, device=device, thread_count=thread_count, provider=provider, options=options
        )

    def threads(self, target: Any) -> Optional[int]:
        return onnx_graphs.threads(target)

    def told(self, target: Any) -> Dict[str, Any]:
        return onnx_graphs.told(target)


PLUGIN = OnnxRuntime()
