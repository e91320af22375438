"""One set of inputs on the device, the call that is timed, and what was found amiss with it at the edges of blocks."""

import contextlib
from typing import Any, Callable, Dict, Iterator, List, Optional

from suite.worker import fingerprint, growth, precision, sensitivity, tensors, weights
from suite.worker.model import Model
from suite.worker.outcome import WorkerFault

GRAD_MODES = ("inference_mode", "no_grad", "enable_grad")
_INFERENCE_TENSORS = ("inference tensor", "inferencemode", "does not require grad")  # in torch's own texts


class Case:
    """`call` is what is timed. Where calls change their inputs, `fresh_call` sets those back and gives the call."""

    def __init__(  # noqa: PLR0913, PLR0917 (what a case consists of)
        self,
        model: Model,
        target: Any,
        device: str,
        scenario: str,
        make: Callable[[], Dict[str, Any]],
        sizes: Optional[Dict[str, int]] = None,
    ) -> None:
        """make: gives the named inputs on the CPU, the same bytes each time. sizes: by axis, for what is said of a call
        that fails. Raises WorkerFault BAD_PLUGIN."""
        self.sizes = sizes
        made = _required_inputs(model, make())
        self.scenario = scenario
        self.inputs_sha256 = digest(made)
        self.inputs = {name: tensors.moved(value, device) for name, value in made.items()}
        self.call, self.step_count = model.bind(target, self.inputs, scenario)
        self.fresh_call: Optional[Callable[[], Callable[[], Any]]] = None
        self._model = model
        self._target = target
        self._device = device
        self._make = make
        self._flags: Dict[str, str] = {}
        self._call_count = 0
        self._output_sha256: Optional[str] = None
        self.fingerprint: Optional[Dict[str, Any]] = None  # of the first outputs that were looked at
        self._memory = growth.Ledger()

    @property
    def flags(self) -> List[List[str]]:
        """Codes and sentences, of all that was found so far."""
        return [[code, self._flags[code]] for code in sorted(self._flags)]

    def made(self) -> Dict[str, Any]:
        """The inputs once more, on the processor."""
        return _required_inputs(self._model, self._make())

    def look(self, output: Any, call_count: int, grown_bytes: int) -> None:
        """After a block of calls: at the inputs, at the last output, at the memory that the block took and kept."""
        first = self._call_count == 0
        self._call_count += call_count
        if not first:  # which takes what every call will use again
            self._memory.add(call_count, grown_bytes)
        self._look_at_memory()
        try:
            self._look_at_inputs()
            self._look_at(self._model.output_tensors(output))
        except Exception as error:  # noqa: BLE001  # a user's objects may fail in any way, which costs no measurement
            self._flags["CHECK_FAILED"] = "inputs and outputs could not be compared: {!r}".format(error)

    def flag(self, code: str, text: str) -> None:
        self._flags[code] = text

    def _look_at_memory(self) -> None:
        leak = self._memory.leak()
        if leak is not None:
            self._flags["MEMORY_GROWS"] = (
                "memory grew by {:.0f} MB over {} calls, by {:.3g} MB a call of late, and went on growing: a leak, or "
                "a state that grows".format(leak.total_bytes / 1e6, leak.call_count, leak.bytes_per_call / 1e6)
            )

    def _look_at_inputs(self) -> None:
        if self.fresh_call is not None or digest(self.inputs) == self.inputs_sha256:
            return
        pristine = self._make()
        if digest(pristine) != self.inputs_sha256:
            self._flags["INPUTS_CHANGED"] = "{} changes its inputs, which can't be made again".format(self._model.title)
            return
        names = [name for name in pristine if digest({name: pristine[name]}) != digest({name: self.inputs.get(name)})]
        when = "in its first call" if self._call_count == 1 else "within its first {} calls".format(self._call_count)
        self._flags["INPUTS_CHANGED"] = (
            "{} changes its inputs {}, {}: they are set back before each later call, outside its duration (within an "
            "energy window)".format(self._model.title, when, ", ".join(names))
        )
        self.fresh_call = self._restorer({name: tensors.moved(value, self._device) for name, value in pristine.items()})

    def _restorer(self, pristine: Dict[str, Any]) -> Callable[[], Callable[[], Any]]:
        """In place where the inputs are still the same tensors; else the call is bound anew to inputs of its own."""
        own, others = _leaves(self.inputs), _leaves(pristine)
        pairs = [(own[path], others[path]) for path in others if path in own and own[path].shape == others[path].shape]

        def set_back() -> Callable[[], Any]:
            for tensor, values in pairs:
                tensor.detach().copy_(values)
            return self.call

        def bind_anew() -> Callable[[], Any]:
            call, _ = self._model.bind(self._target, tensors.copied(pristine), self.scenario)
            return call

        set_back()
        return set_back if digest(self.inputs) == self.inputs_sha256 else bind_anew

    def _look_at(self, outputs: List[Any]) -> None:
        sha256 = weights.digest_tensors({str(place): tensor for place, tensor in enumerate(outputs)})
        if self._output_sha256 is None:
            self._output_sha256 = sha256
            self.fingerprint = fingerprint.taken(outputs)
        elif sha256 == self._output_sha256:
            return
        else:
            self._flags["OUTPUT_CHANGED"] = (
                "{}'s output of call {} isn't that of its first call with the same inputs: it is random, or it keeps "
                "something from call to call".format(self._model.title, self._call_count)
            )
        for code, text in sensitivity.doubts(self._model.title, outputs):
            self._flags[code] = "{} (call {})".format(text, self._call_count)


def digest(inputs: Dict[str, Any]) -> str:
    """SHA-256 over all tensors in the inputs, and what else they hold; of tensors alone, weights.digest_tensors."""
    named = _leaves(inputs)
    plain = [item for name in inputs for item in tensors.others(inputs[name], name)]
    return weights.digest_tensors(named, repr(sorted(plain)) if plain else "")


def _leaves(inputs: Dict[str, Any]) -> Dict[str, Any]:
    return dict(leaf for name in inputs for leaf in tensors.leaves(inputs[name], name))


@contextlib.contextmanager
def grad_mode(model: Model, in_precision: str = "fp32", sizes: Optional[Dict[str, int]] = None) -> Iterator[None]:
    """The mode that the model is called in, timed or not.

    sizes: by axis, of a call of which the model may say why it fails. Raises WorkerFault BAD_PLUGIN, INFERENCE_MODE
    where the call fails on what inference tensors can't do, UNSUPPORTED_PRECISION where it lacks a kernel, or what the
    model says.
    """
    import torch

    if model.grad_mode not in GRAD_MODES:
        raise WorkerFault(
            "BAD_PLUGIN",
            "{} declares grad_mode {!r}".format(model.name, model.grad_mode),
            "use one of {}".format(", ".join(GRAD_MODES)),
        )
    with getattr(torch, model.grad_mode)():
        try:
            with _explained(model, sizes):
                yield
        except RuntimeError as error:
            refusal = precision.refusal(error, in_precision)
            if refusal is not None:
                raise refusal from error
            remedy = inference_remedy(model, error)
            if remedy is None:
                raise
            raise WorkerFault(
                "INFERENCE_MODE", "{} failed: {}".format(model.title, _first_line(error)), remedy
            ) from error


@contextlib.contextmanager
def _explained(model: Model, sizes: Optional[Dict[str, int]]) -> Iterator[None]:
    try:
        yield
    except WorkerFault:
        raise
    except Exception as error:
        told = None if sizes is None else model.explain(error, sizes)
        if told is None:
            raise
        raise told from error


def inference_remedy(model: Model, error: RuntimeError) -> Optional[str]:
    text = str(error).lower()
    if not any(words in text for words in _INFERENCE_TENSORS):
        return None
    others = [mode for mode in GRAD_MODES[1:] if mode != model.grad_mode]
    return "declare grad_mode = {} in the model plug-in".format(" or ".join(repr(mode) for mode in others))


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _required_inputs(model: Model, made: Any) -> Dict[str, Any]:
    if not isinstance(made, dict):
        raise WorkerFault(
            "BAD_PLUGIN",
            "inputs of {} gives a {}, no dict of named inputs".format(model.name, type(made).__name__),
            "return a dict from `inputs`",
        )
    for name, value in made.items():
        if hasattr(value, "__next__"):
            raise WorkerFault(
                "BAD_PLUGIN",
                "inputs of {} gives {} as a {}, which one call uses up".format(model.name, name, type(value).__name__),
                "give a list instead",
            )
    return made


def read_trajectory(model: Model, path: str) -> Any:
    """What the model's inputs are made of. Raises WorkerFault."""
    if not model.takes_trajectory:
        raise WorkerFault("BAD_REQUEST", "{} takes no trajectory".format(model.name), "Leave the trajectory out")
    return model.read_trajectory(path)
