"""Precisions: which can work where, and modules and inputs in the element type that one stands for.

Weights are made in it, and never as float32 first: a tensor of 16 bits takes the float32 values of its stream or file
rounded to the nearest, piece by piece. int8 is made of float32 weights by what quantises them.
"""

from typing import Any, Dict, List, Optional, Tuple

from suite.worker import tensors, weights
from suite.worker.outcome import NotMeasured, WorkerFault

ALL = ("fp32", "tf32", "bf16", "fp16", "int8")
_ELEMENTS = {"fp16": "float16", "bf16": "bfloat16"}
_TF32_CAPABILITY = (8, 0)  # Ampere


def element(precision: str) -> str:
    """The element type of weights, activations and inputs that are floating-point numbers, as torch names it."""
    return _ELEMENTS.get(precision, "float32")


def weights_precision(precision: str) -> str:
    """In which the weights are made and hashed: that of int8 is fp32, of which it is made."""
    return precision if precision in _ELEMENTS else "fp32"


def absence(torch: Any, precision: str, device: str) -> Optional[NotMeasured]:
    """Why torch can't compute in it on a device; None where it can, as far as can be told without trying."""
    kind = device.partition(":")[0]
    if precision == "tf32":
        return _tf32_absence(torch, kind, device)
    if precision == "bf16" and kind == "cuda" and not torch.cuda.is_bf16_supported():
        return _unsupported("this GPU has no bf16", "Use fp16")
    if precision in _ELEMENTS:
        return _without_kernel(torch, precision, device)
    if precision == "int8" and kind != "cpu":
        return _unsupported(
            "torch's dynamic int8 has kernels for the processor alone", "Use --device cpu, or runtime onnxruntime"
        )
    return None


def _without_kernel(torch: Any, precision: str, device: str) -> Optional[NotMeasured]:
    """Tried on what most models do: an older torch lacks some of 16 bits on the processor."""
    few = torch.ones((2, 2), dtype=getattr(torch, element(precision)), device=device)
    try:
        torch.relu(few.mm(few)).softmax(-1)
        torch.nn.functional.layer_norm(few, (2,))
    except RuntimeError as error:
        return _unsupported(_lacks_kernel(precision, error), "Use fp32, another device, or a newer torch")
    return None


def _lacks_kernel(precision: str, error: RuntimeError) -> str:
    return "this torch lacks a kernel for {} ({})".format(precision, str(error).splitlines()[0][:200])


def _tf32_absence(torch: Any, kind: str, device: str) -> Optional[NotMeasured]:
    if kind != "cuda":
        return _unsupported("tf32 is a mode of NVIDIA's GPUs, and {} has none".format(kind), "Use fp32, bf16 or fp16")
    if torch.cuda.get_device_capability(device) < _TF32_CAPABILITY:
        return _unsupported("this GPU is older than tf32 (compute capability 8.0)", "Use fp32 or fp16")
    return None


def _unsupported(reason: str, remedy: str) -> NotMeasured:
    return NotMeasured("UNSUPPORTED_PRECISION", reason, remedy)


def set_float32_mode(torch: Any, precision: str, device: str) -> None:
    """Products of float32 on a GPU are rounded to tf32 where that was asked for, and nowhere else; read back.

    Raises WorkerFault PRECISION_NOT_IN_FORCE.
    """
    wanted = precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = wanted
    torch.backends.cudnn.allow_tf32 = wanted
    found = (bool(torch.backends.cuda.matmul.allow_tf32), bool(torch.backends.cudnn.allow_tf32))
    if device.startswith("cuda") and found != (wanted, wanted):
        raise WorkerFault(
            "PRECISION_NOT_IN_FORCE",
            "tf32 of products and convolutions reads {} and {} after it was set to {}".format(*(found + (wanted,))),
            "Unset NVIDIA_TF32_OVERRIDE and TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
        )


def cast(module: Any, precision: str) -> None:
    """Gives a built module's floating-point parameters memory of that precision, in place, before they are filled.

    What `weights.fill` leaves as `build` made it keeps its values, rounded; so do buffers. What was never written to
    is not read: its float32 pages are never made resident.
    """
    import torch

    dtype = getattr(torch, element(precision))
    if dtype == torch.float32:
        return
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if not parameter.is_floating_point() or parameter.dtype == dtype:
                continue
            is_small = parameter.numel() <= weights.CHUNK_ELEMENT_COUNT
            keeps = weights.is_parametrised(name) or is_small
            parameter.data = parameter.data.to(dtype) if keeps else torch.empty_like(parameter.data, dtype=dtype)
        for part in module.modules():
            for name, buffer in list(part._buffers.items()):
                if buffer is not None and buffer.is_floating_point():
                    part._buffers[name] = buffer.to(dtype)


def cast_values(module: Any, precision: str) -> None:
    """The same of a module that has its weights: they are rounded, in place."""
    import torch

    dtype = getattr(torch, element(precision))
    if dtype != torch.float32 and isinstance(module, torch.nn.Module):
        module.to(dtype)


def cast_inputs(made: Dict[str, Any], precision: str) -> Dict[str, Any]:
    """Inputs whose float32 tensors are in the module's precision."""
    import torch

    dtype = getattr(torch, element(precision))
    if dtype == torch.float32 or not isinstance(made, dict):
        return made
    return {
        name: tensors.mapped(value, lambda tensor: tensor.to(dtype) if tensor.dtype == torch.float32 else tensor)
        for name, value in made.items()
    }


def in_force(module: Any) -> Tuple[str, ...]:
    """The element types of a module's parameters and packed weights, the most elements first."""
    counts: Dict[str, int] = {}
    for tensor in _held(module):
        name = str(tensor.dtype).replace("torch.", "")
        counts[name] = counts.get(name, 0) + tensor.numel()
    return tuple(sorted(counts, key=lambda name: (-counts[name], name)))


def weight_bytes(module: Any) -> int:
    """Of a module's parameters and packed weights, as they are now."""
    return sum(tensor.numel() * tensor.element_size() for tensor in _held(module))


def _held(module: Any) -> List[Any]:
    return list(dict(module.named_parameters(), **weights.packed(module)).values())


def refusal(error: RuntimeError, precision: str) -> Optional[WorkerFault]:
    """What a missing kernel's error comes to; None for another error."""
    text = str(error)
    if precision not in _ELEMENTS or "not implemented for" not in text:
        return None
    return WorkerFault(
        "UNSUPPORTED_PRECISION", _lacks_kernel(precision, error), "Use fp32, another device, or a newer torch"
    )
