"""The x86-64 image: what is in it, and the battery in it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from suite.pinned import lock as models_lock
from suite.records import store
from tests.images.conftest import PERSON, REPOSITORY, Image, compose, output, run

pytestmark = pytest.mark.images


def test_help_comes_from_the_bare_image(x86):
    assert output(["docker", "run", "--rm", x86.name, "--help"]).startswith("Usage: suite")


def test_the_image_says_what_it_was_made_from(x86):
    labels = x86.labels
    head = output(["git", "rev-parse", "HEAD"]).strip()
    assert labels["org.opencontainers.image.revision"].removesuffix("-dirty") == head
    assert labels["org.opencontainers.image.version"]
    assert labels["org.opencontainers.image.base.name"]
    assert len(labels["org.suite.lock.sha256"]) == 64
    assert labels["org.suite.models"] == "seeded"


def test_nobody_in_the_image_is_root_and_nothing_can_compile(x86):
    assert x86.shell("id -u") == "10001\n"
    assert x86.shell("command -v gcc cc g++ c++ make ld; true") == ""


def test_nothing_that_the_build_needed_is_left(x86):
    """Caches of pip and apt, wheels, headers, tests of packages."""
    left = "find /tmp /root/.cache /var/cache/apt/archives -type f ! -name lock 2>/dev/null; find /opt -name '*.whl'; "
    assert (
        x86.shell(left + "find /opt -type d -name tests; ls -d /opt/suite/lib/*/site-packages/torch/include; true")
        == ""
    )


def test_no_file_of_the_program_can_be_changed_by_who_runs_it(x86):
    assert x86.shell("find /opt/suite ! -type l -writable | head -n 3") == ""


@pytest.fixture
def no_models() -> Iterator[Path]:
    """The folder ./models of this checkout, not there before and after."""
    folder = REPOSITORY / "models"
    if folder.exists():
        pytest.skip("there is a folder ./models")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def layers(image: Image) -> list[str]:
    return image.inspected()["RootFS"]["Layers"]


@pytest.mark.usefixtures("x86", "no_models")
def test_pinned_models_that_are_not_there_stop_a_build_with_one_line():
    done = run(["make", "build-x86"], MODELS="pinned")
    assert done.returncode != 0
    assert "MODELS=pinned: ./models is not there, or holds no file; fetch it with 'make models'" in done.stderr


def test_pinned_models_are_a_layer_of_their_own_that_everybody_can_read(x86, no_models, pinned_tokenizer):
    place = no_models / pinned_tokenizer
    place.mkdir(parents=True, mode=0o700)
    (place / "vocab.txt").write_bytes(b"words")
    (place / "vocab.txt").chmod(0o600)
    (place / "vocab.txt.part").touch()
    pinned = Image("suite:test-pinned")
    try:
        output(["docker/build", "x86", "--load", "--tag", pinned.name], MODELS="pinned")
        assert pinned.labels["org.suite.models"] == "pinned"
        assert (
            pinned.shell(f"cat $SUITE_WEIGHTS/{pinned_tokenizer}/vocab.txt; find $SUITE_WEIGHTS -type f | wc -l")
            == "words1\n"
        )
        differing = [mine != other for mine, other in zip(layers(pinned), layers(x86), strict=True)]
        assert sum(differing) == 2  # the other is the program's, which has models.lock
    finally:
        run(["docker", "image", "rm", "--force", pinned.name])


@pytest.fixture
def pinned_tokenizer() -> Iterator[Path]:
    """The place of a tokenizer whose one file is the text "words", under ./models: models.lock is put back after."""
    lock = REPOSITORY / "models.lock"
    before = lock.read_bytes()
    pin = {
        "repository": "nobody/tiny",
        "revision": "ab" * 20,
        "licence": "none stated",
        "files": [{"path": "vocab.txt", "size_bytes": 5, "sha256": hashlib.sha256(b"words").hexdigest()}],
    }
    lock.write_text(json.dumps(json.loads(before) | {"tokenizers": {"tiny": pin}}))
    yield Path("tiny") / pin["revision"]
    lock.write_bytes(before)


def test_a_wheelhouse_serves_a_build_without_a_network(x86):
    if not list((REPOSITORY / "wheelhouse").glob("torch-*x86_64.whl")):
        pytest.skip("wheelhouse/ is empty: make wheelhouse")
    offline = Image("suite:test-offline")
    try:
        output(["docker/build", "x86", "--load", "--network", "none", "--tag", offline.name])
        assert layers(offline) == layers(x86)  # to the byte, times included
    finally:
        run(["docker", "image", "rm", "--force", offline.name])


def test_the_battery_runs_in_2_gb_and_its_results_are_the_persons(x86, results):
    done = compose(results, x86.name, "all", "--quick", "--out", "results/run", SUITE_IMAGE_DIGEST=x86.digest)
    assert done.returncode in (0, 1), done.stdout + done.stderr  # 1: energy can't be measured here
    assert {path.stat().st_uid for path in results.rglob("*")} == {PERSON}
    assert (results / "run" / "report.md").stat().st_size > 1000

    run = store.load(results / "run")
    assert run.missing() == ()
    lock = models_lock.load().models
    counted = {r.task.model: r.parameters.unique_count for r in run.records if r.task.test == "params"}
    assert counted == {name: model.unique_parameter_count for name, model in lock.items() if name in counted}
    assert len(counted) == 4
    timed = [record for record in run.records if record.provenance is not None]
    assert {record.task.model for record in timed} == set(counted)
    assert all(record.provenance.weights_sha256 == lock[record.task.model].weights_sha256 for record in timed)
    for record in run.records:
        assert record.host.container_image_digest == x86.digest
        assert record.host.git_commit == x86.labels["org.opencontainers.image.revision"]
        assert record.host.lock_sha256 == x86.labels["org.suite.lock.sha256"]
        assert record.host.memory_limit_bytes == 2 * 2**30
