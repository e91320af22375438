"""Finds plug-ins: every module of a package that ends in PLUGIN, and entry points that other packages declare.

A new file is a new plug-in; nothing else has to know its name.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import pkgutil
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from suite.errors import SuiteError, UsageError

MODELS = "suite.worker.models"
RUNTIMES = "suite.worker.runtimes"
POWER_SOURCES = "suite.power.sources"
SECTIONS = "suite.report.sections"


@cache
def discover(package_name: str) -> Mapping[str, Any]:
    """PLUGIN objects by their `name`, in alphabetical order of module names, then those of entry points.

    The entry point group is the package's name. Raises SuiteError where two plug-ins share a name.
    """
    package = importlib.import_module(package_name)
    found = [
        importlib.import_module(f"{package_name}.{module.name}").PLUGIN
        for module in pkgutil.iter_modules(package.__path__)
    ]
    found += [entry.load() for entry in importlib.metadata.entry_points(group=package_name)]
    plugins: dict[str, Any] = {}
    for plugin in found:
        if plugin.name in plugins:
            raise SuiteError(f"{package_name}: two plug-ins are named {plugin.name!r}; rename one of them")
        plugins[plugin.name] = plugin
    return plugins


def get(package_name: str, name: str, what: str) -> Any:
    """The plug-in of that name. Raises UsageError with the nearest name and the whole list."""
    plugins = discover(package_name)
    if name in plugins:
        return plugins[name]
    raise UsageError(unknown(what, name, plugins))


def unknown(what: str, name: str, allowed: Iterable[str]) -> str:
    """One line for a name that does not exist: the nearest one first, then all."""
    names = list(allowed)
    nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]!r}? " if nearest else ""
    return f"unknown {what} {name!r}: {hint}There is {', '.join(names)}"
