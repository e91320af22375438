"""TensorRT, through ONNX Runtime's provider of it: engines are made when a size is first called."""

from typing import Any, Dict, Optional

from suite.worker import onnx_graphs
from suite.worker.outcome import NotMeasured
from suite.worker.runtime import Artefact, Runtime, Work

_PROVIDER = "TensorrtExecutionProvider"


class TensorRt(Runtime):
    name = "tensorrt"
    title = "TensorRT (through ONNX Runtime)"
    packages = ("torch", "onnx", "onnxscript", "onnxruntime")
    precisions = ("fp32", "fp16")
    is_built, needs_module = True, False

    def available(self) -> Optional[NotMeasured]:
        return onnx_graphs.absence()

    def absence(self, torch: Any, precision: str, device: str) -> Optional[NotMeasured]:
        if not device.startswith("cuda"):
            reason = "TensorRT runs on NVIDIA's GPUs, and the device is {}".format(device)
            return NotMeasured("UNSUPPORTED_DEVICE", reason, "Use --device cuda on a machine that has one")
        return onnx_graphs.missing_provider(_PROVIDER) or super().absence(torch, precision, device)

    def build(self, work: Work) -> Dict[str, Any]:
        return onnx_graphs.write(work)

    def open(self, artefact: Artefact, module: Any, precision: str, device: str, thread_count: int) -> Any:
        """Engines are kept beside the graph: the first process that calls a size makes its own."""
        options = {
            "trt_fp16_enable": "1" if precision == "fp16" else "0",
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": artefact.folder,
        }
        return onnx_graphs.opened(
            artefact, module, device=device, thread_count=thread_count, provider=_PROVIDER, options=options
        )

    def threads(self, target: Any) -> Optional[int]:
        return onnx_graphs.threads(target)

    def told(self, target: Any) -> Dict[str, Any]:
        return onnx_graphs.told(target)


PLUGIN = TensorRt()
