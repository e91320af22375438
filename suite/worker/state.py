"""What a module keeps between its calls, set back after calls that must leave no trace."""

import contextlib
from typing import Any, Callable, Iterator, List

from suite.worker import tensors

_OWN_OF_TORCH = ("_parameters", "_modules")


@contextlib.contextmanager
def kept(target: Any) -> Iterator[None]:
    """Afterwards the module has the attributes, buffers, caches and lists that it had before, with the same values.

    Parameters are taken as constant. What a runtime made of a module, and is none, stays as the calls leave it.
    """
    import torch

    parts = list(target.modules()) if isinstance(target, torch.nn.Module) else []
    undo = [step for part in parts for step in _steps(part)]
    try:
        yield
    finally:
        for step in reversed(undo):
            step()


def _steps(part: Any) -> List[Callable[[], None]]:
    import torch

    attributes = dict(vars(part))
    steps: List[Callable[[], None]] = []
    for name, value in attributes.items():
        if name in _OWN_OF_TORCH:
            continue
        for _, tensor in tensors.leaves(value):
            if not isinstance(tensor, torch.nn.Parameter):
                steps.append(_values_back(tensor))
        if isinstance(value, list):
            steps.append(_items_back(value))
        elif isinstance(value, dict):
            steps.append(_keys_back(value))

    def attributes_back() -> None:
        vars(part).clear()
        vars(part).update(attributes)

    return steps + [attributes_back]


def _values_back(tensor: Any) -> Callable[[], None]:
    values = tensor.detach().clone()

    def back() -> None:
        if tensor.shape == values.shape:
            tensor.detach().copy_(values)

    return back


def _items_back(items: List[Any]) -> Callable[[], None]:
    before = list(items)

    def back() -> None:
        items[:] = before

    return back


def _keys_back(items: Any) -> Callable[[], None]:
    before = list(items.items())

    def back() -> None:
        items.clear()
        items.update(before)

    return back
