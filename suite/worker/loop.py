"""Serves requests in order, one reply each; whatever goes wrong in one becomes its error reply.

After an error the worker is ready for the next request. The end of the requests ends the worker, so that a killed
controller leaves no orphan.
"""

import json
import traceback
from typing import Any, BinaryIO, Callable, Dict, Mapping, Tuple

from suite.worker.outcome import WorkerFault

Operation = Callable[..., Dict[str, Any]]

_OUT_OF_MEMORY = (  # as allocators of the CPU, CUDA, cuBLAS, MPS, Tegra and C++ say it
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "cannot allocate memory",
    "alloc_failed",
    "nvmapmemalloc",
    "bad_alloc",
    "invalid buffer size",
)


def serve(requests: BinaryIO, replies: BinaryIO, operations: Mapping[str, Operation]) -> None:
    """Answers one JSON line after the other until `quit` or the end of requests."""
    for line in iter(requests.readline, b""):
        reply, last = answer(line, operations)
        replies.write(reply)
        replies.flush()
        if last:
            return


def answer(line: bytes, operations: Mapping[str, Operation]) -> Tuple[bytes, bool]:
    """The reply's line, and whether it is the last one."""
    number = None
    try:
        request = _request(line)
        number = request.pop("id")
        name = request.pop("op")
        if name == "quit":
            return _line({"id": number, "result": {}}), True
        if name not in operations:
            raise WorkerFault("PROTOCOL", "there is no operation {!r}".format(name), "Use one version of the suite")
        return _line({"id": number, "result": operations[name](**request)}), False
    except (Exception, SystemExit) as error:  # noqa: BLE001 (here alone: a fault ends its request, not the worker)
        return _line({"id": number, "error": describe(error)}), False


def describe(error: BaseException) -> Dict[str, str]:
    """Code, reason and remedy (a sentence each) and the traceback of what ended a request."""
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    if isinstance(error, WorkerFault):
        code, reason, remedy = error.code, error.reason, error.remedy
    else:
        reason = _first_line(error)
        if is_out_of_memory(error):
            code, remedy = "OUT_OF_MEMORY", "Take a smaller batch or input, or a machine with more memory"
        elif isinstance(error, SystemExit):
            code, remedy = "FAILED", "Take the call of sys.exit out of the model: it would have ended the run"
        elif isinstance(error, ImportError):
            code, remedy = "PACKAGE_MISSING", "Install it for the worker's interpreter"
        else:
            code, remedy = "FAILED", "Read the traceback in the record or in the run's log"
    return {"code": code, "reason": reason, "remedy": remedy, "traceback": text}


def is_out_of_memory(error: BaseException) -> bool:
    """Torch raises RuntimeError for a failed allocation, with a text that depends on allocator and version."""
    if isinstance(error, MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, (RuntimeError, OSError)) and any(words in text for words in _OUT_OF_MEMORY)


def _request(line: bytes) -> Dict[str, Any]:
    try:
        request = json.loads(line.decode("utf-8"))
    except ValueError as error:
        raise WorkerFault(
            "PROTOCOL", "a request is no JSON ({})".format(error), "Use one version of the suite"
        ) from error
    if not isinstance(request, dict) or not {"id", "op"} <= set(request):
        raise WorkerFault("PROTOCOL", "a request has no id and op", "Use one version of the suite")
    return request


def _line(reply: Dict[str, Any]) -> bytes:
    return json.dumps(reply, allow_nan=False).encode("ascii") + b"\n"


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return "{}: {}".format(type(error).__name__, lines[0]) if lines else type(error).__name__
