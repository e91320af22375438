"""Reads and writes safetensors files: a JSON header and raw bytes, so that nothing in a file can run.

The format's own library needs a newer Python than the oldest worker's. A model takes its
weights straight from the file, one tensor after the other. The same tensors make the same bytes on every machine.
Source: the section Format in the README of github.com/huggingface/safetensors.
"""

import contextlib
import ctypes
import hashlib
import json
import os
import struct
from typing import Any, BinaryIO, Dict, Iterator, List, NamedTuple

from suite.worker.files import open_regular
from suite.worker.outcome import WorkerFault

_HEADER_LIMIT_BYTES = 8 * 2**20  # some 100 for each tensor; the format's own 100 MB can become 13 GB of Python objects
_PIECE_ELEMENT_COUNT = 1 << 20
_LENGTH_LIMIT = 2**63  # of a dimension, and of an offset
_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip
_ELEMENT_BYTES = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1,
}  # fmt: skip
_CODES = {name: code for code, name in _DTYPES.items()}


class Entry(NamedTuple):
    dtype: str  # as torch names it
    shape: List[int]
    start: int  # in the file
    byte_count: int


def write(path: str, tensors: Dict[str, Any]) -> str:
    """Writes the file with all of its content or not at all; returns its SHA-256. Raises WorkerFault PINNED_UNWRITABLE.

    The largest elements come first, then by name, so that each tensor is aligned to its element.
    """
    order = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    part = path + ".part"
    total = hashlib.sha256()
    try:
        with open(part, "wb") as file:
            for piece in [_header(order, tensors)] + [tensors[name] for name in order]:
                content = piece if isinstance(piece, bytes) else _bytes_of(piece)
                total.update(content)
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.rename(part, path)
    except OSError as exc:
        if os.path.exists(part):
            os.remove(part)
        raise WorkerFault(
            "PINNED_UNWRITABLE", "{} can't be written: {}".format(path, exc.strerror), "make room, or choose --to"
        ) from exc
    return total.hexdigest()


class TensorFile:
    """An open file: `shapes` by name, and tensors that are read straight into the memory that is theirs already."""

    def __init__(self, path: str, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._entries = _read_entries(path, file)
        self.shapes = {name: entry.shape for name, entry in self._entries.items()}

    def read_into(self, name: str, tensor: Any) -> None:
        """Fills a contiguous CPU tensor; one of 16 bits takes a file's float32 values rounded, piece by piece.

        Raises WorkerFault PINNED_SHAPE where it has another shape or element type.
        """
        entry = self._entries[name]
        dtype = str(tensor.dtype).replace("torch.", "")
        if entry.dtype == "float32" and dtype in ("float16", "bfloat16") and entry.shape == list(tensor.shape):
            self._read_rounded(entry, tensor)
            return
        if (entry.dtype, entry.shape) != (dtype, list(tensor.shape)) or not tensor.is_contiguous():
            found = "{} {}".format(entry.dtype, entry.shape)
            raise WorkerFault(
                "PINNED_SHAPE",
                "{} has {} as {}, not {} {}".format(self._path, name, found, dtype, list(tensor.shape)),
                "pin a revision that fits this model",
            )
        if entry.byte_count:
            self._file.seek(entry.start)
            self._fill(tensor)

    def _read_rounded(self, entry: Entry, tensor: Any) -> None:
        import torch

        flat = tensor.view(-1)
        scratch = torch.empty(min(len(flat), _PIECE_ELEMENT_COUNT), dtype=torch.float32)
        self._file.seek(entry.start)
        for start in range(0, len(flat), _PIECE_ELEMENT_COUNT):
            part = flat[start : start + _PIECE_ELEMENT_COUNT]
            self._fill(scratch[: len(part)])
            part.copy_(scratch[: len(part)])

    def _fill(self, tensor: Any) -> None:
        """From where the file stands."""
        byte_count = tensor.numel() * tensor.element_size()
        memory = (ctypes.c_ubyte * byte_count).from_address(tensor.data_ptr())
        if self._file.readinto(memory) != byte_count:  # type: ignore[attr-defined]
            raise _unreadable(self._path, "it became shorter while it was read")

    def read(self, name: str) -> Any:
        import torch

        entry = self._entries[name]
        tensor = torch.empty(entry.shape, dtype=getattr(torch, entry.dtype))
        self.read_into(name, tensor)
        return tensor


@contextlib.contextmanager
def opened(path: str) -> Iterator[TensorFile]:
    """Raises WorkerFault PINNED_UNREADABLE."""
    try:
        with open_regular(path) as file:
            yield TensorFile(path, file)
    except OSError as exc:
        raise _unreadable(path, exc.strerror or str(exc)) from exc


def read(path: str) -> Dict[str, Any]:
    """All tensors by name, on the CPU. Raises WorkerFault PINNED_UNREADABLE."""
    with opened(path) as file:
        return {name: file.read(name) for name in file.shapes}


def _header(order: Any, tensors: Dict[str, Any]) -> bytes:
    entries, start = {}, 0
    for name in order:
        tensor = tensors[name]
        end = start + tensor.numel() * tensor.element_size()
        dtype = _CODES[str(tensor.dtype).replace("torch.", "")]
        entries[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [start, end]}
        start = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def _bytes_of(tensor: Any) -> Any:
    tensor = tensor.detach().cpu().contiguous()
    byte_count = tensor.numel() * tensor.element_size()
    content = (ctypes.c_ubyte * byte_count).from_address(tensor.data_ptr()) if byte_count else b""
    return bytes(content)  # a copy: the memory of a tensor made contiguous here ends with this function


def _read_entries(path: str, file: BinaryIO) -> Dict[str, Entry]:
    """The checked header: each tensor lies within the file and has the size of its shape."""
    size = os.fstat(file.fileno()).st_size
    head = file.read(8)
    length = struct.unpack("<Q", head)[0] if len(head) == 8 else size
    if length > size - 8:
        raise _unreadable(path, "it is no safetensors file, or it was cut off")
    if length > _HEADER_LIMIT_BYTES:
        raise _unreadable(path, "its header is {} bytes, more than {}".format(length, _HEADER_LIMIT_BYTES))
    try:
        header = json.loads(file.read(length).decode(), object_pairs_hook=_without_repeats)
        header.pop("__metadata__", None)
        return {name: _entry(given, 8 + length, size) for name, given in header.items()}
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as exc:
        raise _unreadable(path, "its header is damaged, or does not fit its content") from exc


def _without_repeats(pairs: List[Any]) -> Dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a name occurs twice")
    return dict(pairs)


def _entry(given: Dict[str, Any], data_start: int, size: int) -> Entry:
    dtype, shape = _DTYPES[given["dtype"]], [_length(length) for length in given["shape"]]
    start, end = (data_start + _length(offset) for offset in given["data_offsets"])
    byte_count = _ELEMENT_BYTES[given["dtype"]]
    for length in shape:
        byte_count *= length
    if not data_start <= start <= end <= size or end - start != byte_count:
        raise ValueError("a tensor lies outside of the file or has another size")
    return Entry(dtype, shape, start, byte_count)


def _length(given: Any) -> int:
    """A whole number that is written as one: 2.5, 1e400 and true are none."""
    if type(given) is not int or not 0 <= given < _LENGTH_LIMIT:
        raise ValueError("{!r} is no length".format(given))
    return int(given)


def _unreadable(path: str, reason: str) -> WorkerFault:
    return WorkerFault("PINNED_UNREADABLE", "{}: {}".format(path, reason), "run suite models fetch again")
