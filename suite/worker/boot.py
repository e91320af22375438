"""Started by its path. Makes the worker's side of the wall all that this interpreter knows of `suite`, then runs it.

Nothing is staged in a folder of its own, so nothing is left behind where controller and worker are killed.
"""

import sys

_HERE = __file__.rpartition("/")[0]
if sys.path[0] == _HERE:  # the script's folder: `import model` must not find what is suite.worker.model
    del sys.path[0]

import importlib.util  # noqa: E402
import os  # noqa: E402
import runpy  # noqa: E402
from types import ModuleType  # noqa: E402
from typing import List  # noqa: E402


def package(name: str, folder: str, searched: List[str]) -> ModuleType:
    """The package in that folder, whose modules are looked for where `searched` says and nowhere else."""
    path = os.path.join(folder, "__init__.py")
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=searched)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    suite = package("suite", os.path.dirname(_HERE), [])
    suite.worker = package("suite.worker", _HERE, [_HERE])  # type: ignore[attr-defined]  # as an import would
    runpy.run_module("suite.worker", run_name="__main__", alter_sys=True)
