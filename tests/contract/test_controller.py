"""The controller's side of the wall: no torch, and help without waiting."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.contract.source import REPOSITORY, is_under, modules

HEAVY = ("torch", "transformers", "scipy", "matplotlib", "numpy", "pydantic", "tabulate")
CONTROLLER = [
    name for name in modules(REPOSITORY) if not is_under(name, "suite.worker") and not name.endswith("__main__")
]


def loaded_after(code: str, *arguments: str) -> set[str]:
    """Top-level packages in sys.modules once a new interpreter has run the code."""
    tail = "\nimport json, sys\nprint(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    done = subprocess.run(
        [sys.executable, "-c", code + tail, *arguments], capture_output=True, text=True, check=False, cwd=REPOSITORY
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_no_module_of_the_controller_loads_torch() -> None:
    loaded = loaded_after("; ".join(f"import {name}" for name in CONTROLLER))
    assert loaded & {"torch", "transformers"} == set()
    assert "matplotlib" in loaded, "the check looks at the modules that it means to look at"


def test_listing_every_plugin_and_rendering_a_report_loads_no_torch(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from suite import registry
from suite.report import page
from tests.contract.test_sections import cut_off_run
for package in (registry.MODELS, registry.RUNTIMES, registry.POWER_SOURCES, registry.SECTIONS):
    assert registry.discover(package)
assert page.render(cut_off_run(), Path(sys.argv[1])).read_text()
"""
    assert loaded_after(code, str(tmp_path)) & {"torch", "transformers"} == set()


def test_help_loads_nothing_that_takes_long_to_import() -> None:
    code = "from suite.cli import main\nassert main(['--help']) == 0"
    assert loaded_after(code) & set(HEAVY) == set()
