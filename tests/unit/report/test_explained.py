"""A click on a code of report.html leads to what it means."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from suite.codes import explanation
from suite.records import Flag
from suite.report import page
from tests.unit.report import synthetic


def test_each_code_of_a_doubt_has_its_words_and_leads_there(tmp_path: Path) -> None:
    run = synthetic.make_run(call_count=12)
    first, *others = run.records
    doubts = (Flag(code="HIGH_LOAD", text="the load was 9"), Flag(code="OF_A_STRANGER", text="whatever"))
    page.render(replace(run, records=(replace(first, flags=doubts), *others)), tmp_path, synthetic.MODELS)
    web = (tmp_path / "report.html").read_text(encoding="utf-8")
    found = explanation("HIGH_LOAD")
    assert found is not None
    assert '<h3 id="high_load">HIGH_LOAD</h3>' in web
    assert found.means in web
    assert f"What to do: {found.remedy}" in web
    assert '<a href="#high_load"><code>HIGH_LOAD</code></a>' in web
    assert 'id="of_a_stranger"' not in web
    assert "What the codes mean" not in (tmp_path / "report.md").read_text(encoding="utf-8")
