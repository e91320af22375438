"""tables/*.csv: no figure that report.md leaves to them is lost, and each is there unrounded."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from suite.records import store
from suite.report import page
from suite.report.content import Content, Details, Table
from suite.report.plots import Plots
from suite.report.sheets import sheets
from suite.report.table import told
from suite.report.view import RunView
from suite.report.writers import csv as writer
from tests.golden.cases import CASES, FOLDER
from tests.unit.report import synthetic
from tests.unit.report.test_variants import both

NUMBER = re.compile(r"\d[\d,]*\.?\d*")
FACTORS = (1.0, 1e3, 1e6, 1e-9, 1e-6, 1e-3, 100.0, 2.0**-20, 2.0**-30)
# Columns that follow from others of the same rows: counts of blocks in words, growth, and the goal and its cost.
DERIVED = ("Precision", "Growth (MiB)", "Blocks (disturbed)", "Input", "From", "To", "Along", "Difference", "Why")


def folded(content: Content) -> Iterator[tuple[Table, str]]:
    """Tables of which Markdown names the file alone."""
    for block in content:
        if isinstance(block, Details):
            inner = [each for each in block.content if isinstance(each, Table)]
            yield from ((each, block.csv) for each in inner if block.csv)
            yield from folded(() if block.csv else block.content)


def numbers(text: str) -> list[tuple[float, int]]:
    """Figures and how many decimals they are shown with."""
    found = (match.replace(",", "") for match in NUMBER.findall(text))
    return [(float(each), len(each.partition(".")[2])) for each in found if each.strip(".")]


def figure(field: str | None) -> float | None:
    try:
        return float(field or "none")
    except ValueError:
        return None


def is_held(value: float, places: int, fields: list[float]) -> bool:
    tolerance = 0.500001 * 10.0**-places
    return any(
        abs(field * factor - value) <= max(tolerance, abs(value) * 0.005) for field in fields for factor in FACTORS
    )


@pytest.mark.parametrize("case", CASES)
def test_every_figure_that_moved_is_in_its_file(case: str) -> None:
    view = RunView(store.load(FOLDER / case), synthetic.MODELS)
    document = page.compose(view, Plots())
    files = {name: list(csv.DictReader(writer.write(rows).splitlines())) for name, rows in sheets(view)}
    checked = 0
    for chapter in document.chapters:
        for table, name in folded(chapter.content):
            for row in table.rows:
                own = [each for each in files[name] if each.get("title", told(row[0])) == told(row[0])] or files[name]
                fields = [number for each in own for field in each.values() if (number := figure(field)) is not None]
                words = {field for each in own for field in each.values()}
                for column, cell in zip(table.columns[1:], row[1:], strict=True):
                    if column.header in DERIVED or not isinstance(cell, str) or cell in words:
                        continue
                    for value, places in numbers(cell):
                        assert is_held(value, places, fields), (name, column.header, cell)
                        checked += 1
    assert checked > 50


def test_what_is_absent_is_an_empty_field_with_its_code() -> None:
    view = RunView(store.load(FOLDER / "cut-off"), synthetic.MODELS)
    rows = [row for row in dict(sheets(view))["latency.csv"] if row["batch_size"] == 8]
    assert {row["not_measured"] for row in rows} == {"KILLED_FOR_MEMORY"}
    assert all("median_s" not in row for row in rows)
    missing = dict(sheets(view))["not_measured.csv"]
    assert {row["code"] for row in missing} >= {"KILLED_FOR_MEMORY", "CUT_OFF"}
    assert all(row["remedy"] for row in missing)


def test_hashes_stand_in_full() -> None:
    view = RunView(store.load(FOLDER / "simulated-energy"), synthetic.MODELS)
    for row in dict(sheets(view))["provenance.csv"]:
        assert re.fullmatch("[0-9a-f]{64}", str(row["weights_sha256"]))
        assert re.fullmatch("[0-9a-f]{64}", str(row["inputs_sha256"]))


def test_names_of_figures_say_their_unit() -> None:
    view = RunView(store.load(FOLDER / "simulated-energy"), synthetic.MODELS)
    units = ("_s", "_j", "_w", "_bytes", "_count", "_hz", "_c", "_per_s", "_per_inference")
    bare = {"record", "seed", "batch_size", "confidence", "relative_halfwidth", "share", "machine"}
    for rows in dict(sheets(view)).values():
        for row in rows:
            figures = {
                name for name, field in row.items() if isinstance(field, int | float) and not isinstance(field, bool)
            }
            assert {name for name in figures - bare if not name.startswith("axis_")} <= {
                name for name in figures if name.endswith(units)
            }


def test_files_are_written_beside_the_report(tmp_path: Path) -> None:
    text = page.render(store.load(FOLDER / "simulated-energy"), tmp_path, synthetic.MODELS).read_text(encoding="utf-8")
    named = set(re.findall(r"\(tables/([\w.]+)\)", text))
    assert named
    assert named <= {path.name for path in (tmp_path / "tables").iterdir()}


def test_a_variant_has_a_row_for_each_output_and_no_more() -> None:
    rows = dict(sheets(both(0.05)))["variants.csv"]
    assert [(row["runtime"], row.get("output"), row.get("relative_error")) for row in rows] == [
        ("eager", None, None),
        ("onnxruntime", "scores", 0.05),
    ]
