"""Plug-ins are found in a package, in the user's folders and by entry points, and bad ones are named."""

import importlib
import os
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


def fault_of(package_name, *folders):
    with pytest.raises(WorkerFault) as caught:
        plugins.discover(package_name, [str(folder) for folder in folders])
    assert caught.value.code == "BAD_PLUGIN"
    return caught.value.reason


def test_the_modules_of_a_package_come_in_alphabetical_order(package):
    assert list(plugins.discover(package)) == ["alpha", "beta"]


def test_a_file_of_the_user_s_folder_is_a_plug_in(package, folder):
    (folder / "mine.py").write_text(GOOD.format("mine"))
    (folder / "_helper.py").write_text("raise RuntimeError('no plug-in')\n")
    (folder / "notes.txt").write_text("no plug-in")
    assert list(plugins.discover(package, [str(folder)])) == ["alpha", "beta", "mine"]


def test_a_file_is_run_once_however_often_it_is_found(package, folder):
    (folder / "mine.py").write_text(GOOD.format("mine"))
    first, second = (plugins.discover(package, [str(folder)])["mine"] for _ in range(2))
    assert first is second


def test_a_plug_in_is_found_by_its_name(package):
    assert plugins.get(package, "beta").name == "beta"


def test_an_unknown_name_is_answered_with_those_there_are(package):
    with pytest.raises(WorkerFault) as caught:
        plugins.get(package, "gamma")
    assert (caught.value.code, caught.value.remedy) == ("UNKNOWN_PLUGIN", "Use one of alpha, beta")


def test_a_name_that_is_taken_is_refused_and_both_files_named(package, folder):
    (folder / "mine.py").write_text(GOOD.format("alpha"))
    assert fault_of(package, folder) == "{} is named 'alpha', as {}.a is".format(folder / "mine.py", package)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("answer = 42\n", "has no PLUGIN"),
        (GOOD.format(""), "has a plug-in without a name"),
        ("import no_such_module_anywhere\n", "can't be imported (ModuleNotFoundError: No module named"),
        ("def broken(:\n", "can't be imported (SyntaxError:"),
    ],
)
def test_a_file_that_is_no_plug_in_is_named_with_the_reason(package, folder, content, reason):
    (folder / "mine.py").write_text(content)
    assert fault_of(package, folder).startswith("{} {}".format(folder / "mine.py", reason))


def test_a_folder_that_is_not_there_is_named(package, folder):
    assert fault_of(package, folder / "none").startswith(str(folder / "none"))


def test_folders_are_listed_in_the_environment(tmp_path):
    listed = os.pathsep.join([str(tmp_path), "", "~"])
    assert plugins.model_folders({"SUITE_MODELS_PATH": listed}) == (str(tmp_path), str(Path.home()))
    assert plugins.model_folders({}) == ()


def test_every_plug_in_of_the_worker_can_be_imported():
    assert "eager" in plugins.discover(plugins.RUNTIMES)
    plugins.discover(plugins.MODELS)
