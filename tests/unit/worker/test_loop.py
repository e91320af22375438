"""The loop that serves requests: one reply each, in order, whatever happens in one."""

import io
import json

import pytest

from suite.worker import loop
from suite.worker.outcome import WorkerFault


def raising(error):
    def operation(**_arguments):
        raise error

    return operation


OPERATIONS = {
    "double": lambda number: {"number": 2 * number},
    "refuse": raising(WorkerFault("NOT_HERE", "there is none", "get one")),
    "fail": raising(KeyError("width")),
    "nan": lambda: {"number": float("nan")},
}


def exchange(*lines):
    """Replies to lines of requests (dicts or raw bytes)."""
    raw = b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)
    replies = io.BytesIO()
    loop.serve(io.BytesIO(raw), replies, OPERATIONS)
    return [json.loads(line.decode()) for line in replies.getvalue().splitlines()]


def error_of(reply):
    return {key: value for key, value in reply["error"].items() if key != "traceback"}


def test_replies_come_in_the_order_of_the_requests_with_their_numbers():
    replies = exchange({"id": 7, "op": "double", "number": 4}, {"id": 8, "op": "double", "number": 5})
    assert replies == [{"id": 7, "result": {"number": 8}}, {"id": 8, "result": {"number": 10}}]


def test_quit_is_answered_and_ends_the_worker():
    assert exchange({"id": 1, "op": "quit"}, {"id": 2, "op": "double", "number": 1}) == [{"id": 1, "result": {}}]


def test_the_end_of_the_requests_ends_the_worker():
    assert exchange() == []


def test_a_fault_becomes_its_code_reason_and_remedy_and_the_worker_goes_on():
    refused, answered = exchange({"id": 1, "op": "refuse"}, {"id": 2, "op": "double", "number": 1})
    assert error_of(refused) == {"code": "NOT_HERE", "reason": "there is none", "remedy": "get one"}
    assert answered == {"id": 2, "result": {"number": 2}}


def test_any_other_error_is_a_failure_with_its_traceback():
    reply = exchange({"id": 1, "op": "fail"})[0]
    assert (reply["error"]["code"], reply["error"]["reason"]) == ("FAILED", "KeyError: 'width'")
    assert "raise error" in reply["error"]["traceback"]


@pytest.mark.parametrize(
    "line",
    [b"no json\n", b"[1, 2]\n", b'{"id": 1}\n', b"\xff\xfe\n", b'{"id": 1, "op": "dance"}\n'],
)
def test_what_is_no_request_is_answered_too(line):
    assert exchange(line)[0]["error"]["code"] == "PROTOCOL"


def test_wrong_arguments_fail_the_request_alone():
    replies = exchange({"id": 1, "op": "double", "width": 1}, {"id": 2, "op": "double", "number": 1})
    assert [set(reply) for reply in replies] == [{"id", "error"}, {"id", "result"}]


def test_a_result_that_json_has_no_number_for_is_an_error_with_the_request_s_number():
    reply = exchange({"id": 3, "op": "nan"})[0]
    assert (reply["id"], reply["error"]["code"]) == (3, "FAILED")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:73] . DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError(
            "[enforce fail at CPUAllocator.cpp] DefaultCPUAllocator: not enough memory: you tried to allocate"
        ),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 3.95 GiB total capacity)"),
        RuntimeError("MPS backend out of memory (MPS allocated: 17.9 GB, max allowed: 18.1 GB)"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("std::bad_alloc"),
        OSError(12, "Cannot allocate memory"),
    ],
)
def test_every_allocator_s_way_of_saying_so_is_out_of_memory(error):
    assert loop.describe(error)["code"] == "OUT_OF_MEMORY"


@pytest.mark.parametrize("error", [RuntimeError("shape mismatch"), ValueError("out of memory"), IndexError()])
def test_other_errors_are_not_out_of_memory(error):
    assert loop.describe(error)["code"] == "FAILED"


def test_a_missing_package_is_named():
    described = loop.describe(ImportError("No module named 'transformers'"))
    assert (described["code"], described["reason"]) == (
        "PACKAGE_MISSING",
        "ImportError: No module named 'transformers'",
    )


def test_a_reason_is_one_line():
    assert loop.describe(RuntimeError("first\nsecond"))["reason"] == "RuntimeError: first"
