"""Plug-ins are found in a package, in the user's folders and by entry points, and bad ones are named."""

import importlib
import os
import signal
import sys
from pathlib import Path

import pytest

from suite.worker import plugins
from suite.worker.outcome import WorkerFault

GOOD = "class Plugin:\n    name = {!r}\n\n\nPLUGIN = Plugin()\n"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The name of a new package with plug-ins `beta` and `alpha` in files b.py and a.py."""
    name = "package_of_" + tmp_path.name.replace("-", "_")
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "b.py").write_text(GOOD.format("beta"))
    (folder / "a.py").write_text(GOOD.format("alpha"))
    (folder / "_shared.py").write_text("raise RuntimeError('no plug-in')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    return name


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "own"
    made.mkdir()
    return made


def fault_of(path):
    with pytest.raises(WorkerFault) as caught:
        plugins.load(str(path))
    assert caught.value.code == "BAD_PLUGIN"
    return caught.value.reason


def test_the_modules_of_a_package_come_in_alphabetical_order(package):
    assert list(plugins.discover(package)) == ["alpha", "beta"]


def test_a_module_whose_name_is_taken_is_refused_and_both_are_named(package, tmp_path):
    (tmp_path / package / "c.py").write_text(GOOD.format("alpha"))
    importlib.invalidate_caches()
    with pytest.raises(WorkerFault) as caught:
        plugins.discover(package)
    assert caught.value.reason == f"{package}.c is named 'alpha', as {package}.a is"


def test_a_file_of_the_user_s_folder_is_a_plug_in(package, folder):
    (folder / "mine.py").write_text(GOOD.format("mine"))
    (folder / "_helper.py").write_text("raise RuntimeError('no plug-in')\n")
    (folder / "notes.txt").write_text("no plug-in")
    assert plugins.foreign(package, [str(folder)]) == [str(folder / "mine.py")]
    assert plugins.get(package, "mine", folders=[str(folder)]).name == "mine"


def test_a_folder_that_is_not_there_has_no_plug_ins(package, folder):
    assert plugins.foreign(package, [str(folder / "none")]) == []


def test_a_file_is_run_once_however_often_it_is_found(folder):
    (folder / "mine.py").write_text(GOOD.format("mine"))
    first, second = (plugins.load(str(folder / "mine.py")) for _ in range(2))
    assert first is second


def test_a_plug_in_is_found_by_its_name(package):
    assert plugins.get(package, "beta").name == "beta"


def test_no_file_but_the_chosen_one_is_run(package, folder):
    """Another may change a default of a library, and so the figures."""
    (folder / "mine.py").write_text(GOOD.format("mine"))
    (folder / "a_loud_one.py").write_text("raise SystemExit('this file was run')\n")
    assert plugins.get(package, "mine", origin=str(folder / "mine.py")).name == "mine"
    assert plugins.get(package, "mine", folders=[str(folder)]).name == "mine"  # the likely file first


def test_a_file_with_another_name_is_found_past_broken_ones(package, folder):
    (folder / "a.py").write_text("no python\n")
    (folder / "z.py").write_text(GOOD.format("mine"))
    assert plugins.get(package, "mine", folders=[str(folder)]).name == "mine"


def test_a_plug_in_that_has_changed_its_name_is_refused(package, folder):
    (folder / "mine.py").write_text(GOOD.format("other"))
    with pytest.raises(WorkerFault, match="names its plug-in 'other', and 'mine' before"):
        plugins.get(package, "mine", origin=str(folder / "mine.py"))


def test_helpers_beside_a_plug_in_can_be_imported(folder):
    (folder / "beside.py").write_text("NAME = 'helped'\n")
    (folder / "mine.py").write_text("import beside\n" + GOOD.format("x") + "PLUGIN.name = beside.NAME\n")
    assert plugins.load(str(folder / "mine.py")).name == "helped"


def test_an_unknown_name_is_answered_with_those_there_are(package, folder):
    (folder / "broken.py").write_text("answer = 42\n")
    with pytest.raises(WorkerFault) as caught:
        plugins.get(package, "gamma", folders=[str(folder)])
    assert (caught.value.code, caught.value.remedy) == ("UNKNOWN_PLUGIN", "Use one of alpha, beta")
    assert caught.value.reason.endswith("; {} has no PLUGIN".format(folder / "broken.py"))


def test_a_broken_file_is_the_answer_where_it_is_the_one_that_is_meant(package, folder):
    (folder / "my_model.py").write_text("answer = 42\n")
    with pytest.raises(WorkerFault, match="has no PLUGIN"):
        plugins.get(package, "my-model", folders=[str(folder)])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("answer = 42\n", "has no PLUGIN"),
        ("import no_such_module_anywhere\n", "can't be imported (ModuleNotFoundError: No module named"),
        ("def broken(:\n", "can't be imported (SyntaxError:"),
        ("import sys\nsys.exit(0)\n", "can't be imported (SystemExit: 0)"),
        ("raise KeyboardInterrupt\n", "can't be imported (KeyboardInterrupt)"),
        ("class E(BaseException):\n    pass\nraise E('a\\nb')\n", "can't be imported (E: a b)"),
        ("class E(Exception):\n    def __str__(self):\n        return 1 / 0\nraise E()\n", "can't be imported (E)"),
        (
            "import argparse\np = argparse.ArgumentParser()\np.add_argument('--x', required=True)\np.parse_args()\n",
            "can't be imported (SystemExit: 2)",
        ),
        ("def f():\n    f()\nf()\n", "can't be imported (RecursionError"),
    ],
)
def test_a_file_that_is_no_plug_in_is_named_with_the_reason(folder, monkeypatch, content, reason):
    monkeypatch.setattr(signal, "getsignal", lambda _: signal.SIG_IGN)  # as in a worker
    (folder / "mine.py").write_text(content)
    assert fault_of(folder / "mine.py").startswith("{} {}".format(folder / "mine.py", reason))


def test_what_is_no_regular_file_is_not_waited_for(folder):
    os.mkfifo(str(folder / "mine.py"))
    assert fault_of(folder / "mine.py") == "{} is no regular file".format(folder / "mine.py")


def test_an_import_sees_no_arguments_and_prints_on_stderr(folder, capfd, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["suite", "--model", "x"])
    (folder / "mine.py").write_text(
        "import os, sys\nprint('said', sys.argv[1:])\nos.write(1, b'written')\n" + GOOD.format("mine")
    )
    plugins.load(str(folder / "mine.py"))
    print("ours")
    told = capfd.readouterr()
    assert told.out == "ours\n"
    assert "said []" in told.err
    assert "written" in told.err
    assert sys.argv == ["suite", "--model", "x"]


def test_ctrl_c_while_a_file_is_imported_is_ctrl_c(folder):
    (folder / "mine.py").write_text("raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        plugins.load(str(folder / "mine.py"))


def test_an_entry_point_is_loaded_by_what_it_names(package):
    assert plugins.load(package + ".a:PLUGIN").name == "alpha"
    with pytest.raises(WorkerFault, match=r"a:NOTHING can't be imported \(AttributeError"):
        plugins.load(package + ".a:NOTHING")


def test_folders_are_listed_in_the_environment(tmp_path):
    listed = os.pathsep.join([str(tmp_path), "", "~"])
    assert plugins.model_folders({"SUITE_MODELS_PATH": listed}) == (str(tmp_path), str(Path.home()))
    assert plugins.model_folders({}) == ()


def test_every_plug_in_of_the_worker_can_be_imported():
    assert "eager" in plugins.discover(plugins.RUNTIMES)
    plugins.discover(plugins.MODELS)
