"""Tests on a real engine: `make test-images` runs them. `make test` leaves them out by their marker.

The bases are those of pins.env, or what SUITE_TEST_BASE_X86 and SUITE_TEST_BASE_ARM64 name, for where no registry of
theirs can be reached. Without the latter the arm64 image is left out: elsewhere than on arm64 it needs emulation.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PERSON = 1234  # a user and group id that nobody has: files of a run must come out as theirs
MEMORY = "2g"


@dataclass(frozen=True)
class Image:
    name: str

    def inspected(self) -> dict:
        return json.loads(output(["docker", "image", "inspect", self.name]))[0]

    @property
    def digest(self) -> str:
        return self.inspected()["Id"]

    @property
    def labels(self) -> dict[str, str]:
        return self.inspected()["Config"]["Labels"]

    def shell(self, script: str) -> str:
        return output(["docker", "run", "--rm", "--network=none", "--entrypoint=sh", self.name, "-c", script])


def output(command: Sequence[str], **environ: str) -> str:
    """Standard output of a command that must succeed."""
    done = run(command, **environ)
    assert done.returncode == 0, f"{' '.join(command)}: status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def run(command: Sequence[str], **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=REPOSITORY, env=os.environ | environ, capture_output=True, text=True, check=False, timeout=1800
    )


def build(platform: str, base: str | None, *options: str) -> Image:
    output(["make", f"build-{platform}", *([f"BASE={base}"] if base else []), *options])
    return Image(f"suite:{platform}")


@pytest.fixture(scope="session")
def x86() -> Image:
    return build("x86", os.environ.get("SUITE_TEST_BASE_X86"))


@pytest.fixture(scope="session")
def arm64() -> Image:
    base = os.environ.get("SUITE_TEST_BASE_ARM64")
    if base is None:
        pytest.skip("SUITE_TEST_BASE_ARM64 names no base to build the arm64 image on")
    return build("arm64", base, f"TORCH_LOCK={os.environ.get('SUITE_TEST_TORCH_LOCK_ARM64', 'torch-arm64.txt')}")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A person's results folder, and a Compose file that puts it in the place of ./results."""
    folder = tmp_path / "results"
    folder.mkdir()
    os.chown(folder, PERSON, PERSON)
    volume = {"type": "bind", "source": str(folder), "target": "/work/results", "bind": {"create_host_path": False}}
    (tmp_path / "compose.json").write_text(json.dumps({"services": {"suite": {"volumes": [volume]}}}))
    return folder


def compose(results: Path, image: str, *arguments: str, files: Sequence[str] = ("compose.yaml",), **environ: str):
    """`docker compose run --rm suite ...` as the person, in a memory of 2 GB."""
    return run(
        ["docker", "compose", "run", "--rm", "suite", *arguments],
        COMPOSE_FILE=":".join([*files, str(results.parent / "compose.json")]),
        SUITE_UID=str(PERSON),
        SUITE_GID=str(PERSON),
        SUITE_MEMORY=MEMORY,
        SUITE_IMAGE=image,
        **environ,
    )
