"""What the report finds in a run: base points, sweeps, absences, names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from suite.records import Flag, NotMeasured, Run, Summary
from suite.report.gaps import ALL_DISTURBED, CUT_OFF, NO_CALLS
from suite.report.points import BATCH_SIZE
from suite.report.view import RunView
from tests.unit.report import synthetic
from tests.unit.samples import disturbed


@pytest.fixture(scope="module")
def run() -> Run:
    return synthetic.make_run(call_count=12)


@pytest.fixture(scope="module")
def view(run: Run) -> RunView:
    return RunView(run, synthetic.MODELS)


def test_models_and_subjects_come_in_the_order_of_the_plan(view: RunView) -> None:
    assert view.models == tuple(synthetic.MODELS)
    assert [subject.model for subject in view.subjects] == list(synthetic.MODELS)


def test_the_base_point_has_the_smallest_batch_and_the_usual_sizes(view: RunView) -> None:
    base = view.base(view.subjects[0])
    assert base is not None
    assert (base.scenario, base.batch_size, base.axes) == ("forward", 1, (("text_tokens", 20), ("image_regions", 36)))


def test_a_sweep_holds_the_points_that_differ_in_one_size_in_its_order(view: RunView) -> None:
    assert [sweep.sizes for sweep in view.sweeps(BATCH_SIZE)] == [(1, 2, 4, 8)] * 4
    (first, *_) = view.sweeps("text_tokens")
    assert first.sizes == (10, 20, 30, 40, 60)
    assert {point.size("image_regions") for point in first.points} == {36}
    assert view.axes == ("text_tokens", "image_regions", "frames")


def test_one_point_makes_no_sweep(run: Run) -> None:
    tasks = tuple(task for task in run.manifest.tasks if task.batch_size == 1)
    view = RunView(synthetic.make_run(tasks, call_count=12), synthetic.MODELS)
    assert view.sweeps(BATCH_SIZE) == ()


def test_a_task_without_a_record_is_cut_off_and_one_not_asked_for_is_none(run: Run) -> None:
    view = RunView(replace(run, records=()), synthetic.MODELS)
    base = view.base(view.subjects[0])
    assert base is not None
    assert view.parameters("lxmert") == CUT_OFF
    assert (view.summary(base), view.memory(base), view.energy(base)) == (CUT_OFF, CUT_OFF, CUT_OFF)
    assert view.latency(replace(base, batch_size=64)) is None
    assert view.flops("unheard-of") is None


def test_a_series_that_ended_in_warm_up_has_no_summary(run: Run) -> None:
    def without_calls(record: synthetic.RunRecord) -> synthetic.RunRecord:
        if record.latency is None or isinstance(record.latency, NotMeasured):
            return record
        blocks = tuple(block for block in record.latency.blocks if block.warmup)
        return replace(record, latency=replace(record.latency, blocks=blocks))

    view = RunView(replace(run, records=tuple(map(without_calls, run.records))), synthetic.MODELS)
    assert view.summary(view.points("latency")[0]) == NO_CALLS


def test_a_series_of_which_nothing_undisturbed_is_left_has_no_summary(run: Run) -> None:
    def lost(record: synthetic.RunRecord) -> synthetic.RunRecord:
        return disturbed(record, range(100), stop="failed") if record.task.test == "latency" else record

    records = tuple(map(lost, run.records))
    manifest = replace(run.manifest, tasks=tuple(record.task for record in records))
    view = RunView(replace(run, manifest=manifest, records=records), synthetic.MODELS)
    assert view.summary(view.points("latency")[0]) == ALL_DISTURBED


def test_a_summary_is_computed_once(view: RunView) -> None:
    point = view.points("latency")[0]
    first = view.summary(point)
    assert isinstance(first, Summary)
    assert view.summary(point) is first


def test_flops_of_a_larger_batch_come_from_the_count_at_batch_1(view: RunView) -> None:
    largest = view.sweeps(BATCH_SIZE)[0].points[-1]
    assert largest.batch_size == 8
    assert view.counted_batch_size(largest) == 1
    count = view.flops("lxmert", largest)
    assert not isinstance(count, NotMeasured)
    assert count is not None
    assert count.mac_count == 5_293_327_872


def test_a_model_that_is_not_installed_goes_by_its_name(run: Run) -> None:
    view = RunView(run, {})
    assert view.title("lxmert") == "lxmert"
    assert view.axis_label("text_tokens") == "text tokens"


def test_a_network_that_is_not_the_published_one_has_a_title_that_says_so(run: Run) -> None:
    told = ("encoder_layers=4 (published: 2)",)
    flag = Flag(code="NOT_AS_PUBLISHED", text=told[0])
    records = [
        replace(record, flags=(*record.flags, flag), provenance=replace(record.provenance, configuration=told))
        if record.provenance is not None and record.task.model == "lxmert"
        else record
        for record in run.records
    ]
    view = RunView(replace(run, records=tuple(records)))
    assert view.title("lxmert") == "LXMERT, not as published"
    assert [view.title(model) for model in view.models if model != "lxmert"] == [
        RunView(run).title(model) for model in view.models if model != "lxmert"
    ]
    assert view.configuration("lxmert") == told
    assert view.origins == ("LXMERT, not as published: encoder_layers=4 (published: 2)",)
    assert RunView(run).origins == ()


def test_labels_name_what_else_differs_between_subjects(run: Run) -> None:
    task = next(task for task in run.manifest.tasks if task.test == "latency")
    tasks = (task, replace(task, thread_count=4), replace(task, model="visualbert"))
    view = RunView(synthetic.make_run(tasks, call_count=12), synthetic.MODELS)
    assert [view.label(subject) for subject in view.subjects] == [
        "LXMERT (2 threads)",
        "LXMERT (4 threads)",
        "VisualBERT",
    ]
