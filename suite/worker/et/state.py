"""The tensors of a checkpoint of the Episodic Transformer, by the names of this suite's network."""

import re
from typing import Any, Dict, List, Mapping, NamedTuple

from suite.worker.et import safe_load
from suite.worker.outcome import WorkerFault

_PREFIX = "model."  # what stands before the network's names as the original saves them
_SURE = "emb_action.weight"  # a tensor that every agent has
_DETECTOR_NAME = re.compile(r"(.*\.)?(backbone|roi_heads|resnet)\.")
_AGENT_NAME = re.compile(r"(.*\.)?(embs_ann|encoder_vl)\.")
BRING = "bring a checkpoint of the Episodic Transformer, as its own training code saves one"


class State(NamedTuple):
    tensors: Mapping[str, Any]
    own_names: Mapping[str, str]  # the file's name for each


def read(path: str, content: Any) -> State:
    """Raises WorkerFault CHECKPOINT_UNREADABLE or CHECKPOINT_SHAPE."""
    found = content.get("model") if isinstance(content, Mapping) else None
    if not isinstance(found, Mapping) or not found:
        reason = "{} holds no dict with the key 'model'{}".format(path, _likely(content))
        raise WorkerFault("CHECKPOINT_UNREADABLE", reason, BRING)
    prefix = _prefix([name for name in found if isinstance(name, str)])
    own_names: Dict[str, str] = {}
    tensors: Dict[str, Any] = {}
    for own_name, tensor in found.items():
        why = safe_load.why_no_values(tensor) if isinstance(own_name, str) else "a tensor without a name"
        if why is not None:
            raise misshapen(path, "holds {} at {!r} of its 'model'".format(why, own_name))
        name = own_name[len(prefix) :] if own_name.startswith(prefix) else own_name
        if name in tensors:
            raise misshapen(path, "holds one tensor twice, as {} and {}".format(own_names[name], own_name))
        if not tensor.dtype.is_floating_point and not name.endswith("num_batches_tracked"):
            raise misshapen(path, "its tensor {} is of {}, as no weights are".format(own_name, type_name(tensor)))
        own_names[name], tensors[name] = own_name, tensor
    return State(tensors, own_names)


def _prefix(names: List[str]) -> str:
    """What stands before the network's names: training on several devices, compiling and wrapping add to it."""
    found = [name[: -len(_SURE)] for name in names if ("." + name).endswith("." + _SURE)]
    return _PREFIX if _PREFIX in found or not found else found[0]


def _likely(content: Any) -> str:
    """What a file without `model` most likely is, in brackets."""
    names = [str(name) for name in content] if isinstance(content, Mapping) else []
    if any(_DETECTOR_NAME.match(name) for name in names):
        return " (it looks like the detector that makes the features of the frames)"
    if any(_AGENT_NAME.match(name) for name in names):
        return " (it looks like the state dict alone, which the original saves under 'model', beside 'args')"
    return ""


def published_name(name: str) -> str:
    """A tensor's name in the original's files."""
    return _PREFIX + name


def type_name(tensor: Any) -> str:
    return str(tensor.dtype).replace("torch.", "")


def types_other_than_single(tensors: Mapping[str, Any]) -> List[str]:
    """The element types that are turned into float32 when the weights are loaded."""
    kinds = {type_name(tensor) for tensor in tensors.values() if tensor.dtype.is_floating_point}
    return sorted(kinds - {"float32"})


def misshapen(path: str, reason: str, remedy: str = BRING) -> WorkerFault:
    return WorkerFault("CHECKPOINT_SHAPE", _sentence(path, reason), remedy)


def unbuildable(path: str, reason: str, remedy: str = BRING) -> WorkerFault:
    return WorkerFault("CHECKPOINT_CONFIGURATION", _sentence(path, reason), remedy)


def _sentence(path: str, reason: str) -> str:
    """The file is the subject, unless the reason has one of its own."""
    return "{}{} {}".format(path, ":" if reason.startswith("its ") else "", reason)
