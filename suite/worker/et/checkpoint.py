"""Reads a published Episodic Transformer checkpoint: its sizes, and its weights into a module.

The file is a dict with metric, model, optim, args, vocab_out and embs_ann; `model` holds tensors by names that begin
with `model.`. Everything else in it is left alone.
"""

from typing import Any, Dict, Mapping

from suite.worker.et import safe_load
from suite.worker.outcome import WorkerFault

_PREFIX = "model."
_WORDS, _ROWS = "embs_ann.", ".weight"


def read_sizes(path: str, vocabulary_count: int) -> Any:
    """Embedding rows (network.Sizes) as the file's tensor shapes give them; vocabulary_count is the variant's.

    Raises WorkerFault CHECKPOINT_UNREADABLE or CHECKPOINT_SHAPE.
    """
    from suite.worker.et.network import WIDTH, Sizes

    tensors = _read(path)
    tables = {
        name[len(_WORDS) : -len(_ROWS)]: tensor
        for name, tensor in tensors.items()
        if name.startswith(_WORDS) and name.endswith(_ROWS)
    }
    if len(tables) != vocabulary_count:
        raise _misshapen(
            path,
            "holds {} vocabularies ({}), and this variant has {}".format(
                len(tables), ", ".join(sorted(tables)) or "no embs_ann", vocabulary_count
            ),
            "measure it as et-human (one vocabulary) or et-human-synthetic (two)",
        )
    actions = tensors.get("emb_action.weight")
    if actions is None:
        raise _misshapen(path, "lacks the tensor {}emb_action.weight".format(_PREFIX))
    for name, tensor in list(tables.items()) + [("emb_action", actions)]:
        if tensor.dim() != 2 or tensor.shape[1] != WIDTH or not len(tensor):
            raise _misshapen(path, "the embedding {} is {}, not rows x {}".format(name, list(tensor.shape), WIDTH))
    return Sizes({name: len(table) for name, table in tables.items()}, len(actions))


def load_into(module: Any, path: str) -> None:
    """Copies the weights into the module's own tensors; what the file brought is let go.

    Raises WorkerFault CHECKPOINT_UNREADABLE, or CHECKPOINT_SHAPE naming the first tensor that is missing or differs.
    """
    import torch

    tensors = _read(path)
    with torch.no_grad():
        for name, target in module.state_dict().items():
            brought = tensors.get(name)
            if brought is None and name.endswith("num_batches_tracked"):
                continue
            if brought is None:
                raise _misshapen(path, "lacks the tensor {}{}".format(_PREFIX, name))
            if brought.shape != target.shape:
                raise _misshapen(
                    path,
                    "its tensor {}{} is {}, not {}".format(_PREFIX, name, list(brought.shape), list(target.shape)),
                )
            target.copy_(brought)


def _read(path: str) -> Dict[str, Any]:
    """The file's tensors, without the prefix of their names."""
    import torch

    content = safe_load.load(path, "CHECKPOINT_UNREADABLE")
    state = content.get("model") if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not state:
        raise WorkerFault(
            "CHECKPOINT_UNREADABLE",
            "{} holds no dict with the key 'model'".format(path),
            "bring a checkpoint of the Episodic Transformer, such as its et_human_synth.pth",
        )
    return {
        name[len(_PREFIX) :]: tensor
        for name, tensor in state.items()
        if isinstance(name, str) and name.startswith(_PREFIX) and isinstance(tensor, torch.Tensor)
    }


def _misshapen(path: str, reason: str, remedy: str = "bring a checkpoint of the published network") -> WorkerFault:
    return WorkerFault("CHECKPOINT_SHAPE", "{} {}".format(path, reason), remedy)
