from __future__ import annotations

import hashlib
import subprocess

import pytest

from suite.host import lock_sha256
from suite.host.software import git_commit, locks_sha256
from suite.host.system import System


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A git checkout with one committed file, untouched by the configuration of whoever runs the tests."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "cli.py").write_text("x = 1\n")
    for arguments in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", "one"],
    ):
        subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True)
    return tmp_path


def head(checkout):
    return subprocess.check_output(["git", "-C", str(checkout), "rev-parse", "HEAD"], text=True).strip()


def test_a_clean_checkout_is_its_commit(checkout):
    assert git_commit(checkout) == head(checkout)
    assert len(head(checkout)) == 40


def test_results_beside_the_package_leave_it_clean(checkout):
    (checkout / "results").mkdir()
    (checkout / "results" / "run.json").write_text("{}")
    assert git_commit(checkout) == head(checkout)


def test_a_changed_file_makes_it_dirty(checkout):
    (checkout / "suite" / "cli.py").write_text("x = 2\n")
    assert git_commit(checkout) == head(checkout) + "-dirty"


def test_a_new_plug_in_makes_it_dirty(checkout):
    (checkout / "suite" / "mine.py").write_text("PLUGIN = None\n")
    assert git_commit(checkout) == head(checkout) + "-dirty"


def test_a_folder_inside_another_checkout_has_no_commit(checkout):
    assert git_commit(checkout / "suite") is None


def test_without_git_there_is_no_commit(checkout, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert git_commit(checkout) is None


def test_a_broken_checkout_has_no_commit(tmp_path):
    (tmp_path / ".git").mkdir()
    assert git_commit(tmp_path) is None


@pytest.mark.parametrize(
    ("kind", "architecture", "name"),
    [("Linux", "x86_64", "x86"), ("Linux", "aarch64", "arm64"), ("Darwin", "arm64", "macos")],
)
def test_the_lock_of_this_platform_and_its_torch_are_hashed_together(tmp_path, kind, architecture, name):
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / f"{name}.txt").write_text("numpy==2.4\n")
    (tmp_path / "locks" / f"torch-{name}.txt").write_text("torch==2.13\n")
    system = System(kind=kind, architecture=architecture, environ={})
    assert lock_sha256(tmp_path, system) == hashlib.sha256(b"numpy==2.4\ntorch==2.13\n").hexdigest()


def test_on_a_jetson_both_pythons_have_a_lock_and_torch_may_be_in_the_base(tmp_path):
    (tmp_path / "locks").mkdir()
    for name in ("jetson", "jetson4", "jetson6", "torch-jetson6", "jtop-4.3"):
        (tmp_path / "locks" / f"{name}.txt").write_text(f"{name}\n")
    assert locks_sha256(tmp_path, "jetson4") == hashlib.sha256(b"jetson\njetson4\n").hexdigest()
    assert locks_sha256(tmp_path, "jetson6") == hashlib.sha256(b"jetson\njetson6\ntorch-jetson6\n").hexdigest()
    assert locks_sha256(tmp_path, "jetson9") is None


def test_an_image_says_its_commit_itself(checkout):
    assert git_commit(checkout, System(environ={"SUITE_GIT_COMMIT": "ab12-dirty"})) == "ab12-dirty"


def test_an_image_without_a_commit_leaves_it_to_the_checkout(checkout):
    assert git_commit(checkout, System(environ={"SUITE_GIT_COMMIT": ""})) == head(checkout)


def test_an_image_says_its_lock_itself(tmp_path):
    assert lock_sha256(tmp_path, System(environ={"SUITE_LOCK_SHA256": "ab12"})) == "ab12"


def test_without_a_lock_there_is_no_hash(tmp_path):
    assert lock_sha256(tmp_path, System(environ={})) is None
