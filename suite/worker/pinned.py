"""Published weights, loaded in place from the safetensors file that convert.py made of them.

The file holds every weight of the module once, under its first registered name: what weights.digest hashes.
"""

from collections import OrderedDict
from typing import Any, List, Mapping, NamedTuple

from suite.worker import tensor_file
from suite.worker.et import safe_load
from suite.worker.outcome import WorkerFault


class Own(NamedTuple):
    """One tensor of a module and all the names that it is registered under, the first one first."""

    names: List[str]
    tensor: Any


def load_into(module: Any, path: str) -> None:
    """Copies a converted file into the module's own tensors. Raises WorkerFault PINNED_UNREADABLE or PINNED_SHAPE."""
    import torch

    with torch.no_grad(), tensor_file.opened(path) as file:
        left = set(file.shapes)
        for own in own_tensors(module):
            name = first_known(own, file.shapes, path)
            file.read_into(name, own.tensor)
            left.discard(name)
        if left:
            raise _misshapen(path, "holds {}, for which the model has no place".format(min(left)))


def own_tensors(module: Any) -> List[Own]:
    """Parameters, and the floating-point buffers of the state; tied ones once."""
    found = OrderedDict()  # type: OrderedDict[int, Own]
    for name, tensor in module.state_dict(keep_vars=True).items():
        if tensor.dtype.is_floating_point:
            found.setdefault(id(tensor), Own([], tensor)).names.append(name)
    return list(found.values())


def first_known(own: Own, brought: Mapping[str, Any], path: str) -> str:
    """The name under which the file has this tensor."""
    for name in own.names:
        if name in brought:
            return name
    raise _misshapen(path, "lacks the tensor {}".format(own.names[0]))


def chosen(own: Own, brought: Mapping[str, Any], path: str) -> Any:
    """The tensor that the file has for this one, under any of its names; under several only if they are equal."""
    import torch

    name = first_known(own, brought, path)
    tensor = brought[name]
    reason = safe_load.why_no_values(tensor)
    if reason is None and not tensor.dtype.is_floating_point:
        reason = str(tensor.dtype).replace("torch.", "")
    if reason is not None:
        raise _misshapen(path, "has {} as {}".format(name, reason))
    if tensor.shape != own.tensor.shape:
        raise _misshapen(path, "has {} as {}, not {}".format(name, list(tensor.shape), list(own.tensor.shape)))
    for other in own.names:
        if not torch.equal(tensor, brought.get(other, tensor)):
            raise _misshapen(path, "holds two values for one tensor, {} and {}".format(name, other))
    return tensor.to(own.tensor.dtype)


def _misshapen(path: str, reason: str) -> WorkerFault:
    return WorkerFault("PINNED_SHAPE", "{} {}".format(path, reason), "pin a revision that fits this model")
