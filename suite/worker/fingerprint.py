"""Outputs in a few numbers: what two runs, on any two platforms, can be held against each other by.

All values, in the order of the tensors and of their elements, are weighted by a stream of whole numbers that is the
same everywhere (weights.py), and value i counts into sum i modulo 64. Of two outputs x and y the sums then differ by
about |x - y| / sqrt(3), whatever their size: the weights are uniform in [-1, 1).
"""

from typing import Any, Dict, List, Tuple

from suite.worker import tensors, weights

SUM_COUNT = 64
MAX_VALUE_COUNT = 1 << 22  # of all outputs together; what lies beyond is not taken, which is told
CHUNK_VALUE_COUNT = 1 << 18  # a multiple of SUM_COUNT: few megabytes at a time
MAX_ROW_COUNT = 8  # of each output, whose top answers are kept
MAX_TOP_COUNT = 16
LARGEST = 1e20  # beyond, a value is taken as one that is not finite: its square would drown all others
MOST_LEAD = 1e12
SEED = 0  # of the weights: one for all runs


def taken(outputs: List[Any]) -> Dict[str, Any]:
    """The fields of records.Fingerprint; `outputs` are tensors of any type, on any device."""
    import torch

    stream = weights.Stream(SEED, "fingerprint")
    sums = torch.zeros(SUM_COUNT, dtype=torch.float64)
    flat = [tensors.comparable(tensor).detach().reshape(-1) for tensor in outputs]
    value_count, square, not_finite = sum(len(values) for values in flat), 0.0, 0
    place = 0
    for values in flat:
        for start in range(0, min(len(values), MAX_VALUE_COUNT - place), CHUNK_VALUE_COUNT):
            part = values[start : start + min(CHUNK_VALUE_COUNT, MAX_VALUE_COUNT - place)].cpu().double()
            finite, strange = _finite(part)
            not_finite += strange
            square += float((finite * finite).sum())
            sums += _into(finite * stream.uniform((len(finite),)).double(), place)
            place += len(finite)
    norm = square**0.5
    scale = norm / max(1, place) ** 0.5
    return {
        "tensor_count": len(outputs),
        "value_count": value_count,
        "taken_count": place,
        "not_finite_count": not_finite,
        "norm": norm,
        "projection": [float(value) for value in sums],
        "top": [list(answer) for answer in _tops(outputs, scale)],
    }


def _finite(values: Any) -> Tuple[Any, int]:
    """The values with 0 where one is not finite or huge, and how many those are."""
    import torch

    strange = ~(values.abs() <= LARGEST)  # NaN too
    count = int(strange.sum())
    return (torch.where(strange, torch.zeros_like(values), values), count) if count else (values, 0)


def _into(weighted: Any, place: int) -> Any:
    """The sums that the weighted values add to; `place` is that of the first one among all."""
    import torch

    before = place % SUM_COUNT
    after = -(before + len(weighted)) % SUM_COUNT
    padded = torch.nn.functional.pad(weighted, (before, after))
    return padded.reshape(-1, SUM_COUNT).sum(0)


def _tops(outputs: List[Any], scale: float) -> List[Tuple[int, float]]:
    """(place, lead over the second as a share of scale) of the first rows of each output, those without NaN."""
    found: List[Tuple[int, float]] = []
    for tensor in outputs:
        values = tensors.comparable(tensor).detach()
        if (
            tensor.is_complex()
            or not values.is_floating_point()
            or values.dim() < 1
            or values.shape[-1] < 2
            or not values.numel()
        ):
            continue
        for row in values.reshape(-1, values.shape[-1])[:MAX_ROW_COUNT].cpu().double():
            if len(found) == MAX_TOP_COUNT:
                return found
            best, places = row.topk(2)
            lead = float(best[0] - best[1]) / scale if scale else 0.0
            if 0.0 <= lead < MOST_LEAD:  # neither is true of NaN
                found.append((int(places[0]), lead))
    return found
