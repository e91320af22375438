"""The arm64 image, emulated where the machine is another: the same parameters, weights and inputs as everywhere."""

from __future__ import annotations

import pytest

from suite.pinned import lock as models_lock
from suite.records import store
from tests.images.conftest import compose, run

pytestmark = pytest.mark.images
FILES = ("compose.yaml", "docker/compose.arm64.yaml")
# A model that does nothing, on one thread: emulated, a forward pass of another takes from ten seconds to minutes.
PLAN = """
name = "small"
description = "one size, two calls"
models = ["null"]
tests = ["params", "latency"]
threads = 1
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
    assert done.stdout.count("as locked") == len(models_lock.load().models) == 5


def test_a_small_battery_runs_on_arm64(arm64, results):
    (results / "small.toml").write_text(PLAN)
    done = compose(results, arm64.name, "all", "--plan", "results/small.toml", "--out", "results/run", files=FILES)
    assert done.returncode == 0, done.stdout + done.stderr
    records = {record.task.test: record for record in store.load(results / "run").records}
    assert {record.host.architecture for record in records.values()} == {"aarch64"}
    assert records["params"].parameters.unique_count == 0
    assert records["latency"].latency.blocks
    machine = run(["docker", "info", "--format", "{{.Architecture}}"]).stdout.strip()
    flags = {flag.code for flag in records["latency"].flags}
    assert ("EMULATED" in flags) == (machine != "aarch64")
    assert ("none: emulated" in (results / "run/report.md").read_text()) == (machine != "aarch64")
