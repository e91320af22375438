"""The tensors in whatever models take and give: mappings, sequences, data classes, caches, to any depth."""

import copy
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

_MAX_DEPTH = 8
_PLAIN = (type(None), bool, int, float, complex, str, bytes)


def leaves(value: Any, name: str = "") -> Iterator[Tuple[str, Any]]:
    """Each tensor in a value, under the path to it ("x", "cache.layers.0.keys"); arrays as the tensors they can be."""
    return ((path, leaf) for path, leaf in _walk(value, name, {}) if is_tensor(leaf))


def others(value: Any, name: str = "") -> Iterator[Tuple[str, str]]:
    """What is no tensor in a value, as text: plain values as they are written, objects by their type."""
    for path, leaf in _walk(value, name, {}):
        if not is_tensor(leaf):
            yield path, repr(leaf) if isinstance(leaf, _PLAIN) else type(leaf).__name__


def is_tensor(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor)


def _walk(value: Any, name: str, seen: Dict[int, Any], depth: int = 0) -> Iterator[Tuple[str, Any]]:
    """Tensors, and what else has no parts; an object that is met again (`seen`, by identity) isn't gone into."""
    tensor = _as_tensor(value)
    parts = [] if tensor is not None else _parts(value)
    if not parts:
        yield name, value if tensor is None else tensor
    elif depth < _MAX_DEPTH and id(value) not in seen:
        seen[id(value)] = value
        for key, part in parts:
            for leaf in _walk(part, "{}.{}".format(name, key) if name else str(key), seen, depth + 1):
                yield leaf


def _as_tensor(value: Any) -> Optional[Any]:
    import torch

    if is_tensor(value):
        return value
    if isinstance(value, _PLAIN) or not hasattr(value, "__array_interface__"):
        return None
    try:
        return torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError):  # an array of texts or objects
        return None


def _parts(value: Any) -> List[Tuple[Any, Any]]:
    """What a value is made of; nothing for plain ones, modules, functions and classes."""
    import torch

    if isinstance(value, _PLAIN + (torch.nn.Module,)) or callable(value):
        return []
    if isinstance(value, Mapping):
        return list(value.items())
    if isinstance(value, (list, tuple)):
        return list(enumerate(value))
    return [(name, getattr(value, name)) for name in _attributes(value) if hasattr(value, name)]


def _attributes(value: Any) -> List[str]:
    slots = getattr(type(value), "__slots__", ())
    return list(getattr(value, "__dict__", {})) + ([slots] if isinstance(slots, str) else list(slots))


def mapped(value: Any, change: Callable[[Any], Any], otherwise: Callable[[Any], Any] = lambda part: part) -> Any:
    """The value with each tensor in its dicts, lists and tuples changed, and anything else through `otherwise`."""
    if is_tensor(value):
        return change(value)
    if isinstance(value, dict):
        alike = {} if type(value) is dict else copy.copy(value)
        alike.update((key, mapped(part, change, otherwise)) for key, part in value.items())
        return alike
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*[mapped(part, change, otherwise) for part in value])
    if type(value) in (list, tuple):
        return type(value)(mapped(part, change, otherwise) for part in value)
    return otherwise(value)


def copied(value: Any) -> Any:
    """A value of its own: tensors cloned, caches and other objects copied with all that is in them."""
    return mapped(value, lambda tensor: tensor.detach().clone(), _copied_object)


def _copied_object(value: Any) -> Any:
    return value if isinstance(value, _PLAIN) else copy.deepcopy(value)


def moved(value: Any, device: str) -> Any:
    """The value on a device; an object of its own is asked to move itself if it can."""
    return mapped(value, lambda tensor: tensor.to(device), lambda part: _moved_object(part, device))


def _moved_object(value: Any, device: str) -> Any:
    result = value.to(device) if callable(getattr(value, "to", None)) else None
    return value if result is None else result


def same(left: List[Any], right: List[Any]) -> bool:
    """Whether two lists hold the same tensors, NaN being the same as NaN."""
    return len(left) == len(right) and all(_same(a, b) for a, b in zip(left, right))


def _same(left: Any, right: Any) -> bool:
    if left.shape != right.shape or left.dtype != right.dtype:
        return False
    left, right = comparable(left), comparable(right)
    return bool(((left == right) | (left.isnan() & right.isnan())).all())


def comparable(tensor: Any) -> Any:
    """The same values in a type and layout that every torch can compare."""
    import torch

    if tensor.layout != torch.strided:
        tensor = tensor.to_dense()
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    if tensor.is_floating_point() and tensor.dtype not in (torch.float32, torch.float64):
        tensor = tensor.float()
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor
