"""A TorchScript file: what torch.jit.save wrote. It says no shapes, so a person or their own inputs do."""

import warnings
import zipfile
from typing import Any, Dict, List, Optional

from suite.worker import files
from suite.worker.brought import base
from suite.worker.brought.shapes import Input, layout
from suite.worker.brought.torch_model import TorchModel
from suite.worker.outcome import WorkerFault

_PLAIN = ("int", "float", "bool")
_EXPORT = "save the model itself by torch.jit.save or torch.export.save, or give a function that builds it"


class ScriptModel(TorchModel):
    def __init__(self, settings: Dict[str, Any]) -> None:
        super().__init__(settings, "a model that was brought as TorchScript")
        self._module = _opened(self.word)
        real = self.real_inputs()
        given = [self._shaped(one, real) for one in _arguments(self._module) if self._is_wanted(one)]
        self.settle(layout(given, settings, self.title, real=None if real is None else real.shape))

    def module(self) -> Any:
        return self._module

    def _is_wanted(self, one: "Argument") -> bool:
        said = [self.settings.get(key, {}) for key in ("shapes", "ranges", "dtypes")]
        return not one.has_default or any(one.name in part for part in said)

    def _shaped(self, one: "Argument", real: Any) -> Input:
        if one.kind in _PLAIN:
            if one.name not in self.settings.get("ranges", {}) and (real is None or one.name not in real.held):
                raise WorkerFault(
                    "RANGE_UNKNOWN",
                    "{} takes {} as {}, and nothing says which".format(self.title, one.name, one.kind),
                    "say it: --range {}=VALUE".format(one.name),
                )
            return Input(one.name, "plain " + one.kind, ())
        if one.kind not in ("Tensor", "Optional[Tensor]"):
            raise WorkerFault(
                "INPUT_UNKNOWN",
                "{} takes {} as {}, which can't be made up".format(self.title, one.name, one.kind),
                "bring it by a function that makes its inputs: --model module:function",
            )
        whole = one.name in self.settings.get("ranges", {}) and one.name not in self.settings.get("dtypes", {})
        if real is not None and one.name in real.held:
            held = real.held[one.name]
            return Input(one.name, str(held.dtype), tuple([None] + list(held.shape[1:]) if held.ndim else []))
        if one.name not in self.settings.get("shapes", {}):
            raise WorkerFault(
                "SHAPE_UNKNOWN",
                "{} is TorchScript, which says no shapes: that of {} is not known".format(self.title, one.name),
                "say it by --shape {}=batch,N,... or bring real inputs by --inputs FILE.npz".format(one.name),
            )
        return Input(one.name, "int64" if whole else "float32", ())


class Argument:
    def __init__(self, name: str, kind: str, has_default: bool) -> None:
        self.name, self.kind, self.has_default = name, kind, has_default


def load(settings: Dict[str, Any]) -> ScriptModel:
    return ScriptModel(settings)


def _arguments(module: Any) -> List[Argument]:
    schema = module._c._get_method("forward").schema
    return [Argument(one.name, str(one.type), one.has_default_value()) for one in schema.arguments[1:]]


def _opened(path: str) -> Any:
    """Raises WorkerFault MODEL_UNREADABLE. Nothing is unpickled but what TorchScript's own reader takes."""
    import torch

    reason = why_not(path)
    if reason is not None:
        raise base.unreadable(path, reason, _EXPORT)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that TorchScript is old
            return torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]
    except Exception as error:  # of many kinds, in each version of torch
        raise base.unreadable(
            path, "can't be loaded by torch.jit.load ({})".format(base.line(error)), _EXPORT
        ) from error


def why_not(path: str) -> Optional[str]:
    """In what a file is no TorchScript, by its table of contents alone; None where it is."""
    try:
        with files.open_regular(path) as file:
            start = file.read(2)
            file.seek(0)
            if not zipfile.is_zipfile(file):
                return (
                    "is a pickle, which could run anything as it is opened" if start[:1] == b"\x80" else "is no archive"
                )
            names = zipfile.ZipFile(file).namelist()
    except OSError as error:
        return "can't be read: {}".format(error.strerror)
    except zipfile.BadZipFile as error:
        return "is damaged ({})".format(error)
    return _other_kind([name.partition("/")[2] for name in names])


def _other_kind(inside: List[str]) -> Optional[str]:
    if any(name.startswith("code/") for name in inside) and "constants.pkl" in inside:
        return None
    if "data.pkl" in inside:
        return (
            "holds a pickle of torch.save (weights, or a module that unpickling would have to run), and no TorchScript"
        )
    if "archive_format" in inside:
        return "is a program of torch.export; rename it to .pt2, or"
    return "is an archive of another kind"
