"""Files of torch.save are read whole, in both of its formats, and never run what they hold."""

import os
import pickle
import sys
import types
import zipfile
from collections import Counter, OrderedDict

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
