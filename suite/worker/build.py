"""Builds a model's module without spending time or memory on initial values that are replaced anyway."""

import contextlib
import importlib
from typing import Any, Dict, Iterator

from suite.worker.model import Model

# Every initialiser of torch.nn.init that these models use ends in one of these two methods.
_RANDOM_METHODS = ("normal_", "uniform_")


def build(model: Model, options: Dict[str, Any], device: str = "cpu") -> Any:
    """The model's module in eval mode, its buffers set and its parameters allocated but not filled.

    device: "cpu", or "meta" for shapes alone. Before torch 2 there is no meta context: the module is then built on the
    CPU from storage that nothing writes to, so its pages are never made resident.
    """
    for name in model.modules:  # what runs when they are imported must find torch as it is: no meta device, no patch
        importlib.import_module(name)
    with contextlib.ExitStack() as stack:
        stack.enter_context(without_random_initialisers())
        if device == "meta" and has_meta_context():
            import torch

            stack.enter_context(torch.device("meta"))
        return model.build(options).eval()


def has_meta_context() -> bool:
    """Whether this torch can build any module on the meta device (torch >= 2)."""
    import torch

    return hasattr(torch.device, "__enter__")


@contextlib.contextmanager
def without_random_initialisers() -> Iterator[None]:
    """Inside, normal_ and uniform_ of every tensor leave it as it is. Constants and buffers are set as ever."""
    import torch

    for name in _RANDOM_METHODS:
        setattr(torch.Tensor, name, _leave)  # hides the method of the base class, which stays as it is
    try:
        yield
    finally:
        for name in _RANDOM_METHODS:
            delattr(torch.Tensor, name)


def _leave(tensor: Any, *_arguments: Any, **_options: Any) -> Any:
    return tensor
