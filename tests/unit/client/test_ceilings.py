"""The roofline of this machine through a real worker; it runs on SUITE_WORKER_PYTHON where that is set."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.client.worker import Worker
from suite.errors import WorkerError
from suite.records import MACHINE, Task

MIB = 2**20


def test_a_real_worker_measures_its_device_and_needs_no_model(tmp_path: Path) -> None:
    task = Task(test="roofline", model=MACHINE, thread_count=1)
    with Worker.start(log=tmp_path / "log", thread_count=1) as worker:
        found = worker.roofline(task, 0.05, 16 * MIB)
        assert found.thread_count == 1
        assert 0 < found.tensor_bytes <= 8 * MIB
        assert [product.precision for product in found.matmul] == ["fp32"]
        for ceiling in (found.copy, found.read, found.matmul[0].ceiling):
            assert 0 < ceiling.median_per_s <= ceiling.best_per_s


def test_a_device_that_is_not_here_is_refused_and_the_worker_goes_on(tmp_path: Path) -> None:
    with Worker.start(log=tmp_path / "log", thread_count=1) as worker:
        with pytest.raises(WorkerError) as caught:
            worker.roofline(Task(test="roofline", model=MACHINE, device="cuda:77"), 0.05, MIB)
        assert (caught.value.code, caught.value.fatal) == ("UNSUPPORTED_DEVICE", False)
        assert worker.memory().resident_bytes > 0
