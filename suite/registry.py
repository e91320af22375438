"""Finds plug-ins by name.

There are modules of a package that end in PLUGIN, models in the user's folders (SUITE_MODELS_PATH), and entry points
that other packages declare: a new file is a new plug-in; nothing else has to know its name.

The suite's own are imported. A model of others is known by what a worker process says that it declares
(suite.client.declarations); entry points of the controller's own families (power sources, sections, probes) are
imported under guard. A plug-in that can't be used costs itself alone: it is left out, and `broken` and whoever asks for
it say why.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from suite.client.declarations import Broken, declared
from suite.client.interpreter import INTERPRETER_VARIABLE
from suite.client.introductions import Introduced, introduced
from suite.errors import UsageError
from suite.limits import MAX_NAME_LENGTH
from suite.outside import brief
from suite.records import BroughtAxis, BroughtModel
from suite.worker import plugins
from suite.worker.brought import words
from suite.worker.model import Model
from suite.worker.outcome import WorkerFault

MODELS = plugins.MODELS
RUNTIMES = plugins.RUNTIMES
EVALUATIONS = plugins.EVALUATIONS
POWER_SOURCES = "suite.power.sources"
SECTIONS = "suite.report.sections"
PROBES = "suite.host.probes"
FAMILIES = (MODELS, RUNTIMES, EVALUATIONS, POWER_SOURCES, SECTIONS, PROBES)

_BROUGHT: dict[str, Introduced] = {}  # by name: what this process was brought
Declare = Callable[[tuple[str, ...]], tuple[Model | Broken, ...]]


class Models(Mapping[str, Model]):
    """Models by name, the suite's own first. Those of others are asked for their declarations when a name is looked up
    that is none of the suite's, or when all are gone through: what nobody asks for costs nothing."""

    def __init__(
        self,
        own: Mapping[str, Model],
        origins: tuple[str, ...],
        declare: Declare = declared,
        brought: Mapping[str, Introduced] = MappingProxyType({}),
    ) -> None:
        """brought: read anew at each look-up."""
        self.own = own
        self._brought = brought
        self._origins = origins
        self._declare = declare

    def __getitem__(self, name: str) -> Model:
        if name in self._brought:
            return self._brought[name].model
        return self.own[name] if name in self.own else self._foreign[0][name][0]

    def __iter__(self) -> Iterator[str]:
        yield from self.own
        yield from self._brought
        yield from self._foreign[0]

    def __len__(self) -> int:
        return len(self.own) + len(self._brought) + len(self._foreign[0])

    def origin(self, name: str) -> str | None:
        """Where a model of others lies; None for one of the suite's own, and for one that is not there."""
        if name in self._brought:
            return self._brought[name].origin
        return None if name in self.own or name not in self._foreign[0] else self._foreign[0][name][1]

    @property
    def broken(self) -> tuple[Broken, ...]:
        return self._foreign[1]

    @cached_property
    def _foreign(self) -> tuple[Mapping[str, tuple[Model, str]], tuple[Broken, ...]]:
        """Models of others with their origins, and those that can't be used."""
        found: dict[str, tuple[Model, str]] = {}
        broken: list[Broken] = []
        for origin, model in zip(self._origins, self._declare(self._origins), strict=True):
            if isinstance(model, Broken):
                broken.append(model)
            elif model.name in self.own:
                broken.append(_taken(origin, model.name, f"the suite's own {model.name}"))
            elif model.name in found:
                broken.append(_taken(origin, model.name, found[model.name][1]))
            else:
                found[model.name] = model, origin
        for name in [entry.name for entry in broken if entry.name in found]:  # which of the two is meant?
            model, origin = found.pop(str(name))
            broken.append(_taken(origin, model.name, "another file"))
        return found, tuple(broken)


def models() -> Models:
    """Reads the user's folders anew where a file in them has changed."""
    folders = plugins.model_folders(os.environ)
    origins = tuple(plugins.foreign(MODELS, folders))
    return _models(
        folders, tuple((origin, _changed(origin)) for origin in origins), os.environ.get(INTERPRETER_VARIABLE, "")
    )


def bring(origin: str) -> BroughtModel:
    """Makes a model that a person brings one of `models` in this process. Raises UsageError where it can't be used, or
    where its name is another's."""
    settings = words.settings_of(origin)
    name, word = settings["name"], settings["word"]
    if name in _own(MODELS):
        raise UsageError(f"{word}: its name would be {name!r}, as the suite's own {name} has; rename the file")
    for other in _BROUGHT.values():
        if other.model.name == name and words.settings_of(other.origin)["word"] != word:
            taken = words.settings_of(other.origin)["word"]
            raise UsageError(
                f"{word}: its name would be {name!r}, as {taken} has; give one of them another by a TOML file"
            )
    found = introduced(origin)
    if isinstance(found, Broken):
        raise UsageError(f"{found.reason}; {found.remedy}")
    _BROUGHT[name] = found
    known = brought(name)
    assert known is not None
    return known


def brought(name: str) -> BroughtModel | None:
    """What is known of a model that was brought; None for any other."""
    if name not in _BROUGHT:
        return None
    found = _BROUGHT[name]
    model = found.model
    return BroughtModel(
        name=name,
        word=words.settings_of(found.origin)["word"],
        origin=found.origin,
        content_sha256=found.content_sha256,
        title=model.title,
        task=model.task,
        why=model.why,
        source=model.source,
        axes=tuple(BroughtAxis(**axis._asdict()) for axis in model.axes),
    )


def discover(package_name: str) -> Mapping[str, Any]:
    """PLUGIN objects by their `name`, in alphabetical order of module names, then entry points', whose group is the
    package's name. Models are those of `models`."""
    return models() if package_name == MODELS else _found(package_name)[0]


def broken(package_name: str) -> tuple[Broken, ...]:
    """The plug-ins of others that can't be used, and why."""
    if package_name != MODELS:
        return _found(package_name)[1]
    folders = [Path(folder) for folder in plugins.model_folders(os.environ)]
    return (*(found for folder in folders if (found := _unlisted(folder))), *models().broken)


def get(package_name: str, name: str, what: str) -> Any:
    """The plug-in of that name. Raises UsageError with the nearest name and the whole list."""
    found = discover(package_name)
    if name in found:
        return found[name]
    raise UsageError(missing(package_name, name, what))


def missing(package_name: str, name: str, what: str, known: Iterable[str] | None = None) -> str:
    """One line for a plug-in that is not there: why, where a broken one may be the one that is meant."""
    unusable = broken(package_name)
    for entry in unusable:
        if name == entry.name or (entry.name is None and _plain(name) == _plain(Path(entry.origin).stem)):
            return str(entry)
    told = unknown(what, name, discover(package_name) if known is None else known)
    if len(unusable) > 1:
        return f"{told}; {len(unusable)} plug-ins can't be used, and suite doctor says why"
    return told + "".join(f"; {entry}" for entry in unusable)


def unknown(what: str, name: str, allowed: Iterable[str]) -> str:
    """One line for a name that does not exist: the nearest one first, then all."""
    names = list(allowed)
    nearest = difflib.get_close_matches(name[:MAX_NAME_LENGTH], names, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]!r}? " if nearest else ""
    return f"unknown {what} {brief(name)}: {hint}There is {', '.join(names)}"


@cache
def _models(_folders: tuple[str, ...], states: tuple[tuple[str, int], ...], _python: str) -> Models:
    """One for each state of the files, and each interpreter that imports them."""
    return Models(_own(MODELS), tuple(origin for origin, _ in states), brought=_BROUGHT)


@cache
def _found(package_name: str) -> tuple[Mapping[str, Any], tuple[Broken, ...]]:
    found = dict(_own(package_name))
    unusable = []
    for origin in plugins.foreign(package_name, ()):
        try:
            plugin = plugins.load(origin)
            name = plugins.name_of(plugin, origin)
            if name in found:
                raise plugins.taken(origin, name, f"another {package_name} plug-in")
            found[name] = plugin
        except WorkerFault as fault:
            unusable.append(Broken(origin=origin, reason=fault.reason, remedy=fault.remedy))
    return MappingProxyType(found), tuple(unusable)


@cache
def _own(package_name: str) -> Mapping[str, Any]:
    try:
        return MappingProxyType(plugins.discover(package_name))
    except WorkerFault as exc:
        raise UsageError(f"{exc.reason}; {exc.remedy}") from exc


def _unlisted(folder: Path) -> Broken | None:
    try:
        os.listdir(folder)  # noqa: PTH208 (whether it can be)
    except OSError as error:
        reason = f"{folder} can't be listed ({error.strerror})"
        return Broken(origin=str(folder), reason=reason, remedy=f"Correct {plugins.FOLDERS_VARIABLE}")
    return None


def _changed(origin: str) -> int:
    try:
        return Path(origin).stat().st_mtime_ns
    except OSError:
        return 0


def _taken(origin: str, name: str, other: str) -> Broken:
    fault = plugins.taken(origin, name, other)
    return Broken(origin=origin, name=name, reason=fault.reason, remedy=fault.remedy)


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")
