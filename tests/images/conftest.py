"""Tests on a real engine: `make test-images` runs them. `make test` leaves them out by their marker.

The images are built as `make build-...` builds them, from pins.env. Where no registry of images can be reached,
settings in the environment stand in for pins: tests/images/standins prints some.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PERSON = 1234  # a user and group id that nobody has: files of a run must come out as theirs
MEMORY = "2g"
DEADLINE_S = 1800


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

    @property
    def platform(self) -> str:
        return f"linux/{self.inspected()['Architecture']}"

    def shell(self, script: str) -> str:
        options = ("--rm", "--network=none", f"--platform={self.platform}", "--entrypoint=sh")
        return output(["docker", "run", *options, self.name, "-c", script])


def output(command: Sequence[str], **environ: str) -> str:
    """Standard output of a command that must succeed."""
    done = run(command, **environ)
    assert done.returncode == 0, f"{' '.join(command)}: status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def run(command: Sequence[str], **environ: str) -> subprocess.CompletedProcess[str]:
    # As typed by a person, also where `make test-images` runs this: a make within make says more.
    inherited = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    return subprocess.run(
        command,
        cwd=REPOSITORY,
        env=inherited | environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
    )


def build(platform: str, *options: str) -> Image:
    began_s = time.monotonic()
    output(["make", f"build-{platform}", *options])
    print(f"suite:{platform} was built in {time.monotonic() - began_s:.0f} s")
    return Image(f"suite:{platform}")


def must_run(image: Image) -> Image:
    """Skips where this engine can't start it: no emulation of its architecture is installed."""
    started = run(["docker", "run", "--rm", f"--platform={image.platform}", image.name, "--version"])
    if "exec format error" in started.stdout + started.stderr:
        pytest.skip(f"{image.name} was built, and this machine can't run {image.platform}: install qemu-user-static")
    return image


@pytest.fixture(scope="session")
def x86() -> Image:
    return must_run(build("x86"))


@pytest.fixture(scope="session")
def arm64() -> Image:
    return must_run(build("arm64"))


@pytest.fixture(scope="session")
def jetson() -> Image:
    return must_run(build("jetson6"))


@cache
def older_jetson(jetpack: int) -> Image:
    """The image of JetPack 4 or 5. Skips where bases are stand-ins and this machine has none for it."""
    if os.environ.get("BUILD_BASE", "").startswith("standin/") and f"JETSON{jetpack}_BASE" not in os.environ:
        pytest.skip(f"no stand-in for the base of JetPack {jetpack}: this machine lacks its Python")
    return must_run(build(f"jetson{jetpack}"))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A person's results folder, and a Compose file that puts it in the place of ./results."""
    folder = tmp_path / "results"
    folder.mkdir()
    os.chown(folder, PERSON, PERSON)
    mount(tmp_path, folder, "/work/results")
    return folder


def mount(place: Path, *pairs: Path | str, read_only: bool = False) -> None:
    """Adds a mount, source and target, to the Compose file of a test."""
    source, target = map(str, pairs)
    file = place / "compose.json"
    content = json.loads(file.read_text()) if file.exists() else {"services": {"suite": {"volumes": []}}}
    content["services"]["suite"]["volumes"].append(
        {
            "type": "bind",
            "source": source,
            "target": target,
            "read_only": read_only,
            "bind": {"create_host_path": False},
        }
    )
    file.write_text(json.dumps(content))


def settings(results: Path, image: str, files: Sequence[str]) -> dict[str, str]:
    """What `.env` and make would tell Compose: the person, in a memory of 2 GB."""
    return {
        "COMPOSE_FILE": ":".join([*files, str(results.parent / "compose.json")]),
        "SUITE_UID": str(PERSON),
        "SUITE_GID": str(PERSON),
        "SUITE_MEMORY": MEMORY,
        "SUITE_IMAGE": image,
        "COMPOSE_DISABLE_ENV_FILE": "1",  # a developer's own
    }


def compose(results: Path, image: str, *arguments: str, files: Sequence[str] = ("compose.yaml",), **environ: str):
    """`docker compose run --rm suite ...` as the person."""
    return run(["docker", "compose", "run", "--rm", "suite", *arguments], **settings(results, image, files) | environ)


@pytest.fixture
def dot_env() -> Iterator[Path]:
    """The checkout's .env, put back after a test in which `make env` writes it."""
    file = REPOSITORY / ".env"
    before = file.read_bytes() if file.exists() else None
    yield file
    if before is None:
        file.unlink(missing_ok=True)
    else:
        file.write_bytes(before)
