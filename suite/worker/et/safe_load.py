"""Reads files of torch.save without letting them run anything: no class and no function of the file's choice is called.

Where torch knows weights_only, it does the reading. Older ones get an unpickler here that resolves torch's own rebuild
functions and storage types, and gives inert stand-ins for the few classes that the files are known to hold.
"""

import pickle
import re
import zipfile
from typing import Any, Dict

from suite.worker.outcome import WorkerFault

# Classes in the published checkpoints, whatever module they came from: vocabularies and a dict with attributes.
_STAND_INS = ("Vocab", "VocabWithLock", "AttrDict")
_ALLOWED = (
    ("collections", "Counter"),
    ("collections", "OrderedDict"),
    ("torch", "Size"),
    ("torch._utils", "_rebuild_parameter"),
    ("torch._utils", "_rebuild_tensor_v2"),
)
_STORAGE = re.compile(r"(Float|Double|Half|BFloat16|Byte|Char|Short|Int|Long|Bool)Storage")
_LEGACY_HEAD = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"  # torch.save's magic number, pickled
_ZIP_HEAD = b"PK\x03\x04"
# What torch.load and pickle raise on a damaged file, depending on where the damage is.
_READING_ERRORS = (
    AssertionError, AttributeError, EOFError, ImportError, LookupError, OSError, RuntimeError, TypeError, ValueError,
    pickle.UnpicklingError, zipfile.BadZipFile,
)  # fmt: skip


class StandIn(dict):  # type: ignore[type-arg]  # the worker's Python has no dict[...]
    """Holds what was pickled with an object of a foreign class, and does nothing."""

    def __setstate__(self, state: Any) -> None:
        pass


def load(path: str, code: str) -> Any:
    """The content of a file of torch.save, its tensors on the CPU.

    Raises WorkerFault with that code where the file can't be read, is no file of torch.save, or holds a class or
    function that is not needed for one.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(len(_LEGACY_HEAD))
    except OSError as exc:
        raise WorkerFault(code, "{}: {}".format(path, exc.strerror), "check the path and its permissions") from exc
    is_zip = head.startswith(_ZIP_HEAD)
    if not is_zip and head != _LEGACY_HEAD:
        raise _unreadable(path, code, "it is no file of torch.save")
    try:
        if is_zip and _is_script(path):
            raise _unreadable(path, code, "it is a TorchScript archive")
        return _load(path, is_zip)
    except _READING_ERRORS as exc:
        raise _unreadable(path, code, _why(exc)) from exc


def _load(path: str, is_zip: bool) -> Any:
    import torch

    if not hasattr(torch.serialization, "safe_globals"):  # torch < 2.5
        return torch.load(path, map_location="cpu", pickle_module=_RestrictedPickle, **_open_unpickler_options())
    with torch.serialization.safe_globals(_named_stand_ins(path, is_zip)):
        return torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)


def _open_unpickler_options() -> Dict[str, bool]:
    """torch 1.13 to 2.4 must be told to take the unpickler that it is given; older ones know no such option."""
    import inspect

    import torch

    return {"weights_only": False} if "weights_only" in inspect.signature(torch.load).parameters else {}


def _named_stand_ins(path: str, is_zip: bool) -> Any:
    """A stand-in for each foreign class that the file names and that is on the list, under its name in the file."""
    import torch

    if is_zip:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    else:
        names = ["vocab.vocab.Vocab", "vocab.Vocab"] + [
            "alfred.utils.helper_util." + name for name in ("AttrDict", "VocabWithLock")
        ]
    split = [name.rpartition(".") for name in names]
    return [type(name, (StandIn,), {"__module__": module}) for module, _, name in split if name in _STAND_INS]


class _RestrictedUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if name in _STAND_INS:
            return StandIn
        if (module, name) in _ALLOWED or (module == "torch" and _STORAGE.fullmatch(name)):
            return super().find_class(module, name)
        raise pickle.UnpicklingError("GLOBAL {}.{}".format(module, name))


class _RestrictedPickle:
    """What torch.load takes for the module `pickle`."""

    Unpickler = _RestrictedUnpickler
    UnpicklingError = pickle.UnpicklingError

    @staticmethod
    def load(file: Any, **options: Any) -> Any:
        return _RestrictedUnpickler(file, **options).load()


def _is_script(path: str) -> bool:
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _why(exc: BaseException) -> str:
    """One line; of torch's own text not the advice to open the file unsafely."""
    named = re.search(r"GLOBAL (\S+)", str(exc))
    if named:
        return "it asks for {}, which no such file needs".format(named.group(1))
    if isinstance(exc, pickle.UnpicklingError):
        return "its pickle is damaged or holds what no such file needs"
    text = str(exc).strip().splitlines()
    return "{}: {}".format(type(exc).__name__, text[0][:200]) if text else type(exc).__name__


def _unreadable(path: str, code: str, reason: str) -> WorkerFault:
    return WorkerFault(
        code, "{} can't be read safely: {}".format(path, reason), "bring the file as published, whole and unconverted"
    )
