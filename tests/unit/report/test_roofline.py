"""The section, its picture and the discussion's sentences, on runs of known cost under ceilings of known height."""

from __future__ import annotations

from dataclasses import replace

import pytest

from suite.records import (
    MACHINE,
    Ceiling,
    Flag,
    Interference,
    LatencySamples,
    Matmul,
    NotMeasured,
    Roofline,
    Run,
    RunRecord,
    Task,
)
from suite.report import page, roofs
from suite.report.plots import Plots, style
from suite.report.roofs import Placed
from suite.report.sections.roofline import PLUGIN
from suite.report.view import RunView
from suite.report.writers import markdown
from tests.unit.report import synthetic

TASK = Task(test="roofline", model=MACHINE, thread_count=2)
LOST = NotMeasured(code="KILLED", reason="the worker was killed", remedy="see the log")
PNG = b"\x89PNG"


def ceiling(amount: int, best_per_s: float) -> Ceiling:
    """The median block takes a quarter longer than the best one."""
    best_s = amount / best_per_s
    return Ceiling(amount=amount, call_count=1, block_s=(best_s * 1.25, best_s, best_s * 1.5))


def roofline(bandwidth_per_s: float = 20e9, flop_per_s: float = 400e9, cache_bytes: int | None = 1_000_000) -> Roofline:
    return Roofline(
        thread_count=2,
        synchronisation="none needed: cpu",
        tensor_bytes=500_000_000,
        cache_bytes=cache_bytes,
        copy=ceiling(1_000_000_000, bandwidth_per_s / 2),
        read=ceiling(500_000_000, bandwidth_per_s),
        matmul=(Matmul(precision="fp32", size=1000, ceiling=ceiling(2_000_000_000, flop_per_s)),),
    )


def with_machine(run: Run, found: Roofline | NotMeasured | None, flags: tuple[Flag, ...] = ()) -> Run:
    """The run with the machine's task before all others; found None: it was cut off."""
    manifest = replace(run.manifest, tasks=(TASK, *run.manifest.tasks))
    blank = replace(run.records[0], task=TASK, parameters=None, flops=None, latency=None, memory=None, flags=flags)
    records: tuple[RunRecord, ...] = () if found is None else (replace(blank, roofline=found),)
    return replace(run, manifest=manifest, records=(*records, *run.records))


BARE = synthetic.make_run(synthetic.standard_tasks(models=("lxmert", "et-human")), noise=0.001)
RUN = with_machine(BARE, roofline())


def view_of(run: Run) -> RunView:
    return RunView(run, synthetic.MODELS)


def section(run: Run, plots: Plots | None = None) -> str:
    with style():
        return markdown.blocks(PLUGIN.render(view_of(run), plots or Plots()))


def rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:2] == "| "]


def test_each_model_is_placed_at_each_batch_size() -> None:
    placed = [row for row in rows(section(RUN)) if row[0] in ("LXMERT", "E.T. (human)")]
    assert [row[:2] for row in placed] == [
        [name, size] for name in ("LXMERT", "E.T. (human)") for size in ("1", "2", "4", "8")
    ]
    # 213,930,297 weights less a ninth of them, at 4 bytes: 760.6 MB, of which a cache keeps 1 MB. 759.6 / 20 = 38 ms,
    # 760.6 / 16 = 47.5 ms. 10.59 GFLOP at 400 and 320 GFLOP/s: 26.5 and 33.1 ms. Each call takes 128 ms.
    model, size, gflop, read, memory, compute, median, share, bound = placed[0]
    assert (model, size, gflop, read) == ("LXMERT", "1", "10.59", "760.6")
    assert (memory, compute) == ("38–48", "26.5–33.1")
    assert median.startswith("128.")
    assert (share, bound) == ("30 %", "memory")


def test_the_nearer_bound_changes_with_the_batch() -> None:
    bounds = [row[8] for row in rows(section(RUN)) if row[0] == "LXMERT"]
    assert bounds == ["memory", "arithmetic", "arithmetic", "arithmetic"]


def test_the_ceilings_are_told_with_their_spread() -> None:
    told = [row for row in rows(section(RUN)) if row[0] in ("copy", "read", "matmul, fp32")]
    assert told == [
        ["copy", "two tensors of 500 MB", "10.0 GB/s", "8.00 GB/s", "3"],
        ["read", "one tensor of 500 MB", "20.0 GB/s", "16.0 GB/s", "3"],
        ["matmul, fp32", "n = 1000", "400 GFLOP/s", "320 GFLOP/s", "3"],
    ]


def test_the_discussion_says_how_much_of_the_fixed_cost_reading_takes() -> None:
    text = markdown.blocks(roofs.why(view_of(RUN)))
    (lxmert,) = [line for line in text.splitlines() if line.startswith("- LXMERT")]
    assert "batch 1 reads 761 MB of weights: at 20.0 GB/s that is 38–48 ms of the 65" in lxmert
    assert "that don't depend on the batch. At batch 1 memory is the nearer bound, and 30 % of what that" in lxmert
    assert "at batch 8 arithmetic is the nearer bound, and 37 % of what that allows is reached." in lxmert


def test_reading_that_takes_longer_than_the_fixed_cost_hides_behind_arithmetic() -> None:
    text = markdown.blocks(roofs.why(view_of(with_machine(BARE, roofline(bandwidth_per_s=8e9)))))
    assert "that is 95–119 ms, more than the 65" in text
    assert "most of it hides behind arithmetic as the batch grows" in text


def test_a_bound_that_is_beaten_is_told_as_such() -> None:
    slow = with_machine(BARE, roofline(flop_per_s=50e9))
    text = section(slow)
    shares = [row[7] for row in rows(text) if row[0] == "LXMERT"]
    assert shares[0].endswith("%: beaten")
    assert "A call that is faster than its least time shows that a ceiling is none for it" in text
    assert "at batch 1 it is faster than its least time" in markdown.blocks(roofs.why(view_of(slow))).replace(
        "At", "at"
    )
    assert "A call that is faster" not in section(RUN)


def test_weights_that_fit_the_caches_have_no_bound_by_memory() -> None:
    cached = with_machine(BARE, roofline(cache_bytes=100_000_000))
    assert "its 77 MB of weights could stay in the caches, so reading them bounds nothing" in markdown.blocks(
        roofs.why(view_of(cached))
    )
    (row, *_) = [row for row in rows(section(cached)) if row[0] == "E.T. (human)"]
    assert row[4].startswith("0.0–")
    assert row[8] == "arithmetic"


def test_caches_that_are_not_told_are_not_taken_for_none() -> None:
    assert "The machine does not tell its caches" in section(with_machine(BARE, roofline(cache_bytes=None)))
    assert "only 2.5 times as large" in section(with_machine(BARE, roofline(cache_bytes=200_000_000)))


def test_doubts_about_the_ceilings_stand_beside_them() -> None:
    flagged = with_machine(BARE, roofline(), (Flag(code="HIGH_LOAD", text="load 3 on 2 cores"),))
    assert "While the ceilings were taken: load 3 on 2 cores. They may be too low" in section(flagged)


def test_other_threads_in_force_than_asked_for_are_told() -> None:
    assert "2 threads asked for, 1 in force" in section(with_machine(BARE, replace(roofline(), thread_count=1)))
    assert "in force" not in section(RUN)


def test_others_on_the_processor_are_a_doubt_about_the_ceilings() -> None:
    beside = Interference(wall_s=10.0, foreign_s=8.0)
    busy, free = (
        replace(roofline(), interference=beside),
        replace(roofline(), interference=replace(beside, foreign_s=0)),
    )
    assert "While the ceilings were taken: other processes took 40 % of its 2 cores. They" in section(
        with_machine(BARE, busy)
    )
    assert "While the ceilings" not in section(with_machine(BARE, free))


@pytest.mark.parametrize(("found", "code"), [(LOST, "KILLED"), (None, "CUT_OFF")])
def test_a_roofline_that_is_absent_says_why(found: NotMeasured | None, code: str) -> None:
    run, plots = with_machine(BARE, found), Plots()
    assert f"cpu, 2 threads: n/a: [{code}]" in section(run, plots)
    assert not plots.pictures
    assert markdown.blocks(roofs.why(view_of(run))) == ""
    with style():
        whole = markdown.write(page.compose(view_of(run), Plots()))
    assert "| roofline   | machine | cpu, 2 threads |" in whole


def test_a_run_that_did_not_ask_for_it_has_nothing_of_it() -> None:
    assert section(BARE) == ""
    assert markdown.blocks(roofs.why(view_of(BARE))) == ""


def test_the_machine_is_no_model() -> None:
    view = view_of(RUN)
    assert view.models == ("lxmert", "et-human")
    assert all(subject.model != MACHINE for subject in view.subjects)
    with style():
        whole = markdown.write(page.compose(view, Plots()))
    assert MACHINE not in [row[0] for row in rows(whole)]


def test_the_picture_shows_every_call_and_is_the_same_each_time() -> None:
    first, second = Plots(), Plots()
    assert section(RUN, first) == section(RUN, second)
    assert first.pictures["roofline.png"].startswith(PNG)
    assert first.pictures == second.pictures


@pytest.mark.parametrize("flop_per_s", [1e3, 1e18])
@pytest.mark.parametrize("bandwidth_per_s", [1e3, 1e18])
def test_ceilings_of_any_height_can_be_drawn(bandwidth_per_s: float, flop_per_s: float) -> None:
    plots = Plots()
    text = section(with_machine(BARE, roofline(bandwidth_per_s, flop_per_s)), plots)
    assert plots.pictures["roofline.png"].startswith(PNG)
    assert "nan" not in text


def test_another_thread_count_is_on_no_roofline() -> None:
    other = replace(TASK, thread_count=1)
    run = replace(BARE, manifest=replace(BARE.manifest, tasks=(other, *BARE.manifest.tasks)))
    view = view_of(run)
    (base,) = [view.base(subject) for subject in view.subjects if subject.model == "lxmert"]
    assert base is not None
    assert roofs.place(view, base) is None


def test_without_a_count_of_parameters_no_call_is_placed() -> None:
    tasks = tuple(task for task in BARE.manifest.tasks if task.test != "params")
    records = tuple(record for record in BARE.records if record.task.test != "params")
    run = with_machine(replace(BARE, manifest=replace(BARE.manifest, tasks=tasks), records=records), roofline())
    assert "Least by memory" not in section(run)
    assert markdown.blocks(roofs.why(view_of(run))) == ""


def test_a_figure_that_is_an_upper_bound_gives_a_share_that_is_a_lower_one() -> None:
    def disturbed(record: RunRecord) -> RunRecord:
        if not isinstance(record.latency, LatencySamples):
            return record
        return replace(record, latency=replace(record.latency, stop="disturbed"))

    run = replace(RUN, records=tuple(disturbed(record) for record in RUN.records))
    assert {row[7][:2] for row in rows(section(run)) if row[0] == "LXMERT"} == {"≥ "}


def test_the_share_is_of_the_larger_least_time() -> None:
    view = view_of(RUN)
    for calls in roofs.by_subject(view):
        for _, found in calls.placed:
            assert isinstance(found, Placed)
            least_s = max(found.placement.memory.low_s, found.placement.compute.low_s)
            assert found.placement.share == least_s / found.placement.measured_s
