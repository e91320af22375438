"""How near a variant's outputs are to those of eager fp32 on the same inputs.

The reference lies in a private file that a worker of its own wrote: two models are never in memory together.
"""

import math
from typing import Any, Dict, List, Optional

from suite.worker import tensor_file, tensors
from suite.worker.outcome import WorkerFault

MOST_BYTES = 256 * 2**20  # of all outputs of one call
_PIECE_COUNT = 1 << 20


def write(outputs: List[Any], path: str) -> Dict[str, Any]:
    """Outputs in order, as a safetensors file. Raises WorkerFault OUTPUTS_TOO_LARGE."""
    plain = {str(place): _plain(tensor) for place, tensor in enumerate(outputs)}
    byte_count = sum(tensor.numel() * tensor.element_size() for tensor in plain.values())
    if byte_count > MOST_BYTES:
        raise WorkerFault(
            "OUTPUTS_TOO_LARGE",
            "the outputs of one call are {:.0f} MB, and at most {:.0f} MB are kept to compare".format(
                byte_count / 1e6, MOST_BYTES / 1e6
            ),
            "Return less from `output_tensors` in the model plug-in",
        )
    tensor_file.write(path, plain)
    return {"output_count": len(plain), "byte_count": byte_count}


def compare(outputs: List[Any], names: List[str], path: str) -> List[Dict[str, Any]]:
    """Per output, in order; names: what to call them. Raises WorkerFault OUTPUTS_DIFFER where others are given."""
    with tensor_file.opened(path) as file:
        if len(outputs) != len(file.shapes):
            text = "it gives {} outputs, and eager fp32 gives {}".format(len(outputs), len(file.shapes))
            raise WorkerFault("OUTPUTS_DIFFER", text, "See `output_tensors` of the model plug-in")
        found = []
        for place, tensor in enumerate(outputs):
            shape = file.shapes[str(place)]
            if list(tensor.shape) != shape:
                text = "output {} is {}, and {} in eager fp32".format(names[place], list(tensor.shape), shape)
                raise WorkerFault("OUTPUTS_DIFFER", text, "Export the model again, or use runtime eager")
            found.append(dict(_compared(_plain(tensor), file.read(str(place))), name=names[place]))
        return found


def _plain(tensor: Any) -> Any:
    """The same values on the CPU in a type that a file can hold."""
    return tensors.comparable(tensor).detach().cpu().contiguous()


def _compared(values: Any, reference: Any) -> Dict[str, Any]:
    """Errors over the elements that are finite in both; NaN and infinity are counted, not hidden in a maximum."""
    counts = {"element_count": values.numel(), "nan_count": 0, "infinite_count": 0, "unlike_count": 0}
    worst = largest = 0.0
    dot = own = other = 0.0
    flat, wanted = values.reshape(-1), reference.reshape(-1)
    for start in range(0, flat.numel(), _PIECE_COUNT):
        a = flat[start : start + _PIECE_COUNT].double()
        b = wanted[start : start + _PIECE_COUNT].double()
        counts["nan_count"] += int(a.isnan().sum())
        counts["infinite_count"] += int(a.isinf().sum())
        same_kind = ((a == b) | (a.isnan() & b.isnan())) | (a.isfinite() & b.isfinite())
        counts["unlike_count"] += int((~same_kind).sum())
        both = a.isfinite() & b.isfinite()
        a, b = a[both], b[both]
        if a.numel():
            worst = max(worst, float((a - b).abs().max()))
            largest = max(largest, float(b.abs().max()))
            dot, own, other = dot + float(a.dot(b)), own + float(a.dot(a)), other + float(b.dot(b))
    return dict(
        counts,
        max_abs_error=worst,
        relative_error=worst / largest if largest > 0 else (0.0 if worst == 0 else None),
        cosine=_cosine(dot, own, other),
        top_agreement=_top_agreement(values, reference),
    )


def _cosine(dot: float, own: float, other: float) -> Optional[float]:
    norm = math.sqrt(own * other)
    return max(-1.0, min(1.0, dot / norm)) if norm > 0 and math.isfinite(norm) else None


def _top_agreement(values: Any, reference: Any) -> Optional[float]:
    """The share of rows whose largest element stands in the same place; None where there is nothing to choose from."""
    if not (values.is_floating_point() and reference.is_floating_point()) or values.dim() < 2 or values.shape[-1] < 2:
        return None
    if not values.numel():
        return None
    return float((values.argmax(-1) == reference.argmax(-1)).double().mean())
