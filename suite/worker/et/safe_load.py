"""Reads files of torch.save without letting them run anything: no class and no function of the file's choice is called.

Where torch knows weights_only, it does the reading. Older ones get an unpickler here that resolves torch's own rebuild
functions and storage types, and gives inert stand-ins for the few classes that the files are known to hold.
"""

import pickle
import re
import zipfile
from collections import OrderedDict
from typing import Any, Dict

from suite.worker.outcome import WorkerFault

# Foreign classes of the published checkpoints, and of which modules; elsewhere the same names will do as well.
_VOCABULARIES, _DICTS = ("Vocab", "VocabWithLock"), ("AttrDict",)
_PUBLISHED = (
    "vocab.vocab.Vocab",
    "vocab.Vocab",
    "alfred.utils.helper_util.VocabWithLock",
    "alfred.utils.helper_util.AttrDict",
)
_NAMED_STAND_INS_FROM = (2, 7)  # the torch from which weights_only takes a stand-in under another class's name
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


class StandIn:
    """Takes the place of an object of a foreign class, and forgets what was pickled with it."""

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

    version = tuple(int(part) for part in re.findall(r"\d+", torch.__version__)[:2])
    if version < _NAMED_STAND_INS_FROM:
        return torch.load(path, map_location="cpu", pickle_module=_RestrictedPickle, **_options_for_own_unpickler())
    names = torch.serialization.get_unsafe_globals_in_checkpoint(path) if is_zip else _PUBLISHED
    pairs = [(_stand_in(name.rpartition(".")[2]), name) for name in names]
    with torch.serialization.safe_globals([pair for pair in pairs if pair[0] is not None]):
        return torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)


def _options_for_own_unpickler() -> Dict[str, bool]:
    """From 1.13 on torch must be told to take the unpickler that it is given; before, it knows no such option."""
    import inspect

    import torch

    return {"weights_only": False} if "weights_only" in inspect.signature(torch.load).parameters else {}


def _stand_in(class_name: str) -> Any:
    """What takes the place of a foreign class; None for one that no such file needs."""
    if class_name in _DICTS:
        return OrderedDict  # the one mapping of another name that weights_only puts items into
    return StandIn if class_name in _VOCABULARIES else None


class _RestrictedUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if _allowed(module, name):
            return super().find_class(module, name)
        stand_in = _stand_in(name)
        if stand_in is None:
            raise pickle.UnpicklingError("GLOBAL {}.{}".format(module, name))
        return stand_in


def _allowed(module: str, name: str) -> bool:
    return (module, name) in _ALLOWED or (module == "torch" and _STORAGE.fullmatch(name) is not None)


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
