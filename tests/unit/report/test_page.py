"""The whole page: its order, its Markdown, and what it says when things are missing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import matplotlib
import pytest

from suite.errors import StoreError
from suite.records import FlopCount, NotMeasured, Repetition, Run, Task
from suite.report import page
from suite.report.table import anchor
from suite.report.text import flops_table
from suite.report.writers.text import blocks
from tests.unit.report import synthetic

TITLES = (
    "Models and why",
    "Parameter count",
    "Latency",
    "Memory",
    "Energy",
    "Discussion",
    "Extra: FLOPs and efficiency",
    "Method",
    "Environment",
    "What was not measured, and how to get it",
)
LINK = re.compile(r"\[([^\]]+)\]\(#([^)]+)\)")
PICTURE = re.compile(r"!\[[^\]]+\]\((plots/[^)]+)\)")


def render(run: Run, out: Path) -> str:
    return page.render(run, out, synthetic.MODELS).read_text(encoding="utf-8")


def headings(text: str, level: int) -> list[str]:
    return [line[level + 1 :] for line in text.splitlines() if line.startswith("#" * level + " ")]


def only(tests: Iterable[str], tasks: tuple[Task, ...]) -> tuple[Task, ...]:
    return tuple(task for task in tasks if task.test in tests)


def nothing_worked(run: Run) -> Run:
    crash = NotMeasured(code="CRASHED", reason="the worker ended | with status 1", remedy="read the log")
    names = {"params": "parameters", "flops": "flops", "latency": "latency", "energy": "energy"}
    made = []
    for record in run.records:
        absent = dict.fromkeys(("parameters", "flops", "latency", "cold_start", "memory", "energy"))
        made.append(replace(record, **{**absent, names[record.task.test]: crash}, failure="Trace\nValueError: x"))
    return replace(run, records=tuple(made))


STANDARD = synthetic.standard_tasks()
PAIR = synthetic.standard_tasks(models=("visualbert", "et-human"))
RUNS = {
    "whole": synthetic.make_run(call_count=12, power="simulated"),
    "no power": synthetic.make_run(PAIR, call_count=12),
    "two samples each": synthetic.make_run(PAIR, call_count=2),
    "one sample each": synthetic.make_run(PAIR, call_count=1),
    "no noise": synthetic.make_run(PAIR, call_count=12, noise=0.0),
    "params": synthetic.make_run(only(("params",), STANDARD)),
    "flops": synthetic.make_run(only(("flops",), STANDARD)),
    "energy": synthetic.make_run(only(("energy",), STANDARD), power="simulated"),
    "latency": synthetic.make_run(only(("latency",), STANDARD), call_count=12),
    "one point": synthetic.make_run(only(("latency",), STANDARD)[:1]),
    "episode alone": synthetic.make_run(tuple(task for task in STANDARD if task.scenario == "episode")),
    "no records": synthetic.make_run(stored_count=0),
    "no tasks": synthetic.make_run(()),
    "nothing worked": nothing_worked(synthetic.make_run(call_count=12)),
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str]]:
    made = {}
    for name, run in RUNS.items():
        out = tmp_path_factory.mktemp("report")
        made[name] = out, render(run, out)
    return made


def test_sections_come_in_the_order_of_the_lab(pages: dict[str, tuple[Path, str]]) -> None:
    assert headings(pages["whole"][1], 2) == [f"{number}. {title}" for number, title in enumerate(TITLES, start=1)]


@pytest.mark.parametrize("name", RUNS)
def test_tables_have_blank_lines_around_equal_rows_and_no_blank_cell(
    name: str, pages: dict[str, tuple[Path, str]]
) -> None:
    lines = pages[name][1].splitlines()
    widths: list[int] = []
    for before, line in zip(["", *lines], lines, strict=False):
        if not line.startswith("|"):
            assert not (widths and line), f"text right under a table: {line}"
            widths = []
            continue
        cells = re.split(r"(?<!\\)\|", line)[1:-1]
        assert all(cell.strip() for cell in cells), line
        assert widths or not before, f"text right above a table: {before}"
        widths.append(len(cells))
        assert len(set(widths)) == 1, line


@pytest.mark.parametrize("name", RUNS)
def test_links_lead_to_headings_and_pictures_to_files(name: str, pages: dict[str, tuple[Path, str]]) -> None:
    out, text = pages[name]
    fragments = {anchor(heading) for level in (2, 3) for heading in headings(text, level)}
    assert {target for _, target in LINK.findall(text)} <= fragments
    pictures = set(PICTURE.findall(text))
    assert pictures == {f"plots/{path.name}" for path in (out / "plots").glob("*.png")}


@pytest.mark.parametrize("name", RUNS)
def test_no_line_shows_a_number_that_is_none(name: str, pages: dict[str, tuple[Path, str]]) -> None:
    assert not re.search(r"\b(nan|inf|None)\b", pages[name][1])


@pytest.mark.parametrize(
    ("name", "titles"),
    [
        ("params", ["Models and why", "Parameter count", "Method", "Environment"]),
        ("flops", ["Models and why", "Extra: FLOPs and efficiency", "Method", "Environment"]),
        ("energy", ["Models and why", "Energy", "Method", "Environment"]),
        ("no records", [title for title in TITLES if title != "Environment"]),
    ],
)
def test_sections_without_anything_asked_for_are_left_out(
    name: str, titles: list[str], pages: dict[str, tuple[Path, str]]
) -> None:
    wanted = [*titles, *(TITLES[-1:] if TITLES[-1] not in titles else [])]
    assert [heading.split(". ", 1)[1] for heading in headings(pages[name][1], 2)] == wanted


def test_the_answer_on_sharing_names_the_shared_encoder(pages: dict[str, tuple[Path, str]]) -> None:
    assert (
        "- E.T. (human + synthetic): 21,764,052 accounts for sharing; a naive count gives 28,857,300, 7,093,248 too "
        "many (32.6 %). Shared: `encoder_lang.human` = `encoder_lang.synthetic` (7,093,248)."
    ) in pages["whole"][1]


def test_fits_find_the_cost_model_again(pages: dict[str, tuple[Path, str]]) -> None:
    found = re.search(r"- VisualBERT: .*? latency is ([\d.]+) ± [\d.]+ ms plus ([\d.]+) ± ", pages["no noise"][1])
    assert found is not None
    assert (float(found[1]), float(found[2])) == (pytest.approx(33.0, rel=1e-3), pytest.approx(53.0, rel=1e-3))


def test_a_run_that_was_cut_off_says_how_to_go_on(pages: dict[str, tuple[Path, str]]) -> None:
    text = pages["no records"][1]
    assert "0 of 96 tasks have a record" in text
    assert "### CUT_OFF" in text
    assert "--resume" in text


def test_every_absence_has_its_reason_remedy_and_trace(pages: dict[str, tuple[Path, str]]) -> None:
    text = pages["nothing worked"][1]
    assert "- The worker ended \\| with status 1. **Remedy:** Read the log." in text
    assert "- The worker's trace ended in `ValueError: x`." in text


def test_the_method_is_that_of_the_records(tmp_path: Path) -> None:
    lab = Repetition(
        target_relative_halfwidth=None,
        min_call_count=10,
        max_call_count=10,
        warmup_min_call_count=1,
        warmup_max_call_count=1,
    )
    text = render(synthetic.make_run(only(("latency",), synthetic.standard_tasks(lab)), call_count=10), tmp_path)
    assert "The first call is warm-up, stored and not counted. Then 10 calls are timed, a fixed number." in text
    assert re.search(r"\| ±[\d.]+ %, fixed count +\|", text)
    assert "goal" not in text.partition("## 3. Method")[0].replace("the goal is told where it was not reached", "")


def test_a_model_of_another_installation_is_reported_by_its_name(tmp_path: Path) -> None:
    tasks = tuple(task for task in STANDARD if task.model == "lxmert")
    text = page.render(synthetic.make_run(tasks, call_count=12), tmp_path, {}).read_text(encoding="utf-8")
    assert "- **lxmert**: this installation lacks its plug-in" in text


def test_rendering_leaves_the_users_matplotlib_as_it_was(tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    render(RUNS["one point"], tmp_path)
    assert dict(matplotlib.rcParams) == before


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    out = tmp_path / "file"
    out.write_text("in the way")
    with pytest.raises(StoreError, match=r"the report can't be written .*; free the disk or name another folder"):
        render(RUNS["params"], out)


def test_a_count_with_operators_of_unknown_cost_is_shown_as_a_lower_bound(tmp_path: Path) -> None:
    run = synthetic.make_run(only(("flops",), STANDARD))
    bounds = tuple(
        replace(record, flops=replace(record.flops, unknown=("_fft_r2c", "mylib.op")))
        for record in run.records
        if isinstance(record.flops, FlopCount)
    )
    text = render(replace(run, records=bounds), tmp_path)
    assert "≥ 10.59" in text
    assert "at least what is shown, since no formula is known for `_fft_r2c`, `mylib.op`" in text
    assert "at least this much, since no formula is known for _fft_r2c, mylib.op" in blocks(
        flops_table(replace(run, records=bounds))
    )
    (tmp_path / "exact").mkdir()
    assert "≥" not in render(run, tmp_path / "exact")


def test_flops_from_the_lock_have_no_picture_by_operator(tmp_path: Path) -> None:
    run = synthetic.make_run(only(("flops",), STANDARD))
    locked = tuple(
        replace(record, flops=replace(record.flops, by_operator=(), uncounted=(), source="models.lock"))
        for record in run.records
        if isinstance(record.flops, FlopCount)
    )
    text = render(replace(run, records=locked), tmp_path)
    assert "Taken from `models.lock`" in text
    assert "plots/flops.png" not in text
