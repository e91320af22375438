"""Reads and writes safetensors files: a JSON header and raw bytes, so that nothing in a file can run.

The format's own library needs a newer Python than the oldest worker's. Files are mapped, not read into
memory. The same tensors make the same bytes on every machine.
Source: the section Format in the README of github.com/huggingface/safetensors.
"""

import ctypes
import hashlib
import json
import mmap
import os
import struct
from typing import Any, Dict, Tuple

from suite.worker.outcome import WorkerFault

_HEADER_LIMIT_BYTES = 100000000  # the format's own
_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip
_CODES = {name: code for code, name in _DTYPES.items()}


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


def read(path: str) -> Dict[str, Any]:
    """The tensors by name, on the CPU, over the mapped file. Raises WorkerFault PINNED_UNREADABLE."""
    try:
        with open(path, "rb") as file:
            header, data_start, size = _read_header(path, file)
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)  # torch warns of what can't be written
    except OSError as exc:
        raise _unreadable(path, exc.strerror or str(exc)) from exc
    try:
        return {name: _tensor(mapped, entry, data_start, size) for name, entry in header.items()}
    except (KeyError, TypeError, ValueError, RuntimeError) as exc:
        raise _unreadable(path, "its header does not fit its content ({})".format(exc)) from exc


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


def _read_header(path: str, file: Any) -> Tuple[Dict[str, Any], int, int]:
    """The entries, where the data begins, and the size of the file."""
    size = os.fstat(file.fileno()).st_size
    head = file.read(8)
    length = struct.unpack("<Q", head)[0] if len(head) == 8 else _HEADER_LIMIT_BYTES + 1
    if length > min(_HEADER_LIMIT_BYTES, size - 8):
        raise _unreadable(path, "it is no safetensors file, or it was cut off")
    try:
        header = json.loads(file.read(length).decode())
    except ValueError as exc:
        raise _unreadable(path, "its header is damaged") from exc
    if not isinstance(header, dict):
        raise _unreadable(path, "its header is no table")
    header.pop("__metadata__", None)
    return header, 8 + length, size


def _tensor(mapped: Any, entry: Dict[str, Any], data_start: int, size: int) -> Any:
    import torch

    dtype, shape = getattr(torch, _DTYPES[entry["dtype"]]), [int(length) for length in entry["shape"]]
    start, end = (data_start + int(offset) for offset in entry["data_offsets"])
    element_size = torch.empty((), dtype=dtype).element_size()
    count = 1
    for length in shape:
        count *= length
    if not data_start <= start <= end <= size or end - start != count * element_size or min(shape + [0]) < 0:
        raise ValueError("a tensor lies outside of the file or has another size")
    if count == 0:
        return torch.empty(shape, dtype=dtype)
    return torch.frombuffer(mapped, dtype=dtype, count=count, offset=start).reshape(shape)


def _unreadable(path: str, reason: str) -> WorkerFault:
    return WorkerFault("PINNED_UNREADABLE", "{}: {}".format(path, reason), "run suite models fetch again")
