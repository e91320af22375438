"""A program of torch.export (.pt2): inputs and their open sizes are read from it."""

import contextlib
from typing import Any, Callable, Dict, Iterator, List, Tuple

from suite.worker import files
from suite.worker.brought import base
from suite.worker.brought.shapes import MOST_SIZE, Hint, Input, layout
from suite.worker.brought.torch_model import TorchModel
from suite.worker.outcome import WorkerFault

_REMEDY = "export it again by torch.export.save with this version of torch, or bring it as .onnx"


class ExportedModel(TorchModel):
    def __init__(self, settings: Dict[str, Any]) -> None:
        super().__init__(settings, "a model that was brought as a program of torch.export")
        self._program = _opened(self.word)
        given, hints = _declared(self._program, self.title)
        real = self.real_inputs()
        self.settle(layout(given, settings, self.title, hints, None if real is None else real.shape))

    def module(self) -> Any:
        found = self._program.module()
        found.eval = found.train = lambda *_: found  # an exported module has the mode that it was exported in
        return found

    def bind(self, module: Any, inputs: Dict[str, Any], scenario: str) -> Tuple[Callable[[], Any], int]:
        from torch.utils import _pytree

        leaves = [inputs[one] if isinstance(one, str) else one for one in self._program.graph_signature.user_inputs]
        positional, named = _pytree.tree_unflatten(leaves, self._program.call_spec.in_spec)
        return (lambda: module(*positional, **named)), 1


def load(settings: Dict[str, Any]) -> ExportedModel:
    return ExportedModel(settings)


def _declared(program: Any, title: str) -> Tuple[List[Input], Dict[str, Hint]]:
    """Inputs with names for their open sizes, one for each symbol; of each the limits, and the size it was exported
    at."""
    wanted = [one for one in program.graph_signature.user_inputs if isinstance(one, str)]
    values = {node.name: node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder"}
    examples = _examples(program)
    limits = {str(symbol): (int(found.lower), found.upper) for symbol, found in program.range_constraints.items()}
    names = {}  # type: Dict[str, str]
    found, hints = [], {}  # type: List[Input], Dict[str, Hint]
    for place, name in enumerate(wanted):
        value = values.get(name)  # type: Any
        if not hasattr(value, "shape"):
            what = "{} takes {} as {}, which can't be made up".format(title, name, type(value).__name__)
            raise WorkerFault("INPUT_UNKNOWN", what, "export it with that value fixed, or bring it by a function")
        shape = []  # type: List[Any]
        for at, size in enumerate(value.shape):
            if isinstance(size, int):
                shape.append(size)
                continue
            symbol = str(size)
            own = names.setdefault(symbol, "{}_{}".format(name, at))
            shape.append(own)
            least, most = limits.get(symbol, (1, MOST_SIZE))
            example = examples[place].shape[at] if place < len(examples) else None
            if example is not None:
                hints[own] = Hint(int(example), max(1, least), _finite(most))
        found.append(Input(name, str(value.dtype).replace("torch.", ""), tuple(shape)))
    return found, hints


def _finite(most: Any) -> int:
    try:
        return min(int(most), MOST_SIZE)
    except (OverflowError, TypeError, ValueError, AttributeError):
        return MOST_SIZE


def _examples(program: Any) -> List[Any]:
    import torch
    from torch.utils import _pytree

    leaves = _pytree.tree_leaves(program.example_inputs) if program.example_inputs is not None else []
    return [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]


def _opened(path: str) -> Any:
    """Raises WorkerFault MODEL_UNREADABLE."""
    try:
        from torch import export
    except ImportError as error:
        raise base.unreadable(path, "needs torch 2.1 or newer", "bring the model as .onnx or TorchScript") from error
    try:
        with files.open_regular(path):
            pass
    except OSError as error:
        raise base.unreadable(path, "can't be read: {}".format(error.strerror), "give the path of the file") from error
    with _nothing_unpickled(path):
        try:
            return export.load(path)
        except WorkerFault:
            raise
        except Exception as error:  # of many kinds, in each version of torch
            raise base.unreadable(
                path, "can't be loaded by torch.export.load ({})".format(base.line(error)), _REMEDY
            ) from error


@contextlib.contextmanager
def _nothing_unpickled(path: str) -> Iterator[None]:
    """Inside, torch loads weights alone: where torch.export would fall back to open unpickling, that is refused."""
    import pickle

    import torch

    load, loads = torch.load, pickle.loads

    def weights_alone(*arguments: Any, **options: Any) -> Any:
        if options.get("weights_only") is False:
            raise refused()
        return load(*arguments, **dict(options, weights_only=True))

    def never(*_arguments: Any, **_options: Any) -> Any:
        raise refused()

    def refused() -> WorkerFault:
        return base.unreadable(path, "holds pickled objects, which could run anything as it is opened", _REMEDY)

    torch.load = weights_alone
    pickle.loads = never
    try:
        yield
    finally:
        torch.load, pickle.loads = load, loads
