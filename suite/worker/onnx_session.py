"""An ONNX file as a callable: what it takes and gives, the provider that really ran it, calls that add nothing.

ONNX Runtime falls back to its CPU provider in silence where another can't be had. Here that is an error, and how many
nodes each provider took is told where this ONNX Runtime tells it. torch is imported only where its tensors are given.
"""

import functools
import importlib.util
import sys
import warnings
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple, Union

from suite.worker.outcome import NotMeasured, WorkerFault

CPU = "CPUExecutionProvider"
_BY_DEVICE = {"cpu": CPU, "cuda": "CUDAExecutionProvider", "mps": "CoreMLExecutionProvider"}
_ON_CUDA = ("CUDAExecutionProvider", "TensorrtExecutionProvider")  # those that take tensors where they lie
_DTYPES = {"float": "float32", "double": "float64"}  # ONNX Runtime's other names are numpy's
_ASSIGNMENT = "session.record_ep_graph_assignment_info"  # since ONNX Runtime 1.23

Size = Union[int, str, None]  # a symbol by its name; None where the file gives none


class Value(NamedTuple):
    """An input or output. dtype: as numpy writes it; another kind than a tensor as ONNX Runtime writes it."""

    name: str
    dtype: str
    shape: Tuple[Size, ...]


def available() -> Optional[NotMeasured]:
    """None if this interpreter has ONNX Runtime. Imports nothing."""
    if importlib.util.find_spec("onnxruntime") is not None:
        return None
    return NotMeasured(
        "PACKAGE_MISSING",
        "onnxruntime is not installed for the worker's interpreter",
        "Install it there: pip install onnxruntime, or onnxruntime-gpu for a GPU",
    )


def provider_of(device: str) -> str:
    """The provider that stands for a device as torch names it. Raises WorkerFault UNSUPPORTED_DEVICE."""
    kind = device.partition(":")[0]
    if kind not in _BY_DEVICE:
        raise WorkerFault(
            "UNSUPPORTED_DEVICE",
            "ONNX Runtime has no provider for the device {!r}".format(device),
            "Use one of {}".format(", ".join(sorted(_BY_DEVICE))),
        )
    return _BY_DEVICE[kind]


class Session:
    """A file, opened. Called with named inputs it gives its outputs by name; `bind` gives the call that is timed.

    provider: the one that was asked for, which ran at least one node or could not be looked at further.
    providers: all that the session registered, the first asked first.
    node_counts: by provider, of the graph as it was optimised; None where this ONNX Runtime does not tell.
    """

    def __init__(
        self,
        path: str,
        *,
        device: str = "cpu",
        thread_count: int = 1,
        provider: Optional[str] = None,
        provider_options: Optional[Dict[str, Any]] = None,
    ) -> None:
        """provider: None for the one of the device. Raises WorkerFault ONNX_UNREADABLE, PROVIDER_MISSING or
        PROVIDER_FELL_BACK; what else ONNX Runtime raises passes."""
        self.path, self.device = path, device
        self.provider = provider_of(device) if provider is None else provider
        self._session = _opened(path, self.provider, _options(self.provider, device, provider_options), thread_count)
        self.providers: List[str] = list(self._session.get_providers())
        self.node_counts = _node_counts(self._session)
        self._refuse_fallback()
        self.inputs: Tuple[Value, ...] = tuple(map(_value, self._session.get_inputs()))
        self.outputs: Tuple[Value, ...] = tuple(map(_value, self._session.get_outputs()))
        self.thread_count = int(self._session.get_session_options().intra_op_num_threads)
        self._names = [value.name for value in self.outputs]
        self._given: Dict[str, Any] = {}  # what the last call was given, by identity
        self._call: Callable[[], List[Any]] = list

    @property
    def metadata(self) -> Dict[str, str]:
        """What the file's author wrote beside the graph, and who produced it under "producer"."""
        found = self._session.get_modelmeta()
        told = {str(key): str(value) for key, value in found.custom_metadata_map.items()}
        told.setdefault("producer", found.producer_name)
        return told

    @property
    def fallen_back_count(self) -> Optional[int]:
        """Nodes that ran on the CPU provider though another was asked for; None where nobody tells."""
        if self.provider == CPU:
            return 0
        return None if self.node_counts is None else self.node_counts.get(CPU, 0)

    def bind(self, inputs: Dict[str, Any]) -> Callable[[], List[Any]]:
        """A call without arguments that runs the graph on these inputs and gives its outputs in order, as arrays (as
        tensors on a GPU). Arrays and CPU tensors are read where they lie, at each call.

        inputs: numpy arrays or torch tensors by name. Raises WorkerFault BAD_INPUT.
        """
        self._check(inputs)
        if self.provider in _ON_CUDA and self.device != "cpu":
            return functools.partial(self._run_bound, *self._bound(inputs))
        feeds = {name: _array(value) for name, value in inputs.items()}
        return functools.partial(self._session.run, self._names, feeds)

    def __call__(self, **inputs: Any) -> Dict[str, Any]:
        """Outputs by name. The same objects given again cost no new binding."""
        given = self._given
        if len(given) != len(inputs) or any(given.get(name) is not value for name, value in inputs.items()):
            self._call, self._given = self.bind(inputs), inputs
        return dict(zip(self._names, self._call()))

    def _refuse_fallback(self) -> None:
        ran = self.node_counts is None or self.node_counts.get(self.provider, 0) > 0 or not self.node_counts
        if self.provider in self.providers and ran:
            return
        where = ", ".join(sorted(self.node_counts)) if self.node_counts else ", ".join(self.providers)
        raise WorkerFault(
            "PROVIDER_FELL_BACK",
            "{} runs nothing of {}: ONNX Runtime put it on {}".format(self.provider, self.path, where),
            "See the run's log for what that provider lacks, or measure on the device cpu",
        )

    def _check(self, inputs: Dict[str, Any]) -> None:
        names = [value.name for value in self.inputs]
        missing = [name for name in names if name not in inputs]
        unknown = [name for name in inputs if name not in names]
        if missing or unknown:
            what = "lacks {}".format(", ".join(missing)) if missing else "has no input {}".format(", ".join(unknown))
            raise _bad_input("{} {}".format("the call" if missing else self.path, what), ", ".join(names))
        for value in self.inputs:
            given = str(inputs[value.name].dtype).replace("torch.", "")
            if given != value.dtype:
                told = "the input {} is {}, and the file takes {}".format(value.name, given, value.dtype)
                raise _bad_input(told, "{} as {}".format(value.name, value.dtype))

    def _bound(self, inputs: Dict[str, Any]) -> Tuple[Any, Dict[str, Any]]:
        """Inputs and outputs on the GPU: nothing is copied in a call."""
        import numpy

        binding = self._session.io_binding()
        held = {name: value.contiguous() for name, value in inputs.items()}
        for value in self.inputs:
            tensor = held[value.name]
            index = tensor.device.index or 0
            shape, kind = tuple(tensor.shape), numpy.dtype(value.dtype)
            binding.bind_input(value.name, tensor.device.type, index, kind, shape, tensor.data_ptr())
        for name in self._names:
            binding.bind_output(name, "cuda", int(self.device.partition(":")[2] or 0))
        return binding, held  # whose memory is bound: it may not go

    def _run_bound(self, binding: Any, _held: Dict[str, Any]) -> List[Any]:
        self._session.run_with_iobinding(binding)
        from_dlpack = sys.modules["torch"].utils.dlpack.from_dlpack
        return [from_dlpack(value._ortvalue.to_dlpack()) for value in binding.get_outputs()]


def _opened(path: str, provider: str, options: Dict[str, Any], thread_count: int) -> Any:
    import onnxruntime

    there = onnxruntime.get_available_providers()
    if provider not in there:
        raise WorkerFault(
            "PROVIDER_MISSING",
            "ONNX Runtime {} has no {} here".format(onnxruntime.__version__, provider),
            "It has {}; install a wheel of ONNX Runtime that brings it".format(", ".join(there)),
        )
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = thread_count
    settings.inter_op_num_threads = 1
    settings.add_session_config_entry(_ASSIGNMENT, "1")
    wanted: List[Any] = [(provider, options)] + ([] if provider == CPU else [(CPU, {})])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it falls back is found out below
        try:
            return onnxruntime.InferenceSession(path, settings, providers=wanted, enable_fallback=0)
        except Exception as error:
            if type(error).__name__ not in ("InvalidProtobuf", "InvalidGraph", "NoSuchFile", "NotImplemented", "Fail"):
                raise
            raise WorkerFault(
                "ONNX_UNREADABLE",
                "{} can't be opened by ONNX Runtime {}: {}".format(path, onnxruntime.__version__, _told(error)),
                "Export the model again, or install the version of ONNX Runtime that its operators need",
            ) from error


def _options(provider: str, device: str, given: Optional[Dict[str, Any]]) -> Dict[str, Any]:
    own = {"device_id": device.partition(":")[2] or "0"} if provider in _ON_CUDA else {}
    return dict(own, **(given or {}))


def _node_counts(session: Any) -> Optional[Dict[str, int]]:
    """By provider, as the session placed them; None where it does not tell."""
    tell = getattr(session, "get_provider_graph_assignment_info", None)
    if tell is None:
        return None
    try:
        counts: Dict[str, int] = {}
        for part in tell():
            counts[part.ep_name] = counts.get(part.ep_name, 0) + len(part.get_nodes())
        return counts
    except Exception:  # noqa: BLE001  # a build of ONNX Runtime that has the method and no answer
        return None


def _value(found: Any) -> Value:
    kind = str(found.type)
    dtype = kind[len("tensor(") : -1] if kind.startswith("tensor(") else kind
    return Value(str(found.name), _DTYPES.get(dtype, dtype), tuple(found.shape or ()))


def _array(value: Any) -> Any:
    """A view of a tensor's memory, which a tensor on the CPU shares."""
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value


def _bad_input(what: str, wanted: str) -> WorkerFault:
    return WorkerFault("BAD_INPUT", what, "Give {}".format(wanted))


def _told(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
