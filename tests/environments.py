"""Virtual environments with packages that the suite itself does not depend on, made when a test first needs them."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

CACHE = Path(__file__).parents[1] / ".cache" / "environments"  # git ignores it
INSTALL_DEADLINE_S = 300.0


def environment(requirement: str) -> Path:
    """The folder of an environment that holds the requirement (NAME==VERSION), with this Python.

    Skips the test, saying so, where the package can't be had: the tests that run without a network go on.
    """
    name = f"{requirement.replace('==', '-')}-python{sys.version_info[0]}.{sys.version_info[1]}"
    folder = CACHE / name
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs of the tests may want it at once
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _install(folder, requirement)
            (folder / "complete").touch()
    return folder


def _install(folder: Path, requirement: str) -> None:
    venv.create(folder, with_pip=True)
    command = [folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "-q", "install", requirement]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_DEADLINE_S)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"{requirement} can't be installed here: {error.stderr.strip().splitlines()[-1]}")
    except subprocess.TimeoutExpired:
        pytest.skip(f"{requirement} can't be installed here: no answer for {INSTALL_DEADLINE_S:g} s")
