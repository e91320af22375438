"""The interpreter that runs a worker, and what of the environment it inherits."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from suite.errors import UsageError
from suite.worker import plugins

INTERPRETER_VARIABLE = "SUITE_WORKER_PYTHON"
_NOT_OURS = {
    "PYTHONPATH",
    "PYTHONSAFEPATH",
    "__PYVENV_LAUNCHER__",
}  # would show or hide modules for another interpreter


def interpreter(environment: Mapping[str, str]) -> Path:
    """SUITE_WORKER_PYTHON, or the controller's own interpreter. Raises UsageError where it names no program."""
    name = environment.get(INTERPRETER_VARIABLE)
    if not name:
        return Path(sys.executable)
    path = shutil.which(os.path.expanduser(name), path=environment.get("PATH"))  # noqa: PTH111 (may be a bare name)
    if path is None:
        raise UsageError(f"{INTERPRETER_VARIABLE}={name}: no such program; name a Python >= 3.6 that has torch >= 1.10")
    return Path(path).absolute()  # not resolved: a link into a virtual environment is how it finds its packages


def worker_environment(base: Mapping[str, str], thread_count: int) -> dict[str, str]:
    """What the worker inherits: threads set before a library can read them, no hub, no Python path of ours."""
    kept = {name: value for name, value in base.items() if name not in _NOT_OURS}
    folders = plugins.model_folders(base)
    if folders:
        kept[plugins.FOLDERS_VARIABLE] = os.pathsep.join(folders)  # absolute: the worker has another working folder
    return kept | {
        "OMP_NUM_THREADS": str(thread_count),
        "MKL_NUM_THREADS": str(thread_count),
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "PYTHONUNBUFFERED": "1",  # what a model printed before it crashed is in the log
    }
