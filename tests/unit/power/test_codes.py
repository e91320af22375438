"""Every way in which energy can't be measured has a code, is provoked by a test, and is told in sentences.

The modules are read as syntax trees: who can give a code is where its literal stands.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from suite.records import NotMeasured
from suite.report.plots import Plots
from suite.report.sections import absences, energy
from suite.report.view import RunView
from suite.report.writers import markdown
from tests.unit.report import synthetic

REPOSITORY = Path(__file__).resolve().parents[3]
POWER = REPOSITORY / "suite/power"

# code -> the modules that can give it
CODES = {
    "NO_SENSOR_NANO2GB": {"sources/ina3221", "sources/jtop/source"},
    "NO_INA3221": {"sources/ina3221", "sources/jtop/source"},
    "UNKNOWN_RAILS": {"jetson/rails"},
    "JTOP_ABSENT": {"sources/jtop/process", "sources/jtop/source"},
    "JTOP_SOCKET_IS_DIR": {"sources/jtop/source"},
    "JTOP_VERSION": {"sources/jtop/process"},
    "JTOP_PERM": {"sources/jtop/process"},
    "JTOP_SLOW": {"sources/jtop/source"},
    "JTOP_LOST": {"sources/jtop/process"},
    "RAPL_PERM": {"sources/rapl", "sources/perf", "sampler"},
    "RAPL_RANGE": {"sources/rapl"},
    "RAPL_MASKED": {"sources/rapl"},
    "PART_IDLE": {"parts"},
    "POWER_NEGATIVE": {"sign", "imported/csv_log"},
    "SENSOR_FROZEN": {"stillness", "sources/nvml/source"},
    "RAPL_VM": {"sources/rapl", "sources/perf"},
    "NVML_UNSUPPORTED": {"sources/nvml/source"},
    "ON_AC": {"sources/battery"},
    "BATTERY_STALE": {"sources/battery"},
    "MAC_CONTAINER": {"mac", "sources/mac_helper", "sources/apple/source"},
    "MAC_HELPER_DOWN": {"helper/remote", "helper/serve"},
    "MAC_SUDO": {"sources/apple/powermetrics", "sources/apple/source"},
    "MAC_FROZEN": {"sources/apple/common", "sources/apple/source"},
    "MAC_X86": {"mac"},
    "TOO_SHORT": {"channel"},
    "GAP": {"integrate", "counters", "selftest"},
    "THROTTLED": {"../host/flags", "../report/missing"},
    "BELOW_RESOLUTION": {"../report/energies", "sign"},
    "METER_NO_FILE": {"imported/text", "imported/csv_import", "sources/powertop"},
    "METER_CSV": {"imported/text"},
    "METER_OLD": {"sources/csv_meter"},
    "METER_PENDING": {"imported/csv_import"},
    "METER_ALIGNMENT": {"imported/csv_align", "imported/csv_import"},
    "POWERTOP_NO_WATTS": {"sources/powertop"},
}
ERRORS = ("SensorError", "NotMeasured")


def modules() -> dict[str, ast.Module]:
    """Syntax trees by path without suffix, relative to suite/power."""
    paths = {path.relative_to(POWER).with_suffix("").as_posix(): path for path in POWER.rglob("*.py")}
    for outside in ("host/flags", "report/missing", "report/energies"):
        paths[f"../{outside}"] = REPOSITORY / "suite" / f"{outside}.py"
    return {name: ast.parse(path.read_text()) for name, path in paths.items()}


MODULES = modules()


def literals(tree: ast.AST) -> set[str]:
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def raised() -> Iterator[tuple[str, ast.Call, str]]:
    """(module, call, code) where an absence is made with a literal code."""
    for name, tree in MODULES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS:
                code = argument(node, 0, "code")
                if isinstance(code, ast.Constant):
                    yield name, node, str(code.value)


def argument(call: ast.Call, place: int, name: str) -> ast.expr | None:
    named = next((keyword.value for keyword in call.keywords if keyword.arg == name), None)
    return named or (call.args[place] if len(call.args) > place else None)


def words(text: ast.expr | None) -> str | None:
    """A literal text, with X for what is filled in; None where it is made elsewhere."""
    if isinstance(text, ast.Constant):
        return str(text.value)
    if isinstance(text, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "X" for part in text.values)
    return None


@pytest.mark.parametrize("code", CODES)
def test_a_code_is_given_by_exactly_the_modules_that_can_give_it(code):
    assert {name for name, tree in MODULES.items() if code in literals(tree)} == CODES[code]


@pytest.mark.parametrize("code", CODES)
def test_a_test_provokes_every_code(code):
    """A test that only repeats a code would pass here; that each was written to fail without it is for its reader."""
    word = re.compile(rf"\b{code}\b")
    tests = [path for path in (REPOSITORY / "tests").rglob("test_*.py") if path != Path(__file__)]
    assert any(any(map(word.search, literals(ast.parse(path.read_text())))) for path in tests)


def test_every_code_stands_in_the_documents_table():
    documented = (REPOSITORY / "docs/energy.md").read_text()
    codes = CODES.keys() | {code for _, _, code in raised()}
    assert [code for code in sorted(codes) if f"| `{code}` |" not in documented] == []


def test_every_reason_and_remedy_is_a_sentence():
    bad = []
    for name, call, code in raised():
        for place, part in ((1, "reason"), (2, "remedy")):
            text = words(argument(call, place, part))
            if text is not None and not (len(text.split()) >= 2 and text[-1] not in ".,;:" and "  " not in text):
                bad.append(f"{name}:{call.lineno}: {code}: {part}: {text!r}")
    assert bad == []


@pytest.mark.parametrize("code", CODES)
def test_the_report_tells_every_code_with_reason_and_remedy(code):
    tasks = tuple(task for task in synthetic.standard_tasks(models=("lxmert",)) if task.test == "energy")
    absent = NotMeasured(code=code, reason="the sensor went away", remedy="bring it back")
    run = synthetic.make_run(tasks, power="simulated")
    run = replace(run, records=tuple(replace(record, energy=absent, schedule=None) for record in run.records))
    view = RunView(run, synthetic.MODELS)
    text = markdown.blocks(absences.PLUGIN.render(view, Plots()))
    assert f"### {code}\n" in text
    assert "- The sensor went away. **Remedy:** Bring it back." in text
    assert f"[{code}](#{code.lower()})" in markdown.blocks(energy.PLUGIN.render(view, Plots()))
