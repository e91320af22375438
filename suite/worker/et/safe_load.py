"""Reads files of torch.save without letting them run anything: no class and no function of the file's choice is called.

Where torch knows weights_only, it does the reading. Older ones get an unpickler here that resolves torch's own rebuild
functions and storage types, and gives inert stand-ins for the few classes that the files are known to hold. A file that
would need far more memory than it is long is refused before it is read.
"""

import mmap
import os
import pickle
import re
import zipfile
from collections import OrderedDict
from typing import Any, Dict, Optional

from suite.worker.files import open_regular
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
_OTHER_HEADS = (
    (b"version https://git-lfs", "this is a pointer of git-lfs"),
    (b"<", "this is a web page, perhaps what came in place of the download"),
    (b"7z\xbc\xaf", "this is a 7z archive"),
    (b"\x1f\x8b", "this is compressed by gzip"),
)
_TABLE_LIMIT_BYTES = 8 * 2**20  # of the pickle that names the tensors: some 100 bytes for each
_MAKES_MEMORY = b"\nbytearray\n"  # the one name that torch allows a pickle, and that turns a number into memory
_ADVICE = "bring the file as published, whole and unconverted"
# What torch.load and pickle raise on a damaged file, depending on where the damage is.
_READING_ERRORS = (
    AssertionError, AttributeError, EOFError, ImportError, LookupError, OSError, OverflowError, RuntimeError, TypeError,
    ValueError, pickle.UnpicklingError, zipfile.BadZipFile,
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
        with open_regular(path) as file:
            head = file.read(64)
            is_zip = head.startswith(_ZIP_HEAD)
            if not is_zip and not head.startswith(_LEGACY_HEAD):
                raise _unreadable(path, code, "it is no file of torch.save", _what(head))
            if not is_zip and _makes_memory(file):
                raise _unreadable(path, code, "it asks for bytearray, which no such file needs")
    except OSError as exc:
        raise WorkerFault(code, "{}: {}".format(path, exc.strerror), "check the path and its permissions") from exc
    try:
        if is_zip:
            try:
                _check_archive(path, code)
            except zipfile.BadZipFile as exc:
                raise _unreadable(path, code, "it was cut off or damaged") from exc
        return _load(path, is_zip)
    except _READING_ERRORS as exc:
        raise _unreadable(path, code, _why(exc)) from exc


def why_no_values(tensor: Any) -> Optional[str]:
    """What this is instead of a tensor with a value in memory for each of its elements; None if it is one.

    A few bytes can be a tensor of any size: one value that stands for all, or a shape without any.
    """
    import torch

    if not isinstance(tensor, torch.Tensor):
        return type(tensor).__name__
    if tensor.layout is not torch.strided or tensor.is_quantized or getattr(tensor, "is_nested", False):
        return "a sparse, quantised or nested tensor"
    if tensor.device.type == "meta":
        return "a tensor without values"
    stored_bytes = _stored_bytes(tensor)
    if tensor.numel() * tensor.element_size() > stored_bytes:
        return "a tensor {} of {} stored bytes".format(list(tensor.shape), stored_bytes)
    return None


def _stored_bytes(tensor: Any) -> int:
    if hasattr(tensor, "untyped_storage"):  # torch >= 2
        return int(tensor.untyped_storage().nbytes())
    return int(tensor.storage().size() * tensor.element_size())


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


def _what(head: bytes) -> str:
    """What a file that torch.save did not write is, if that can be told."""
    found = ["this is empty"] if not head else []
    found += [text for start, text in _OTHER_HEADS if head.lstrip().startswith(start)]
    return found[0] if found else ""


def _makes_memory(file: Any) -> bool:
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(_MAKES_MEMORY) >= 0


def _check_archive(path: str, code: str) -> None:
    """Raises WorkerFault for a zip archive that torch.save did not make, or that unfolds to more than it is long."""
    with zipfile.ZipFile(path) as archive:
        entries = {info.filename: info for info in archive.infolist()}
        table = next((info for name, info in entries.items() if name.endswith("/data.pkl")), None)
        if any(name.endswith("/constants.pkl") for name in entries):
            raise _unreadable(path, code, "it is a TorchScript archive")
        if table is None:
            names = ", ".join(sorted(os.path.basename(name) for name in entries if not name.endswith("/"))[:4])
            reason = "{} is an archive of other files: {}".format(path, names or "none")
            raise WorkerFault(code, reason, "unpack it, and give the one file that is meant")
        packed = [info for info in entries.values() if info.compress_type != zipfile.ZIP_STORED]
        if packed:
            text = "its entries are compressed, as torch.save never leaves them: {} is {} bytes, packed as {}"
            info = max(packed, key=lambda info: info.file_size)
            raise _unreadable(path, code, text.format(info.filename, info.file_size, info.compress_size))
        if sum(info.file_size for info in archive.infolist()) > os.path.getsize(path):
            raise _unreadable(path, code, "its entries overlap")
        if table.file_size > _TABLE_LIMIT_BYTES:
            text = "the table of its tensors is {} bytes, more than {}"
            raise _unreadable(path, code, text.format(table.file_size, _TABLE_LIMIT_BYTES))
        if _MAKES_MEMORY in archive.read(table):
            raise _unreadable(path, code, "it asks for bytearray, which no such file needs")


def _why(exc: BaseException) -> str:
    """One line; of torch's own text not the advice to open the file unsafely."""
    named = re.search(r"GLOBAL (\S+)", str(exc))
    if named:
        return "it asks for {}, which no such file needs".format(named.group(1))
    if isinstance(exc, pickle.UnpicklingError):
        return "its pickle is damaged or holds what no such file needs"
    text = str(exc).strip().splitlines()
    return "{}: {}".format(type(exc).__name__, text[0][:200]) if text else type(exc).__name__


def _unreadable(path: str, code: str, reason: str, instead: str = "") -> WorkerFault:
    remedy = "{}: {}".format(_ADVICE, instead) if instead else _ADVICE
    return WorkerFault(code, "{} can't be read safely: {}".format(path, reason), remedy)
