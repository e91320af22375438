"""Which image make measures in: docker/image with a stand-in for docker and for git. Needs no engine."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.images.conftest import REPOSITORY

HEAD, OTHER = "a" * 40, "b" * 40
# HERE: the images of the engine; COMMIT and MODELS_LABEL: the labels of each; BUILDS: whether a build succeeds.
DOCKER = """#!/bin/sh
echo "$*" >>"$CALLS"
for name; do :; done
case "$1 $2" in
    "image inspect")
        case " $HERE " in *" $name "*) ;; *) exit 1 ;; esac
        case "$*" in *revision*) echo "$COMMIT" ;; *suite.models*) echo "$MODELS_LABEL" ;;
        *version*) echo 0.0.9 ;; esac ;;
    "buildx build") [ "$BUILDS" = yes ] || { echo "ERROR: the network is down" >&2; exit 1; } ;;
esac
"""
GIT = """#!/bin/sh
case "$1" in
    rev-parse) [ -n "$HEAD" ] && echo "$HEAD" ;;
    status) [ -z "$DIRTY" ] || echo " M suite/units.py" ;;
esac
"""


def ensured(folder: Path, **environ: str) -> tuple[int, str, bool]:
    """Status, what was said, and whether anything was built."""
    for name, script in (("docker", DOCKER), ("git", GIT)):
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    (folder / "calls").touch()
    bases = "python:x debian:x"
    world = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "CALLS": str(folder / "calls"),
        "HERE": bases,
        "COMMIT": HEAD,
        "MODELS_LABEL": "seeded",
        "BUILDS": "yes",
        "HEAD": HEAD,
        "DIRTY": "",
        "X86_BASE": "python:x",
        "BUILD_BASE": "debian:x",
        "SUITE_IMAGE": "",
        "MODELS": "seeded",
    }
    environ["HERE"] = f"{bases} {environ.get('HERE', '')}"
    done = subprocess.run(
        ["docker/image", "x86"],
        cwd=REPOSITORY,
        env=os.environ | world | environ,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr, "buildx build" in (folder / "calls").read_text()


def test_an_image_of_this_commit_is_taken_as_it_is(tmp_path):
    assert ensured(tmp_path, HERE="suite:x86") == (0, "", False)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"HERE": "suite:x86", "COMMIT": OTHER},
        {"HERE": "suite:x86", "DIRTY": "yes"},
        {"HERE": "suite:x86", "MODELS": "pinned"},
    ],
)
def test_another_than_this_commit_with_these_models_is_built(tmp_path, environ):
    status, _, built = ensured(tmp_path, **environ)
    assert (status, built) == (0, True)


@pytest.mark.parametrize("image", ["r.example/suite@sha256:" + "ab" * 32, "suite:mine"])
def test_an_image_that_a_person_names_wins(tmp_path, image):
    assert ensured(tmp_path, HERE=f"{image} suite:x86", COMMIT=OTHER, SUITE_IMAGE=image) == (0, "", False)


@pytest.mark.parametrize(
    ("image", "remedy"),
    [
        ("r.example/suite@sha256:ab", "docker pull r.example/suite@sha256:ab\n"),
        ("nope", "make build-x86 builds suite:x86, make load-x86 loads one that was saved\n"),
    ],
)
def test_an_image_that_a_person_names_and_that_is_not_here_is_never_replaced(tmp_path, image, remedy):
    status, said, built = ensured(tmp_path, HERE="suite:x86", SUITE_IMAGE=image)
    assert (status, built) == (2, False)
    assert said.startswith(f"docker/image: there is no image {image} in this engine: ")
    assert said.endswith(remedy)


def test_where_nothing_can_be_built_the_image_that_is_here_serves_and_the_difference_is_said(tmp_path):
    status, said, built = ensured(tmp_path, HERE="suite:x86", COMMIT=OTHER, BUILDS="no")
    assert (status, built) == (0, True)
    assert said.splitlines()[-1] == (
        "docker/image: suite:x86 could not be built (see above): the one that is here is taken, of commit "
        f"{OTHER}, where this checkout is at {HEAD}"
    )


def test_a_folder_without_git_takes_what_was_loaded_and_says_what_it_is(tmp_path):
    status, said, built = ensured(tmp_path, HERE="suite:x86", COMMIT=OTHER, HEAD="")
    assert (status, built) == (0, False)
    assert f"of version 0.0.9, commit {OTHER}; make build-x86 builds another" in said


@pytest.mark.parametrize(
    "environ", [{}, {"HERE": "suite:x86", "DIRTY": "yes"}, {"HERE": "suite:x86", "MODELS": "pinned"}]
)
def test_what_serves_no_purpose_of_this_run_is_no_stand_in_for_a_build_that_failed(tmp_path, environ):
    """Nothing is here; an image without the changes of this checkout; one without the weights."""
    status, _, built = ensured(tmp_path, BUILDS="no", **environ)
    assert (status, built) == (1, True)
