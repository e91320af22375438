"""The arm64 image, emulated where the machine is another: the same parameters, weights and inputs as everywhere."""

from __future__ import annotations

import pytest

from suite.pinned import lock as models_lock
from suite.records import store
from tests.images.conftest import compose

pytestmark = pytest.mark.images
FILES = ("compose.yaml", "docker/compose.arm64.yaml")
MODEL = "et-human"
# One size and two calls: emulation takes ten seconds for a call.
PLAN = f"""
name = "small"
description = "one size, two calls"
models = ["{MODEL}"]
tests = ["params", "flops", "latency"]
batch_size = [1]
[repetition]
min_call_count = 2
max_call_count = 2
time_limit_s = 1.0
warmup_min_call_count = 1
warmup_max_call_count = 1
"""


def test_all_models_come_out_on_arm64_as_on_x86_to_the_byte(arm64, results):
    """models.lock was written on x86-64: counts, and hashes of all weights and default inputs."""
    done = compose(results, arm64.name, "models", "lock", "--check", files=FILES)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("as locked") == len(models_lock.load().models) == 4


def test_a_small_battery_runs_on_arm64(arm64, results):
    (results / "small.toml").write_text(PLAN)
    done = compose(results, arm64.name, "all", "--plan", "results/small.toml", "--out", "results/run", files=FILES)
    assert done.returncode == 0, done.stdout + done.stderr
    records = {record.task.test: record for record in store.load(results / "run").records}
    assert {record.host.architecture for record in records.values()} == {"aarch64"}
    locked = models_lock.load().models[MODEL]
    assert records["params"].parameters.unique_count == locked.unique_parameter_count
    assert records["flops"].flops.mac_count == locked.macs[0].mac_count
    assert records["latency"].latency.blocks
    assert records["latency"].provenance.weights_sha256 == locked.weights_sha256
    assert records["latency"].provenance.inputs_sha256 == locked.inputs_sha256
