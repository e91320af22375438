"""Finds plug-ins: every module of a package that ends in PLUGIN, the models in the user's folders (SUITE_MODELS_PATH),
and entry points that other packages declare.

A new file is a new plug-in; nothing else has to know its name. The worker finds its own by the same code.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from suite.errors import UsageError
from suite.limits import MAX_NAME_LENGTH
from suite.outside import brief
from suite.worker import plugins
from suite.worker.outcome import WorkerFault

MODELS = plugins.MODELS
RUNTIMES = plugins.RUNTIMES
POWER_SOURCES = "suite.power.sources"
SECTIONS = "suite.report.sections"


@cache
def discover(package_name: str) -> Mapping[str, Any]:
    """PLUGIN objects by their `name`, in alphabetical order of module names, then the user's, then entry points'.

    The entry point group is the package's name. Raises UsageError for a file that is no plug-in and for a name that
    two plug-ins share.
    """
    folders = plugins.model_folders(os.environ) if package_name == MODELS else ()
    try:
        return plugins.discover(package_name, folders)
    except WorkerFault as exc:
        raise UsageError(f"{exc.reason}; {exc.remedy}") from exc


def get(package_name: str, name: str, what: str) -> Any:
    """The plug-in of that name. Raises UsageError with the nearest name and the whole list."""
    found = discover(package_name)
    if name in found:
        return found[name]
    raise UsageError(unknown(what, name, found))


def unknown(what: str, name: str, allowed: Iterable[str]) -> str:
    """One line for a name that does not exist: the nearest one first, then all."""
    names = list(allowed)
    nearest = difflib.get_close_matches(name[:MAX_NAME_LENGTH], names, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]!r}? " if nearest else ""
    return f"unknown {what} {brief(name)}: {hint}There is {', '.join(names)}"
