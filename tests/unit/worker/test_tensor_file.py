"""Safetensors files: the same bytes every time, read and written as by the format's own library, refused if damaged."""

import json
import os
import struct

import pytest
import torch

from suite.worker import tensor_file
from suite.worker.outcome import WorkerFault

TENSORS = {
    "b": torch.arange(6, dtype=torch.float32).reshape(2, 3),
    "a": torch.tensor([1, -2], dtype=torch.int64),
    "half": torch.tensor([[0.5], [-1.0], [2.0]], dtype=torch.float16),
    "flags": torch.tensor([True, False, True]),
    "scalar": torch.tensor(3.5),
    "none": torch.empty(0, 4),
}


def same(one, other):
    return one.dtype == other.dtype and one.shape == other.shape and torch.equal(one, other)


def test_what_is_written_reads_back(tmp_path):
    path = str(tmp_path / "file.safetensors")
    tensor_file.write(path, TENSORS)
    read = tensor_file.read(path)
    assert set(read) == set(TENSORS)
    assert all(same(read[name], TENSORS[name]) for name in TENSORS)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.safetensors"]


def test_the_bytes_depend_on_the_tensors_alone(tmp_path):
    one = tensor_file.write(str(tmp_path / "one"), TENSORS)
    turned = {name: TENSORS[name] for name in reversed(list(TENSORS))}
    turned["b"] = TENSORS["b"].t().contiguous().t()  # the same values, another layout
    assert tensor_file.write(str(tmp_path / "two"), turned) == one
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert one == "f513116c153da35c67193b8810098014636ba353d9ba7425c51b57afe141be81"  # on every machine


def test_the_format_s_own_library_agrees(tmp_path):
    own_library = pytest.importorskip("safetensors.torch")
    ours, theirs = str(tmp_path / "ours"), str(tmp_path / "theirs")
    tensor_file.write(ours, TENSORS)
    own_library.save_file(TENSORS, theirs, metadata={"format": "pt"})
    for read in (own_library.load_file(ours), tensor_file.read(theirs)):
        assert set(read) == set(TENSORS)
        assert all(same(read[name], TENSORS[name]) for name in TENSORS)


def with_header(header, data=b"\0" * 8):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(shape=(2,), dtype="F32", offsets=(0, 8)):
    return {"x": {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}}


DAMAGED = {
    "empty": b"",
    "short": b"\1\0\0",
    "cut header": with_header(entry())[:20],
    "huge header": struct.pack("<Q", 2 ** 62) + b"{}",
    "no JSON": with_header(b"{nothing"),
    "no table": with_header(b"[1]"),
    "no entry": with_header({"x": 1}),
    "cut data": with_header(entry(), b"\0" * 7),
    "other size": with_header(entry(shape=(3,))),
    "outside": with_header(entry(offsets=(8, 16))),
    "before": with_header(entry(offsets=(-8, 0))),
    "negative": with_header(entry(shape=(-1, -2))),
    "unknown type": with_header(entry(dtype="F1")),
    "infinite": with_header(b'{"x":{"dtype":"F32","shape":[1e400],"data_offsets":[0,8]}}'),
    "no number": with_header(b'{"x":{"dtype":"F32","shape":[NaN],"data_offsets":[0,8]}}'),
    "fraction": with_header(entry(shape=(2.0,))),
    "truth": with_header(entry(shape=(2, True))),
    "text": with_header(entry(shape=("2",))),
    "long number": with_header(b'{"x":{"dtype":"F32","shape":[' + b"9" * 5000 + b'],"data_offsets":[0,8]}}'),
    "large number": with_header(entry(shape=(2**70, 0), offsets=(0, 0))),
    "infinite offset": with_header(b'{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,1e400]}}'),
    "deep": with_header(b"[" * 100000),
    "twice": with_header(b"{" + b",".join([json.dumps(entry()).encode()[1:-1]] * 2) + b"}"),
    "long header": with_header(b" " * (9 * 2**20)),
}  # fmt: skip


@pytest.mark.parametrize("content", DAMAGED.values(), ids=list(DAMAGED))
def test_a_damaged_file_is_refused(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(WorkerFault) as fault:
        tensor_file.read(str(path))
    assert fault.value.code == "PINNED_UNREADABLE"
    assert str(path) in fault.value.reason


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(str(tmp_path / "pipe"))
    with pytest.raises(WorkerFault, match="it is a named pipe, not a file"):
        tensor_file.read(str(tmp_path / "pipe"))
    with pytest.raises(WorkerFault, match="it is a device, not a file"):
        tensor_file.read("/dev/zero")


def test_an_absent_file_and_a_full_disk_are_told(tmp_path):
    with pytest.raises(WorkerFault, match="No such file"):
        tensor_file.read(str(tmp_path / "absent"))
    with pytest.raises(WorkerFault, match="PINNED_UNWRITABLE"):
        tensor_file.write(str(tmp_path / "absent" / "file"), TENSORS)
    (tmp_path / "full.part").symlink_to("/dev/full")
    with pytest.raises(WorkerFault, match="No space left"):
        tensor_file.write(str(tmp_path / "full"), TENSORS)
