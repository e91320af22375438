"""Builds a model's module without spending time or memory on initial values that are replaced anyway."""

import contextlib
import importlib
from typing import Any, Dict

from suite.worker import tensors, weights
from suite.worker.brought.artefact import Artefact
from suite.worker.initial import seeded, without_random_initialisers
from suite.worker.model import Model
from suite.worker.outcome import WorkerFault


def build(model: Model, options: Dict[str, Any], device: str = "cpu", seed: int = 0) -> Any:
    """The model's module in eval mode, its buffers set and its parameters allocated but not filled.

    device: "cpu", or "meta" for shapes alone. Before torch 2 there is no meta context: the module is then built on the
    CPU from storage that nothing writes to, so its pages are never made resident.
    Raises WorkerFault BAD_PLUGIN where `build` returns no module.
    """
    if model.own_weights:
        return _finished(model, _made(model, options, seed), "cpu")
    for name in model.modules:  # what runs when they are imported must find torch as it is: no meta device, no patch
        importlib.import_module(name)
    if device == "meta":
        return _for_shapes(model, options)
    try:
        module = _seeded(model, options, seed, parameters_too=False)
    except (WorkerFault, ImportError):
        raise
    except Exception:  # noqa: BLE001  # it may have met what no parameter holds once it is written to
        return _seeded(model, options, seed, parameters_too=True)
    return _seeded(model, options, seed, parameters_too=True) if _computes_from_parameters(module) else module


def _made(model: Model, options: Dict[str, Any], seed: int) -> Any:
    import torch

    torch.manual_seed(seed)  # what a function of a person's own draws is the same in each run
    return model.build(options)


def build_for_shapes(model: Model, options: Dict[str, Any]) -> Any:
    """Built on the meta device; on the CPU where `build` looks at values, which meta tensors don't have."""
    try:
        return build(model, options, "meta")
    except (WorkerFault, ImportError):
        raise
    except Exception:  # noqa: BLE001  # a user's `build` may fail in any way without values; with them it says why
        return build(model, options, "cpu")


def has_meta_context() -> bool:
    """Whether this torch can build any module on the meta device (torch >= 2)."""
    import torch

    return hasattr(torch.device, "__enter__")


def _for_shapes(model: Model, options: Dict[str, Any]) -> Any:
    with contextlib.ExitStack() as stack:
        stack.enter_context(without_random_initialisers())
        if has_meta_context():
            import torch

            stack.enter_context(torch.device("meta"))
        return _finished(model, model.build(options), "meta" if has_meta_context() else "cpu")


def _seeded(model: Model, options: Dict[str, Any], seed: int, *, parameters_too: bool) -> Any:
    import torch

    torch.manual_seed(seed)
    with seeded(seed, parameters_too=parameters_too) as draw:
        module = _finished(model, model.build(options), "cpu")
    draw.settle(module)
    return module


def _computes_from_parameters(module: Any) -> bool:
    """Whether `build` read parameters: to pack them (quantised layers), or for a parametrisation (spectral norms)."""
    return bool(weights.packed(module)) or any(map(weights.is_parametrised, dict(module.named_parameters())))


def _finished(model: Model, module: Any, device: str) -> Any:
    """In eval mode, its lazy layers made."""
    import torch

    if isinstance(module, Artefact):
        return module
    if not isinstance(module, torch.nn.Module):
        raise WorkerFault(
            "BAD_PLUGIN",
            "build of {} returns a {}, no torch module".format(model.name, type(module).__name__),
            "return a torch.nn.Module from `build`",
        )
    module.eval()  # for its effect: a module's own `train` may return anything
    lazy = getattr(torch.nn.parameter, "is_lazy", lambda _: False)
    if any(lazy(tensor) for tensor in list(module.parameters()) + list(module.buffers())):
        _call_once(model, module, device)
    return module


def _call_once(model: Model, module: Any, device: str) -> None:
    """Lazy layers learn their sizes from a call: one at the model's usual input."""
    import torch

    made = model.inputs(1, {axis.name: axis.default for axis in model.axes}, weights.Stream(0, "inputs"))
    with torch.no_grad():
        model.bind(module, {name: tensors.moved(value, device) for name, value in made.items()}, model.scenarios[0])[
            0
        ]()
