"""The arm64 image, emulated where the machine is another: the same parameters, weights and inputs as everywhere."""

from __future__ import annotations

import pytest

from suite import models_lock, store
from tests.images.conftest import compose

pytestmark = pytest.mark.images
FILES = ("compose.yaml", "docker/compose.arm64.yaml")
MODEL = "et-human"
# One size and two calls: emulation takes seconds for a call.
PLAN = """
name = "small"
description = "one size, two calls"
models = ["et-human"]
tests = ["latency"]
batch_size = [1]
[repetition]
min_call_count = 2
max_call_count = 2
time_limit_s = 1.0
warmup_min_call_count = 1
warmup_max_call_count = 1
"""


def test_an_arm64_machine_counts_the_same_parameters(arm64, results):
    names = ("et-human", "et-human-synthetic")  # the others need a newer torch than every index has for arm64
    options = [word for name in names for word in ("--model", name)]
    done = compose(results, arm64.name, "params", *options, "--out", "results/params", files=FILES)
    assert done.returncode == 0, done.stdout + done.stderr
    records = store.load(results / "params").records
    assert {record.host.architecture for record in records} == {"aarch64"}
    locked = {name: models_lock.load().models[name].unique_parameter_count for name in names}
    assert {record.task.model: record.parameters.unique_count for record in records} == locked


def test_an_arm64_machine_computes_with_the_same_weights_and_inputs(arm64, results):
    (results / "small.toml").write_text(PLAN)
    done = compose(results, arm64.name, "all", "--plan", "results/small.toml", "--out", "results/run", files=FILES)
    assert done.returncode == 0, done.stdout + done.stderr
    (record,) = store.load(results / "run").records
    locked = models_lock.load().models[MODEL]
    assert record.latency.blocks
    assert record.provenance.weights_sha256 == locked.weights_sha256
    assert record.provenance.inputs_sha256 == locked.inputs_sha256
