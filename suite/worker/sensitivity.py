"""Shows that every input of a model changes its output: a model that ignores its image is measured on half its work."""

from typing import Any, Dict, List

from suite.worker.model import Model
from suite.worker.outcome import WorkerFault


def check_inputs(model: Model, module: Any, inputs: Dict[str, Any], scenario: str) -> List[str]:
    """Names of the inputs, each shown to change the output when it is changed. Runs one pass per input and one more.

    Raises WorkerFault INPUT_IGNORED where an input changes nothing, OUTPUT_NOT_FINITE where the output has NaN or
    infinity in it, of which nothing could be told.
    """
    import torch

    with torch.no_grad():
        sample = model.sample(inputs, scenario)
        reference = _outputs(model, module, sample, scenario)
        ignored = []
        for name in sample:
            changed = dict(sample)
            changed[name] = model.perturb(name, sample[name])
            if _same(reference, _outputs(model, module, changed, scenario)):
                ignored.append(name)
    if ignored:
        raise WorkerFault(
            "INPUT_IGNORED",
            "{}'s output stays the same, bit for bit, when {} changes".format(model.title, ", ".join(ignored)),
            "give every input at least two positions, or mend the model plug-in: it doesn't pass this input on",
        )
    return list(sample)


def _outputs(model: Model, module: Any, inputs: Dict[str, Any], scenario: str) -> List[Any]:
    call, _ = model.bind(module, inputs, scenario)
    tensors = [tensor.clone() for tensor in model.output_tensors(call())]
    if not all(bool(tensor.isfinite().all()) for tensor in tensors):
        raise WorkerFault(
            "OUTPUT_NOT_FINITE",
            "{}'s output holds NaN or infinity".format(model.title),
            "use other weights: these make the model overflow",
        )
    return tensors


def _same(left: List[Any], right: List[Any]) -> bool:
    import torch

    return len(left) == len(right) and all(torch.equal(a, b) for a, b in zip(left, right))
