"""The tensors of a checkpoint of the Episodic Transformer, by the names of this suite's network."""

import re
from typing import Any, Dict, List, Mapping, NamedTuple

from suite.worker.et import safe_load
from suite.worker.outcome import WorkerFault

# A whole agent's names begin with `model.`; one that was trained on several devices and saved by hand has `module.`.
_PREFIX = re.compile(r"(module\.)?(model\.)?(module\.)?")
_DETECTOR_NAMES = ("backbone.", "roi_heads.", "resnet.")
_AGENT_NAMES = ("embs_ann.", "encoder_vl.")
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
    own_names: Dict[str, str] = {}
    tensors: Dict[str, Any] = {}
    for own_name, tensor in found.items():
        why = safe_load.why_no_values(tensor) if isinstance(own_name, str) else "a tensor without a name"
        if why is not None:
            raise misshapen(path, "holds {} at {!r} of its 'model'".format(why, own_name))
        name = _PREFIX.sub("", own_name, 1)
        if name in tensors:
            raise misshapen(path, "holds one tensor twice, as {} and {}".format(own_names[name], own_name))
        if not tensor.dtype.is_floating_point and not name.endswith("num_batches_tracked"):
            raise misshapen(path, "its tensor {} is of {}, as no weights are".format(own_name, type_name(tensor)))
        own_names[name], tensors[name] = own_name, tensor
    return State(tensors, own_names)


def _likely(content: Any) -> str:
    """What a file without `model` most likely is, in brackets."""
    names = [_PREFIX.sub("", str(name), 1) for name in content] if isinstance(content, Mapping) else []
    if any(name.startswith(_DETECTOR_NAMES) for name in names):
        return " (it looks like the detector that makes the features of the frames)"
    if any(name.startswith(_AGENT_NAMES) for name in names):
        return " (it looks like the state dict alone, which the original saves under 'model', beside 'args')"
    return ""


def published_name(name: str) -> str:
    """A tensor's name in the original's files."""
    return "model." + name


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
