"""The import rules hold for the whole project, and each rule's check does find what breaks it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from tests.contract import rules
from tests.contract.source import REPOSITORY, Import, imports, modules

MODULES = modules(REPOSITORY)
IMPORTS = imports(MODULES)
CHECKS = [
    rules.upward,
    rules.plugins_meeting,
    rules.torch_outside_worker,
    rules.worker_reaching_out,
    rules.controller_reaching_in,
    rules.runner_meeting_report,
    rules.client_knowing_what_is_pinned,
]
Check = Callable[[Iterable[Import]], Iterator[str]]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_project_keeps_the_rule(check: Check) -> None:
    broken = list(check(IMPORTS))
    assert not broken, "\n" + "\n".join(broken)


def test_every_module_has_a_layer() -> None:
    homeless = [name for name in MODULES if rules.layer_of(name) is None]
    assert not homeless, f"give these a place in LAYERS (tests/contract/rules.py): {', '.join(homeless)}"


def test_no_module_imports_itself_by_a_detour() -> None:
    assert rules.cycle(IMPORTS) == []


BREAKING = [
    (rules.upward, "suite.errors", "suite.cli"),
    (rules.upward, "suite.records", "suite.power.base"),
    (rules.upward, "suite.stats.fits", "suite.report.page"),
    (rules.plugins_meeting, "suite.worker.models.visualbert", "suite.worker.models.lxmert"),
    (rules.plugins_meeting, "suite.measure.runner", "suite.power.sources.simulated"),
    (rules.plugins_meeting, "suite.power.sources.mac_helper", "suite.power.sources.apple.common"),
    (rules.torch_outside_worker, "suite.stats.summary", "torch.nn"),
    (rules.worker_reaching_out, "suite.worker.loop", "suite.records"),
    (rules.worker_reaching_out, "suite.worker.loop", "suite"),
    (rules.controller_reaching_in, "suite.client.worker", "suite.worker.timing"),
    (rules.runner_meeting_report, "suite.measure.runner", "suite.report.table"),
    (rules.runner_meeting_report, "suite.report.sections.energy", "suite.power.integration"),
    (rules.client_knowing_what_is_pinned, "suite.client.worker", "suite.pinned.lock"),
]


@pytest.mark.parametrize(("check", "importer", "imported"), BREAKING)
def test_each_rule_names_the_line_that_breaks_it(check: Check, importer: str, imported: str) -> None:
    found = Import(importer, imported, Path("suite/some.py"), 7)
    (message,) = check([found])
    assert message.startswith(f"suite/some.py:7: {importer} imports {imported}: ")


def test_what_a_rule_allows_passes_every_check() -> None:
    allowed = [
        ("suite.cli", "suite.measure.runner"),
        ("suite.client.worker", "suite.worker.protocol"),
        ("suite.worker.models.lxmert", "suite.worker.model"),
        ("suite.worker.models.lxmert", "transformers"),
        ("suite.worker.models.et", "suite.worker.models._episodic"),
        ("suite.power.sources.apple.source", "suite.power.sources.apple.common"),
        ("suite.report.sections.energy", "suite.report.table"),
    ]
    found = [Import(importer, imported, Path("suite/some.py"), 1) for importer, imported in allowed]
    assert [message for check in CHECKS for message in check(found)] == []


def test_a_cycle_is_found() -> None:
    path = Path("suite/some.py")
    found = [
        Import("suite.records.store", "suite.stats", path, 1),
        Import("suite.stats", "suite.records.store", path, 1),
    ]
    assert set(rules.cycle(found)) == {"suite.records.store", "suite.stats"}


def test_imports_are_read_from_functions_and_relative_statements(tmp_path: Path) -> None:
    package = tmp_path / "suite" / "power"
    package.mkdir(parents=True)
    (tmp_path / "suite" / "__init__.py").write_text("")
    (package / "__init__.py").write_text("from .base import Source\n")
    (package / "base.py").write_text("def f():\n    from .. import power\n    import torch.nn\n")
    found = [(item.importer, item.imported, item.line) for item in imports(modules(tmp_path))]
    assert sorted(found) == [
        ("suite.power", "suite.power.base", 1),
        ("suite.power.base", "suite.power", 2),
        ("suite.power.base", "torch.nn", 3),
    ]
