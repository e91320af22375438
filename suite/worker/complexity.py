"""Counts parameters and multiply-accumulates: on the meta device, without weights and without memory, wherever the
model allows it."""

import contextlib
from typing import Any, Dict, Iterator, List, Optional, Sequence, Set, Tuple

from suite.worker import build as building
from suite.worker import operators, weights
from suite.worker.brought.artefact import Artefact
from suite.worker.loop import is_out_of_memory
from suite.worker.model import Model
from suite.worker.outcome import WorkerFault


class ShapeSource:
    """Takes the place of a weights.Stream where only shapes matter: tensors on the meta device."""

    def child(self, name: str) -> "ShapeSource":
        return self

    def uniform(self, shape: Sequence[int], half_range: float = 1.0) -> Any:
        import torch

        return torch.empty(tuple(shape), dtype=torch.float32, device="meta")

    def fractions(self, shape: Sequence[int]) -> Any:
        return self.uniform(shape)

    def integers(self, shape: Sequence[int], low: int, high: int) -> Any:
        import torch

        return torch.empty(tuple(shape), dtype=torch.int64, device="meta")

    def full(self, shape: Sequence[int], value: int) -> Any:
        return self.integers(shape, value, value + 1)


def count_parameters(module: Any) -> Dict[str, Any]:
    """The fields of a parameter count: unique takes each tensor once, registered each name once.

    Bytes by element type cover parameters and buffers. Works on a module without storage. Weights that quantised
    layers pack away count as parameters.
    """
    import torch

    if isinstance(module, Artefact):
        return module.count_parameters()
    names = _names(module)
    names.update((id(tensor), (tensor, [name])) for name, tensor in weights.packed(module).items())
    unique = {key: tensor for key, (tensor, _) in names.items()}
    buffers = {id(tensor): tensor for tensor in module.buffers()}
    embeddings = [part for part in module.modules() if isinstance(part, (torch.nn.Embedding, torch.nn.EmbeddingBag))]
    return {
        "unique_count": _elements(unique.values()),
        "registered_count": sum(tensor.numel() * len(paths) for tensor, paths in names.values()),
        "trainable_count": _elements(tensor for tensor in unique.values() if tensor.requires_grad),
        "embedding_count": _elements({id(part.weight): part.weight for part in embeddings}.values()),
        "buffer_element_count": _elements(buffers.values()),
        "parameter_bytes": _bytes(unique.values()),
        "buffer_bytes": _bytes(buffers.values()),
        "bytes_by_dtype": _bytes_by_dtype(list(unique.values()) + list(buffers.values())),
        "shared": _shared(module, names),
    }


def _names(module: Any) -> Dict[int, Tuple[Any, List[str]]]:
    """Every parameter by its id, with all names it is registered under, in the order of registration."""
    found: Dict[int, Tuple[Any, List[str]]] = {}
    for path, part in module.named_modules(remove_duplicate=False):
        for name, parameter in part._parameters.items():
            if parameter is not None:
                found.setdefault(id(parameter), (parameter, []))[1].append(_join(path, name))
    return found


def _shared(module: Any, names: Dict[int, Tuple[Any, List[str]]]) -> List[Dict[str, Any]]:
    """What is registered several times: whole modules first, then tensors that no shared module explains."""
    paths: Dict[int, List[str]] = {}
    parts = dict(module.named_modules(remove_duplicate=False))
    for path, part in parts.items():
        paths.setdefault(id(part), []).append(path)
    groups = []
    first_path: Dict[str, str] = {}  # of a shared module, by each of its paths
    for own in paths.values():
        parent_is_shared = len(paths[id(parts[own[0].rpartition(".")[0]])]) > 1
        count = _elements(parts[own[0]].parameters())
        if len(own) > 1 and not parent_is_shared and count:
            groups.append({"names": own, "parameter_count": count})
            first_path.update((path, own[0]) for path in own)
    for tensor, registered in names.values():
        distinct = sorted({_through_first(name, first_path) for name in registered})
        if len(distinct) > 1:
            groups.append({"names": distinct, "parameter_count": tensor.numel()})
    return groups


def _through_first(name: str, first_path: Dict[str, str]) -> str:
    """A parameter's name by way of the first path of the shared module that it lies in, if it lies in one."""
    for path, first in first_path.items():
        if name.startswith(path + "."):
            return first + name[len(path) :]
    return name


def _join(path: str, name: str) -> str:
    return "{}.{}".format(path, name) if path else name


def _elements(tensors: Any) -> int:
    return sum(tensor.numel() for tensor in tensors)


def _bytes(tensors: Any) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _bytes_by_dtype(tensors: Sequence[Any]) -> List[List[Any]]:
    totals: Dict[str, int] = {}
    for tensor in tensors:
        dtype = str(tensor.dtype).replace("torch.", "")
        totals[dtype] = totals.get(dtype, 0) + _bytes([tensor])
    return [[dtype, totals[dtype]] for dtype in sorted(totals)]


def count_flops(
    model: Model, options: Dict[str, Any], scenario: str, batch_size: int, axes: Dict[str, int]
) -> Dict[str, Any]:
    """Multiply-accumulates of one call by operator, largest first; the operators that ran and cost little beside those
    (uncounted); and those of unknown cost, which make the figure a lower bound (unknown).

    One call is the whole batch, and in scenario "episode" all its steps. Views move nothing and aren't named. A model
    that looks at values is counted on the CPU, with seeded weights and inputs.
    Raises WorkerFault NO_FLOP_COUNTER before torch 2.1, NOTHING_COUNTED where no operator with a formula ran,
    COUNT_FAILED where the model runs neither on the meta device nor on the CPU.
    """
    size = (scenario, batch_size, axes)
    if model.own_weights:
        brought = building.build(model, options)
        if isinstance(brought, Artefact):
            return dict(brought.count_flops(batch_size, axes), configuration=model.configuration(brought))
        require_counter()
        return _counted_on_cpu(model, options, size, None)
    require_counter()
    try:
        module = building.build(model, options, "meta")
        return _counted(model, module, model.bind(module, model.inputs(batch_size, axes, ShapeSource()), scenario)[0])
    except (WorkerFault, ImportError):
        raise
    except Exception as error:  # noqa: BLE001  # a model may fail in any way where it finds no values
        return _counted_on_cpu(model, options, size, error)


def _counted_on_cpu(
    model: Model, options: Dict[str, Any], size: Any, without_values: Optional[Exception]
) -> Dict[str, Any]:
    scenario, batch_size, axes = size
    try:
        module = building.build(model, options, "cpu")
        weights.place(model, module, {}, 0)
        inputs = model.inputs(batch_size, axes, weights.Stream(0, "inputs"))
        with _plain_kernels():
            return _counted(model, module, model.bind(module, inputs, scenario)[0])
    except (WorkerFault, ImportError):
        raise
    except Exception as error:  # a user's model may fail in any way
        if is_out_of_memory(error):
            raise
        raise WorkerFault(
            "COUNT_FAILED",
            "{} could not be counted: {}on the CPU {!r}".format(
                model.title,
                "on the meta device {!r}, ".format(_short(without_values)) if without_values else "",
                _short(error),
            ),
            "run it by hand: the last error is what it gives with seeded weights and inputs",
        ) from error


def _short(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def require_counter() -> None:
    try:
        from torch.utils.flop_counter import FlopCounterMode  # noqa: F401
    except ImportError:
        raise WorkerFault(
            "NO_FLOP_COUNTER",
            "this torch has no counter of operations",
            "use torch 2.1 or newer, or take the figure from models.lock: it doesn't depend on the machine",
        ) from None


def _counted(model: Model, module: Any, call: Any) -> Dict[str, Any]:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    counter, seen = FlopCounterMode(display=False), operators_seen()
    with torch.no_grad(), seen, counter:  # `seen` lies outside, so it is told of what the counter has taken apart
        call()
    macs = dict(seen.mac_counts)
    flops = counter.get_flop_counts().get("Global", {})
    macs.update((operators.short_name(operator), flop // 2) for operator, flop in flops.items())
    others = seen.names - set(macs)
    unknown = sorted(
        [name for name in others if not operators.is_cheap(name)]
        + [name + " of complex numbers" for name in seen.complex_names & set(macs)]  # dearer than they are counted as
    )
    if not sum(macs.values()):
        raise _nothing(model, unknown)
    return {
        "mac_count": sum(macs.values()),
        "by_operator": [[name, macs[name]] for name in sorted(macs, key=lambda name: -macs[name])],
        "uncounted": sorted(others - set(unknown)),
        "unknown": unknown,
        "configuration": model.configuration(module),
    }


def _nothing(model: Model, unknown: Any) -> WorkerFault:
    if unknown:
        return WorkerFault(
            "NOTHING_COUNTED",
            "{} ran no operator that has a formula, and {} of unknown cost".format(model.title, ", ".join(unknown)),
            "don't take it as free: work its cost out by hand",
        )
    return WorkerFault(
        "NOTHING_COUNTED",
        "{} ran no operator that has a formula".format(model.title),
        "leave it out: it multiplies nothing",
    )


@contextlib.contextmanager
def _plain_kernels() -> Iterator[None]:
    """Inside, attention and encoder layers run as the products that they consist of, which the counter knows."""
    import torch

    mha = getattr(torch.backends, "mha", None)
    had_fast_path = mha.get_fastpath_enabled() if mha is not None else False
    with contextlib.ExitStack() as stack:
        attention = getattr(torch.nn, "attention", None)
        if attention is not None:
            stack.enter_context(attention.sdpa_kernel(attention.SDPBackend.MATH))
        if mha is not None:
            mha.set_fastpath_enabled(False)
            stack.callback(mha.set_fastpath_enabled, had_fast_path)
        yield


def operators_seen() -> Any:
    """A mode that gathers in `names` the operators that run and do more than look at the same memory, in
    `complex_names` those that met complex numbers, in `mac_counts` the cost of those that operators.py has a formula
    for."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    class Operators(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it unannotated
        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self.names: Set[str] = set()
            self.complex_names: Set[str] = set()
            self.mac_counts: Dict[str, int] = {}

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = func(*args, **(kwargs or {}))
            name = operators.short_name(func)
            if func.is_view or name == "_unsafe_view":
                return result
            self.names.add(name)
            formula = operators.FORMULAS.get(name)
            if formula is not None:
                output = result[0] if isinstance(result, (tuple, list)) else result
                self.mac_counts[name] = self.mac_counts.get(name, 0) + formula(args, output)
            if any(isinstance(part, torch.Tensor) and part.is_complex() for part in args):
                self.complex_names.add(name)
            return result

    return Operators()
