"""Finds plug-ins: one per module of a package, one per file of the user's folders, and those of installed packages.

The suite's own are imported where they are needed, on both sides of the wall. Code of others is imported one plug-in at
a time, by its origin: the absolute path of a file, or what an entry point names ("package.module:NAME"). While it is
imported it can't print on stdout, sees no arguments, and can't end the process.
"""

import contextlib
import importlib
import importlib.util
import os
import pkgutil
import signal
import sys
from types import ModuleType
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from suite.worker.brought import words
from suite.worker.loop import is_out_of_memory
from suite.worker.outcome import WorkerFault

MODELS = "suite.worker.models"
RUNTIMES = "suite.worker.runtimes"
EVALUATIONS = "suite.worker.evaluations"
FOLDERS_VARIABLE = "SUITE_MODELS_PATH"


def model_folders(environment: Mapping[str, str]) -> Tuple[str, ...]:
    """The folders with models of the user's own, absolute, as SUITE_MODELS_PATH lists them."""
    listed = environment.get(FOLDERS_VARIABLE, "")
    return tuple(os.path.abspath(os.path.expanduser(folder)) for folder in listed.split(os.pathsep) if folder)


def discover(package_name: str) -> Dict[str, Any]:
    """The package's own PLUGIN objects by their `name`, in alphabetical order of its modules.

    Modules whose names begin with an underscore are no plug-ins. Raises WorkerFault BAD_PLUGIN.
    """
    found = {}  # type: Dict[str, Any]
    origins = {}  # type: Dict[str, str]
    for module_name in _modules(package_name):
        plugin = _plugin(module_name, importlib.import_module(module_name))
        name = name_of(plugin, module_name)
        if name in found:
            raise taken(module_name, name, origins[name])
        found[name], origins[name] = plugin, module_name
    return found


def get(package_name: str, name: str, origin: Optional[str] = None, folders: Sequence[str] = ()) -> Any:
    """The plug-in of that name, and no other is imported if that can be helped.

    origin: where it lies, as the controller has learned; None: it is looked for, first in the package itself, then in
    the folders and among entry points. Raises WorkerFault: UNKNOWN_PLUGIN, or BAD_PLUGIN for a file that may be it.
    """
    if origin is not None:
        plugin = load(origin)
        if name_of(plugin, origin) != name:
            raise bad(origin, "names its plug-in {!r}, and {!r} before".format(plugin.name, name), "Let it keep one")
        return plugin
    names = []  # type: List[str]
    for module_name in _likely_first(_modules(package_name), name):
        plugin = _plugin(module_name, importlib.import_module(module_name))
        if plugin.name == name:
            return plugin
        names.append(plugin.name)
    faults = []  # type: List[WorkerFault]
    for candidate in _likely_first(foreign(package_name, folders), name):
        try:
            plugin = load(candidate)
            if name_of(plugin, candidate) == name:
                return plugin
            names.append(plugin.name)
        except WorkerFault as fault:
            if _stem(candidate) == _plain(name):
                raise
            faults.append(fault)
    unread = "".join("; {}".format(fault.reason) for fault in faults)
    raise WorkerFault(
        "UNKNOWN_PLUGIN",
        "the worker finds no {!r} in {}{}".format(name, package_name, unread),
        "Use one of {}".format(", ".join(sorted(names))),
    )


def runtime(name: str, precision: str) -> Any:
    """The runtime of that name, which can work here and has that precision. Raises WorkerFault."""
    found = get(RUNTIMES, name)
    absence = found.available()
    if absence is not None:
        raise WorkerFault(*absence)
    if precision not in found.precisions:
        raise WorkerFault(
            "UNSUPPORTED_PRECISION",
            "runtime {} has no precision {!r}".format(name, precision),
            "Use one of {}".format(", ".join(found.precisions)),
        )
    return found


def evaluation(name: str) -> Any:
    """The evaluation of that name, which can work here. Raises WorkerFault."""
    found = get(EVALUATIONS, name)
    absence = found.available()
    if absence is not None:
        raise WorkerFault(*absence)
    return found


def foreign(package_name: str, folders: Sequence[str]) -> List[str]:
    """Origins of the plug-ins that are not the suite's own, without importing any: the folders' *.py files in
    alphabetical order, then entry points in the group of the package's name (Python >= 3.8 has the means to read them).

    Files whose names begin with an underscore are helpers. A folder that can't be listed has none.
    """
    files = []  # type: List[str]
    for folder in folders:
        with contextlib.suppress(OSError):
            names = sorted(os.listdir(folder))
            files += [
                os.path.join(folder, name) for name in names if name.endswith(".py") and not name.startswith(("_", "."))
            ]
    return list(dict.fromkeys(files + _entry_points(package_name)))


def load(origin: str) -> Any:
    """The plug-in that lies there, imported under guard. Raises WorkerFault BAD_PLUGIN, whatever goes wrong."""
    if words.is_origin(origin):
        from suite.worker.brought import loading

        try:
            with guarded(words.settings_of(origin)["word"]):
                return loading.load(origin)
        except WorkerFault as fault:
            if fault.__cause__ is not None and is_out_of_memory(fault.__cause__):
                raise fault.__cause__ from None  # no fault of the model's, and told as any other lack of memory
            raise
    with guarded(origin):
        if os.path.isabs(origin):
            return _plugin(origin, import_file(origin))
        module_name, _, attributes = origin.partition(":")
        found = importlib.import_module(module_name.strip())  # type: Any
        for attribute in filter(None, attributes.partition("[")[0].strip().split(".")):
            found = getattr(found, attribute)
        return found


@contextlib.contextmanager
def guarded(origin: str) -> Iterator[None]:
    """While code of others is imported: stdout is stderr, there are no arguments, and every end is BAD_PLUGIN."""
    argv, stdout = sys.argv, sys.stdout
    sys.argv, sys.stdout = [origin], sys.stderr
    try:
        with _descriptor_turned():
            yield
    except WorkerFault:
        raise
    except BaseException as error:  # a user's file may fail in any way, SystemExit among them
        if isinstance(error, KeyboardInterrupt) and signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
            raise  # Ctrl-C, not the file's own doing
        raise bad(origin, "can't be imported ({})".format(_told(error)), _remedy(error)) from error
    finally:
        sys.argv, sys.stdout = argv, stdout


def bad(origin: str, what: str, remedy: str) -> WorkerFault:
    return WorkerFault("BAD_PLUGIN", "{} {}".format(origin, what), remedy)


def taken(origin: str, name: str, other: str) -> WorkerFault:
    return bad(origin, "is named {!r}, as {} is".format(name, other), "Rename one of them")


def name_of(plugin: Any, origin: str) -> str:
    """Raises WorkerFault BAD_PLUGIN where it has none."""
    name = getattr(plugin, "name", None)
    if not isinstance(name, str) or not name:
        raise bad(origin, "has a plug-in without a name", "Give PLUGIN a `name`")
    return name


def _modules(package_name: str) -> List[str]:
    package = importlib.import_module(package_name)
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return ["{}.{}".format(package_name, name) for name in names if not name.startswith("_")]


def _likely_first(origins: Sequence[str], name: str) -> List[str]:
    """A file is mostly named as its plug-in is."""
    return sorted(origins, key=lambda origin: _stem(origin) != _plain(name))


def _stem(origin: str) -> str:
    """ "/home/me/my_model.py" and "suite.worker.models.my_model" are both my_model."""
    if os.path.isabs(origin):
        return _plain(os.path.basename(origin)[: -len(".py")])
    return _plain(origin.rpartition(".")[2])


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")


def import_file(path: str) -> ModuleType:
    name = "suite_plugin:" + path  # no import statement can say this, so it hides no other module
    if name in sys.modules:
        return sys.modules[name]
    if not os.path.isfile(path):
        raise bad(path, "is no regular file", "Remove it from the folder")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    folder = os.path.dirname(path)
    if folder not in sys.path:
        sys.path.append(folder)  # for helpers beside it; last, so that they hide no package
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _plugin(origin: str, module: ModuleType) -> Any:
    try:
        return module.PLUGIN
    except AttributeError as error:
        remedy = "End the file with PLUGIN = ..., or begin its name with _ if it is a helper"
        raise bad(origin, "has no PLUGIN", remedy) from error


def _entry_points(group: str) -> List[str]:
    """What the group's entry points name: read from metadata, nothing is imported."""
    if sys.version_info < (3, 8):
        return []
    import importlib.metadata

    found = importlib.metadata.entry_points()
    chosen = found.select(group=group) if hasattr(found, "select") else found.get(group, ())  # Python >= 3.10, before
    return [entry.value for entry in chosen]


@contextlib.contextmanager
def _descriptor_turned() -> Iterator[None]:
    """Descriptor 1 onto stderr, for what C libraries and child processes print."""
    try:
        kept = os.dup(1)
    except OSError:  # there is no stdout
        yield
        return
    try:
        with contextlib.suppress(OSError):
            os.dup2(2, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _told(error: BaseException) -> str:
    try:
        text = " ".join(str(error).split())[:300]
    except Exception:  # noqa: BLE001  # an exception of the user's own may fail at that too
        text = ""
    return "{}: {}".format(type(error).__name__, text) if text else type(error).__name__


def _remedy(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return 'Put what runs as a program under `if __name__ == "__main__":`'
    if isinstance(error, ImportError):
        return "Import what may be missing inside the methods that need it, or install it for the worker's interpreter"
    return "Correct the file"
