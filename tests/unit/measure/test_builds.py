"""The folder of built files keeps its bound."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from suite.errors import UsageError
from suite.measure import builds
from suite.measure.builds import Builds


def artefact(folder: Path, name: str, size_bytes: int, used_s: float) -> Path:
    path = folder / name
    path.mkdir()
    (path / "graph").write_bytes(b"x" * size_bytes)
    os.utime(path, (used_s, used_s))
    return path


def made(folder: Path, max_gb: str = "1e-6") -> Builds:
    return Builds({"SUITE_BUILDS": str(folder), "SUITE_BUILDS_MAX_GB": max_gb})


def test_where_it_is() -> None:
    assert builds.folder_of({"SUITE_BUILDS": "/b"}) == Path("/b")
    assert builds.folder_of({"XDG_CACHE_HOME": "/c"}) == Path("/c/suite/builds")
    assert builds.max_bytes_of({}) == 8_000_000_000


@pytest.mark.parametrize("text", ["much", "0", "-1", "nan", "inf"])
def test_a_bound_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"SUITE_BUILDS_MAX_GB: .* is no number of gigabytes; give one above 0"):
        builds.max_bytes_of({"SUITE_BUILDS_MAX_GB": text})


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    old, middle, new = (artefact(tmp_path, name, 400, used_s) for name, used_s in (("a", 1), ("b", 2), ("c", 3)))
    assert made(tmp_path).make_room(None, now_s=10.0) == (old,)
    assert sorted(tmp_path.iterdir()) == [middle, new]


def test_what_is_about_to_run_stays_though_it_alone_is_too_large(tmp_path: Path) -> None:
    kept = artefact(tmp_path, "a", 2000, 1)
    other = artefact(tmp_path, "b", 1, 2)
    assert made(tmp_path).make_room(kept, now_s=10.0) == (other,)
    assert list(tmp_path.iterdir()) == [kept]


def test_builds_that_were_cut_off_go_after_a_day(tmp_path: Path) -> None:
    stale = artefact(tmp_path, ".part-a-1", 1, 0.0)
    artefact(tmp_path, ".part-b-2", 1, 90_000.0)
    assert made(tmp_path).make_room(None, now_s=90_001.0) == (stale,)


def test_a_folder_that_cannot_be_written_to_gives_way_to_a_temporary_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = made(tmp_path / "file" / "builds")
    folder = found.folder()
    assert (found.is_temporary, folder.is_dir()) == (True, True)
    assert found.folder() == folder
    found.close()
    assert not folder.exists()
