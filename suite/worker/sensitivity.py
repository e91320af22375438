"""Shows that every input of a model changes its output: a model that ignores its image is measured on half its work.

Shown against a control: the same call twice. Where those two differ, a difference shows nothing. What is found amiss is
a flag beside the figures; the calls that are timed go on either way, from the state in which they were.
"""

import math
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from suite.worker import state, tensors
from suite.worker.model import Model
from suite.worker.outcome import WorkerFault

Flag = Tuple[str, str]  # code, and a sentence for a person
Tensors = List[Any]


class Checked(NamedTuple):
    changed: List[str]  # the inputs that were shown to change the output
    flags: List[Flag]


def check(model: Model, target: Any, inputs: Dict[str, Any], scenario: str) -> Checked:
    """Runs two passes and one or a few per input, each on inputs of its own; the model's state is then as before."""
    with state.kept(target):
        try:
            return _Check(model, target, scenario).result(inputs)
        except Exception as error:  # noqa: BLE001  # a user's model may fail in any way, which costs no measurement
            return Checked([], [("CHECK_FAILED", "whether inputs matter could not be checked: " + _line(error))])


class _Check:
    def __init__(self, model: Model, target: Any, scenario: str) -> None:
        self._model = model
        self._target = target
        self._scenario = scenario

    def result(self, inputs: Dict[str, Any]) -> Checked:
        sample, reference = self._reference(inputs)
        again = self._outputs(sample)
        flags = doubts(self._model.title, reference)
        if not tensors.same(reference, again):
            text = "{}'s output differs between two calls alike, so that nothing is claimed of its inputs"
            return Checked([], flags + [("NOT_DETERMINISTIC", text.format(self._model.title))])
        if not reference or any(code == "OUTPUT_NOT_FINITE" for code, _ in flags):
            return Checked([], flags)
        verdicts = {name: self._matters(sample, name, reference) for name in sample if _checkable(sample[name])}
        return Checked(
            [name for name, verdict in verdicts.items() if verdict is True], flags + self._told(verdicts, reference)
        )

    def _reference(self, inputs: Dict[str, Any]) -> Tuple[Dict[str, Any], Tensors]:
        """A small call's inputs and outputs; the whole call's where the model runs at its size alone."""
        try:
            sample = self._model.sample(inputs, self._scenario)
            return sample, self._outputs(sample)
        except Exception:  # noqa: BLE001  # such as a cache that the first call has made for its batch
            return inputs, self._outputs(inputs)

    def _outputs(self, inputs: Dict[str, Any]) -> Tensors:
        call, _ = self._model.bind(self._target, tensors.copied(inputs), self._scenario)
        return [tensors.comparable(tensor).detach().clone() for tensor in self._model.output_tensors(call())]

    def _matters(self, sample: Dict[str, Any], name: str, reference: Tensors) -> Any:
        """True if a changed input changes the output, False if none does, the last error where none could be run."""
        verdict: Any = None
        for changed in perturbed(self._model, name, sample[name]):
            try:
                if not tensors.same(reference, self._outputs(dict(sample, **{name: changed}))):
                    return True
                verdict = False
            except Exception as error:  # noqa: BLE001  # not every change is valid for every model
                verdict = error if verdict is None else verdict
        return verdict

    def _told(self, verdicts: Dict[str, Any], reference: Tensors) -> List[Flag]:
        ignored = [name for name, verdict in verdicts.items() if verdict is False]
        untried = [name for name, verdict in verdicts.items() if verdict not in (True, False)]
        flags: List[Flag] = []
        if ignored and not any(tensor.numel() for tensor in reference):
            pass  # an output without elements can't change: OUTPUT_EMPTY says so
        elif ignored and len(ignored) == len(verdicts) and (len(ignored) > 1 or all(map(_is_constant, reference))):
            text = (
                "{}'s output stays the same, bit for bit, whichever input changes ({}): it may saturate or be rounded"
            )
            text += " to a class; return scores from `output_tensors`, or check the model"
            flags.append(("OUTPUT_CONSTANT", text.format(self._model.title, ", ".join(ignored))))
        elif ignored:
            text = (
                "{}'s output stays the same, bit for bit, when {} changes: either the model doesn't use it, or it can't"
            )
            text += (
                " show at this size or by the changes tried; give every input at least two positions, or a change that"
            )
            text += " must show by `perturb` in the model plug-in"
            flags.append(("INPUT_IGNORED", text.format(self._model.title, ", ".join(ignored))))
        if untried:
            text = "{} took no changed {} ({}): give a valid change by `perturb` in the model plug-in"
            reason = _line(verdicts[untried[0]]) if verdicts[untried[0]] is not None else "no change is known"
            flags.append(("INPUT_UNCHECKED", text.format(self._model.title, ", ".join(untried), reason)))
        return flags


def doubts(title: str, outputs: Tensors) -> List[Flag]:
    """What can be told of outputs by looking at them alone."""
    if not outputs:
        return [("OUTPUT_WITHOUT_TENSORS", "{} returns no tensor that could be compared".format(title))]
    if not any(tensor.numel() for tensor in outputs):
        text = "{}'s output has no elements, as a detector's that finds nothing: this may be less work than usual"
        return [("OUTPUT_EMPTY", text.format(title))]
    limits = [_limits(tensor) for tensor in outputs if tensor.numel()]
    if any(math.isnan(value) for limit in limits for value in limit):
        text = "{}'s output holds NaN: with these weights and inputs it overflows, and nothing is claimed of its inputs"
        return [("OUTPUT_NOT_FINITE", text.format(title))]
    if any(math.isinf(value) for limit in limits for value in limit):
        text = "{}'s output holds infinity, as masked scores do; if it masks none, these weights make it overflow"
        return [("OUTPUT_INFINITE", text.format(title))]
    return []


def _limits(tensor: Any) -> Tuple[float, float]:
    """The least and the largest value, both NaN where one is; hardly any memory is taken."""
    values = tensors.comparable(tensor).detach()
    if not values.is_floating_point():
        return 0.0, 0.0
    return float(values.min()), float(values.max())


def _is_constant(tensor: Any) -> bool:
    """One value throughout, or whole numbers: saturated, or rounded to classes."""
    values = tensors.comparable(tensor)
    return not values.is_floating_point() or values.numel() < 2 or bool((values == values.flatten()[0]).all())


def perturbed(model: Model, name: str, value: Any) -> Iterator[Any]:
    """Inputs that differ from `value` and are likely to be valid, the model's own proposal first."""
    if not tensors.is_tensor(value):
        yield tensors.mapped(value, lambda tensor: _first_that_differs(model, name, tensor))
        return
    for change in (lambda tensor: model.perturb(name, tensor),) + _CHANGES:
        changed = _tried(change, value)
        if changed is not None and not _alike(value, changed):
            yield changed


def _first_that_differs(model: Model, name: str, tensor: Any) -> Any:
    return next(perturbed(model, name, tensor), tensor)


def _tried(change: Any, value: Any) -> Optional[Any]:
    try:
        return change(value)
    except (RuntimeError, IndexError, TypeError):  # no such change of this type or shape
        return None


def _alike(value: Any, changed: Any) -> bool:
    return tensors.is_tensor(changed) and tensors.same([value], [changed])


def _rolled(tensor: Any) -> Any:
    """The same values at other places: valid wherever the values are."""
    return tensor.roll(1, -1)


def _turned_round(tensor: Any) -> Any:
    """The first item's values in the opposite order, over all its positions."""
    return tensor.flatten().flip(0).reshape(tensor.shape)


def _first_flipped(tensor: Any) -> Any:
    """Masks of either meaning: the first position is hidden where it was shown, and shown where it was hidden."""
    if tensor.is_floating_point() or tensor.is_complex():
        return None
    changed = tensor.clone()
    changed[..., 0] = (tensor[..., 0] == 0).to(tensor.dtype)
    return changed


def _shifted(tensor: Any) -> Any:
    """Floats alone: no zero stays one."""
    return (tensor.float() + 0.5).to(tensor.dtype) if tensor.is_floating_point() else None


def _last_shifted(tensor: Any) -> Any:
    """Floats alone: what is added to all scores alike changes no softmax."""
    changed = _shifted(tensor)
    if changed is not None:
        changed[..., :-1] = tensor[..., :-1]
    return changed


_CHANGES = (_rolled, _turned_round, _first_flipped, _shifted, _last_shifted)


def _checkable(value: Any) -> bool:
    """Whether an input holds values that can be changed; None, texts, numbers, empty tensors are given as they are."""
    return any(tensor.numel() for _, tensor in tensors.leaves(value)) and (
        tensors.is_tensor(value) or isinstance(value, (dict, list, tuple))
    )


def _line(error: Any) -> str:
    if isinstance(error, WorkerFault):
        return error.reason
    lines = str(error).strip().splitlines()
    return "{}: {}".format(type(error).__name__, lines[0]) if lines else type(error).__name__
