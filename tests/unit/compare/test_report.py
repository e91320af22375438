"""The page, the rows and the data of a comparison, and that hostile text stays text."""

from __future__ import annotations

import csv
import io
import json

import pytest

from suite.cli.output import as_csv
from suite.compare import gate, kinds, report, rows, shown, table
from suite.compare.table import Comparison
from suite.records import ColdStart, FlopCount, MemoryUse, ParameterCount, RunRecord, Task
from suite.report.writers import html, markdown
from suite.stats.ratio import Ratio
from tests.unit.compare.made import record, sheet
from tests.unit.report.synthetic import make_run, standard_tasks
from tests.unit.samples import latency_record

HOSTILE = "<script>alert(1)</script>|=cmd()|`\n# x"
MEMORY = MemoryUse(
    import_resident_bytes=1,
    before_resident_bytes=1,
    peak_resident_bytes=2**30,
    peak_is_task=True,
    weight_bytes=1,
    device_peak_bytes=None,
)
COLD = ColdStart(process_s=0.1, import_s=1.0, build_s=0.2, weights_s=0.3, first_call_s=0.4)


def compared(
    first: list[RunRecord], second: list[RunRecord], names: tuple[str, str] = ("before", "after")
) -> Comparison:
    return table.compare(kinds.kinds([sheet(*first), sheet(*second)], list(names)))


def page(found: Comparison) -> str:
    return markdown.write(report.document(found, {"null": "Null model"}))


def line_of(text: str, start: str) -> str:
    return next(" ".join(line.split()) for line in text.splitlines() if line.startswith(start))


def test_the_summary_has_models_down_and_runs_across_with_the_best_in_bold() -> None:
    text = page(compared([record(0.1)], [record(0.12)]))
    assert (
        line_of(text, "| Null model | Lat") == "| Null model | Latency (ms), batch 1 | **100.0** | 120.0 ×1.20 SLOWER |"
    )


def test_ties_are_not_bold_where_nothing_is_worse() -> None:
    assert "**" not in page(compared([record(0.1)], [record(0.1)])).partition("## 2.")[0].partition("## 1.")[2]


def test_a_difference_has_a_number_in_the_cell_and_its_text_below() -> None:
    text = page(compared([record(0.1)], [record(0.12, task={"thread_count": 2})]))
    assert "SLOWER ¹ ² ³ |" in " ".join(text.split())
    assert "- ¹ threads: 1 against 2\n- ² threads in force: 1 against 2\n" in text
    assert "³ whether the machine was in one state can't be told" in text


def test_every_quantity_has_its_table() -> None:
    counts = ParameterCount(
        unique_count=1_000_000,
        registered_count=1_000_000,
        trainable_count=0,
        embedding_count=0,
        buffer_element_count=0,
        parameter_bytes=4,
        buffer_bytes=0,
        bytes_by_dtype=(),
        shared=(),
        expected_unique_count=None,
    )
    flops = FlopCount(mac_count=10**9, by_operator=(), uncounted=(), source="counted", unknown=("odd",))
    records = [
        record(0.1, memory=MEMORY, cold_start=COLD),
        _of(Task(test="params", model="null"), parameters=counts),
        _of(Task(test="flops", model="null"), flops=flops),
    ]
    text = page(compared(records, records))
    told = [line.partition(". ")[2] for line in text.splitlines() if line.startswith("## ")]
    assert told == [
        "Summary", "Latency", "Peak memory", "Cold start, to the first answer", "Parameters", "FLOPs of a call",
        "What else differs",
    ]  # fmt: skip
    assert "1,000,000 EQUAL" in text
    assert "2.000 s" not in text
    assert "≥ 2.000 not compared" in text
    assert "1.000 ×1.00, no interval" in text


def _of(task: Task, **found: object) -> RunRecord:
    whole = latency_record(task)
    values = {
        name: getattr(whole, name) for name in ("schema_version", "started_utc", "wall_s", "host", "before", "after")
    }
    return RunRecord(task=task, **values, **found)  # type: ignore[arg-type]


def test_energy_of_two_parts_is_never_one_line() -> None:
    run = make_run(standard_tasks(models=("lxmert",)), call_count=8, power="simulated")
    found = table.compare(kinds.kinds([sheet(*run.records), sheet(*run.records)], ["a", "b"]))
    assert {line.place.part for line in found.lines["energy"]} == {"whole"}
    assert all(line.cells["b"].told is not None for line in found.lines["energy"])


def test_hostile_names_stay_text_in_every_form() -> None:
    found = compared([record(0.1)], [record(0.12)], names=(HOSTILE, "=1+1"))
    document = report.document(found, {"null": HOSTILE})
    text, web = markdown.write(document), html.write(document, {})
    assert "<script>alert(1)" not in text
    assert "\n# x" not in text
    assert "<script>alert(1)" not in web
    read = list(csv.DictReader(io.StringIO(as_csv({"results": rows.rows(found)}))))
    assert [row["run"] for row in read] == [" ".join(HOSTILE.split()), "'=1+1"]


def test_a_row_a_cell_with_the_same_columns_whatever_was_measured() -> None:
    few = rows.rows(compared([record(0.1)], [record(0.12)]))
    more = rows.rows(compared([record(0.1, memory=MEMORY)], [record(0.12, memory=MEMORY)]))
    assert [list(row) for row in few] == [list(row) for row in more]
    first, second = few
    assert (first["run"], first["latency_median_s"], first["latency_verdict"]) == ("before", pytest.approx(0.1), None)
    assert (second["batch_size"], second["thread_count"], second["latency_verdict"]) == (1, "1", "SLOWER")
    assert second["latency_ratio"] == pytest.approx(1.2)
    assert more[1]["peak_resident_bytes"] == 2**30


def test_the_data_can_be_written_as_json_and_says_the_gate() -> None:
    found = compared([record(0.1)], [record(0.12)])
    gates = gate.judge(found, [gate.condition("latency slower 5%")])
    data = json.loads(json.dumps(rows.data(found, gates), allow_nan=False))
    cell = data["quantities"]["latency"]["lines"][0]["cells"]["after"]
    assert (cell["verdict"], cell["exact"], cell["block_count"], cell["run_count"]) == ("SLOWER", False, 6, 1)
    assert cell["interval"]["low"] < 1.2 < cell["interval"]["high"]
    assert data["gates"][0]["answer"] == "HOLDS"
    assert [run["name"] for run in data["runs"]] == ["before", "after"]


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "×1.00"), (1.0004, "×1.0004"), (1.0581, "×1.06"), (0.5, "×0.500"), (12.3456, "×12.3")]
)
def test_a_ratio_shows_that_it_is_not_one(value: float, text: str) -> None:
    assert shown.times(value) == text
    assert shown.ratio(Ratio(value=value)) == text
