"""Commands about the engine, asked of a real one: its answers, and each way to fail as one line with a remedy."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.images.conftest import REPOSITORY, run

pytestmark = pytest.mark.images
SUITE = str(Path(sys.executable).with_name("suite"))
# Asked once as root, so that everything is imported: the interpreter's files may be for root alone.
ASK_AS_NOBODY = """
import os
from suite.fleet.engine import Engine
from suite.errors import EngineError
Engine().facts()
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
try:
    Engine().facts()
except EngineError as error:
    print(error)
"""


def test_an_image_that_was_just_built_fits_this_checkout(x86):
    done = run([SUITE, "image", "info", x86.name])
    assert (done.returncode, done.stderr) == (0, "")
    assert "doubt" not in done.stdout
    assert run([SUITE, "image", "digest", x86.name]).stdout.strip().rpartition("@")[2].startswith("sha256:")
    (told,) = (line for line in run([SUITE, "doctor"]).stdout.splitlines() if f"image {x86.name} " in line)
    assert "fits this checkout" in told


def test_an_image_of_another_architecture_is_told(x86, arm64):
    told = run(["docker", "info", "--format", "{{.OSType}}/{{.Architecture}}"]).stdout.strip()
    native = {"linux/x86_64": x86, "linux/aarch64": arm64}[told]
    (foreign,) = {x86, arm64} - {native}
    done = run([SUITE, "image", "info", foreign.name])
    assert done.returncode == 1
    assert f"{foreign.name} is for {foreign.platform}, and this engine runs {native.platform}" in done.stdout


def test_an_image_that_is_not_there_is_one_line_with_what_to_do():
    done = run([SUITE, "image", "info", "suite:nothing"])
    assert done.returncode == 3
    assert done.stderr == (
        "suite: error: suite:nothing: this engine has no such image; docker pull it, or build one with make\n"
    )


def test_no_engine_is_one_line_with_what_to_do(tmp_path):
    done = run([SUITE, "image", "info"], DOCKER_HOST=f"unix://{tmp_path}/nothing.sock")
    assert done.returncode == 3
    assert done.stderr.startswith("suite: error: no Docker engine answers; start it (sudo systemctl start docker")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not use the engine")
def test_no_permission_on_the_engines_socket_is_one_line_with_what_to_do():
    done = subprocess.run(
        [sys.executable, "-c", ASK_AS_NOBODY], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("no permission on the Docker engine's socket; sudo usermod -aG docker $USER")
    assert done.stdout.count("\n") == 1
