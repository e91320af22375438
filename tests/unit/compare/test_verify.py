"""What verify finds: edits and where they are, what is missing, and what can't be."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from suite.compare.findings import Finding
from suite.compare.verify import altered_tasks, verify
from suite.records import (
    Ceiling,
    EnergyReading,
    EnergyWindow,
    ErrorBudget,
    Interference,
    LatencySamples,
    Matmul,
    PowerTrace,
    Roofline,
    RunRecord,
    Task,
    seal,
    store,
)
from suite.records.store import RunStore
from tests.unit.compare.runs import TASKS, blank, edited, latency, latency_task, stored, whole
from tests.unit.samples import manifest


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return stored(tmp_path / "run", whole())


def found(out: Path) -> list[tuple[str, str, str]]:
    return [(each.grade, each.code, each.where) for each in verify(out).findings]


def test_a_run_as_it_was_measured_is_verified(out: Path) -> None:
    told = verify(out)
    assert (told.verdict, told.findings) == ("VERIFIED", ())
    assert (told.record_count, told.line_count, told.chained_count, told.sealed) == (4, 4, 4, True)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_an_edit_is_found_in_its_line_and_field(out: Path, number: int) -> None:
    edited(out, number, lambda data: data.update(wall_s=data["wall_s"] / 2))
    assert found(out) == [("wrong", "LINE_CHANGED", f"records.jsonl:{number} wall_s")]
    assert verify(out).altered_lines == {number}


def test_an_edit_of_one_sample_is_found_in_its_block(out: Path) -> None:
    def edit(data: dict[str, Any]) -> None:
        data["latency"]["blocks"][4]["latency_s"][2] -= 0.001

    edited(out, 3, edit)
    assert found(out) == [("wrong", "LINE_CHANGED", "records.jsonl:3 latency.blocks.4")]
    assert list(altered_tasks(out, verify(out))) == [latency_task(1)]


def test_without_a_manifest_the_chain_still_tells_the_line(out: Path) -> None:
    (out / "manifest.json").unlink()
    edited(out, 3, lambda data: data.update(wall_s=2.0))
    assert found(out) == [
        ("wrong", "CHAIN_BROKEN", "records.jsonl:3"),
        ("unknown", "NO_MANIFEST", "manifest.json"),
    ]


def test_the_last_line_s_edit_needs_the_manifest(out: Path) -> None:
    (out / "manifest.json").unlink()
    edited(out, 4, lambda data: data.update(wall_s=2.0))
    told = verify(out)
    assert told.verdict == "NOT VERIFIED"
    assert "its last line can't be told" in told.findings[0].text


def test_a_line_that_was_taken_out_is_told(out: Path) -> None:
    path = out / "records.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], *lines[2:]]))
    assert ("wrong", "LINES_REMOVED", "records.jsonl:2") in found(out)
    assert ("unknown", "INCOMPLETE", "records.jsonl") in found(out)


def test_lines_that_changed_places_are_told(out: Path) -> None:
    path = out / "records.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[2], lines[1], lines[3]]))
    assert verify(out).verdict == "WRONG"


def test_what_was_asked_for_is_the_beginning_of_the_chain(out: Path) -> None:
    path = out / "run.json"
    path.write_text(path.read_text().replace("for a test", "for a change"))
    assert [each[1:] for each in found(out)] == [("CHAIN_BROKEN", "run.json"), ("FILE_CHANGED", "run.json")]


def test_a_line_written_in_another_form_is_told(out: Path) -> None:
    path = out / "records.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps(json.loads(lines[0])), *lines[1:]]) + "\n")
    told = verify(out).findings
    assert [(each.code, each.where) for each in told] == [("LINE_CHANGED", "records.jsonl:1")]
    assert "the same values in another form" in told[0].text


def test_a_line_that_is_no_json_is_told_by_its_number(out: Path) -> None:
    path = out / "records.jsonl"
    path.write_text(path.read_text().replace('{"schema_version"', '{schema_version"', 1))
    assert {(each[1], each[2]) for each in found(out)} >= {
        ("UNREADABLE", "records.jsonl:1"),
        ("LINE_CHANGED", "records.jsonl:1"),
    }


@pytest.mark.parametrize("name", ["log.txt", "report.md", "plots/a.png"])
def test_a_file_that_was_changed_or_taken_away_is_told(out: Path, name: str) -> None:
    (out / "plots").mkdir()
    for each in ("report.md", "plots/a.png"):
        (out / each).write_text("as it was")
    seal.write_report(out)
    assert verify(out).verdict == "VERIFIED"
    (out / name).write_text("as it is")
    assert found(out) == [("wrong", "FILE_CHANGED", name)]
    (out / name).unlink()
    assert found(out) == [("wrong", "FILE_MISSING", name)]


def test_a_new_report_does_not_make_an_edit_right(out: Path) -> None:
    edited(out, 3, lambda data: data.update(wall_s=2.0))
    (out / "report.md").write_text("anew")
    assert ("unknown", "FILE_UNLISTED", "report.md") in found(out)
    seal.write_report(out)
    assert found(out) == [("wrong", "LINE_CHANGED", "records.jsonl:3 wall_s")]


def test_going_on_with_a_run_does_not_make_an_edit_right(tmp_path: Path) -> None:
    records = whole()
    out = tmp_path / "run"
    with RunStore.create(out, manifest([each.task for each in records])) as run_store:
        for each in records[:3]:
            run_store.append(each)
    seal.write(out, complete=False)
    edited(out, 2, lambda data: data.update(wall_s=2.0))
    with RunStore.resume(out) as run_store:
        run_store.append(records[3])
    seal.write(out, complete=True)
    assert ("wrong", "LINE_CHANGED", "records.jsonl:2 wall_s") in found(out)


def test_a_run_that_went_on_and_was_cut_off_is_not_verified(tmp_path: Path) -> None:
    records = whole()
    out = tmp_path / "run"
    with RunStore.create(out, manifest([each.task for each in records])) as run_store:
        for each in records[:3]:
            run_store.append(each)
        seal.write(out, complete=False)
        run_store.append(records[3])
    told = verify(out)
    assert told.verdict == "NOT VERIFIED"
    assert [each.code for each in told.findings] == ["LINES_AFTER"]


def test_a_meter_s_log_brought_in_later_is_no_edit(out: Path) -> None:
    store.amend(out, [replace(whole()[0], wall_s=0.5)])
    assert verify(out).verdict == "VERIFIED"
    sealed = seal.read(out)
    assert sealed is not None
    assert sealed.amended


def test_an_older_run_is_not_verified_and_not_wrong(out: Path) -> None:
    (out / "manifest.json").unlink()
    for number in range(1, 5):
        edited(out, number, lambda data: data.pop("previous_sha256"))
    told = verify(out)
    assert (told.verdict, told.chained_count) == ("NOT VERIFIED", 0)
    assert [each.code for each in told.findings] == ["NOT_CHAINED", "NO_MANIFEST"]


def test_a_broken_manifest_is_told_in_one_line(out: Path) -> None:
    (out / "manifest.json").write_text('{"version": 7}')
    assert found(out) == [("wrong", "MANIFEST_BROKEN", "manifest.json")]


def test_names_in_a_manifest_lead_nowhere(out: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    sealed = json.loads((out / "manifest.json").read_text())
    for name in ("../secret", "/etc/passwd", "a/../../secret", ".."):
        sealed["report"].append({"name": name, "byte_count": 1, "sha256": "0" * 64})
    (out / "manifest.json").write_text(json.dumps(sealed))
    assert {each[1] for each in found(out)} <= {"FILE_MISSING", "FILE_UNREADABLE"}
    assert sorted(path.name for path in out.iterdir()) == ["log.txt", "manifest.json", "records.jsonl", "run.json"]


# What can't be, whoever wrote it and however well it is sealed.


def plausible(tmp_path: Path, records: list[RunRecord]) -> list[tuple[str, str]]:
    told: tuple[Finding, ...] = verify(stored(tmp_path / "run", records)).findings
    return [(each.code, each.where) for each in told]


def changed(record: RunRecord, change: Callable[[LatencySamples], LatencySamples]) -> RunRecord:
    assert isinstance(record.latency, LatencySamples)
    return replace(record, latency=change(record.latency))


def with_block(place: int, **fields: Any) -> Callable[[LatencySamples], LatencySamples]:
    def change(samples: LatencySamples) -> LatencySamples:
        blocks = list(samples.blocks)
        blocks[place] = replace(blocks[place], **fields)
        return replace(samples, blocks=tuple(blocks))

    return change


def test_a_sum_that_is_longer_than_the_time_that_passed(tmp_path: Path) -> None:
    record = latency(latency_task())
    samples = record.latency
    assert isinstance(samples, LatencySamples)
    values = (*samples.blocks[9].latency_s[:-1], 0.5)
    assert ("SUM_TOO_LONG", "records.jsonl:1 latency.blocks.9") in plausible(
        tmp_path, [changed(record, with_block(9, latency_s=values))]
    )


def test_samples_that_are_copies(tmp_path: Path) -> None:
    record = latency(latency_task())
    samples = record.latency
    assert isinstance(samples, LatencySamples)
    copied = changed(record, with_block(7, latency_s=samples.blocks[2].latency_s))
    assert plausible(tmp_path, [copied]) == [("SAMPLES_COPIED", "records.jsonl:1 latency.blocks.7")]


def test_blocks_that_overlap_within_and_across_records(tmp_path: Path) -> None:
    first, second = latency(latency_task(1), start_s=100.0), latency(latency_task(2), 0.07, 100.2)
    codes = {code for code, _ in plausible(tmp_path, [first, second])}
    assert codes == {"BLOCKS_OVERLAP"}


def test_a_machine_that_was_started_again_has_another_clock(tmp_path: Path) -> None:
    first = latency(latency_task(1), start_s=100.0)
    second = replace(latency(latency_task(2), level_s=0.07, start_s=100.2), started_utc="2026-11-24T09:00:00Z")
    assert plausible(tmp_path, [first, second]) == []


def test_a_clock_that_runs_backwards(tmp_path: Path) -> None:
    record = latency(latency_task())
    swapped = changed(record, with_block(5, order_index=6))
    swapped = changed(swapped, with_block(6, order_index=5))
    assert plausible(tmp_path, [swapped]) == [("CLOCK_BACKWARDS", "records.jsonl:1 latency.blocks.5")]


def test_calls_outside_their_task(tmp_path: Path) -> None:
    record = latency(latency_task())
    late = replace(record, after=replace(record.after, time_s=record.after.time_s - 1.0), wall_s=1.0)
    assert ("OUTSIDE_TASK", "records.jsonl:1 latency.blocks.9") in plausible(tmp_path, [late])


def test_flops_that_are_not_the_sum_of_their_operators(tmp_path: Path) -> None:
    records = whole()
    assert records[1].flops is not None
    records[1] = replace(records[1], flops=replace(records[1].flops, mac_count=501))  # type: ignore[type-var]
    assert plausible(tmp_path, records) == [("SUM_DIFFERS", "records.jsonl:2 flops.mac_count")]


def test_other_weights_of_the_same_seed(tmp_path: Path) -> None:
    records = whole()
    assert records[3].provenance is not None
    records[3] = replace(records[3], provenance=replace(records[3].provenance, weights_sha256="ee" * 32))
    assert plausible(tmp_path, records) == [("HASH_DIFFERS", "records.jsonl:4 provenance.weights_sha256")]


def roofline(seconds: float) -> RunRecord:
    """Of a device whose products of matrices take so long for 1,000 FLOPs."""
    task = Task(test="roofline", model="machine", thread_count=2)
    ceiling = Ceiling(amount=1000, call_count=1, block_s=(seconds,))
    moved = Ceiling(amount=10**9, call_count=1, block_s=(0.01,))
    roof = Roofline(
        thread_count=2,
        synchronisation="none needed: cpu",
        tensor_bytes=10**9,
        cache_bytes=None,
        copy=moved,
        read=moved,
        matmul=(Matmul(precision="fp32", size=10, ceiling=ceiling),),
        interference=Interference(wall_s=1.0, foreign_s=0.0),
    )
    return replace(blank(task, 92.0, 93.0), roofline=roof)


def test_what_a_busy_machine_reached_is_no_limit(tmp_path: Path) -> None:
    busy = Interference(wall_s=1.0, foreign_s=1.0)
    for beside in (None, busy):
        record = roofline(0.1)
        assert isinstance(record.roofline, Roofline)
        found = replace(record, roofline=replace(record.roofline, interference=beside))
        assert plausible(tmp_path / str(beside is None), [*whole(), found]) == []


def test_a_latency_below_what_the_roofline_allows(tmp_path: Path) -> None:
    assert plausible(tmp_path / "fast", [*whole(), roofline(0.04)]) == []
    told = plausible(tmp_path / "slow", [*whole(), roofline(0.1)])
    assert told == [("FASTER_THAN_POSSIBLE", f"records.jsonl:{number} latency") for number in (3, 4)]


def test_one_call_below_what_the_roofline_allows(tmp_path: Path) -> None:
    records = whole()
    samples = records[2].latency
    assert isinstance(samples, LatencySamples)
    values = (0.005, *samples.blocks[3].latency_s[1:])
    records[2] = changed(records[2], with_block(3, latency_s=values))
    told = plausible(tmp_path, [*records, roofline(0.04)])
    assert told == [("FASTER_THAN_POSSIBLE", "records.jsonl:3 latency.blocks.3.latency_s.0")]


def energy(joules: float = 10.0, source: str = "meter") -> RunRecord:
    time_s = tuple(100.0 + 0.1 * step for step in range(100))
    reading = EnergyReading(
        source=source,
        scope="module",
        method="trapezoid",
        sample_period_s=0.1,
        idle_before_w=2.0,
        idle_after_w=2.0,
        windows=(EnergyWindow(start_s=102.0, end_s=104.0, call_count=10, energy_j=joules),),
        budget=ErrorBudget(scatter_j=None, resolution_j=0.1, gain_j=0.1, edge_j=0.1),
        trace=PowerTrace(rails=("total",), time_s=time_s, power_w=((5.0,) * 100,)),
    )
    return replace(blank(Task(test="energy", model="et-human"), 99.0, 111.0), energy=reading)


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (energy(), []),
        (energy(joules=20.0), [("ENERGY_NOT_POWER", "records.jsonl:1 energy.windows.0.energy_j")]),
        (energy(source=" "), [("ENERGY_WITHOUT_SOURCE", "records.jsonl:1 energy")]),
    ],
)
def test_joules_are_power_times_time_by_a_source(tmp_path: Path, record: RunRecord, told: list[object]) -> None:
    assert plausible(tmp_path, [record]) == told


def test_a_run_that_was_cut_off_is_not_verified(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with RunStore.create(out, manifest(TASKS)) as run_store:
        run_store.append(whole()[0])
    told = verify(out)
    assert told.verdict == "NOT VERIFIED"
    assert "3 tasks of 4 without a record" in told.findings[0].text
