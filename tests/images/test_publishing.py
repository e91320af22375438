"""Published, deleted here, pulled by its digest: the image that a teammate runs is the image that was published."""

from __future__ import annotations

import os
import re

import pytest

from suite import models_lock, store
from tests.images.conftest import compose, output, run

pytestmark = [pytest.mark.images, pytest.mark.usefixtures("x86")]


@pytest.fixture
def registry() -> str:
    name = os.environ.get("SUITE_TEST_REGISTRY")
    return name or pytest.skip("SUITE_TEST_REGISTRY names no registry to publish to")


def test_a_published_image_is_pulled_by_its_digest_and_computes_the_same(registry, results):
    said = output(["docker/publish", registry, "test", "x86"])
    (digest,) = re.findall(r"^x86: (\S+@sha256:[0-9a-f]{64})$", said, re.MULTILINE)
    (listed,) = re.findall(r"SUITE_IMAGE=(\S+@sha256:[0-9a-f]{64}) docker compose run", said)
    platforms = output(["docker", "buildx", "imagetools", "inspect", "--raw", listed])
    assert digest.split("@")[1] in platforms

    output(["docker", "image", "rm", "--force", f"{registry}/suite:test-x86", digest])
    assert run(["docker", "image", "inspect", listed]).returncode != 0
    output(["docker", "pull", "--quiet", listed])

    done = compose(results, listed, "params", "--out", "results/run")
    assert done.returncode == 0, done.stdout + done.stderr
    records = store.load(results / "run").records
    assert {record.host.container_image_digest for record in records} == {listed.split("@")[1]}
    locked = {name: model.unique_parameter_count for name, model in models_lock.load().models.items()}
    assert {record.task.model: record.parameters.unique_count for record in records} == locked


def test_what_is_not_committed_or_not_pinned_is_not_published(registry):
    refused = run(["make", "publish", f"REGISTRY={registry}", "BASE=debian:12", "DIRTY="])
    assert refused.returncode != 0
    assert "the base debian:12 is not pinned by a digest" in refused.stdout
    refused = run(["make", "publish", f"REGISTRY={registry}", "DIRTY=1"])
    assert refused.returncode != 0
    assert "commit first" in refused.stdout


def test_an_unresolved_pin_is_looked_up_where_its_registry_answers(registry, tmp_path):
    said = output(["docker/publish", registry, "test", "x86"])
    (listed,) = re.findall(r"SUITE_IMAGE=(\S+@sha256:[0-9a-f]{64}) ", said)
    pins = tmp_path / "pins.env"
    pins.write_text(f"A_BASE={registry}/suite:test\nB_BASE={registry}/suite:absent\nC_BASE=x@sha256:12\n")
    done = run(["docker/resolve-pins", str(pins)])
    assert done.returncode == 3
    assert f"{registry}/suite:absent stays unresolved" in done.stderr
    first, second, third = pins.read_text().splitlines()
    assert first == f"A_BASE={registry}/suite:test@{listed.split('@')[1]}"
    assert (second, third) == (f"B_BASE={registry}/suite:absent", "C_BASE=x@sha256:12")
