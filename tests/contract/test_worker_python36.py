"""The worker's source runs on Python 3.6: NVIDIA's newest GPU build of torch for the Jetson Nano is for that."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from suite import registry
from tests.contract.source import REPOSITORY, Module, modules

WORKER = [module for name, module in modules(REPOSITORY).items() if name == "suite" or name.startswith("suite.worker")]
# In the standard library of a later Python only. Running it below finds what stands at module level; this list is for
# what a function would first meet on the board.
LATER_ATTRIBUTES = {
    "perf_counter_ns": "3.7",
    "monotonic_ns": "3.7",
    "process_time_ns": "3.7",
    "time_ns": "3.7",
    "cached_property": "3.8",
    "removeprefix": "3.9",
    "removesuffix": "3.9",
    "prod": "3.8",  # math's; torch and numpy are reached by other names in the worker
    "dist": "3.8",
    "isqrt": "3.8",
    "fromisoformat": "3.7",
}
LATER_ARGUMENTS = {"capture_output": "3.7", "text": "3.7", "missing_ok": "3.8", "dirs_exist_ok": "3.8"}
LATER_MODULES = {"dataclasses": "3.7", "contextvars": "3.7", "zoneinfo": "3.9", "tomllib": "3.11"}


def too_new(module: Module) -> Iterator[str]:
    """What the tree uses that Python 3.6 does not have, and that parsing alone does not show."""
    for node in ast.walk(module.tree):
        where = f"{module.path}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Attribute) and node.attr in LATER_ATTRIBUTES and _is_module(node.value):
            yield f"{where}: {node.attr} needs Python {LATER_ATTRIBUTES[node.attr]}"
        elif isinstance(node, ast.Call) and _is_subprocess(node.func):
            new = [keyword.arg for keyword in node.keywords if keyword.arg in LATER_ARGUMENTS]
            yield from (f"{where}: {name}= needs Python {LATER_ARGUMENTS[name]}" for name in new if name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (f"{where}: {name} needs Python {LATER_MODULES[name]}" for name in _roots(node))
            if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                yield from (f"{where}: __future__.annotations needs 3.7" for a in node.names if a.name == "annotations")


def _is_module(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("time", "math", "functools", "datetime", "str")


def _is_subprocess(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "subprocess"


def _roots(node: ast.Import | ast.ImportFrom) -> list[str]:
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    return [name.split(".")[0] for name in names if name.split(".")[0] in LATER_MODULES]


def python36() -> Path | None:
    """An interpreter that answers to 3.6: on the path, or one of pyenv's."""
    candidates = [shutil.which("python3.6")]
    if pyenv := os.environ.get("PYENV_ROOT") or str(Path.home() / ".pyenv"):
        candidates += [str(path) for path in sorted(Path(pyenv).glob("versions/3.6.*/bin/python"))]
    for candidate in filter(None, candidates):
        asked = subprocess.run(
            [candidate, "-c", "import sys; print(sys.version_info[:2])"], capture_output=True, check=False
        )
        if asked.stdout.strip() == b"(3, 6)":
            return Path(candidate)
    return None


@pytest.mark.parametrize("module", WORKER, ids=lambda module: module.name)
def test_the_source_is_python_36(module: Module) -> None:
    ast.parse((REPOSITORY / module.path).read_text(), str(module.path), feature_version=(3, 6))
    assert list(too_new(module)) == []


def test_what_is_too_new_is_found() -> None:
    lines = [
        "import dataclasses, time",
        "from __future__ import annotations",
        "time.perf_counter_ns()",
        "subprocess.run(x, text=True)",
    ]
    found = list(too_new(Module("m", Path("m.py"), ast.parse("\n".join(lines)))))
    assert sorted(found) == [
        "m.py:1: dataclasses needs Python 3.7",
        "m.py:2: __future__.annotations needs 3.7",
        "m.py:3: perf_counter_ns needs Python 3.7",
        "m.py:4: text= needs Python 3.7",
    ]


def run_python36(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    python = python36()
    if python is None:
        pytest.skip("NO PYTHON 3.6 HERE: the worker's source was parsed as 3.6 but not run by it")
    return subprocess.run([str(python), "-I", "-c", code, *arguments], capture_output=True, text=True, check=False)


def test_every_file_compiles_under_python_36() -> None:
    code = "import sys\nfor path in sys.argv[1:]:\n    compile(open(path, encoding='utf-8').read(), path, 'exec')"
    done = run_python36(code, *(str(REPOSITORY / module.path) for module in WORKER))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_bare_python_36_serves_and_lists_plugins() -> None:
    """Bare: no package is installed. The worker can then say what is missing instead of dying on an import."""
    code = """
import sys
sys.path.insert(0, sys.argv[1])
import suite.worker.__main__
from suite.worker import plugins
for package in (plugins.MODELS, plugins.RUNTIMES):
    print(*sorted(plugins.discover(package)))
"""
    done = run_python36(code, str(REPOSITORY))
    expected = [" ".join(sorted(registry.discover(package))) for package in (registry.MODELS, registry.RUNTIMES)]
    assert (done.stderr, done.stdout.splitlines()) == ("", expected)
