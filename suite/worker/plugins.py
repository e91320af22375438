"""Finds plug-ins: one per module of a package, one per file of the user's folders, and those of installed packages.

Controller and worker both use it, so that they know the same names.
"""

import importlib
import importlib.util
import os
import pkgutil
import sys
from types import ModuleType
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Tuple

from suite.worker.outcome import WorkerFault

MODELS = "suite.worker.models"
RUNTIMES = "suite.worker.runtimes"
FOLDERS_VARIABLE = "SUITE_MODELS_PATH"


def model_folders(environment: Mapping[str, str]) -> Tuple[str, ...]:
    """The folders with models of the user's own, absolute, as SUITE_MODELS_PATH lists them."""
    listed = environment.get(FOLDERS_VARIABLE, "")
    return tuple(os.path.abspath(os.path.expanduser(folder)) for folder in listed.split(os.pathsep) if folder)


def discover(package_name: str, folders: Sequence[str] = ()) -> Dict[str, Any]:
    """PLUGIN objects by their `name`: the package's modules and the folders' *.py files in alphabetical order, then
    entry points in the group of the package's name (Python >= 3.8 has the means to read them).

    Files whose names begin with an underscore are no plug-ins. Raises WorkerFault BAD_PLUGIN where a file can't be
    imported, ends without PLUGIN, or takes a name that is taken.
    """
    found = {}  # type: Dict[str, Any]
    origins = {}  # type: Dict[str, str]
    for origin, plugin in _candidates(package_name, folders):
        name = getattr(plugin, "name", "")
        if not name:
            raise _bad(origin, "has a plug-in without a name", "Give PLUGIN a `name`")
        if name in found:
            raise _bad(origin, "is named {!r}, as {} is".format(name, origins[name]), "Rename one of them")
        found[name], origins[name] = plugin, origin
    return found


def get(package_name: str, name: str, folders: Sequence[str] = ()) -> Any:
    """The plug-in of that name. Raises WorkerFault UNKNOWN_PLUGIN with all names there are."""
    plugins = discover(package_name, folders)
    if name not in plugins:
        raise WorkerFault(
            "UNKNOWN_PLUGIN",
            "the worker finds no {!r} in {}".format(name, package_name),
            "Use one of {}".format(", ".join(plugins)),
        )
    return plugins[name]


def _candidates(package_name: str, folders: Sequence[str]) -> Iterable[Tuple[str, Any]]:
    package = importlib.import_module(package_name)
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        if not module.name.startswith("_"):
            full_name = "{}.{}".format(package_name, module.name)
            yield full_name, _plugin(full_name, importlib.import_module(full_name))
    for folder in folders:
        for path in _files(folder):
            yield path, _plugin(path, _import_file(path))
    for entry in _entry_points(package_name):
        yield "entry point {}".format(entry.name), entry.load()


def _files(folder: str) -> List[str]:
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise _bad(folder, "can't be listed ({})".format(error.strerror), "Correct " + FOLDERS_VARIABLE) from error
    return [os.path.join(folder, name) for name in names if name.endswith(".py") and not name.startswith("_")]


def _import_file(path: str) -> ModuleType:
    name = "suite_plugin:" + path  # no import statement can say this, so it hides no other module
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise _bad(path, "is no Python file", "Remove it from the folder")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # a user's file may fail in any way; which file it was must be said
        del sys.modules[name]
        raise _bad(
            path, "can't be imported ({}: {})".format(type(error).__name__, error), "Correct the file"
        ) from error
    return module


def _plugin(origin: str, module: ModuleType) -> Any:
    try:
        return module.PLUGIN
    except AttributeError as error:
        raise _bad(origin, "has no PLUGIN", "End the file with PLUGIN = ...") from error


def _entry_points(group: str) -> List[Any]:
    if sys.version_info < (3, 8):
        return []
    import importlib.metadata

    found = importlib.metadata.entry_points()
    if hasattr(found, "select"):  # Python >= 3.10
        return list(found.select(group=group))
    return list(found.get(group, ()))


def _bad(origin: str, what: str, remedy: str) -> WorkerFault:
    return WorkerFault("BAD_PLUGIN", "{} {}".format(origin, what), remedy)
