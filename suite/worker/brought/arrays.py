"""Real inputs from a .npz file: arrays by the names of the model's inputs, never unpickled."""

from typing import Any, Dict, Optional, Sequence

from suite.worker import files
from suite.worker.brought.shapes import Input
from suite.worker.outcome import WorkerFault

_BAD = "INPUTS_UNREADABLE"


class Arrays:
    def __init__(self, path: str, held: Dict[str, Any]) -> None:
        self.path = path
        self.held = held

    def shape(self, given: Input) -> Sequence[int]:
        """Of one input's array. Raises WorkerFault INPUTS_UNFIT."""
        if given.name not in self.held:
            raise _unfit(self.path, "has no array {!r}".format(given.name), "it holds " + ", ".join(self.held))
        shape = self.held[given.name].shape
        fits = len(shape) == len(given.shape) and all(
            not isinstance(own, int) or own == size for own, size in zip(given.shape, shape)
        )
        if not fits:
            told = "has {} as {}, and the model takes {}".format(given.name, list(shape), list(given.shape))
            raise _unfit(self.path, told, "bring arrays of the sizes that it takes")
        return tuple(int(size) for size in shape)

    def batch(self, given: Input, shape: Sequence[int], batch_place: Optional[int]) -> Any:
        """A tensor of that shape: as many items as the batch asks for, from the first on, and again from there where
        the file has fewer."""
        import numpy
        import torch

        held = self.held[given.name]
        if given.dtype.startswith("plain "):
            return held.item()
        if batch_place is not None:
            wanted = numpy.arange(shape[batch_place]) % held.shape[batch_place]
            held = numpy.take(held, wanted, axis=batch_place)
        if tuple(held.shape) != tuple(shape):
            raise _unfit(self.path, "has {} at its own sizes alone".format(given.name), "leave --axis out, or --inputs")
        return torch.from_numpy(numpy.ascontiguousarray(held)).to(getattr(torch, given.dtype))


def read(path: str) -> Arrays:
    """Raises WorkerFault INPUTS_UNREADABLE."""
    import numpy

    try:
        with files.open_regular(path) as file, numpy.load(file, allow_pickle=False) as found:
            if not hasattr(found, "files"):
                raise ValueError("it is one array")
            held = {str(name): found[name] for name in found.files}
    except (OSError, ValueError, EOFError, KeyError, SyntaxError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
        remedy = "write one by numpy.savez({!r}, input_name=array)".format(path)
        raise WorkerFault(_BAD, "{} can't be read as a .npz file ({})".format(path, reason), remedy) from error
    odd = [name for name, array in held.items() if array.dtype.kind not in "fiubc"]
    if odd:
        raise WorkerFault(_BAD, "{}: {} holds no numbers".format(path, odd[0]), "save arrays of numbers")
    return Arrays(path, held)


def _unfit(path: str, what: str, remedy: str) -> WorkerFault:
    return WorkerFault("INPUTS_UNFIT", "{} {}".format(path, what), remedy)
