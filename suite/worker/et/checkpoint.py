"""Reads a checkpoint of the Episodic Transformer: what network it is of, and its weights into a module.

The file is a dict with metric, model, optim, args, vocab_out and embs_ann; `model` holds tensors by names that begin
with `model.`. Its args and its tensors decide together which network is built: what one of them leaves open is taken
from the other, and where they contradict each other the file is refused. So it is where a tensor has no place.
"""

import os
import re
from typing import Any, Dict, Iterator, Mapping, NamedTuple, Tuple

from suite.worker.et import configuration, safe_load
from suite.worker.et import state as states
from suite.worker.et.configuration import Configuration
from suite.worker.outcome import WorkerFault

_KEYS = ("metric", "model", "optim", "args", "vocab_out", "embs_ann")
_WORDS = re.compile(r"embs_ann\.(.*)\.weight")
_CONSTANT = ("enc_pos.pe", "enc_instr.pe", "num_batches_tracked")  # a file may lack them: they are no weights
_SINUSOID_TOLERANCE = 0.01  # of tables in half precision, and of angles that were computed in single precision


class Found(NamedTuple):
    """What a file holds: its network, in what it is not the published one, and its tensors."""

    path: str
    chosen: Configuration
    notes: Tuple[str, ...]
    state: states.State


def read(path: str, vocabulary_count: int) -> Found:
    """The network and the tensors of a file; vocabulary_count is the variant's.

    Raises WorkerFault CHECKPOINT_UNREADABLE, CHECKPOINT_SHAPE or CHECKPOINT_CONFIGURATION.
    """
    content = safe_load.load(path, "CHECKPOINT_UNREADABLE")
    state = states.read(path, content)
    args = content.get("args")
    _refuse_other_models(path, args, state)
    tables = _tables(path, state, vocabulary_count)
    _refuse_other_rows(path, content.get("embs_ann"), tables)
    try:
        told = configuration.told(args)
        chosen = configuration.chosen(told, configuration.seen(tables, state.tensors), args)
    except ValueError as exc:
        raise states.unbuildable(path, str(exc), "measure a network that the original's code can build") from exc
    notes = chosen.differences(vocabulary_count) + configuration.assumed(told, chosen)
    notes += [
        "weights stored as {}, computed in float32".format(kind)
        for kind in states.types_other_than_single(state.tensors)
    ]
    notes += ["not used of the file: {}".format(key) for key in sorted(map(str, content)) if key not in _KEYS]
    return Found(path, chosen, tuple(notes), state)


def check(module: Any, found: Found) -> None:
    """Raises WorkerFault CHECKPOINT_SHAPE naming the first tensor that is missing, surplus, or of another shape."""
    places = {name: list(tensor.shape) for name, tensor in module.state_dict().items()}
    places.update((name, [1] + list(part.pe.shape)) for name, part in _position_tables(module))
    tensors, own_names = found.state
    for name, shape in places.items():
        brought = tensors.get(name)
        if brought is None and not name.endswith(_CONSTANT):
            raise states.misshapen(found.path, "lacks the tensor {}".format(states.published_name(name)))
        if brought is not None and list(brought.shape) != shape:
            text = "its tensor {} is {}, not {}{}"
            is_seeing = name.endswith("_feat.layers.0.weight")
            why = ": it was trained on other features than 512 x 7 x 7" if is_seeing else ""
            raise states.misshapen(found.path, text.format(own_names[name], list(brought.shape), shape, why))
    surplus = [own_names[name] for name in tensors if name not in places]
    if surplus:
        more = " and {} more".format(len(surplus) - 3) if len(surplus) > 3 else ""
        text = "holds {}{}, for which the network that its args and other tensors describe has no place"
        raise states.misshapen(found.path, text.format(", ".join(surplus[:3]), more))
    stored_bytes, count = os.path.getsize(found.path), sum(parameter.numel() for parameter in module.parameters())
    if count * min(tensor.element_size() for tensor in tensors.values()) > stored_bytes:
        text = "unfolds to {} parameters from {} bytes: several of its tensors lie in one memory"
        raise states.misshapen(found.path, text.format(count, stored_bytes))


def load_into(module: Any, path: str, vocabulary_count: int) -> None:
    """Copies the weights into the module's own tensors; what the file brought is let go.

    Raises WorkerFault as read and check do, and CHECKPOINT_VALUES for weights with which nothing can be computed.
    """
    import torch

    found = read(path, vocabulary_count)
    check(module, found)
    tensors = found.state.tensors
    with torch.no_grad():
        for name, target in module.state_dict().items():
            if name in tensors:
                target.copy_(tensors[name])
                _check_values(found, name, target)
        for name, part in _position_tables(module):
            if name in tensors:
                _load_positions(module, part, tensors[name], found.state.own_names[name])


def _refuse_other_models(path: str, args: Any, state: states.State) -> None:
    kind = args.get("model", "transformer") if isinstance(args, Mapping) else "transformer"
    if "emb_subgoal.weight" in state.tensors and kind == "transformer":
        kind = "speaker"
    if kind != "transformer":
        remedy = "bring the checkpoint of an agent (model=transformer)"
        raise states.unbuildable(path, "is of another model, {!r}".format(kind), remedy)
    for name in ("emb_action.weight", "dec_object.linear.bias"):
        tensor = state.tensors.get(name)
        if tensor is None:
            raise states.misshapen(path, "lacks the tensor {}".format(states.published_name(name)))
        if tensor.dim() != (1 if name.endswith("bias") else 2) or not tensor.numel():
            raise states.misshapen(path, "its tensor {} is {}".format(state.own_names[name], list(tensor.shape)))


def _tables(path: str, state: states.State, vocabulary_count: int) -> Dict[str, int]:
    """Rows of each vocabulary by the name of its data set."""
    from torch import nn

    width, tables = state.tensors["emb_action.weight"].shape[1], {}
    for tensor_name, tensor in state.tensors.items():
        match = _WORDS.fullmatch(tensor_name)
        if match is None:
            continue
        name = match.group(1)
        if tensor.dim() != 2 or tensor.shape[1] != width or not len(tensor):
            text = "the embedding {} is {}, not rows x {}"
            raise states.misshapen(path, text.format(name, list(tensor.shape), width))
        if not name or "." in name or hasattr(nn.ModuleDict(), name):
            raise states.unbuildable(path, "names a data set {!r}, as no part of a module can be named".format(name))
        tables[name] = len(tensor)
    if (len(tables) > 1) != (vocabulary_count > 1) or not tables:
        raise states.misshapen(
            path,
            "holds {} vocabularies ({}), and this variant has {}".format(
                len(tables), ", ".join(sorted(tables)[:4]) or "no embs_ann", vocabulary_count
            ),
            "measure it as et-human (one vocabulary) or et-human-synthetic (two or more)" if tables else states.BRING,
        )
    return tables


def _refuse_other_rows(path: str, said: Any, tables: Mapping[str, int]) -> None:
    if not isinstance(said, Mapping):
        return
    for name in sorted(set(map(str, said)) | set(tables)):
        if type(said.get(name)) is not int or said[name] != tables.get(name):
            text = "contradicts itself: embs_ann says {} of {!r}, and by its tensors it is {}"
            raise states.misshapen(path, text.format(said.get(name), name, tables.get(name)))


def _position_tables(module: Any) -> Iterator[Tuple[str, Any]]:
    """The tables of sinusoids by the names that the file has for them: there they are [1, rows, width], unscaled."""
    from suite.worker.et.encodings import Positions

    for name, part in module.named_modules():
        if isinstance(part, Positions):
            yield name + ".pe", part


def _load_positions(module: Any, part: Any, brought: Any, own_name: str) -> None:
    root = part.pe.shape[1] ** 0.5
    table = brought[0].to(part.pe.dtype) / root
    if not bool(((table - part.pe).abs() * root < _SINUSOID_TOLERANCE).all()):
        module.notes += ("{} is no table of sinusoids".format(own_name),)
    part.pe.copy_(table)


def _check_values(found: Found, name: str, tensor: Any) -> None:
    import torch

    reason = None
    if not bool(torch.isfinite(tensor.sum())) and not bool(torch.isfinite(tensor).all()):
        reason = "holds NaN or infinity"
    elif name.endswith("running_var") and bool((tensor < 0).any()):
        reason = "holds a negative variance"
    if reason is not None:
        raise WorkerFault(
            "CHECKPOINT_VALUES",
            "{}: its tensor {} {}".format(found.path, found.state.own_names[name], reason),
            "bring a checkpoint of a training that did not diverge; half precision holds nothing above 65504",
        )
