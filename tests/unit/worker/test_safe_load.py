"""Files of torch.save are read whole, in both of its formats, and never run what they hold."""

import os
import pickle
import sys
import types
import zipfile
from collections import Counter, OrderedDict
from pathlib import Path

import pytest
import torch

from suite.worker.et import safe_load
from suite.worker.outcome import WorkerFault

LEGACY = pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])


def save(content, path, legacy):
    torch.save(content, str(path), _use_new_zipfile_serialization=not legacy)
    return str(path)


def foreign_class(monkeypatch, module, name, base):
    """A class that lives in a module which is there to write the file, and gone when it is read."""
    for index, part in enumerate(module.split(".")):
        monkeypatch.setitem(sys.modules, ".".join(module.split(".")[: index + 1]), types.ModuleType(part))
    made = type(name, (base,), {"__module__": module})
    setattr(sys.modules[module], name, made)
    return made


@LEGACY
def test_tensors_and_plain_values_come_back(tmp_path, legacy):
    content = OrderedDict(a=torch.arange(6.0).view(2, 3).t(), b=[torch.ones(2, dtype=torch.bool), None, "x", 1.5])
    content["c"] = torch.nn.Parameter(torch.zeros(2))
    content["d"] = Counter("aab")
    loaded = safe_load.load(save(content, tmp_path / "file.pt", legacy), "CODE")
    assert list(loaded) == ["a", "b", "c", "d"]
    assert torch.equal(loaded["a"], content["a"])
    assert torch.equal(loaded["b"][0], content["b"][0])
    assert loaded["b"][1:] == [None, "x", 1.5]
    assert torch.equal(loaded["c"], content["c"])
    assert loaded["d"] == {"a": 2, "b": 1}


@LEGACY
def test_the_classes_of_published_checkpoints_become_stand_ins(tmp_path, monkeypatch, legacy):
    vocabulary = foreign_class(monkeypatch, "vocab.vocab", "Vocab", object)()
    vocabulary.counts = Counter(["a"])
    arguments = foreign_class(monkeypatch, "alfred.utils.helper_util", "AttrDict", dict)(seed=1)
    arguments.__dict__ = arguments  # as the original has it
    path = save({"vocab_out": vocabulary, "args": arguments, "x": torch.ones(1)}, tmp_path / "file.pt", legacy)
    monkeypatch.undo()
    loaded = safe_load.load(path, "CODE")
    assert isinstance(loaded["vocab_out"], safe_load.StandIn)
    assert loaded["args"] == {"seed": 1}
    assert loaded["x"].tolist() == [1.0]


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@LEGACY
def test_a_pickle_that_calls_a_function_is_refused_and_does_not_run(tmp_path, legacy):
    mark = tmp_path / "was-run"
    path = save({"model": {}, "x": Malicious(str(mark))}, tmp_path / "file.pt", legacy)
    with pytest.raises(WorkerFault) as raised:
        safe_load.load(path, "CODE")
    assert not mark.exists()
    assert raised.value.code == "CODE"
    assert raised.value.reason == path + " can't be read safely: it asks for posix.mkdir, which no such file needs"


@LEGACY
def test_a_function_under_the_name_of_a_known_class_does_not_run(tmp_path, legacy):
    class Disguised(Malicious):
        def __reduce__(self):
            return eval, (self.path,)

    path = save(Disguised("1 / 0"), tmp_path / "file.pt", legacy)
    with pytest.raises(WorkerFault, match=r"it asks for .*eval, which no such file needs"):
        safe_load.load(path, "CODE")


def test_a_name_that_begins_like_a_storage_is_refused():
    for name in ("FloatStorage._new_shared_filename", "FloatStorageX", "load"):
        assert not safe_load._allowed("torch", name)
    assert safe_load._allowed("torch", "FloatStorage")
    assert not safe_load._allowed("os", "FloatStorage")


def test_the_unpickler_for_old_torch_reads_the_same_files(tmp_path, monkeypatch):
    vocabulary = foreign_class(monkeypatch, "vocab.vocab", "Vocab", object)()
    path = save({"vocab_out": vocabulary, "x": torch.ones(2)}, tmp_path / "file.pt", False)
    bad = save(Malicious(str(tmp_path / "was-run")), tmp_path / "bad.pt", False)
    monkeypatch.undo()
    monkeypatch.setattr(safe_load, "_NAMED_STAND_INS_FROM", (99, 0))
    loaded = safe_load.load(path, "CODE")
    assert isinstance(loaded["vocab_out"], safe_load.StandIn)
    assert loaded["x"].tolist() == [1.0, 1.0]
    with pytest.raises(WorkerFault, match=r"it asks for posix.mkdir"):
        safe_load.load(bad, "CODE")
    assert not (tmp_path / "was-run").exists()


def test_what_is_no_file_of_torch_save_is_refused(tmp_path):
    plain, script = tmp_path / "plain.pkl", tmp_path / "script.pt"
    plain.write_bytes(pickle.dumps(Malicious(str(tmp_path / "was-run"))))
    with zipfile.ZipFile(str(script), "w") as archive:
        archive.writestr("model/constants.pkl", b"")
    with pytest.raises(WorkerFault, match=r"CODE: .*plain.pkl can't be read safely: it is no file of torch.save"):
        safe_load.load(str(plain), "CODE")
    with pytest.raises(WorkerFault, match="TorchScript"):
        safe_load.load(str(script), "CODE")
    with pytest.raises(WorkerFault, match=r"absent.pt: No such file or directory; check the path"):
        safe_load.load(str(tmp_path / "absent.pt"), "CODE")
    assert not (tmp_path / "was-run").exists()


@LEGACY
def test_a_file_cut_off_anywhere_is_a_fault(tmp_path, legacy):
    save({"x": torch.ones(50)}, tmp_path / "file.pt", legacy)
    whole = (tmp_path / "file.pt").read_bytes()
    for part in range(1, 8):
        cut = tmp_path / "cut.pt"
        cut.write_bytes(whole[: len(whole) * part // 8])
        with pytest.raises(WorkerFault, match="CODE"):
            safe_load.load(str(cut), "CODE")


NO_FILES = {
    "a named pipe": os.mkfifo,
    "a folder": os.mkdir,
    "a device": lambda path: Path(path).symlink_to("/dev/zero"),
}


@pytest.mark.parametrize(("kind", "make"), NO_FILES.items())
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path, kind, make):
    path = str(tmp_path / "file.pt")
    make(path)
    with pytest.raises(WorkerFault) as raised:
        safe_load.load(path, "CODE")
    assert raised.value.reason == f"{path}: it is {kind}, not a file"


HEADS = {
    "empty": (b"", "this is empty"),
    "page": (b"\n<!DOCTYPE html><title>403 Forbidden</title>", "this is a web page"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "this is a pointer of git-lfs"),
    "7z": (b"7z\xbc\xaf\x27\x1c", "this is a 7z archive"),
    "gzip": (b"\x1f\x8b\x08\0", "this is compressed by gzip"),
    "cut": (b"PK\x03\x04\0\0", "it was cut off or damaged"),
}


@pytest.mark.parametrize(("content", "told"), HEADS.values(), ids=list(HEADS))
def test_what_came_in_the_place_of_a_file_is_told(tmp_path, content, told):
    (tmp_path / "file.pt").write_bytes(content)
    with pytest.raises(WorkerFault) as raised:
        safe_load.load(str(tmp_path / "file.pt"), "CODE")
    assert told in str(raised.value)


def test_an_archive_of_checkpoints_is_no_checkpoint(tmp_path):
    path = str(tmp_path / "et_checkpoints.zip")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pretrained/fasterrcnn_model.pth", b"x")
        archive.writestr("pretrained/et_human_pretrained.pth", b"x")
    with pytest.raises(WorkerFault) as raised:
        safe_load.load(path, "CODE")
    assert raised.value.reason == path + " is an archive of other files: et_human_pretrained.pth, fasterrcnn_model.pth"
    assert raised.value.remedy == "unpack it, and give the one file that is meant"


def repacked(tmp_path, compression, repeat=False):
    """The same entries in an archive that another program packed."""
    saved = save({"x": torch.zeros(10**6)}, tmp_path / "saved.pt", False)
    path = str(tmp_path / "file.pt")
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(path, "w", compression) as archive:
        for info in source.infolist():
            archive.writestr(info.filename, source.read(info))
        if repeat:  # the directory names the same bytes once more
            again = zipfile.ZipInfo("file/data/1")
            largest = max(archive.infolist(), key=lambda info: info.file_size)
            again.header_offset, again.CRC = largest.header_offset, largest.CRC
            again.file_size, again.compress_size = largest.file_size, largest.compress_size
            archive.filelist.append(again)
    return path


def test_a_small_file_that_unfolds_to_a_large_one_is_refused_before_it_is_read(tmp_path):
    path = repacked(tmp_path, zipfile.ZIP_DEFLATED)
    with pytest.raises(WorkerFault, match=r"its entries are compressed.*data/0 is 4000000 bytes, packed as"):
        safe_load.load(path, "CODE")
    with pytest.raises(WorkerFault, match="its entries overlap"):
        safe_load.load(repacked(tmp_path, zipfile.ZIP_STORED, repeat=True), "CODE")
    assert safe_load.load(repacked(tmp_path, zipfile.ZIP_STORED), "CODE")["x"].shape == (10**6,)


class Memory:
    def __reduce__(self):
        return bytearray, (3 * 10**9,)


@LEGACY
def test_a_number_does_not_become_memory(tmp_path, legacy):
    path = save({"x": Memory()}, tmp_path / "file.pt", legacy)
    with pytest.raises(WorkerFault, match="it asks for bytearray"):
        safe_load.load(path, "CODE")


def test_a_table_of_tensors_that_is_no_such_table_any_more_is_refused(tmp_path, monkeypatch):
    path = save([[] for _ in range(1000)], tmp_path / "file.pt", False)
    monkeypatch.setattr(safe_load, "_TABLE_LIMIT_BYTES", 1000)
    with pytest.raises(WorkerFault, match=r"the table of its tensors is \d+ bytes, more than 1000"):
        safe_load.load(path, "CODE")


def test_what_has_no_value_for_each_element_is_no_tensor():
    assert safe_load.why_no_values(torch.ones(2, 3).t()) is None
    assert safe_load.why_no_values(torch.ones(4)[1:3]) is None
    assert safe_load.why_no_values(torch.nn.Parameter(torch.ones(2))) is None
    assert safe_load.why_no_values(torch.ones(1).expand(9)) == "a tensor [9] of 4 stored bytes"
    assert safe_load.why_no_values(torch.ones(2, device="meta")) == "a tensor without values"
    assert safe_load.why_no_values(torch.eye(2).to_sparse()) == "a sparse, quantised or nested tensor"
    assert safe_load.why_no_values([1]) == "list"
