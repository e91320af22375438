"""Values for inputs of which only type and shape are known; integers within a range that the model takes."""

from typing import Any, Callable, Dict, Optional, Sequence, Tuple

from suite.worker.brought.shapes import Input, Layout
from suite.worker.outcome import WorkerFault

HIGHEST = 2**15 - 1  # the first upper end that is tried where nothing tells the range of integers
PLAIN = ("plain int", "plain float", "plain bool")
Range = Tuple[float, float]  # both ends belong to it


def drawn(given: Input, shape: Sequence[int], source: Any, within: Optional[Range]) -> Any:
    """A tensor of that shape, the same on every platform: floats in [-1, 1), integers in [0, 1], masks of ones; within
    a range where one is given. A plain value of Python where the input is one."""
    import torch

    if given.dtype in PLAIN:
        value = (
            (0 if within is None else within[0]) if given.dtype != "plain bool" else within is None or bool(within[0])
        )
        return {"plain int": int, "plain float": float, "plain bool": bool}[given.dtype](value)
    dtype = getattr(torch, given.dtype)
    if dtype.is_floating_point or dtype.is_complex:
        made = (
            source.uniform(shape) if within is None else source.fractions(shape) * (within[1] - within[0]) + within[0]
        )
        return made.to(dtype)
    if within is None and (is_mask(given) or dtype == torch.bool):
        return torch.ones(tuple(shape), dtype=dtype)
    low, high = (0, 1) if within is None else (int(within[0]), int(within[1]))
    return source.integers(shape, low, high + 1).to(dtype)


def is_mask(given: Input) -> bool:
    return "mask" in given.name.lower()


def is_open(given: Input, ranges: Dict[str, Any]) -> bool:
    """Whether it holds integers of which no range is known."""
    whole = given.dtype.startswith(("int", "uint")) and given.dtype not in PLAIN
    return whole and not is_mask(given) and given.name not in ranges


def settle(
    layout: Layout, sizes: Dict[str, int], ranges: Dict[str, Any], call: Callable[[Dict[str, Any]], Any], title: str
) -> None:
    """Writes into `ranges` what integer inputs without one can hold: the highest power of two, less one, at which a
    call succeeds with it throughout. A call with what is known then must succeed.

    Raises WorkerFault RANGE_UNKNOWN where none does that leaves other sizes at fault too; the call's own error where
    there is nothing to find.
    """
    left = [given for given in layout.inputs if is_open(given, ranges)]
    tops = {given.name: HIGHEST for given in left}
    if not left:
        call(_filled(layout, sizes, ranges, {}))
        return
    try:
        call(_filled(layout, sizes, ranges, {given.name: 0 for given in left}))
    except Exception as error:
        raise WorkerFault(
            "RANGE_UNKNOWN",
            "{} fails with zeros in {} ({})".format(title, " and ".join(tops), _line(error)),
            "say what the integers may be, as in {}".format(" ".join("--range {}=0..9".format(name) for name in tops)),
        ) from error
    for given in left:
        while tops[given.name] and not _holds(layout, sizes, ranges, {given.name: tops[given.name]}, left, call):
            tops[given.name] //= 2
        ranges[given.name] = [0, tops[given.name]]


def _holds(  # noqa: PLR0913, PLR0917 (one trial)
    layout: Layout, sizes: Dict[str, int], ranges: Dict[str, Any], top: Dict[str, int], left: Any, call: Any
) -> bool:
    held = {given.name: 0 for given in left if given.name not in ranges}
    try:
        call(_filled(layout, sizes, ranges, dict(held, **top)))
    except Exception:  # noqa: BLE001  # a look-up out of range may be told in any way
        return False
    return True


def _filled(layout: Layout, sizes: Dict[str, int], ranges: Dict[str, Any], whole: Dict[str, int]) -> Dict[str, Any]:
    """Arrays of one value each, at batch 1: the highest integer of the range, a half for floats."""
    return {
        given.name: _constant(given, layout.shape(given.name, 1, sizes), whole.get(given.name), ranges.get(given.name))
        for given in layout.inputs
    }


def _constant(given: Input, shape: Sequence[int], whole: Optional[int], within: Optional[Sequence[float]]) -> Any:
    import numpy

    if given.dtype in PLAIN:
        return drawn(given, (), None, None if within is None else (within[0], within[1]))
    if whole is not None:
        return _full(numpy, shape, whole, given.dtype)
    if given.dtype == "bool" or (within is None and is_mask(given)):
        return numpy.ones(tuple(shape), dtype=given.dtype)
    return _full(numpy, shape, 0.5 if within is None else within[1], given.dtype)


def _full(numpy: Any, shape: Sequence[int], value: float, dtype: str) -> Any:
    if not dtype.startswith(("int", "uint")):
        return numpy.full(tuple(shape), value, dtype="float32" if dtype == "bfloat16" else dtype)
    return numpy.full(tuple(shape), min(int(value), int(numpy.iinfo(dtype).max)), dtype=dtype)


def _line(error: BaseException) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:200]
