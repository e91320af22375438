"""A function of a person's own that gives a module and a function that makes its inputs.

    def make():
        module = MyModel()
        return module, lambda batch_size, tokens=128: {"ids": torch.zeros(batch_size, tokens, dtype=torch.int64)}

What the second one takes beside the batch size are the model's axes, their defaults its usual sizes.
"""

import importlib
import inspect
import os
import sys
from typing import Any, Callable, Dict, List, Tuple

from suite.worker import plugins
from suite.worker.brought.base import Brought, sha256_of
from suite.worker.brought.shapes import MOST_SIZE
from suite.worker.model import Axis, Model
from suite.worker.outcome import WorkerFault

_TEN_LINES = "return a torch module and a function that makes its inputs (docs/own-models.md has an example)"


class FactoryModel(Brought):
    def __init__(self, settings: Dict[str, Any]) -> None:
        super().__init__(settings, "a model that a function of your own makes")
        settings.setdefault("ranges", {})
        self.grad_mode = settings.get("grad_mode", self.grad_mode)
        self._make = _function(self.word, settings["folder"])
        self._positional = False
        self._module, self._inputs = self._made()
        parameters = _parameters(self._inputs)
        self.one_batch = not parameters
        self.axes = tuple(_axis(one, settings, self.title) for one in parameters[1:])

    def introduce(self) -> None:
        """That it can be called is shown by the first call: a function may make what is too large to be made twice."""

    def content_sha256(self) -> str:
        """Of the source that the function lies in."""
        source = inspect.getsourcefile(self._make)
        return sha256_of([source if source is not None else str(sys.executable)])

    def build(self, options: Dict[str, Any]) -> Any:
        """The module of the first call, once; others get a module of their own."""
        module, self._module = self._module, None
        return module if module is not None else self._made()[0]

    def inputs(self, batch_size: int, axes: Dict[str, int], source: Any) -> Dict[str, Any]:
        self.check_batch(batch_size)
        real = self.real_inputs()
        if real is not None:
            return {name: _tensor(array) for name, array in real.held.items()}
        made = self._inputs(**axes) if self.one_batch else self._inputs(batch_size, **axes)
        if isinstance(made, dict):
            return made
        self._positional = True
        values = list(made) if isinstance(made, (list, tuple)) else [made]
        return {"input_{}".format(place): value for place, value in enumerate(values)}

    def check_batch(self, batch_size: int) -> None:
        if self.real_inputs() is not None and batch_size != 1:
            raise WorkerFault(
                "BATCH_FIXED",
                "{} is called with the inputs of a file, as they are".format(self.title),
                "leave --batch-size out, or --inputs",
            )
        if self.one_batch and batch_size != 1:
            raise WorkerFault(
                "BATCH_FIXED",
                "the inputs of {} are made without a batch size".format(self.title),
                "let their function take batch_size first, or leave --batch-size out",
            )

    def bind(self, module: Any, inputs: Dict[str, Any], scenario: str) -> Tuple[Callable[[], Any], int]:
        if self._positional:
            values = tuple(inputs.values())
            return (lambda: module(*values)), 1
        return (lambda: module(**inputs)), 1

    def sample(self, inputs: Dict[str, Any], scenario: str) -> Dict[str, Any]:
        return Model.sample(self, inputs, scenario)

    def _made(self) -> Tuple[Any, Callable[..., Any]]:
        import torch

        torch.manual_seed(0)
        made = self._make()
        if not isinstance(made, tuple) or len(made) != 2 or not callable(made[1]):
            raise plugins.bad(self.word, "gives a {}, not a module and a function".format(_kind(made)), _TEN_LINES)
        if not isinstance(made[0], torch.nn.Module):
            raise plugins.bad(self.word, "gives a {} as its module".format(_kind(made[0])), _TEN_LINES)
        return made


def load(settings: Dict[str, Any]) -> FactoryModel:
    return FactoryModel(settings)


def _function(word: str, folder: str) -> Callable[[], Any]:
    """Raises WorkerFault BAD_PLUGIN; what the module raises as it is imported passes."""
    place, _, name = word.rpartition(":")
    if place.endswith(".py"):
        found = plugins.import_file(place)  # type: Any
    else:
        if folder not in sys.path:
            sys.path.insert(0, folder)  # as `python` itself has the folder that it is started in
        try:
            found = importlib.import_module(place)
        except ImportError as error:
            if not place.startswith(str(getattr(error, "name", None))):
                raise
            told = "{}: there is no module {} in {} or among the installed packages".format(word, place, folder)
            raise WorkerFault("BAD_PLUGIN", told, "start suite in the folder that holds it, or install it") from error
    for part in name.split("."):
        if not hasattr(found, part):
            known = [key for key, value in vars(found).items() if inspect.isfunction(value) and key[0] != "_"]
            raise plugins.bad(word, "has no {}".format(part), "it has {}".format(", ".join(known) or "no function"))
        found = getattr(found, part)
    if not callable(found):
        raise plugins.bad(word, "names a {}, no function".format(_kind(found)), "name a function")
    return found  # type: ignore[no-any-return]


def _parameters(make: Callable[..., Any]) -> List[Any]:
    return [one for one in inspect.signature(make).parameters.values() if one.kind not in (one.VAR_KEYWORD,)]


def _axis(parameter: Any, settings: Dict[str, Any], title: str) -> Axis:
    told = settings.get("axes", {}).get(parameter.name, {})
    own = None if parameter.default is parameter.empty else parameter.default
    default = settings.get("sizes", {}).get(parameter.name, told.get("default", own))
    if default is None:
        raise WorkerFault(
            "UNRESOLVED_AXIS",
            "{} leaves the size of {} open".format(title, parameter.name),
            "give it: --axis {}=N".format(parameter.name),
        )
    label = told.get("label") or parameter.name.replace("_", " ")
    return Axis(parameter.name, label, default, told.get("minimum", 1), told.get("maximum", MOST_SIZE))


def _tensor(array: Any) -> Any:
    import torch

    return torch.as_tensor(array)


def _kind(value: Any) -> str:
    return os.path.basename(type(value).__name__)
