"""Stored runs give the very report that lies beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.records import store
from suite.report import page
from tests.golden.cases import CASES, FOLDER
from tests.unit.report import synthetic


@pytest.mark.parametrize("case", CASES)
def test_stored_files_give_the_report_word_by_word(case: str, tmp_path: Path) -> None:
    report = page.render(store.load(FOLDER / case), tmp_path, synthetic.MODELS)
    assert report.read_text(encoding="utf-8") == (FOLDER / case / "report.md").read_text(encoding="utf-8"), (
        "if the change is meant: python -m tests.golden.cases, and read the diff"
    )


@pytest.mark.parametrize("case", CASES)
def test_two_renderings_are_equal_byte_for_byte_with_their_plots(case: str, tmp_path: Path) -> None:
    run = store.load(FOLDER / case)
    folders = tmp_path / "first", tmp_path / "second"
    for folder in folders:
        folder.mkdir()
        page.render(run, folder, synthetic.MODELS)
    first, second = ({path.name: path.read_bytes() for path in folder.rglob("*.*")} for folder in folders)
    assert len(first) > 8
    assert first == second


@pytest.mark.parametrize("case", CASES)
def test_golden_data_stays_small(case: str) -> None:
    assert sum(path.stat().st_size for path in (FOLDER / case).iterdir()) < 300_000
