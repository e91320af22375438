"""What the report says of energy, on readings whose every joule is known."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from suite.records import EnergyReading, ErrorBudget, Flag, LatencySamples, NotMeasured, PowerTrace, Run, RunRecord
from suite.report import energies, energy_charts
from suite.report.plots import Plots, panels, style
from suite.report.sections import absences, energy
from suite.report.view import RunView
from suite.report.writers import markdown
from tests.unit.report import synthetic

BUDGET = ErrorBudget(scatter_j=0.3, resolution_j=0.05, gain_j=0.2, edge_j=0.1)


def run_of(*, batch_sizes=(1,), model="lxmert", axes=()):
    (task,) = (task for task in synthetic.standard_tasks(models=(model,)) if task.test == "energy")
    tasks = [replace(task, batch_size=size) for size in batch_sizes]
    tasks += [replace(task, axes=each) for each in axes]
    counted = [task for task in synthetic.standard_tasks(models=(model,)) if task.test == "flops"]
    return synthetic.make_run((*counted, *tasks), power="simulated")


def energy_record(run: Run) -> RunRecord:
    return next(record for record in run.records if record.task.test == "energy")


def with_energy(run: Run, **changes) -> Run:
    found = energy_record(run)
    amended = replace(found, **changes)
    return replace(run, records=tuple(amended if record is found else record for record in run.records))


def reading(**changes) -> EnergyReading:
    found = energy_record(run_of()).energy
    assert isinstance(found, EnergyReading)
    return replace(found, **changes)


def rendered(run: Run) -> str:
    return markdown.blocks(energy.PLUGIN.render(RunView(run, synthetic.MODELS), Plots()))


def test_the_error_of_net_energy_has_gain_on_the_difference_rounding_twice_and_idle_that_wandered():
    found = energies.inference_energy(reading(budget=BUDGET, idle_before_w=1.9, idle_after_w=2.1), 1)
    window = reading().windows[0]
    duration_s, calls = window.end_s - window.start_s, window.call_count
    expected_j = math.hypot(0.3, math.sqrt(2) * 0.05, 0.2 * 5 / 7, 0.1, 0.1 * duration_s)
    assert found.net_error_j == pytest.approx(expected_j / calls)
    assert found.error_j == pytest.approx(BUDGET.total_j / calls)


def test_net_energy_below_its_error_is_absent_and_gross_is_kept():
    found = energies.inference_energy(reading(idle_before_w=6.99, idle_after_w=6.99), 1)
    assert found.gross_j == pytest.approx(7 * 0.128)
    assert isinstance(found.net_j, NotMeasured)
    assert found.net_j.code == "BELOW_RESOLUTION"
    assert "is no more than its error" in found.net_j.reason


def test_below_resolution_is_told_where_absences_are():
    run = with_energy(run_of(), energy=reading(idle_before_w=6.99, idle_after_w=6.99))
    assert "n/a: [BELOW_RESOLUTION](#below_resolution)" in rendered(run)
    text = markdown.blocks(absences.PLUGIN.render(RunView(run, synthetic.MODELS), Plots()))
    assert "### BELOW_RESOLUTION" in text
    assert "| idle-net energy | LXMERT " in text


@pytest.mark.parametrize("code", ["THROTTLED", "POWER_MODE_CHANGED"])
def test_a_figure_taken_while_the_machine_slowed_down_is_kept_and_told_with_its_remedy(code):
    run = with_energy(run_of(), flags=(Flag(code=code, text="the processor's throttle count grew by 3"),))
    text = markdown.blocks(absences.PLUGIN.render(RunView(run, synthetic.MODELS), Plots()))
    assert "### THROTTLED" in text
    assert "whose figure is kept, the processor's throttle count grew by 3. **Remedy:** Cool the machine" in text
    assert "896 ± 11" in rendered(run)


def test_parts_that_do_not_overlap_stand_beside_each_other_and_are_added():
    gpu = reading(source="nvml", scope="GPU board", part="gpu board", idle_before_w=1.0, idle_after_w=1.0)
    run = with_energy(
        run_of(), energy=reading(source="rapl", scope="CPU package only", part="cpu package"), energy_beside=(gpu,)
    )
    rows = [line for line in rendered(run).splitlines() if line.startswith("| LXMERT ")][:3]
    assert [row.split("|")[-2].strip() for row in rows] == [
        "rapl: CPU package only",
        "nvml: GPU board",
        "sum of cpu package and gpu board, which do not overlap",
    ]
    gross = [row.split("|")[3].strip() for row in rows]
    assert (gross[0], gross[1], gross[2].split()[0]) == ("896 ± 11", "896 ± 11", "1792")


def test_a_part_that_is_missing_is_not_made_up_for_by_a_sum():
    absent = NotMeasured(code="NVML_UNSUPPORTED", reason="no power", remedy="none")
    run = with_energy(run_of(), energy=reading(source="rapl", part="cpu package"), energy_beside=(absent,))
    text = rendered(run)
    assert "n/a: [NVML_UNSUPPORTED](#nvml_unsupported)" in text
    assert "sum of" not in text


def test_what_a_joule_gives_is_exact():
    run = run_of(batch_sizes=(2,))
    view = RunView(run, synthetic.MODELS)
    (row,) = energies.efficiency_table(view, view.points("energy")).rows
    call_s = synthetic.MODELS["lxmert"].latency_s(2, {"text_tokens": 20, "image_regions": 36})
    flop = 2 * 2 * synthetic.MODELS["lxmert"].mac_count
    assert row[2].split()[0] == f"{7 * call_s:.3f}"  # J per call
    assert float(row[3]) == pytest.approx(2 / (7 * call_s), rel=0.01)
    assert float(row[4]) == pytest.approx(7 * call_s * call_s * 1e3, rel=0.01)  # mJ s
    assert float(row[5]) == pytest.approx(7 * call_s / flop * 1e6 * 1e6, rel=0.01)  # uJ per MFLOP


def test_the_labs_formula_agrees_with_the_integral_on_even_samples():
    lab = energies.lab_figure(energy_record(run_of()))
    assert lab.joules == pytest.approx(7 * 0.128, rel=0.01)
    assert lab.why == "agrees within the error"


def test_where_calls_do_not_fill_their_windows_the_report_says_so():
    found = energy_record(run_of())
    assert isinstance(found.latency, LatencySamples)
    blocks = tuple(
        replace(block, latency_s=tuple(0.9 * value for value in block.latency_s)) for block in found.latency.blocks
    )
    lab = energies.lab_figure(replace(found, latency=replace(found.latency, blocks=blocks)))
    assert lab.why == "the calls fill 90.0 % of the windows: the formula leaves out what is drawn between them"


def test_where_samples_are_uneven_the_report_says_so():
    found = energy_record(run_of())
    window = reading().windows[0]
    first_s = window.start_s
    times_s = [first_s + 0.001 * k for k in range(100)] + [first_s + 1.0 + 0.1 * k for k in range(80)]
    watts = [10.0] * 100 + [7.0] * 80
    uneven = reading(trace=PowerTrace(rails=("a",), time_s=tuple(times_s), power_w=(tuple(watts),)))
    lab = energies.lab_figure(replace(found, energy=uneven))
    assert "above the mean over time: the samples are not evenly spaced" in lab.why


def test_without_samples_in_a_window_there_is_no_labs_figure():
    bare = reading(trace=PowerTrace(rails=("a",), time_s=(0.0, 1.0), power_w=((1.0, 1.0),)))
    assert energies.lab_figure(replace(energy_record(run_of()), energy=bare)) is None


def test_energy_against_sizes_has_a_plot_for_each_axis_that_was_swept():
    usual = (("text_tokens", 20), ("image_regions", 36))
    run = run_of(batch_sizes=(1, 2, 4), axes=[(("text_tokens", 40), usual[1]), (("text_tokens", 80), usual[1])])
    plots = Plots()
    with style():
        text = markdown.blocks(energy.PLUGIN.render(RunView(run, synthetic.MODELS), plots))
    assert "### Energy against batch size" in text
    assert "### Energy against text tokens" in text
    assert "image regions\n" not in "".join(line for line in text.splitlines(keepends=True) if line.startswith("###"))
    assert set(plots.pictures) == {"energy.png", "energy-batch-size.png", "energy-text-tokens.png", "power.png"}


def test_the_trace_marks_every_window_and_both_idle_stretches():
    found = energy_record(run_of())
    _, (axes,) = panels(1)
    energy_charts.power_trace(axes, reading(), found.schedule)
    shaded = [round(patch.get_x(), 6) for patch in axes.patches]
    zero_s = found.schedule.idle_before.start_s
    starts_s = [window.start_s for window in found.schedule.windows] + [zero_s, found.schedule.idle_after.start_s]
    assert shaded == [round(start_s - zero_s, 6) for start_s in starts_s]
    assert axes.get_legend_handles_labels()[1] == ["window", "idle stretch", "power", "mean"]


@pytest.mark.parametrize("source", ["apple", "mac-helper"])
def test_apples_caveat_is_told(source):
    assert "Apple calls these figures estimates" in rendered(with_energy(run_of(), energy=reading(source=source)))


def test_an_import_and_a_tree_are_labelled():
    run = with_energy(run_of(), energy=reading(source="powertop", method="powertop's rates"))
    assert "**Imported from powertop**" in rendered(run)
    run = replace(run_of(), manifest=replace(run.manifest, power="auto:root=/tree"))
    assert "read from a folder that stands for a machine" in rendered(run)
