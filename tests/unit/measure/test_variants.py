"""Variants on fake workers: built apart, compared with eager fp32, flagged beyond their tolerance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from suite.client.replies import Way
from suite.errors import WorkerError
from suite.measure.variants import (
    Variants,
    chosen_point,
    fidelity,
    flags,
    is_built,
    is_reference,
    reference_of,
    runs_as_it_is,
)
from suite.records import TOLERANCES, Build, Fidelity, NotMeasured, OutputFidelity, Precision, RunRecord, Task, Variant
from tests.fakes import Asked, FakeWorker, Fault, died
from tests.unit.measure.test_runner import quiet, run, task

WIDTH = (("width", 320),)
OUTPUT = OutputFidelity(
    name="scores", element_count=10, max_abs_error=0.5, relative_error=0.05, cosine=0.99, top_agreement=1.0
)


@pytest.fixture(autouse=True)
def _builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUITE_BUILDS", str(tmp_path))


def latency(**changes: object) -> Task:
    return task("latency", **changes)


def variant(record: RunRecord) -> Variant:
    assert record.variant is not None
    return record.variant


def steps(asked: list[Asked], *wanted: str) -> list[tuple[str, str, str]]:
    return [
        (each.operation, each.task.runtime, each.task.precision)
        for each in asked
        if each.task and each.operation in wanted
    ]


def test_the_worker_that_is_the_reference_writes_it_and_the_variant_is_compared() -> None:
    workers = quiet()
    first, second = run(workers, [latency(), latency(precision="bf16")])
    assert variant(first).fidelity is None
    found = variant(second).fidelity
    assert isinstance(found, Fidelity)
    assert (found.tolerance, found.outputs[0].name, found.deviating) == (0.1, "scores", ())
    assert len(workers.started) == 2
    assert steps(workers.asked, "load", "write_outputs", "compare_outputs") == [
        ("load", "eager", "fp32"),
        ("write_outputs", "eager", "fp32"),
        ("load", "eager", "bf16"),
        ("compare_outputs", "eager", "bf16"),
    ]


def test_where_eager_fp32_is_not_asked_for_a_worker_of_its_own_gives_the_reference_first() -> None:
    workers = quiet()
    (record,) = run(workers, [latency(precision="fp16")])
    assert isinstance(variant(record).fidelity, Fidelity)
    assert steps(workers.asked, "load", "write_outputs") == [
        ("load", "eager", "fp32"),
        ("write_outputs", "eager", "fp32"),
        ("load", "eager", "fp16"),
    ]


def test_no_worker_lies_in_memory_while_another_variant_is_built_or_gives_the_reference() -> None:
    workers = quiet()
    counts: list[tuple[str, int]] = []

    def watch(asked: Asked) -> Fault:
        if asked.operation in ("load", "build", "write_outputs"):
            counts.append((asked.operation, workers.open_count))
        return None

    workers.script = watch
    run(workers, [latency(precision="fp16"), latency(runtime="onnxruntime"), latency(runtime="exported")])
    of_reference = [("load", 1), ("write_outputs", 1)]
    variants_in_turns = [("load", 1), ("load", 2), ("load", 3)]
    assert counts == [("build", 1), ("build", 1), *of_reference, *variants_in_turns]


def test_a_run_without_variants_computes_no_reference() -> None:
    workers = quiet()
    run(workers, [latency(), latency(batch_size=2)])
    assert steps(workers.asked, "write_outputs", "compare_outputs", "build") == []


def test_a_runtime_that_is_built_is_built_once_for_all_sizes_in_a_worker_that_is_then_closed() -> None:
    workers = quiet()
    first, second = run(workers, [latency(runtime="onnxruntime"), latency(runtime="onnxruntime", batch_size=2)])
    built = Build(build_s=30.0, peak_resident_bytes=900 * 2**20, size_bytes=4_000_000, cached=False, dynamic=True)
    assert variant(first).build == variant(second).build == built
    assert [name for name, _, _ in steps(workers.asked, "build", "load")] == ["build", "load", "load"]
    assert len(workers.started) == 3  # builds, gives the reference, is measured


def test_a_build_that_fails_is_the_outcome_of_its_tasks_and_no_reference_is_computed() -> None:
    workers = quiet()
    workers.script = lambda asked: WorkerError("BUILD_FAILED", "no", "try") if asked.operation == "build" else None
    (record,) = run(workers, [latency(runtime="onnxruntime")])
    assert record.latency == NotMeasured(code="BUILD_FAILED", reason="no", remedy="try")
    assert steps(workers.asked, "load") == []


def test_a_precision_that_cannot_work_costs_no_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    absence = NotMeasured(code="UNSUPPORTED_PRECISION", reason="no tf32", remedy="use fp32")
    ways = (Way(runtime="eager", title="E", device="cpu", precision="tf32", absence=absence),)
    monkeypatch.setattr(FakeWorker, "runtimes", lambda _self: ways)
    workers = quiet()
    (record,) = run(workers, [latency(precision="tf32")])
    assert record.latency == absence
    assert steps(workers.asked, "load") == []


def test_a_reference_that_cannot_be_had_is_told_and_costs_no_latency() -> None:
    workers = quiet()
    workers.script = lambda asked: (
        died("KILLED_FOR_MEMORY")
        if asked.operation == "load" and asked.task and asked.task.precision == "fp32"
        else None
    )
    (record,) = run(workers, [latency(precision="fp16")])
    found = variant(record).fidelity
    assert isinstance(found, NotMeasured)
    assert found.code == "NO_REFERENCE"
    assert not isinstance(record.latency, NotMeasured)


@pytest.mark.parametrize(
    ("precision", "error", "deviates"), [("int8", 0.09, False), ("int8", 0.11, True), ("fp16", 0.03, True)]
)
def test_beyond_the_precisions_tolerance_it_deviates(precision: Precision, error: float, deviates: bool) -> None:
    workers = quiet()
    workers.output_error = error
    (record,) = run(workers, [latency(precision=precision)])
    assert variant(record).deviates is deviates
    assert ("DEVIATES" in {flag.code for flag in record.flags}) is deviates


def test_the_flag_says_where_by_how_much_and_what_would_be_explained() -> None:
    found = Variant(fidelity=Fidelity(tolerance=0.02, outputs=(OUTPUT,)))
    (flag,) = flags(found, "fp16")
    assert (
        flag.text == "scores is off by up to 0.500, 0.050 of its largest value: more than the 0.02 that fp16 explains"
    )


def test_nan_where_the_reference_is_finite_deviates_however_small_the_errors() -> None:
    output = OutputFidelity(
        name="s",
        element_count=4,
        max_abs_error=0.0,
        relative_error=0.0,
        cosine=1.0,
        top_agreement=None,
        nan_count=2,
        unlike_count=2,
    )
    found = Variant(fidelity=Fidelity(tolerance=0.02, outputs=(OUTPUT, output)))
    assert found.deviates
    assert "in 2 of 4 elements (2 NaN, 0 infinite)" in flags(found, "fp16")[0].text


def test_nodes_that_ran_elsewhere_are_a_doubt() -> None:
    found = Variant(
        provider="CUDAExecutionProvider", node_counts=(("CPUExecutionProvider", 3), ("CUDAExecutionProvider", 7))
    )
    (flag,) = flags(found, "fp32")
    assert (flag.code, flag.text) == ("NODES_FELL_BACK", "3 nodes did not run on CUDAExecutionProvider")


def test_outputs_without_a_tensor_are_not_taken_as_equal() -> None:
    found = fidelity(latency(), ())
    assert isinstance(found, NotMeasured)
    assert found.code == "OUTPUT_WITHOUT_TENSORS"


def test_the_point_is_a_forward_pass_of_the_smallest_batch() -> None:
    tasks = [latency(batch_size=4), latency(scenario="episode"), latency(batch_size=2), task("params")]
    assert chosen_point(tasks) == tasks[2]
    assert chosen_point([task("params")]) is None


def test_what_was_temporary_is_gone_at_the_end() -> None:
    made = Variants()
    workers = quiet()
    made.expect([latency(precision="fp16")])
    worker = workers.open(1)
    worker.load(latency())
    worker.prepare("a", latency())
    made.offer(worker, "a", latency())
    path = made.reference(latency(precision="fp16"), workers.open, None)
    assert isinstance(path, Path)
    assert path.parent.is_dir()
    made.close()
    assert not path.parent.exists()


class TestAFile:
    """A model that its one runtime takes as it is: other precisions are made of the file, and held against it."""

    @staticmethod
    def ocr(**changes: object) -> Task:
        return replace(latency(runtime="onnxruntime", **changes), model="ocr-rec", axes=WIDTH)

    def test_only_what_is_made_of_it_is_built(self) -> None:
        own, half = self.ocr(), self.ocr(precision="fp16")
        assert (is_built(own), is_reference(own), runs_as_it_is(own)) == (False, True, True)
        assert (is_built(half), is_reference(half), runs_as_it_is(half)) == (True, False, False)

    def test_the_reference_is_the_file(self) -> None:
        assert reference_of(self.ocr(precision="int8")) == self.ocr()
        found = fidelity(self.ocr(precision="int8"), (OUTPUT,))
        assert isinstance(found, Fidelity)
        assert found.reference == "the file as it is, fp32 on cpu"
        assert found.tolerance == TOLERANCES["int8"]

    def test_it_is_built_and_compared_in_workers_of_their_own(self) -> None:
        workers = quiet()
        (record,) = run(workers, [self.ocr(precision="int8")])
        assert steps(workers.asked, "build", "load", "write_outputs", "compare_outputs") == [
            ("build", "onnxruntime", "int8"),
            ("load", "onnxruntime", "fp32"),
            ("write_outputs", "onnxruntime", "fp32"),
            ("load", "onnxruntime", "int8"),
            ("compare_outputs", "onnxruntime", "int8"),
        ]
        assert isinstance(variant(record).fidelity, Fidelity)
