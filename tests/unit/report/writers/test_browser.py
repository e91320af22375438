"""The page in a real browser, headless: axe-core finds nothing, tables sort and search, it fits a phone and prints."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from suite.records import store
from suite.report import page
from tests.golden.cases import FOLDER
from tests.unit.report import synthetic

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium here: apt-get install chromium")
TOLD = re.compile(r'<pre id="told">(.*?)</pre>', re.DOTALL)
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
AXE = """
const told = [];
document.querySelectorAll("details").forEach((part) => { part.open = true; });
for (const theme of ["light", "dark"]) {
  document.documentElement.dataset.theme = theme;
  const found = await axe.run(document, { resultTypes: ["violations"] });
  const shown = (each) => each.nodes.slice(0, 3).map((node) => node.html.slice(0, 160));
  told.push(...found.violations.map((each) => [theme, each.id, each.impact, shown(each)]));
}
return told;
"""
TABLES = """
const table = [...document.querySelectorAll(".long table")].find((each) => /MACs/.test(each.tHead.textContent));
const column = [...table.tHead.rows[0].cells].findIndex((cell) => cell.textContent.startsWith("MACs"));
const figures = () => [...table.tBodies[0].rows].map((row) => row.cells[column].textContent);
const button = table.tHead.rows[0].cells[column].querySelector("button");
button.click();
const up = figures();
button.click();
const down = figures();
const search = table.closest(".long").querySelector("input");
search.value = "frames";
search.dispatchEvent(new Event("input"));
return { up, down, shown: [...table.tBodies[0].rows].filter((row) => !row.hidden).map((row) => row.textContent) };
"""
PHONE = """
const frame = document.querySelector("iframe");
await new Promise((done) => setTimeout(done, 1500));
const inside = frame.contentDocument;
inside.querySelectorAll("details").forEach((part) => { part.open = true; });
return [inside.documentElement.scrollWidth, inside.documentElement.clientWidth];
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("web")
    page.render(store.load(FOLDER / "simulated-energy"), out, synthetic.MODELS)
    return out / "report.html"


def browse(page: Path, *arguments: str) -> str:
    profile = page.parent / "profile"
    flags = (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={profile}",
        "--allow-file-access-from-files",
    )
    done = subprocess.run(
        [str(BROWSER), *flags, *arguments, page.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout


def run(page: Path, text: str, script: str) -> Any:
    """What a script that is added to the page returns; the page's own policy would refuse it."""
    body = f"""(async () => {{ {script} }})().catch(String).then((told) => {{
        const shown = document.createElement("pre");
        shown.id = "told";
        shown.textContent = JSON.stringify(told);
        document.body.append(shown);
    }});"""
    changed = page.with_name(f"{page.stem}-tested.html")
    changed.write_text(f"{POLICY.sub('', text)}<script>{body}</script>", encoding="utf-8")
    found = TOLD.search(browse(changed, "--virtual-time-budget=20000", "--dump-dom"))
    assert found is not None, "the script did not end"
    return json.loads(html.unescape(found[1]))


def test_axe_finds_nothing_in_light_and_dark(report: Path) -> None:
    axe = (resources.files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8")
    text = report.read_text(encoding="utf-8") + f"<script>{axe}</script>"
    assert run(report, text, AXE) == []


def test_a_table_sorts_by_its_figures_both_ways_and_is_searched(report: Path) -> None:
    found = run(report, report.read_text(encoding="utf-8"), TABLES)
    up = [int(each.replace(",", "")) for each in found["up"]]
    assert up == sorted(up)
    assert [int(each.replace(",", "")) for each in found["down"]] == sorted(up, reverse=True)
    assert found["shown"]
    assert all("frames" in row for row in found["shown"])


def test_nothing_is_wider_than_a_phone(report: Path) -> None:
    frame = f'<!DOCTYPE html><iframe src="{report.name}" width="360" height="800"></iframe>'
    wide, seen = run(report.with_name("phone.html"), frame, PHONE)
    assert seen <= 360
    assert wide <= seen


def test_it_prints_with_every_part_unfolded(report: Path) -> None:
    pdf = report.with_suffix(".pdf")
    browse(report, f"--print-to-pdf={pdf}", "--no-pdf-header-footer")
    assert pdf.read_bytes().startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes())) > 5


def test_the_file_is_small_and_asks_for_nothing(report: Path) -> None:
    text = report.read_text(encoding="utf-8")
    assert len(text.encode()) < 1_000_000
    assert not re.search(r'\b(src|href)="(?!#|tables/)', text)
