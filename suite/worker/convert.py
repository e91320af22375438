"""Published weights, from a file of torch.save to safetensors: once, so that nothing pickled is read at run time."""

from collections import OrderedDict
from typing import Any, Dict, Mapping

from suite.worker import build, tensor_file, weights
from suite.worker.et import safe_load
from suite.worker.model import Model
from suite.worker.outcome import WorkerFault
from suite.worker.pinned import chosen, own_tensors

_LEGACY_ENDS = ((".gamma", ".weight"), (".beta", ".bias"))  # of normalisation layers, in files from before 2019
_PREFIX = "module."  # what a model trained on several devices leaves before each name


def convert(model: Model, source: str, target: str) -> Dict[str, Any]:
    """Writes the weights of `source` as the model's safetensors file. Nothing in `source` is run.

    Returns sha256 of the file, weights_sha256 as the loaded module will hash, and the names that the model has no place
    for. Raises WorkerFault PINNED_UNREADABLE, PINNED_SHAPE or PINNED_UNWRITABLE.
    """
    own = own_tensors(build.build(model, {}, "meta"))
    brought = _published(source)
    known = {name for entry in own for name in entry.names}
    kept = OrderedDict((entry.names[0], chosen(entry, brought, source)) for entry in own)
    return {
        "sha256": tensor_file.write(target, kept),
        "weights_sha256": weights.digest_tensors(kept),
        "left_out": sorted(set(brought) - known),
    }


def _published(path: str) -> Dict[str, Any]:
    """The file's tensors by the names that transformers gives them today."""
    import torch

    content = safe_load.load(path, "PINNED_UNREADABLE")
    if not isinstance(content, Mapping) or not content:
        raise WorkerFault("PINNED_UNREADABLE", "{} holds no table of tensors".format(path), "correct models.lock")
    found: Dict[str, Any] = {}
    for own_name, tensor in content.items():
        if not isinstance(tensor, torch.Tensor):
            continue
        name = _modern(own_name)
        if name in found and not torch.equal(found[name], tensor):
            raise WorkerFault(
                "PINNED_SHAPE",
                "{} holds two tensors that are both {}".format(path, name),
                "pin a revision that fits this model",
            )
        found[name] = tensor
    return found


def _modern(name: str) -> str:
    if name.startswith(_PREFIX):
        name = name[len(_PREFIX) :]
    for old, new in _LEGACY_ENDS:
        if name.endswith(old):
            return name[: -len(old)] + new
    return name
