"""What all brought models share: inputs of a layout, real ones from a file, and what is said of a failing call."""

import hashlib
import os
import re
from typing import Any, Callable, Dict, Optional, Sequence, Tuple

from suite.worker import files
from suite.worker.brought import arrays, values
from suite.worker.brought.shapes import BATCH, Layout
from suite.worker.loop import is_out_of_memory
from suite.worker.model import Model
from suite.worker.outcome import WorkerFault

_EXPECTED = re.compile(r"Got: (\d+) Expected: (\d+)")
_NO_SIZES = ("inference tensor", "inferencemode")


class Brought(Model):
    """A model that was made from settings (see words.py). A kind's file derives from it."""

    own_weights = True

    def __init__(self, settings: Dict[str, Any], what: str) -> None:
        self.settings = settings
        self.word = str(settings["word"])
        self.name = str(settings["name"])
        self.title = str(settings.get("title") or settings["name"])
        self.task = self.why = what
        self.source = self.word
        self.inputs_source = "seeded" if settings.get("inputs") is None else "file"
        self.layout = Layout((), {}, (), False)
        self._arrays = None  # type: Optional[arrays.Arrays]

    def settle(self, layout: Layout) -> None:
        """Takes the layout for its inputs and axes."""
        self.layout, self.axes, self.one_batch = layout, layout.axes, not layout.has_batch
        ranges = self.settings.setdefault("ranges", {})
        for name in ranges:
            if name not in layout.dims:
                known = ", ".join(given.name for given in layout.inputs)
                raise WorkerFault("INPUT_UNKNOWN", "{} has no input {!r}".format(self.title, name), "it has " + known)

    def introduce(self) -> None:
        """Finds out what the settings leave open, once, and shows that the model can be called. Raises WorkerFault."""
        raise NotImplementedError

    def content_sha256(self) -> str:
        """Of the file that the word names."""
        return sha256_of([self.word])

    def real_inputs(self) -> Optional[arrays.Arrays]:
        """The person's own inputs, where a file of them was named. Raises WorkerFault INPUTS_*."""
        path = self.settings.get("inputs")
        if path is not None and self._arrays is None:
            self._arrays = arrays.read(path)
        return self._arrays

    def inputs(self, batch_size: int, axes: Dict[str, int], source: Any) -> Dict[str, Any]:
        self.check_batch(batch_size)
        real, made = self.real_inputs(), {}  # type: Any, Dict[str, Any]
        for given in self.layout.inputs:
            shape = self.layout.shape(given.name, batch_size, axes)
            if real is not None:
                dims = self.layout.dims[given.name]
                made[given.name] = real.batch(given, shape, dims.index(BATCH) if BATCH in dims else None)
            else:
                made[given.name] = values.drawn(given, shape, source.child(given.name), self._range(given.name))
        return made

    def check_batch(self, batch_size: int) -> None:
        if batch_size != 1 and not self.layout.has_batch:
            raise WorkerFault(
                "BATCH_FIXED",
                "{} takes inputs of one fixed size each, without a batch that could be {}".format(
                    self.title, batch_size
                ),
                "measure it at --batch-size 1, where a call is what the file fixes, or bring it with an open batch",
            )

    def _range(self, name: str) -> Optional[Tuple[float, float]]:
        found = self.settings["ranges"].get(name)
        return None if found is None else (found[0], found[1])

    def sample(self, inputs: Dict[str, Any], scenario: str) -> Dict[str, Any]:
        found = {}
        for name, value in inputs.items():
            dims = self.layout.dims.get(name, ())
            found[name] = value.narrow(dims.index(BATCH), 0, 1) if BATCH in dims and hasattr(value, "narrow") else value
        return found

    def explain(self, error: Exception, sizes: Dict[str, int]) -> Optional[WorkerFault]:
        """A line on a call that failed where a size may be at fault; None where it is another's."""
        text = " ".join(str(error).split())
        if not self.axes or is_out_of_memory(error) or any(words in text.lower() for words in _NO_SIZES):
            return None
        told = ", ".join("{} = {}".format(axis.name, sizes.get(axis.name, axis.default)) for axis in self.axes)
        wanted = {int(got): int(expected) for got, expected in _EXPECTED.findall(text)}
        flags = [
            "--axis {}={}".format(axis.name, wanted.get(sizes.get(axis.name, axis.default), "N")) for axis in self.axes
        ]
        sure = [flag for flag in flags if not flag.endswith("=N")]
        return WorkerFault(
            "CALL_FAILED",
            "{} can't be called at {}: {}".format(self.title, told, _cut(text)),
            "a size may be fixed behind a symbol; give the one it needs by {}".format(" or ".join(sure or flags)),
        )

    def settle_ranges(self, call: Callable[[Dict[str, Any]], Any]) -> None:
        """Finds the range of each integer input of which none is known, by calls at the default sizes; and shows that
        the model can be called. call: takes named arrays of numpy. Raises WorkerFault."""
        sizes = {axis.name: axis.default for axis in self.axes}
        try:
            values.settle(self.layout, sizes, self.settings["ranges"], call, self.title)
        except WorkerFault:
            raise
        except Exception as error:
            if is_out_of_memory(error):
                raise
            told = self.explain(error, sizes)
            raise told or WorkerFault(
                "CALL_FAILED",
                "{} can't be called with made-up values: {}".format(self.title, line(error)),
                "bring real ones by --inputs FILE.npz, or say what they may be by --range NAME=LOW..HIGH",
            ) from error


def sha256_of(paths: Sequence[str]) -> str:
    """Of one file its own; of several that over their names and hashes."""
    found = [_file_sha256(path) for path in paths]
    if len(found) == 1:
        return found[0]
    lines = "".join("{} {}\n".format(os.path.basename(path), one) for path, one in zip(paths, found))
    return hashlib.sha256(lines.encode()).hexdigest()


def _file_sha256(path: str) -> str:
    total = hashlib.sha256()
    with files.open_regular(path) as file:
        for part in iter(lambda: file.read(1 << 20), b""):
            total.update(part)
    return total.hexdigest()


def unreadable(path: str, reason: str, remedy: str) -> WorkerFault:
    return WorkerFault("MODEL_UNREADABLE", "{} {}".format(path, reason), remedy)


def line(error: BaseException) -> str:
    return _cut(" ".join(str(error).split()) or type(error).__name__)


def _cut(text: str) -> str:
    return text if len(text) <= 300 else text[:300] + "..."
