"""What one call of a case gives, and what its runtime tells of how it was run."""

from typing import Any, Dict, List, NamedTuple

from suite.worker import state, tensors
from suite.worker.case import Case
from suite.worker.model import Model
from suite.worker.runtime import Runtime


class Found(NamedTuple):
    tensors: List[Any]
    names: List[str]  # of each, as the call's own output has it


def of(model: Model, target: Any, prepared: Case) -> Found:
    """Of one call more; the model's state is then as before."""
    with state.kept(target):
        call = prepared.call if prepared.fresh_call is None else prepared.fresh_call()
        output = call()
        found = model.output_tensors(output)
        return Found([tensor.detach().clone() for tensor in found], names_of(output, found))


def names_of(output: Any, found: List[Any]) -> List[str]:
    """The paths of tensors in what the call gave; their places, where a plug-in gives others."""
    paths = {id(tensor): path for path, tensor in tensors.leaves(output)}
    return [paths.get(id(tensor)) or "output {}".format(place) for place, tensor in enumerate(found)]


def in_force(runner: Runtime, target: Any) -> Dict[str, Any]:
    """The answer to `in_force`."""
    found = runner.told(target)
    return {
        "provider": [found["provider"]] if found.get("provider") else None,
        "node_counts": [list(pair) for pair in sorted((found.get("node_counts") or {}).items())],
        "elements": list(found.get("elements") or ()),
        "notes": list(found.get("notes") or ()),
    }
