"""Built files, found again where all is the same and whole."""

import json
import os
from pathlib import Path

import pytest

from suite.worker import artefacts
from suite.worker.outcome import WorkerFault

KEY = artefacts.key_of({"model": "m"})


@pytest.fixture
def folder(tmp_path):
    """With one artefact of one file."""
    with artefacts.being_built(str(tmp_path), KEY) as part:
        (Path(part) / "g.onnx").write_text("graph")
        artefacts.keep(str(tmp_path), KEY, part, {"told": {}})
    return tmp_path


def test_a_whole_artefact_is_found(folder):
    found = artefacts.found(str(folder), KEY)
    assert found is not None
    assert found["folder"] == str(folder / KEY)
    assert found["size_bytes"] == 5
    assert sorted(path.name for path in folder.iterdir()) == [KEY]


def test_its_use_is_noted(folder):
    os.utime(str(folder / KEY), (1.0, 1.0))
    artefacts.found(str(folder), KEY)
    assert (folder / KEY).stat().st_mtime > 1e9


def test_other_content_is_another_key():
    assert artefacts.key_of({"model": "n"}) != KEY
    assert artefacts.key_of({"model": "m"}) == KEY


@pytest.mark.parametrize("harm", ["changed", "gone", "no description", "cut off", "other"])
def test_a_broken_one_is_not_trusted(folder, harm):
    graph, description = folder / KEY / "g.onnx", folder / KEY / artefacts.DESCRIPTION
    if harm == "changed":
        graph.write_text("grAph")
    elif harm == "gone":
        graph.unlink()
    elif harm == "no description":
        description.unlink()
    elif harm == "cut off":
        description.write_text(description.read_text()[:-3])
    else:
        description.write_text(json.dumps(["x"]))
    assert artefacts.found(str(folder), KEY) is None


def test_what_is_built_anew_takes_the_place_of_the_broken_one(folder):
    (folder / KEY / "g.onnx").write_text("broken")
    with artefacts.being_built(str(folder), KEY) as part:
        (Path(part) / "h.onnx").write_text("new")
        artefacts.keep(str(folder), KEY, part, {"told": {}})
    assert sorted(path.name for path in (folder / KEY).iterdir()) == [artefacts.DESCRIPTION, "h.onnx"]


def test_a_build_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="oh"), artefacts.being_built(str(tmp_path), KEY):
        raise ValueError("oh")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkerFault, match="SUITE_BUILDS") as caught, artefacts.being_built(str(tmp_path / "file"), KEY):
        pass
    assert caught.value.code == "BUILDS_UNWRITABLE"
