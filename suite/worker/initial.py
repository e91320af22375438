"""What random initialisers and unwritten memory give while a module is built: nothing, or seeded values.

Parameters are filled afterwards (weights.fill), so large ones are left unwritten: they cost neither time nor memory
before that. Everything else that `build` sees is seeded, the same on every platform: a buffer keeps it.
"""

import contextlib
import math
import weakref
from typing import Any, Callable, Dict, Iterator, List, Tuple

from suite.worker import weights

# Every initialiser of torch.nn.init that these models use ends in one of these two methods.
_RANDOM_METHODS = ("normal_", "uniform_")
_SMALL_COUNT = 1 << 18  # elements that are written wherever they lie: a parameter of that size costs no time
_EMPTY_HALF_RANGE = 0.05


@contextlib.contextmanager
def without_random_initialisers() -> Iterator[None]:
    """Inside, normal_ and uniform_ of every tensor leave it as it is. Constants and buffers are set as ever."""
    import torch

    with _replaced([(torch.Tensor, name, _leave) for name in _RANDOM_METHODS]):
        yield


@contextlib.contextmanager
def seeded(seed: int, *, parameters_too: bool = False) -> Iterator["Draw"]:
    """Inside, normal_ and uniform_ write seeded values of the mean and spread asked for, and memory that nobody wrote
    to holds small ones (integers: zeros). Large parameters are left unwritten unless parameters_too says otherwise.

    After `build` the Draw that this gives must `settle` its module.
    """
    import torch

    draw = Draw(seed, parameters_too)

    def normal(tensor: Any, mean: float = 0.0, std: float = 1.0, **_options: Any) -> Any:
        return draw.write(tensor, mean, std * math.sqrt(3.0))

    def uniform(tensor: Any, *limits: float, **named: Any) -> Any:
        low, high = limits + (named.get("from", 0.0), named.get("to", 1.0))[len(limits) :]
        return draw.write(tensor, (low + high) / 2, (high - low) / 2)

    def register(module: Any, name: str, parameter: Any) -> None:
        original_register(module, name, parameter)
        draw.know(parameter)

    original_register = torch.nn.Module.register_parameter
    makers = [(torch, "empty"), (torch, "empty_like"), (torch.Tensor, "new_empty")]
    replaced: List[Any] = [(owner, name, draw.instead_of(getattr(owner, name))) for owner, name in makers]
    replaced += [(torch.Tensor, "normal_", normal), (torch.Tensor, "uniform_", uniform)]
    replaced.append((torch.nn.Module, "register_parameter", register))
    builtins = torch.jit._builtins  # a script that makes memory must find the operator
    for (_, name), (_, _, made) in zip(makers[:2], replaced):
        builtins._register_builtin(made, "aten::" + name)
    with _replaced(replaced):
        yield draw


class Draw:
    """Seeded values for the tensors of one build, in the order in which they are asked for."""

    def __init__(self, seed: int, parameters_too: bool) -> None:
        self._stream = weights.Stream(seed, "build")
        self._parameters_too = parameters_too
        self._writing = False  # then a request for memory is the stream's own
        self._parameters: Dict[int, Any] = {}  # by address: `parameter.data` is another tensor at the same one
        self._unwritten: List[Any] = []

    def know(self, parameter: Any) -> None:
        if parameter is not None and parameter.device.type == "cpu" and _has_memory(parameter):
            self._parameters[parameter.data_ptr()] = weakref.ref(parameter)

    def instead_of(self, make: Callable[..., Any]) -> Callable[..., Any]:
        def made(*arguments: Any, **options: Any) -> Any:
            tensor = make(*arguments, **options)
            if self._writing or tensor.device.type != "cpu" or tensor.is_quantized or not tensor.numel():
                return tensor
            if not (tensor.is_floating_point() or tensor.is_complex()):
                return tensor.zero_()
            if self._parameters_too or tensor.numel() <= _SMALL_COUNT:
                return self._fill(tensor, 0.0, _EMPTY_HALF_RANGE)
            self._unwritten.append((weakref.ref(tensor), tensor._version))
            return tensor

        return made

    def write(self, tensor: Any, middle: float, half_range: float) -> Any:
        """Values in [middle - half_range, middle + half_range), in place; returns the tensor."""
        if tensor.device.type != "cpu" or not tensor.numel():
            return tensor
        if self._parameters_too or tensor.numel() <= _SMALL_COUNT or not self._is_parameter(tensor):
            self._fill(tensor, middle, half_range)
        return tensor

    def settle(self, module: Any) -> None:
        """Gives seeded values to large buffers that were made and never written to."""
        known = {id(tensor()): version for tensor, version in self._unwritten if tensor() is not None}
        for buffer in module.buffers():
            if known.get(id(buffer)) == buffer._version:
                self._fill(buffer, 0.0, _EMPTY_HALF_RANGE)

    def _is_parameter(self, tensor: Any) -> bool:
        import torch

        if isinstance(tensor, torch.nn.Parameter):
            return True
        owner = self._parameters.get(tensor.data_ptr(), lambda: None)()
        return owner is not None and owner.data_ptr() == tensor.data_ptr()

    def _fill(self, tensor: Any, middle: float, half_range: float) -> Any:
        import torch

        self._writing = True
        try:
            with torch.no_grad():
                self._stream.fill_uniform(tensor, half_range)
                if middle:
                    tensor.add_(middle)
        finally:
            self._writing = False
        return tensor


@contextlib.contextmanager
def _replaced(attributes: List[Tuple[Any, str, Callable[..., Any]]]) -> Iterator[None]:
    """Inside, the owners' attributes are others; one that the owner only inherits is hidden, and stays as it is."""
    own = [(owner, name, vars(owner).get(name)) for owner, name, _ in attributes]
    for owner, name, other in attributes:
        setattr(owner, name, other)
    try:
        yield
    finally:
        for owner, name, before in own:
            if before is None:
                delattr(owner, name)
            else:
                setattr(owner, name, before)


def _leave(tensor: Any, *_arguments: Any, **_options: Any) -> Any:
    return tensor


def _has_memory(tensor: Any) -> bool:
    """A lazy parameter has none yet, a quantised or sparse one no single address."""
    import torch

    lazy = getattr(torch.nn.parameter, "is_lazy", None)
    return not (lazy is not None and lazy(tensor)) and tensor.layout == torch.strided and tensor.numel() > 0
