"""What a model plug-in declares, as plain data: read field by field where its code runs, checked on both sides.

The controller never holds a user's object; it holds what `check` lets through.
"""

import re
from typing import Any, Dict, List, Mapping

from suite.worker import plugins
from suite.worker.brought import words
from suite.worker.loop import is_out_of_memory
from suite.worker.model import Axis, Model
from suite.worker.outcome import WorkerFault

TEXTS = {"title": 100, "task": 200, "why": 2000, "source": 2000}  # characters, at most
LISTS = ("scenarios", "packages", "modules", "runtimes", "precisions")
FLAGS = ("takes_checkpoint", "takes_trajectory", "takes_pinned", "one_batch")
MOST_AXES = 16
MOST_NAMES = 64
MOST_SIZE = 2**31 - 1
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")


def declared(origin: str) -> Dict[str, Any]:
    """Imports the plug-in that lies there. Its checked declarations, or its name as far as it has one and what is wrong
    with them. Raises WorkerFault BAD_PLUGIN where it can't be imported."""
    if words.is_origin(origin):
        return _brought(origin)
    plugin = plugins.load(origin)
    name = None
    try:
        with plugins.guarded(origin):  # a declaration may be a property, which runs code again
            name = plugins.name_of(plugin, origin)
            return {"declaration": check(_read(plugin, origin), origin)}
    except WorkerFault as fault:
        return {"name": name, "reason": fault.reason, "remedy": fault.remedy}


def _brought(origin: str) -> Dict[str, Any]:
    """The same of a model that a person brings, which is opened and called once; with the origin that says what was
    found out, and a hash of what was opened."""
    where = words.settings_of(origin)["word"]
    try:
        model = plugins.load(origin)
        with plugins.guarded(where):
            model.introduce()
            return {
                "declaration": check(_read(model, where), where),
                "origin": words.origin(model.settings),
                "content_sha256": model.content_sha256(),
            }
    except WorkerFault as fault:
        if isinstance(fault.__cause__, MemoryError) or (fault.__cause__ and is_out_of_memory(fault.__cause__)):
            raise fault.__cause__ from None
        return {"name": None, "reason": fault.reason, "remedy": fault.remedy}


def check(plain: Any, origin: str) -> Dict[str, Any]:
    """The declarations, if each is what it should be; white space in texts is made single.

    Raises WorkerFault BAD_PLUGIN with origin and field.
    """
    if not isinstance(plain, Mapping):
        raise _wrong(origin, "PLUGIN", "declares nothing", "Derive it from suite.worker.model.Model")
    found = {"name": _name(plain, origin)}  # type: Dict[str, Any]
    for field, most in TEXTS.items():
        found[field] = _text(plain.get(field), most, origin, field)
    for field in LISTS:
        found[field] = _names(plain.get(field), _WORD if field == "scenarios" else _MODULE, origin, field)
    if "forward" not in found["scenarios"]:
        raise _wrong(origin, "scenarios", "lack 'forward', by which every model is called", "Add it")
    for field in FLAGS:
        if not isinstance(plain.get(field), bool):
            raise _wrong(origin, field, "is {}".format(_shown(plain.get(field))), "Let it be True or False")
        found[field] = plain[field]
    found["axes"] = _axes(plain.get("axes"), origin)
    return found


def _read(plugin: Any, origin: str) -> Dict[str, Any]:
    """The declarations as plain data, where the plug-in is one."""
    if isinstance(plugin, type):
        remedy = "End the file with PLUGIN = {}()".format(plugin.__name__)
        raise _wrong(origin, "PLUGIN", "is the class {}, not an instance of it".format(plugin.__name__), remedy)
    if not isinstance(plugin, Model):
        what = "is a {}, not a suite.worker.model.Model".format(type(plugin).__name__)
        raise _wrong(origin, "PLUGIN", what, "Derive its class from that")
    plain = {field: getattr(plugin, field) for field in ("name",) + tuple(TEXTS) + FLAGS}  # type: Dict[str, Any]
    for field in LISTS:
        example = '("forward",)' if field == "scenarios" else '("torch",)'
        plain[field] = list(_tuple(getattr(plugin, field), example, origin, field))
    axes = getattr(plugin, "axes")  # noqa: B009 (as the others)
    if isinstance(axes, Axis):  # itself a tuple, of its five fields
        raise _wrong(origin, "axes", "is one Axis, not a tuple of them", "Write axes = (Axis(...),)")
    plain["axes"] = []
    for axis in _tuple(axes, "(Axis(...),)", origin, "axes"):
        if not isinstance(axis, Axis):
            raise _wrong(origin, "axes", "holds {}, which is no Axis".format(_shown(axis)), "Write Axis(...)")
        plain["axes"].append(dict(axis._asdict()))
    return plain


def _tuple(value: Any, example: str, origin: str, field: str) -> Any:
    if not isinstance(value, tuple):
        raise _wrong(origin, field, "is {}, not a tuple".format(_shown(value)), "Write it as {}".format(example))
    return value


def _name(plain: Mapping[str, Any], origin: str) -> str:
    name = plain.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        what = "is {}".format(_shown(name)) if name else "is missing"
        raise _wrong(origin, "name", what, "Use letters, digits, '-', '_' and '.', at most 64 of them")
    return name


def _text(value: Any, most: int, origin: str, field: str) -> str:
    if not isinstance(value, str):
        raise _wrong(origin, field, "is {}, not text".format(_shown(value)), "Write it in quotes")
    text = " ".join(value.split())
    if len(text) > most:
        raise _wrong(origin, field, "has {} characters".format(len(text)), "Use at most {}".format(most))
    if not text.isprintable():
        raise _wrong(origin, field, "holds characters that can't be shown", "Use plain text")
    return text


def _names(value: Any, pattern: Any, origin: str, field: str) -> List[str]:
    if not isinstance(value, list):
        raise _wrong(origin, field, "is {}, not a list of names".format(_shown(value)), "Write it as a tuple")
    for name in value:
        if not isinstance(name, str) or not pattern.fullmatch(name) or len(name) > 200:
            raise _wrong(origin, field, "holds {}, which is no name".format(_shown(name)), "Correct it")
    if len(set(value)) < len(value) or len(value) > MOST_NAMES:
        raise _wrong(origin, field, "names one twice, or more than {}".format(MOST_NAMES), "Leave out what is too much")
    return list(value)


def _axes(value: Any, origin: str) -> List[Dict[str, Any]]:
    if not isinstance(value, list) or len(value) > MOST_AXES:
        raise _wrong(origin, "axes", "are no list of at most {}".format(MOST_AXES), "Write them as a tuple of Axis")
    found = []  # type: List[Dict[str, Any]]
    for axis in value:
        if not isinstance(axis, Mapping) or set(axis) != set(Axis._fields):
            raise _wrong(origin, "axes", "holds {}, which is no Axis".format(_shown(axis)), "Write Axis(...)")
        found.append(_axis(axis, origin))
    names = [axis["name"] for axis in found]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise _wrong(origin, "axes", "name {!r} twice".format(twice[0]), "Give each axis a name of its own")
    return found


def _axis(axis: Mapping[str, Any], origin: str) -> Dict[str, Any]:
    name = axis["name"]
    if not isinstance(name, str) or not _WORD.fullmatch(name):
        remedy = "Use letters, digits, '_' and '-', the first a letter"
        raise _wrong(origin, "axes", "hold an axis named {}".format(_shown(name)), remedy)
    where = "axes: {}".format(name)
    label = _text(axis["label"], TEXTS["title"], origin, where + ".label")
    sizes = {field: axis[field] for field in ("default", "minimum", "maximum")}
    for field, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int):
            raise _wrong(origin, where, "{} is {}, not a whole number".format(field, _shown(size)), "Correct it")
    if not 1 <= sizes["minimum"] <= sizes["default"] <= sizes["maximum"] <= MOST_SIZE:
        told = "default {default} does not lie in {minimum} to {maximum}".format(
            **{field: _shown(size) for field, size in sizes.items()}
        )
        remedy = "Let 1 <= minimum <= default <= maximum <= {}".format(MOST_SIZE)
        raise _wrong(origin, where, told, remedy)
    return {"name": name, "label": label or name.replace("_", " "), **sizes}


def _shown(value: Any) -> str:
    """A value as an error names it: short."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # noqa: BLE001  # a user's own object may fail at that
        return "a {}".format(type(value).__name__)
    return text if len(text) <= 60 else text[:60] + "..."


def _wrong(origin: str, field: str, what: str, remedy: str) -> WorkerFault:
    return WorkerFault("BAD_PLUGIN", "{}: {} {}".format(origin, field, what), remedy)
