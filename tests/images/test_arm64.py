"""The arm64 image, emulated where the machine is another: the same parameters, weights and inputs as everywhere."""

from __future__ import annotations

import pytest

from suite import models_lock, store
from tests.images.conftest import compose

pytestmark = pytest.mark.images
FILES = ("compose.yaml", "docker/compose.arm64.yaml")
MODEL = "et-human"


def test_an_arm64_machine_computes_with_the_same_weights_and_inputs(arm64, results):
    for command in (["params"], ["latency", "--batch-size", "1", "--time-limit", "5"]):
        done = compose(results, arm64.name, *command, "--model", MODEL, "--out", f"results/{command[0]}", files=FILES)
        assert done.returncode == 0, done.stdout + done.stderr
    locked = models_lock.load().models[MODEL]

    (counted,) = store.load(results / "params").records
    assert counted.host.architecture == "aarch64"
    assert counted.parameters.unique_count == locked.unique_parameter_count

    (timed,) = store.load(results / "latency").records
    assert timed.provenance.weights_sha256 == locked.weights_sha256
    assert timed.provenance.inputs_sha256 == locked.inputs_sha256
