"""The calls that a model makes of its module, seen from the module: what an exported graph takes and must give.

A model plug-in binds inputs as it likes (a scenario of many passes, ids that wrap around); a graph replaces the module
alone. So its inputs are those that the module was called with, and its sizes vary where those of the calls do.
"""

import inspect
from typing import Any, Callable, Dict, Iterable, List, Tuple

from suite.worker import tensors
from suite.worker.outcome import WorkerFault

_LEAST_EXAMPLE = 2  # torch.export takes a size of 1 for a constant


class _Seen(BaseException):
    """Ends a pass whose call was seen: nothing has to be computed for it."""


class Recorder:
    """Stands for a module while a model binds and calls it; keeps the named inputs of one call of each shape."""

    def __init__(self, module: Any, whole: bool) -> None:
        """whole: whether the module really runs, since one call's output may decide on the next."""
        self._module, self._whole = module, whole
        self._signature = inspect.signature(module.forward)
        self.calls: Dict[Any, Dict[str, Any]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)

    def __call__(self, *values: Any, **named: Any) -> Any:
        inputs = _flattened(self._signature, self._signature.bind(*values, **named).arguments)
        self.calls.setdefault(shapes_of(inputs), inputs)
        if not self._whole:
            raise _Seen
        return self._module(*values, **named)


def seen(module: Any, binds: Iterable[Callable[[Any], Callable[[], Any]]], *, whole: bool) -> List[Dict[str, Any]]:
    """Named inputs of the module, one of each shape. binds: each gives a call, from what stands for the module."""
    import torch

    recorder = Recorder(module, whole)
    for bind in binds:
        try:
            with torch.no_grad():
                bind(recorder)()
        except _Seen:
            pass
    return list(recorder.calls.values())


def shapes_of(inputs: Dict[str, Any]) -> Tuple[Any, ...]:
    """Hashable: names, and the shapes of tensors."""
    return tuple(
        (name, tuple(value.shape) if tensors.is_tensor(value) else repr(value))
        for name, value in sorted(inputs.items())
    )


def varying(calls: List[Dict[str, Any]]) -> Dict[str, List[int]]:
    """By input, the dimensions in which the calls differ."""
    found: Dict[str, List[int]] = {}
    for name, value in calls[0].items():
        if not tensors.is_tensor(value):
            continue
        if len({call[name].dim() for call in calls}) > 1:
            raise not_exportable("the input {} has another number of dimensions from call to call".format(name))
        sizes = [[call[name].shape[dimension] for call in calls] for dimension in range(value.dim())]
        found[name] = [dimension for dimension, column in enumerate(sizes) if len(set(column)) > 1]
    return found


def example(calls: List[Dict[str, Any]], dynamic: Dict[str, List[int]]) -> Dict[str, Any]:
    """The smallest call in which every size that varies is at least 2; else the one nearest to that."""

    def least(call: Dict[str, Any]) -> Tuple[int, int]:
        sizes = [call[name].shape[dimension] for name, found in dynamic.items() for dimension in found]
        total = sum(value.numel() for value in call.values() if tensors.is_tensor(value))
        return (min(min(sizes, default=_LEAST_EXAMPLE), _LEAST_EXAMPLE), -total)

    return max(calls, key=least)


class Flat:
    """Makes a torch module of tensors in and tensors out of one with named inputs and any output."""

    @staticmethod
    def of(module: Any, inputs: Dict[str, Any]) -> Any:
        """Its `names` are the tensors' names, in order; `output_names` are set by its first call."""
        import torch

        names = [name for name, value in inputs.items() if tensors.is_tensor(value)]
        constants = {name: value for name, value in inputs.items() if name not in names}

        class Flattened(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.module = module
                self.names = names
                self.output_names = []  # type: List[str]

            def forward(self, *values: Any) -> Any:
                output = self.module(**dict(zip(names, values), **constants))
                leaves = list(tensors.leaves(output))
                self.output_names = [name for name, _ in leaves]
                return tuple(tensor for _, tensor in leaves)

        return Flattened().eval()


class Outputs(dict):  # type: ignore[type-arg]
    """What a graph gives: by the path in the module's own output, as a key, as an attribute, or by its place."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __missing__(self, key: Any) -> Any:
        if isinstance(key, int):
            return list(self.values())[key]
        raise KeyError(key)


def shaped(names: List[str], values: Any) -> Any:
    """Values in the form that the module gave them in: one, a list, or by name."""
    if names == [""]:
        return values[0]
    if all(name.isdigit() for name in names):
        return list(values)
    return Outputs(zip(names, values))


def not_exportable(reason: str) -> WorkerFault:
    return WorkerFault("BUILD_FAILED", reason, "Use runtime eager, or change the model so that it can be exported")


def _flattened(signature: Any, arguments: Dict[str, Any]) -> Dict[str, Any]:
    """Arguments by name, those of **options among them. Raises WorkerFault BUILD_FAILED for what is no plain tensor."""
    found: Dict[str, Any] = {}
    for name, value in arguments.items():
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL and value:
            raise not_exportable("the module takes inputs without a name (*{})".format(name))
        if kind is inspect.Parameter.VAR_KEYWORD:
            found.update(value)
        elif kind is not inspect.Parameter.VAR_POSITIONAL:
            found[name] = value
    for name, value in found.items():
        if not tensors.is_tensor(value) and any(True for _ in tensors.leaves(value)):
            raise not_exportable("the input {} is a {} of tensors".format(name, type(value).__name__))
    return found
