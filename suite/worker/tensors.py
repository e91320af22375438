"""The tensors in whatever models take and give: mappings, sequences, data classes, caches, to any depth."""

import copy
from typing import Any, Callable, Iterator, List, Mapping, Optional, Tuple

_MAX_DEPTH = 8
_PLAIN = (type(None), bool, int, float, complex, str, bytes)


def leaves(value: Any, name: str = "") -> Iterator[Tuple[str, Any]]:
    """Each tensor in a value, under the path to it ("x", "cache.layers.0.keys"); arrays as the tensors they can be."""
    return _leaves(value, name, [])


def _leaves(value: Any, name: str, above: List[Any]) -> Iterator[Tuple[str, Any]]:
    tensor = _as_tensor(value)
    if tensor is not None:
        yield name, tensor
        return
    if len(above) > _MAX_DEPTH or any(value is other for other in above):
        return
    for key, part in _parts(value):
        for leaf in _leaves(part, "{}.{}".format(name, key) if name else str(key), above + [value]):
            yield leaf


def _as_tensor(value: Any) -> Optional[Any]:
    import torch

    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, _PLAIN) or not hasattr(value, "__array_interface__"):
        return None
    try:
        return torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError):  # an array of texts or objects
        return None


def _parts(value: Any) -> List[Tuple[Any, Any]]:
    """What a value is made of; nothing for plain ones, modules and classes."""
    import torch

    if isinstance(value, _PLAIN) or isinstance(value, (torch.nn.Module, type)) or callable(value):
        return []
    if isinstance(value, Mapping):
        return list(value.items())
    if isinstance(value, (list, tuple)):
        return list(enumerate(value))
    names = list(getattr(value, "__dict__", {})) + [name for name in _slots(value) if hasattr(value, name)]
    return [(name, getattr(value, name, None)) for name in names]


def _slots(value: Any) -> List[str]:
    slots = getattr(type(value), "__slots__", ())
    return [slots] if isinstance(slots, str) else list(slots)


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """The value with each tensor in its mappings and sequences changed; anything else as it is."""
    import torch

    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, dict):
        return _like(value, {key: mapped(part, change) for key, part in value.items()})
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*[mapped(part, change) for part in value])
    if type(value) in (list, tuple):
        return type(value)(mapped(part, change) for part in value)
    return value


def _like(value: Any, items: Any) -> Any:
    if type(value) is dict:
        return items
    alike = copy.copy(value)
    for key in items:
        alike[key] = items[key]
    return alike


def copied(value: Any) -> Any:
    """A value of its own: tensors cloned, caches and other objects copied with all that is in them."""
    import torch

    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return _like(value, {key: copied(part) for key, part in value.items()})
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*[copied(part) for part in value])
    if type(value) in (list, tuple):
        return type(value)(copied(part) for part in value)
    return value if isinstance(value, _PLAIN) else copy.deepcopy(value)


def moved(value: Any, device: str) -> Any:
    """The value on a device; an object of its own is asked to move itself if it can."""
    if isinstance(value, (dict, list, tuple)):
        return _moved_container(value, device)
    move = getattr(value, "to", None)
    if not callable(move):
        return value
    result = move(device)
    return value if result is None else result


def _moved_container(value: Any, device: str) -> Any:
    if isinstance(value, dict):
        return _like(value, {key: moved(part, device) for key, part in value.items()})
    if hasattr(value, "_fields"):
        return type(value)(*[moved(part, device) for part in value])
    return type(value)([moved(part, device) for part in value])
