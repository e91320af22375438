"""Plug-ins of others are known by what a worker process says of them; a bad one is named with its field, and alone."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from suite import registry
from suite.client import declarations as client
from suite.client.declarations import Broken, declared
from suite.errors import UsageError
from suite.plan.checks import check
from suite.plan.spec import parse
from suite.records import Task
from suite.worker import declarations
from suite.worker.model import Axis, Model
from suite.worker.outcome import WorkerFault

GOOD = """
from suite.worker.model import Axis, Model

class M(Model):
    name, title = "mine", "Mine"
    axes = (Axis("width", "width", 4, 1, 64),)

PLUGIN = M()
"""
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def make(text: str, *changes: tuple[str, str], name: str = "mine") -> Path:
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        return path

    return make


def one(path: Path, deadline_s: float = 60.0) -> Model | Broken:
    (found,) = declared([str(path)], deadline_s=deadline_s)
    return found


def test_declarations_are_those_of_the_file_and_the_methods_stay_in_the_worker(write: Write) -> None:
    found = one(write(GOOD, ("    axes", "    takes_checkpoint = True\n    axes")))
    assert isinstance(found, Model)
    assert type(found) is Model
    assert (found.name, found.title, found.scenarios, found.takes_checkpoint) == ("mine", "Mine", ("forward",), True)
    assert found.axes == (Axis("width", "width", 4, 1, 64),)
    assert found.packages == ("torch",)


FIELDS = [
    ("axes", '(Axis("width", "width", 4, 1, 64),)', 'Axis("width", "width", 4, 1, 64)', "is one Axis, not a tuple"),
    ("axes", '(Axis("width", "width", 4, 1, 64),)', '[Axis("width", "width", 4, 1, 64)]', "not a tuple"),
    ("axes", '(Axis("width", "width", 4, 1, 64),)', '("width",)', "holds 'width', which is no Axis"),
    ("axes: width", "4, 1, 64", "8.5, 1, 64", "default is 8.5, not a whole number"),
    ("axes: width", "4, 1, 64", "True, 1, 64", "default is True, not a whole number"),
    ("axes: width", "4, 1, 64", "65, 1, 64", "default 65 does not lie in 1 to 64"),
    ("axes: width", "4, 1, 64", "0, 0, 64", "default 0 does not lie in 0 to 64"),
    ("axes: width", "4, 1, 64", "4, 1, 10**400", "default 4 does not lie in 1 to 1000"),
    ("axes", "4, 1, 64),)", '4, 1, 64), Axis("width", "w", 4, 1, 64))', "name 'width' twice"),
    ("axes", '"width", "width"', '"x/../../../T", "width"', "hold an axis named 'x/../../../T'"),
    ("axes: width.label", '"width", "width"', '"width", None', "is None, not text"),
    ("PLUGIN", "PLUGIN = M()", "PLUGIN = M", "is the class M, not an instance of it"),
    ("PLUGIN", "PLUGIN = M()", "PLUGIN = {'name': 'mine'}", "has a plug-in without a name"),
    ("PLUGIN", "class M(Model)", "class M", "is a M, not a suite.worker.model.Model"),
    ("packages", "    axes", '    packages = "torch"\n    axes', "is 'torch', not a tuple"),
    ("packages", "    axes", '    packages = ("torch", 3)\n    axes', "holds 3, which is no name"),
    ("modules", "    axes", '    modules = "torch.nn"\n    axes', "is 'torch.nn', not a tuple"),
    ("scenarios", "    axes", '    scenarios = ("forward")\n    axes', "is 'forward', not a tuple"),
    ("scenarios", "    axes", '    scenarios = ("walk",)\n    axes', "lack 'forward'"),
    ("title", '"Mine"', "7", "is 7, not text"),
    ("title", '"Mine"', '"M\\ud800"', "holds characters that can't be shown"),
    ("title", '"Mine"', '"M" * 112', "has 112 characters"),
    ("name", '"mine"', '"../mine"', "is '../mine'"),
    ("takes_pinned", "    axes", '    takes_pinned = "no"\n    axes', "is 'no'"),
    ("title", "    axes", "    title = property(lambda self: 1 / 0)\n    axes", "can't be imported (ZeroDivisionError"),
]


@pytest.mark.parametrize(("field", "old", "new", "reason"), FIELDS, ids=[f"{f[0]}-{f[2][:24]}" for f in FIELDS])
def test_a_bad_declaration_is_named_by_file_and_field(
    write: Write, field: str, old: str, new: str, reason: str
) -> None:
    path = write(GOOD, (old, new))
    told = declarations.declared(str(path))
    assert told["reason"].startswith(str(path))
    assert reason in told["reason"]
    assert field in told["reason"] or "can't be imported" in reason or "without a name" in reason
    assert told["remedy"]


@pytest.mark.parametrize(
    "plain",
    [None, 7, [], {}, {"name": "x"}, {"name": "x", "title": "\ud800"}, {"name": None, "axes": [{}]}],
)
def test_what_the_worker_says_is_checked_again(plain: object) -> None:
    with pytest.raises(WorkerFault):
        declarations.check(plain, "somewhere")


ENDINGS = [
    ("import sys; sys.exit(0)", "can't be imported (SystemExit: 0)"),
    ("import os; os._exit(0)", "can't be imported (the worker ended with status 0 meanwhile)"),
    ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "can't be imported (the worker was ended by SIGSEGV"),
    ("import os\nfor d in range(3, 40):\n    try: os.write(d, b'x\\n')\n    except OSError: pass", "is not ours"),
    ("import time; time.sleep(3600)", "does not come to an end of its import"),
]


@pytest.mark.parametrize(("text", "reason"), ENDINGS)
def test_a_file_that_ends_its_process_or_hangs_is_named(write: Write, text: str, reason: str) -> None:
    path = write(text)
    found = one(path, deadline_s=5.0 if "sleep" in text else 60.0)
    assert isinstance(found, Broken)
    assert found.reason.startswith(str(path))
    assert reason in found.reason


def test_a_broken_file_costs_itself_alone(write: Write) -> None:
    texts = {"a": "import torch_is_not_here", "b": "import builtins; del builtins.tuple", "c": GOOD}
    found = declared([str(write(text, name=name)) for name, text in texts.items()])
    assert [type(entry).__name__ for entry in found] == ["Broken", "Broken", "Model"]


def test_without_an_interpreter_each_file_says_so(write: Write) -> None:
    (found,) = declared([str(write(GOOD))], {"SUITE_WORKER_PYTHON": "/no/such/python"})
    assert isinstance(found, Broken)
    assert found.remedy.startswith("Mend what keeps a worker from starting: SUITE_WORKER_PYTHON=/no/such/python")


# --- by name ---------------------------------------------------------------------------------------------------------


class Own(Model):
    name, title = "own", "Own"
    axes = (Axis("height", "height", 1, 1, 9),)


def named(name: str) -> Model:
    model = Model()
    model.name = name
    return model


def models(*found: Model | Broken, asked: list[object] | None = None) -> registry.Models:
    def declare(origins: tuple[str, ...]) -> tuple[Model | Broken, ...]:
        if asked is not None:
            asked.append(origins)
        return found

    return registry.Models({"own": Own()}, tuple(f"/{index}.py" for index, _ in enumerate(found)), declare)


def test_files_are_looked_into_only_where_somebody_asks_for_what_is_not_the_suite_s_own() -> None:
    asked: list[object] = []
    known = models(named("mine"), asked=asked)
    assert known["own"].title == "Own"
    assert "own" in known
    assert known.origin("own") is None
    assert asked == []
    assert list(known) == ["own", "mine"]
    assert known.origin("mine") == "/0.py"
    assert len(asked) == 1


def test_a_plan_that_names_only_the_suite_s_own_models_looks_into_no_file() -> None:
    asked: list[object] = []
    raw = {"name": "p", "description": "d", "models": ["own"], "tests": ["params"], "axes": {"height": [2]}}
    known = models(named("mine"), asked=asked)
    assert [model.name for model in check(parse(raw, {}, "p.toml"), known, {}, "p.toml")] == ["own"]
    assert asked == []


def test_a_name_that_is_taken_is_refused_and_both_are_named() -> None:
    known = models(named("own"), named("twin"), named("twin"), named("mine"))
    assert list(known) == ["own", "mine"]
    assert known["own"].title == "Own"
    assert [entry.reason for entry in known.broken] == [
        "/0.py is named 'own', as the suite's own own is",
        "/2.py is named 'twin', as /1.py is",
        "/1.py is named 'twin', as another file is",
    ]


@pytest.fixture
def folder(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a good plug-in, one without PLUGIN, and one whose declarations are wrong."""
    write(GOOD)
    write("helping = True", name="a-helper")
    write(GOOD, ('"mine"', '"other"'), ("4, 1", "0, 1"), name="b")
    monkeypatch.setenv("SUITE_MODELS_PATH", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_only_what_asks_for_a_broken_file_fails() -> None:
    assert registry.discover(registry.MODELS)["mine"].title == "Mine"
    assert {Path(entry.origin).name for entry in registry.broken(registry.MODELS)} == {"a-helper.py", "b.py"}
    for name, reason in (("other", "b.py: axes: width default 0 does not lie in 1 to 64"), ("a_helper", "no PLUGIN")):
        with pytest.raises(UsageError, match=reason):
            registry.get(registry.MODELS, name, "model")
    with pytest.raises(UsageError, match=r"unknown model 'min'.*2 plug-ins can't be used, and suite doctor says why"):
        registry.get(registry.MODELS, "min", "model")


def test_a_file_that_was_mended_is_read_anew(folder: Path) -> None:
    assert "other" not in registry.discover(registry.MODELS)
    text = (folder / "b.py").read_text().replace("0, 1", "4, 1")
    time.sleep(0.01)
    (folder / "b.py").write_text(text)
    assert registry.discover(registry.MODELS)["other"].title == "Mine"


def test_a_folder_that_can_t_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUITE_MODELS_PATH", str(tmp_path / "none"))
    with pytest.raises(
        UsageError, match=r"none can't be listed \(No such file or directory\); Correct SUITE_MODELS_PATH"
    ):
        registry.get(registry.MODELS, "mine", "model")
    assert "lxmert" in registry.discover(registry.MODELS)


def test_the_worker_imports_the_chosen_file_alone_and_counts_its_import(write: Write, tmp_path: Path) -> None:
    torch_model = GOOD + "\n\ndef build(options):\n    import torch\n    return torch.nn.Linear(4, 2)\n"
    chosen = write(torch_model + "import time\ntime.sleep(0.3)\nPLUGIN.build = build\n", name="z")
    write("import torch\ntorch.set_default_dtype(torch.float64)\n" + GOOD.replace("mine", "loud"), name="a")
    environment = {**os.environ, "SUITE_MODELS_PATH": str(tmp_path)}
    with client_worker(tmp_path, environment, str(chosen)) as worker:
        assert worker.import_model("mine").import_s >= 0.3
        assert worker.count_parameters("mine", None).bytes_by_dtype == (("float32", 40),)
        assert worker.load(Task(test="latency", model="mine")).weight_bytes == 40


def client_worker(tmp_path: Path, environment: dict[str, str], origin: str):  # type: ignore[no-untyped-def]
    from suite.client.worker import Worker

    return Worker.start(log=tmp_path / "log", thread_count=1, environment=environment, origin_of={"mine": origin}.get)


def test_no_folder_is_left_behind(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t").mkdir()
    monkeypatch.setattr(client.tempfile, "tempdir", str(tmp_path / "t"))
    assert isinstance(one(write(GOOD)), Model)
    assert list((tmp_path / "t").iterdir()) == []
