"""`--style lab`: the lab's tables and questions, numbered as there, and nothing more."""

from __future__ import annotations

import re
from pathlib import Path

from suite.records import store
from suite.report import page
from tests.golden.cases import FOLDER
from tests.unit.report import synthetic

HEADINGS = [
    "## 1. Models, and why these",
    "## 2. Parameter count",
    "### Does this number account for parameter sharing?",
    "## 3. Latency",
    "### At batch size 1",
    "### Against batch size",
    "### Against text tokens",
    "### Against image regions",
    "### Against frames",
    "## 4. Energy",
    "## 5. Discussion",
    "### Is latency linear in the batch size?",
    "### Is latency quadratic in the input size?",
    "### Does latency track energy, parameters, FLOPs?",
    "## 6. Extra: FLOPs",
]


def lab(case: str, out: Path) -> str:
    path = page.render(store.load(FOLDER / case), out, synthetic.MODELS, layout="lab")
    assert path.name == "lab.md"
    return path.read_text(encoding="utf-8")


def test_the_labs_parts_stand_in_its_order_and_nothing_else(tmp_path: Path) -> None:
    text = lab("simulated-energy", tmp_path)
    assert [line for line in text.splitlines() if re.match(r"#{2,3} ", line)] == HEADINGS  # nothing is absent here
    assert (tmp_path / "lab.html").is_file()
    assert not (tmp_path / "report.md").exists()


def test_latency_is_in_seconds_with_mean_deviation_and_k(tmp_path: Path) -> None:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lab("cut-off", tmp_path).splitlines()]
    start = rows.index(["Model", "Input", "Mean (s)", "Standard deviation (s)", "k"])
    assert [row[-1] for row in rows[start + 2 : start + 4]] == ["10", "10"]
    mean_s, std_s = (float(cell) for cell in rows[start + 2][2:4])
    assert 0.05 < mean_s < 0.2
    assert 0 < std_s < mean_s


def test_the_question_on_sharing_is_answered_with_the_difference(tmp_path: Path) -> None:
    text = lab("simulated-energy", tmp_path)
    assert "- LXMERT: yes. Nothing is shared, so counting by name gives the same." in text
    assert "counting by name would give 28,857,300, 7,093,248 too many" in text


def test_energy_is_average_watts_times_time(tmp_path: Path) -> None:
    text = lab("simulated-energy", tmp_path)
    (row,) = [
        line for line in text.splitlines() if line.startswith("| LXMERT") and "batch 1" in line and "7.00" in line
    ]
    watts, joules = (float(cell) for cell in row.strip("|").split("|")[2:4])
    assert abs(joules - watts * 0.1274) < 0.02


def test_an_absence_has_its_reason_and_remedy_where_its_link_leads(tmp_path: Path) -> None:
    text = lab("cut-off", tmp_path)
    for code in set(re.findall(r"\(#([a-z_0-9]+)\)", text)):
        assert re.search(rf"^#{{3,4}} {code.upper()}$", text, re.MULTILINE), code
