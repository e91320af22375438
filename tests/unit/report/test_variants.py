"""The section on variants, and the mark beside a variant that deviates."""

from __future__ import annotations

from dataclasses import replace

from suite.records import (
    Build,
    Fidelity,
    NotMeasured,
    OutputFidelity,
    Run,
    RunRecord,
    Task,
    Variant,
)
from suite.report.content import Details, Table
from suite.report.plots import Plots
from suite.report.sections import variants
from suite.report.view import RunView
from tests.unit.samples import latency_record, manifest

ABSENT = NotMeasured(code="BUILD_FAILED", reason="no", remedy="try")
REFERENCE = Variant(elements=("float32",))


def output(share: float) -> OutputFidelity:
    return OutputFidelity(
        name="scores", element_count=4, max_abs_error=2 * share, relative_error=share, cosine=0.5, top_agreement=0.75
    )


def int8(share: float) -> Variant:
    return Variant(
        provider="CPUExecutionProvider",
        node_counts=(("CPUExecutionProvider", 12),),
        notes=("a note",),
        build=Build(build_s=31.25, peak_resident_bytes=2**30, size_bytes=2**20, cached=True, dynamic=True),
        fidelity=Fidelity(tolerance=0.1, outputs=(output(share),)),
    )


def task(runtime: str, precision: str) -> Task:
    return Task(test="latency", model="null", runtime=runtime, precision=precision)  # type: ignore[arg-type]


def view(*found: RunRecord) -> RunView:
    tasks = tuple(record.task for record in found)
    return RunView(Run(manifest=manifest(tasks), records=found), {})


def both(share: float) -> RunView:
    return view(
        replace(latency_record(task("eager", "fp32"), (0.25,) * 12), variant=REFERENCE),
        replace(latency_record(task("onnxruntime", "int8"), (0.125,) * 12), variant=int8(share)),
    )


def test_a_run_of_eager_fp32_alone_has_no_variants() -> None:
    assert variants.render(view(latency_record(task("eager", "fp32"))), Plots()) == ()


def test_each_variant_tells_what_it_takes_and_how_near_it_is() -> None:
    found = variants.render(both(0.05), Plots())
    table = next(block for block in found if isinstance(block, Table))
    first, second = table.rows
    assert first[:2] == ("null (eager, fp32)", "250 ms")
    assert first[3:] == ("none", "none", "0", "the reference")
    assert second[:2] == ("null (onnxruntime, int8)", "125 ms")
    assert second[3:] == ("1.00 MiB", "31.2 (kept)", "0.050", "within 0.1")


def test_what_really_ran_is_told() -> None:
    text = str(variants.render(both(0.05), Plots()))
    assert "null (eager, fp32): weights in float32" in text
    told = "by CPUExecutionProvider (12 nodes); one graph for all sizes; its build peaked at 1.00 GiB; a note"
    assert told in text


def test_every_output_stands_in_a_table_of_its_own() -> None:
    details = next(block for block in variants.render(both(0.05), Plots()) if isinstance(block, Details))
    (table,) = (block for block in details.content if isinstance(block, Table))
    assert table.rows == (("null (onnxruntime, int8)", "scores", "0.1", "0.05", "0.500000", "75.0", "0", "0"),)


def test_one_that_deviates_says_so_beside_its_name_in_every_table() -> None:
    run = both(0.2)
    assert [run.label(subject) for subject in run.subjects] == [
        "null (eager, fp32)",
        "null (onnxruntime, int8, DEVIATES)",
    ]
    table = next(block for block in variants.render(run, Plots()) if isinstance(block, Table))
    assert table.rows[1][-1] == "DEVIATES 0.1"


def test_a_variant_that_was_not_measured_has_its_reason_in_every_cell() -> None:
    failed = replace(latency_record(task("onnxruntime", "int8")), latency=ABSENT, memory=ABSENT)
    table = next(block for block in variants.render(view(failed), Plots()) if isinstance(block, Table))
    assert table.rows == (("null", *[ABSENT] * 6),)
