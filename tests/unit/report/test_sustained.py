"""The section of sustained calls and the table of shapes, on records whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from suite.records import (
    Block,
    Cooling,
    LatencySamples,
    NotMeasured,
    Pause,
    Run,
    RunRecord,
    Slice,
    Sustained,
    SustainedRule,
    Task,
)
from suite.report import shaped, text
from suite.report.plots import Plots, style
from suite.report.sections import environment, sustained
from suite.report.view import RunView
from suite.report.writers import markdown
from suite.report.writers.text import blocks
from tests.unit.samples import latency_record, manifest

NO_POWER = NotMeasured(code="NO_POWER_SOURCE", reason="there is no sensor", remedy="connect one")


def called(model: str, latency_s: Callable[[int], float], busy: range = range(0)) -> RunRecord:
    """300 slices of a second; the thermometer rises by 0.1 degrees in each, the clock falls with latency."""
    task = Task(test="sustained", model=model, sustained=SustainedRule(duration_s=300.0))
    blocks = tuple(
        Block(
            order_index=second,
            warmup=False,
            started_s=500.0 + second,
            latency_s=(latency_s(second),) * 10,
            disturbed_by="others took 40 %" if second in busy else None,
        )
        for second in range(300)
    )
    slices = tuple(
        Slice(
            start_s=second,
            end_s=second + 1.0,
            call_count=10,
            clock_hz=2e8 / latency_s(second),
            temperature_c=(100.0, 40.0 + 0.1 * second),
        )
        for second in range(300)
    )
    samples = LatencySamples(blocks=blocks, clock="fake", synchronisation="none", steady=True, stop="fixed")
    found = Sustained(slices=slices, samples=samples, sensors=("pmic", "cpu"), absent=(NO_POWER,))
    return replace(latency_record(task), latency=None, sustained=found)


def run_of(*records: RunRecord) -> Run:
    return Run(manifest=manifest([record.task for record in records]), records=records)


def rendered(run: Run) -> tuple[str, Plots]:
    plots = Plots()
    with style():
        return markdown.blocks(sustained.PLUGIN.render(RunView(run, {}), plots)), plots


STEP = called("a", lambda second: 0.1 if second < 120 else 0.125)
LEVEL = called("b", lambda second: 0.11 + 1e-5 * (second % 3), busy=range(10, 15))


def test_a_step_is_told_with_its_time_and_the_ranking_that_it_changed() -> None:
    page, plots = rendered(run_of(STEP, LEVEL))
    row = next(line for line in page.splitlines() if line.startswith("| a"))
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        "a",
        "batch 1",
        "5 min",
        "100.0",
        "100.0–100.0",
        "125.0",
        "125.0–125.0",
        "+25.0 %",
        "after 2 min 1 s: latency +25 %",
        "41 to 69",
        "2.00 to 1.60",
        "not told",
    ]
    assert "The ranking at batch 1 changed: a was faster than b at first and is slower at the end." in page
    assert "Disturbed by other programs, and not in the latencies: b: 5 slices." in page
    assert "Temperature: cpu, the sensor that moved most." in page
    assert "NO_POWER_SOURCE: there is no sensor. **Remedy:** connect one." in page.replace("\\_", "_")
    assert list(plots.pictures) == ["sustained.png"]
    assert "latency, clock, temperature](plots/sustained.png)" in page


def test_models_alike_are_not_ranked() -> None:
    page, _ = rendered(run_of(called("a", lambda _: 0.1), called("b", lambda _: 0.1)))
    assert "no order that is clear at both ends changed. Too close to tell at one end or both: a and b." in page


def test_an_absent_task_is_told_by_its_code_in_report_and_terminal() -> None:
    lost = replace(STEP, sustained=NotMeasured(code="NO_MEMORY", reason="too large", remedy="take less"))
    page, plots = rendered(run_of(lost))
    assert "n/a: [NO_MEMORY]" in page.replace("\\_", "_")
    assert plots.pictures == {}
    assert "NO_MEMORY: too large; take less" in blocks(text.sustained_table(run_of(lost)))
    cut_off = Run(manifest=manifest([STEP.task]), records=())
    assert "CUT_OFF" in blocks(text.sustained_table(cut_off))


def test_a_series_that_drifts_is_named_beside_the_latencies_and_among_the_doubts() -> None:
    blocks = tuple(
        Block(
            order_index=at,
            warmup=False,
            started_s=10.0 * at,
            latency_s=tuple(0.03 * (1 + 0.01 * at) * (1 + 1e-4 * (call * 7 % 5)) for call in range(20)),
        )
        for at in range(12)
    )
    samples = LatencySamples(blocks=blocks, clock="fake", synchronisation="none", steady=True, stop="target")
    record = replace(latency_record(Task(test="latency", model="a")), latency=samples)
    view = RunView(run_of(record), {})
    assert "| DRIFT   | a       | batch 1 | the calls drifted by" in markdown.blocks(shaped.told(view))
    assert "DRIFT" in markdown.blocks(environment.PLUGIN.render(view, Plots()))
    assert markdown.blocks(shaped.told(RunView(run_of(latency_record(Task(test="latency", model="a"))), {}))) == ""


def test_pauses_for_heat_stand_with_the_state_of_the_machine_each_once() -> None:
    pause = Pause(started_s=1.0, waited_s=16.0, sensor="cpu", from_c=71.0, to_c=55.0)
    tasks = [Task(test="latency", model="a", batch_size=size) for size in (1, 2)]
    records = [replace(latency_record(task), cooling=Cooling(pauses=(pause,))) for task in tasks]
    told = markdown.blocks(environment.PLUGIN.render(RunView(run_of(*records), {}), Plots()))
    assert "16.0 s in 1 pause; at the hottest cpu from 71 to 55 °C" in told
    calm = markdown.blocks(
        environment.PLUGIN.render(RunView(run_of(replace(records[0], cooling=Cooling())), {}), Plots())
    )
    assert "| Cooled down" in calm
    assert "not needed" in calm
    assert "Cooled down" not in markdown.blocks(
        environment.PLUGIN.render(RunView(run_of(latency_record(tasks[0])), {}), Plots())
    )


def test_a_machine_of_which_too_little_is_known_is_not_called_unthrottled() -> None:
    lost = called("a", lambda _: 0.1, busy=range(160))
    assert "not by the clock; latency disturbed" in rendered(run_of(lost))[0]
    assert isinstance(lost.sustained, Sustained)
    blind = replace(lost.sustained, slices=tuple(replace(each, clock_hz=None) for each in lost.sustained.slices))
    assert "| can't be told" in rendered(run_of(replace(lost, sustained=blind)))[0].replace("\\", "")
    late = called("a", lambda second: 0.1 if second < 100 else 0.2, busy=range(20))  # its start is not known
    assert isinstance(late.sustained, Sustained)
    blind = replace(late.sustained, slices=tuple(replace(each, clock_hz=None) for each in late.sustained.slices))
    assert "| can't be told" in rendered(run_of(replace(late, sustained=blind)))[0].replace("\\", "")
