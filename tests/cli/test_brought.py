"""Brought models through the whole line, with real workers: words, TOML, reports, resuming, a hub on loopback."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from suite import registry
from suite.cli import main
from suite.errors import FetchError, UsageError
from suite.pinned import hub_models
from suite.pinned.hub import Hub as Client
from suite.plan import brought
from suite.plan.described import described
from suite.records import store
from suite.worker.brought import words
from tests import hub as stand_in

FUNCTION = """
import torch

def make():
    net = torch.nn.Sequential(torch.nn.Embedding(50, 8), torch.nn.Linear(8, 4))
    return net, lambda batch_size, tokens=16: torch.randint(0, 50, (batch_size, tokens))
"""
SHORT = ("--no-quiet", "--time-limit", "0.05", "--power", "none")


@pytest.fixture(autouse=True)
def nothing_brought_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    registry._BROUGHT.clear()


def run(*arguments: str) -> int:
    return main(list(arguments))


def test_a_run_of_a_function_reports_and_resumes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "own_of_test.py").write_text(FUNCTION)
    word = "own_of_test.py:make"
    tests = ("--test", "params", "--test", "latency")
    assert (
        run(
            "all",
            "--quick",
            "--model",
            word,
            *tests,
            "--batch-size",
            "1",
            "--axis",
            "tokens=9",
            *SHORT[:3],
            "--out",
            "r",
        )
        == 0
    )
    loaded = store.load(tmp_path / "r")
    (entry,) = loaded.manifest.brought
    assert (entry.name, entry.word) == ("own_of_test.make", f"{tmp_path}/{word}")
    assert [(axis.name, axis.default) for axis in entry.axes] == [("tokens", 9)]
    timed = next(found for found in loaded.records if found.task.test == "latency")
    assert timed.provenance is not None
    assert (timed.provenance.weights_source, timed.provenance.origin) == ("brought", entry.word)
    assert timed.provenance.origin_sha256 == entry.content_sha256
    assert timed.task.axes == (("tokens", 9),)

    registry._BROUGHT.clear()
    capsys.readouterr()
    assert run("report", "r") == 0
    assert f"Source: {entry.word}" in (tmp_path / "r" / "report.md").read_text()

    records = tmp_path / "r" / "records.jsonl"
    records.write_bytes(records.read_bytes().split(b"\n", 1)[0] + b"\n")  # the last one is lost
    assert run("all", "--resume", "--out", "r") == 2
    assert "what a run's folder names is never run: give it again by --model" in capsys.readouterr().err
    assert run("all", "--resume", "--out", "r", "--model", word) == 0
    assert len(store.load(tmp_path / "r").records) == 2


def test_a_run_of_an_onnx_file_resumes_by_itself_while_it_is_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    node = helper.make_node("Gemm", ["x", "w"], ["y"])
    weights = helper.make_tensor("w", kind, [4, 3], [0.5] * 12)
    x, y = (helper.make_tensor_value_info(name, kind, ["n", size]) for name, size in (("x", 4), ("y", 3)))
    model = helper.make_model(
        helper.make_graph([node], "g", [x], [y], [weights]), opset_imports=[helper.make_opsetid("", 17)]
    )
    model.ir_version = 8
    onnx.save(model, "small.onnx")
    assert run("latency", "--model", "small.onnx", "--batch-size", "1,2", *SHORT[:3], "--out", "r") == 0
    loaded = store.load(tmp_path / "r")
    assert {task.runtime for task in loaded.manifest.tasks} == {"onnxruntime"}
    assert all(found.provenance and found.provenance.inputs_checked == ("x",) for found in loaded.records)
    capsys.readouterr()
    registry._BROUGHT.clear()
    assert run("all", "--resume", "--out", "r") == 0
    weights.float_data[0] = 7
    model.graph.initializer[0].CopyFrom(weights)
    onnx.save(model, "small.onnx")
    registry._BROUGHT.clear()
    assert run("all", "--resume", "--out", "r") == 2
    assert "it is not what it was when the run was begun" in capsys.readouterr().err


REFUSED = [
    ("--model nothere.onnx", "nothere.onnx: there is no such file; check the path"),
    ("--model w.pth", "w.pth holds weights, mostly pickled, and no model; give a function that builds the model"),
    ("--model a/folder", "a/folder is no file of a kind that can be run"),
    ("--model hf:no/such@abc", "hf:no/such@abc: it is not in the cache; suite models fetch --model hf:no/such@abc"),
    ("--model hf:a:b", "hf:a:b: there is no such folder, and it is no name; write it as hf:OWNER/NAME@REVISION"),
    ("--model lxmert --inputs x.npz", "--inputs: goes with a model that you bring, as in --model path/to/model.onnx"),
    ("--model lxmert --range a=b", "--range: 'a=b' is no range; write it as ids=0..30521, or sr=16000 for one value"),
    ("--model lxmert --range a=3..1", "--range: 'a=3..1' needs a name, and its lower end first"),
    ("--model lxmert --shape x", "--shape: 'x' is no shape; write it as x=batch,3,224,224"),
    ("--model own.toml", "own.toml: unknown key 'modle': did you mean 'model'?"),
    ("--model empty.toml", 'empty.toml: model is missing; it names the model, as in model = "model.onnx"'),
    (
        "--model a.onnx --model b.onnx --inputs a.onnx",
        "--inputs: fits one model, not a.onnx and b.onnx; measure them apart",
    ),
]


@pytest.mark.parametrize(("line", "told"), REFUSED, ids=[row[0] for row in REFUSED])
def test_wrong_use_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, told: str) -> None:
    (tmp_path / "own.toml").write_text('modle = "m.onnx"')
    (tmp_path / "empty.toml").write_text("")
    assert run("latency", *line.split()) == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert told in error


def test_a_toml_file_names_a_model_with_all_that_is_open(tmp_path: Path) -> None:
    text = textwrap.dedent("""
        model = "m.onnx"
        name = "my detector"
        title = "My detector"
        axes.seq = 128
        [axes.width]
        default = 4
        maximum = 8
        [inputs.ids]
        shape = ["batch", "seq"]
        dtype = "int64"
        range = [0, 30521]
    """)
    (tmp_path / "m.onnx").write_bytes(b"")
    (tmp_path / "mine.toml").write_text(text)
    found = brought.settings("mine.toml", (("seq", (64, 128)),), brought.Beside())
    assert found == {
        "word": str(tmp_path / "m.onnx"),
        "folder": str(tmp_path),
        "name": "my-detector",
        "title": "My detector",
        "axes": {"seq": {"default": 128}, "width": {"default": 4, "maximum": 8}},
        "shapes": {"ids": ["batch", "seq"]},
        "dtypes": {"ids": "int64"},
        "ranges": {"ids": [0, 30521]},
        "sizes": {"seq": 64},
        "trust": False,
    }


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ({"model": "lxmert"}, "model: lxmert names no model to bring"),
        ({"model": "m.onnx", "axes": {"a": 0}}, "axes.a"),
        ({"model": "m.onnx", "inputs": {"x": {"dtype": "float3"}}}, "inputs.x.dtype"),
        ({"model": "m.onnx", "inputs": {"x": {"shap": [1]}}}, "unknown key 'shap': did you mean 'shape'?"),
    ],
)
def test_a_toml_file_is_refused_by_its_key(raw: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError, match=told.replace("?", r"\?")):
        described(raw, Path("mine.toml"))


CONFIG = json.dumps({"model_type": "bert", "architectures": ["BertModel"]}).encode()
WORD = f"{words.HUB}{stand_in.REPOSITORY}@{stand_in.REVISION}"


def test_a_model_of_a_hub_is_fetched_and_then_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUITE_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "none"))
    files = {"config.json": CONFIG, "model.safetensors": b"weights"}
    with stand_in.serving(stand_in.Hub(files=files)) as hub:
        assert run("models", "fetch", "--model", WORD, "--hub", hub.url) == 0
        place = hub_models.find(WORD, {"SUITE_WEIGHTS": str(tmp_path / "weights")})
        assert {path.name: path.read_bytes() for path in place.iterdir()} == files
        hub.asked.clear()
        assert run("models", "fetch", "--model", WORD, "--hub", hub.url) == 0
        assert hub.asked == []
    assert brought.settings(WORD, (), brought.Beside())["path"] == str(place)


def test_what_a_hub_has_as_pickles_alone_is_refused(tmp_path: Path) -> None:
    with stand_in.serving(stand_in.Hub(files={"config.json": CONFIG, "pytorch_model.bin": b"x"})) as hub:
        client = Client(url=hub.url, sleep=lambda _s: None)
        with pytest.raises(FetchError, match="no weights as safetensors at that revision"):
            hub_models.fetch(WORD, tmp_path, client, lambda *_: None)
    with pytest.raises(UsageError, match="it is not in the cache"):
        hub_models.find(WORD, {"SUITE_WEIGHTS": str(tmp_path), "HF_HUB_CACHE": str(tmp_path)})


@pytest.mark.parametrize("word", ["hf:lab/tiny", "hf:lab/tiny@main"])
def test_a_revision_is_a_commit_in_full(tmp_path: Path, word: str) -> None:
    with pytest.raises(UsageError, match="give the revision as a commit in full"):
        hub_models.fetch(word, tmp_path, Client(), lambda *_: None)


def test_the_library_s_own_cache_is_looked_into(tmp_path: Path) -> None:
    own = tmp_path / "models--lab--tiny"
    (own / "snapshots" / stand_in.REVISION).mkdir(parents=True)
    (own / "snapshots" / stand_in.REVISION / "config.json").write_bytes(CONFIG)
    (own / "refs").mkdir()
    (own / "refs" / "main").write_text(stand_in.REVISION)
    environment = {"HF_HUB_CACHE": str(tmp_path), "SUITE_WEIGHTS": str(tmp_path / "none")}
    for word in (WORD, "hf:lab/tiny", "hf:lab/tiny@main"):
        assert hub_models.find(word, environment) == own / "snapshots" / stand_in.REVISION
