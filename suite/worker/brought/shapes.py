"""Inputs as a file declares them, and their sizes: fixed, the batch, or an axis that a person resolves."""

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from suite.worker.brought.words import axis_name
from suite.worker.model import Axis
from suite.worker.outcome import WorkerFault

BATCH = "batch"
MOST_SIZE = 2**31 - 1
_NOBODY = ("", "none", "?", "-1", "dynamic", "unk", "unknown")  # symbols that tell nothing: each is its own size
_NO_BATCH = ("seq", "len", "time", "token", "frame", "height", "width", "sample", "state", "hidden", "channel")

Size = Union[int, str, None]  # a symbol by its name; None where the file gives none


class Input(NamedTuple):
    """dtype: as numpy writes it; "plain int" and the like for a value of Python."""

    name: str
    dtype: str
    shape: Tuple[Size, ...]


class Hint(NamedTuple):
    """What a file says of a symbol."""

    default: int
    minimum: int = 1
    maximum: int = MOST_SIZE


class Layout(NamedTuple):
    """dims: of each input its sizes, numbers or the names of axes, BATCH for the batch."""

    inputs: Tuple[Input, ...]
    dims: Dict[str, Tuple[Union[int, str], ...]]
    axes: Tuple[Axis, ...]
    has_batch: bool

    def shape(self, name: str, batch_size: int, axes: Dict[str, int]) -> Tuple[int, ...]:
        sizes = dict(axes, **{BATCH: batch_size})
        return tuple(size if isinstance(size, int) else sizes[size] for size in self.dims[name])


def layout(
    inputs: Sequence[Input],
    settings: Dict[str, Any],
    title: str,
    hints: Optional[Dict[str, Hint]] = None,
    real: Optional[Callable[[Input], Sequence[int]]] = None,
) -> Layout:
    """Raises WorkerFault UNRESOLVED_AXIS with the flags that resolve what is open, BAD_SHAPE for sizes that don't fit.

    settings: `shapes` and `dtypes` by input, `sizes` by axis (or by the symbol as the file writes it), `axes` with
    default, minimum, maximum and label. hints: by symbol. real: the shape of the array that a person gave for an input,
    whose sizes then are the only ones.
    """
    inputs = [_overlaid(given, settings, title) for given in inputs]
    named = {given.name: _named(given) for given in inputs}
    batch = _batch_symbols(inputs, named)
    dims = {
        name: tuple(BATCH if size in batch and not isinstance(size, int) else size for size in sizes)
        for name, sizes in named.items()
    }
    hints = {axis_name(symbol): hint for symbol, hint in (hints or {}).items()}
    for given, shape in [(one, real(one)) for one in inputs] if real is not None else []:
        for size, own in zip(dims[given.name], shape):
            if isinstance(size, str) and hints.setdefault(size, Hint(own, own, own)).default != own:
                hints[size] = Hint(own, own, own)
    return Layout(
        tuple(inputs), dims, _axes(inputs, dims, settings, hints, title), any(BATCH in d for d in dims.values())
    )


def _overlaid(given: Input, settings: Dict[str, Any], title: str) -> Input:
    """The input with the shape and the type that a person gave."""
    shape = settings.get("shapes", {}).get(given.name)
    if shape is not None:
        ranks = given.shape and len(given.shape) != len(shape)
        fixed = not ranks and [old for old, new in zip(given.shape, shape) if isinstance(old, int) and old != new]
        if ranks or fixed:
            raise WorkerFault(
                "BAD_SHAPE",
                "{}: the shape {} of {} does not fit the file's {}".format(
                    title, shown(shape), given.name, shown(given.shape)
                ),
                "give one that does: --shape {}={}".format(given.name, ",".join(map(_word, given.shape))),
            )
        given = given._replace(shape=tuple(shape))
    dtype = settings.get("dtypes", {}).get(given.name)
    return given if dtype is None else given._replace(dtype=dtype)


def _named(given: Input) -> Tuple[Union[int, str], ...]:
    """Sizes with a name for each open one: the symbol's, or the input's with its place."""
    found = []  # type: List[Union[int, str]]
    for place, size in enumerate(given.shape):
        if isinstance(size, int) and size > 0:
            found.append(size)
        else:
            found.append(axis_name(str(size)) if _tells(size) else "{}_{}".format(axis_name(given.name), place))
    return tuple(found)


def _tells(size: Any) -> bool:
    return isinstance(size, str) and size.strip().lower() not in _NOBODY and size.isprintable()


def _batch_symbols(inputs: Sequence[Input], named: Dict[str, Tuple[Union[int, str], ...]]) -> List[Union[int, str]]:
    """The symbols that stand for the batch: what is called so, and what stands first and is not called otherwise."""
    every = [size for given in inputs for size in named[given.name] if isinstance(size, str)]
    called = [name for name in every if name.lower().startswith(BATCH) or name.lower() in ("n", "b", "bs")]
    if called:
        return list(called)
    first = [sizes[0] for sizes in named.values() if sizes]
    return [name for name in first if isinstance(name, str) and not any(word in name.lower() for word in _NO_BATCH)]


def _axes(
    inputs: Sequence[Input],
    dims: Dict[str, Tuple[Union[int, str], ...]],
    settings: Dict[str, Any],
    hints: Dict[str, Hint],
    title: str,
) -> Tuple[Axis, ...]:
    sizes = {axis_name(name): size for name, size in settings.get("sizes", {}).items()}
    found = {}  # type: Dict[str, Axis]
    places = {}  # type: Dict[str, str]
    for given in inputs:
        for place, (size, own) in enumerate(zip(dims[given.name], given.shape)):
            if isinstance(size, int) or size == BATCH or size in found or size in places:
                continue
            told = settings.get("axes", {}).get(str(size), {})  # type: Dict[str, Any]
            hint = hints.get(size)
            default = sizes.get(size, told.get("default", hint.default if hint else None))
            if default is None:
                places[size] = "dimension {} of {}".format(place, given.name)
                continue
            least = told.get("minimum", hint.minimum if hint else 1)
            most = told.get("maximum", hint.maximum if hint else MOST_SIZE)
            label = told.get("label") or (own if _tells(own) else size)
            found[size] = Axis(size, str(label)[:100], default, least, most)
    if places:
        raise _unresolved(places, title)
    return tuple(found.values())


def _unresolved(places: Dict[str, str], title: str) -> WorkerFault:
    told = ", ".join("{} ({})".format(name, place) for name, place in places.items())
    flags = " ".join("--axis {}=N".format(name) for name in places)
    return WorkerFault(
        "UNRESOLVED_AXIS",
        "{} leaves the size of {} open".format(title, told),
        "give it: {}".format(flags) if len(places) == 1 else "give each: {}".format(flags),
    )


def shown(shape: Sequence[Any]) -> str:
    return "[{}]".format(", ".join(map(_word, shape)))


def _word(size: Any) -> str:
    return "?" if size is None else str(size)
