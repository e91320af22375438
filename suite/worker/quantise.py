"""Dynamic int8 of a torch module's linear layers: weights are stored as 8-bit integers, activations are quantised at
each call. torchao does it where it is installed, else torch.ao, which newer versions of torch will no longer have."""

import gc
import importlib.util
import warnings
from typing import Any, Optional

from suite.worker.outcome import NotMeasured, WorkerFault


def absence(torch: Any) -> Optional[NotMeasured]:
    """Why nothing here can do it; None where something can."""
    if importlib.util.find_spec("torchao") is not None:
        return None
    if not hasattr(getattr(getattr(torch, "ao", torch), "quantization", None), "quantize_dynamic"):
        return NotMeasured(
            "PACKAGE_MISSING",
            "torch {} has no torch.ao.quantization, and torchao is not installed".format(torch.__version__),
            "Install torchao for the worker's interpreter, or use runtime onnxruntime",
        )
    if torch.backends.quantized.engine in (None, "none"):
        return NotMeasured(
            "UNSUPPORTED_PRECISION",
            "torch {} was built without kernels for int8".format(torch.__version__),
            "Install torchao for the worker's interpreter, or use runtime onnxruntime",
        )
    return None


def linear_layers(module: Any) -> Any:
    """The module with its linear layers in int8, changed in place. Raises WorkerFault NOTHING_QUANTISED."""
    import torch

    if not any(type(part) is torch.nn.Linear for part in module.modules()):
        raise WorkerFault(
            "NOTHING_QUANTISED", "the module has no linear layer that int8 could be made of", "Use another precision"
        )
    changed = _quantised(torch, module)
    gc.collect()  # what was quantised stands in cycles, and would stay in memory beside what was made of it
    return changed


def _quantised(torch: Any, module: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that torch.ao is going to be removed
        if importlib.util.find_spec("torchao") is not None:
            from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_

            quantize_(module, Int8DynamicActivationInt8WeightConfig())
            return module
        quantization = getattr(torch, "ao", torch).quantization
        return quantization.quantize_dynamic(module, {torch.nn.Linear}, dtype=torch.qint8, inplace=True)
