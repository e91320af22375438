"""A worker runs code of others: whatever it answers is refused as PROTOCOL, in one line, or is the right value."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.client.decode import Span
from suite.client.fields import cleaned, one_line
from suite.client.replies import Hello, PassSize, Timed, TimedFor
from suite.client.wire import Wire
from suite.client.worker import Worker
from suite.errors import WorkerError
from suite.records import MACHINE, EvaluationRule, Interference, Task

HASH = "ab" * 32
HELLO = Hello(process_s=0.1, versions=(), devices=("cpu",), clock="c")
TASK = Task(test="latency", model="m")
ROOFLINE = Task(test="roofline", model=MACHINE, thread_count=2)
INTERFERENCE: Mapping[str, Any] = {
    "wall_s": 0.75,
    "own_s": 1.25,
    "ours_s": 0.0,
    "foreign_s": 0.25,
    "stolen_s": None,
    "stalled_s": 0.5,
    "switch_count": 3,
    "fault_count": 0,
    "clock_hz": 2.4e9,
    "throttle_count": None,
    "pace_s": 0.0001,
    "gpu_clock_hz": 1.9e9,
    "gpu_foreign_share": 0.5,
    "gpu_throttle": ["hardware slowdown"],
}
READ = Interference(
    wall_s=0.75,
    own_s=1.25,
    ours_s=0.0,
    foreign_s=0.25,
    stalled_s=0.5,
    switch_count=3,
    fault_count=0,
    clock_hz=2.4e9,
    pace_s=0.0001,
    gpu_clock_hz=1.9e9,
    gpu_foreign_share=0.5,
    gpu_throttle=("hardware slowdown",),
)
RULE = EvaluationRule(name="e")
RIGHT: Mapping[str, dict[str, Any]] = {
    "evaluate": {
        "row_count": 2,
        "examples_sha256": HASH,
        "values": [[1.0, 0.5], [2.0, 0.0]],
        "weights": [[3.0, 4.0]],
        "groups": [0, 0],
        "lengths": [7],
        "padded": {"example_counts": [1], "padded_lengths": [7], "latency_s": [0.25]},
        "alone": {"example_counts": [1], "padded_lengths": [7], "latency_s": [0.125]},
        "changed_count": 1,
        "compared_count": 2,
        "unreachable_count": 0,
        "corrupt_count": 1,
        "corrupt": ["row 2: it is no JSON"],
        "ended": False,
        "interference": INTERFERENCE,
    },
    "replay": {
        "started_s": 101.0,
        "ended_s": 102.0,
        "pass_count": 2,
        "lengths": [7, 8, 9],
        "longest_s": [0.25, 0.125],
        "thread_count": 1,
        "interference": INTERFERENCE,
    },
    "import": {"import_s": 1.5, "resident_bytes": 5},
    "count_parameters": {
        "unique_count": 3,
        "registered_count": 4,
        "trainable_count": 3,
        "embedding_count": 0,
        "buffer_element_count": 0,
        "parameter_bytes": 12,
        "buffer_bytes": 0,
        "bytes_by_dtype": [["float32", 12]],
        "shared": [{"names": ["a", "b"], "parameter_count": 1}],
        "configuration": [],
    },
    "count_flops": {
        "mac_count": 7,
        "by_operator": [["mm", 7]],
        "uncounted": ["aten.add"],
        "unknown": [],
        "configuration": [],
    },
    "load": {
        "build_s": 0.5,
        "weights_s": 0.25,
        "weight_bytes": 12,
        "weights_source": "seeded",
        "weights_sha256": HASH,
        "weights_precision": "fp16",
        "configuration": [],
        "thread_count": 1,
        "synchronisation": "none needed: cpu",
    },
    "prepare": {
        "inputs_source": "seeded",
        "inputs_sha256": HASH,
        "step_count": 1,
        "before_resident_bytes": 5,
        "own_sizes": {"frames": 9},
    },
    "check_inputs": {"changed": ["x"], "flags": [["CODE", "text"]]},
    "fingerprint": {
        "fingerprint": {
            "tensor_count": 1,
            "value_count": 70,
            "taken_count": 70,
            "not_finite_count": 1,
            "norm": 2.5,
            "projection": [0.5] * 64,
            "top": [[3, 0.25]],
        }
    },
    "time": {
        "started_s": 101.0,
        "latency_s": [0.5, 0.25],
        "thread_count": 1,
        "flags": [],
        "interference": INTERFERENCE,
    },
    "time_for": {
        "started_s": 101.0,
        "ended_s": 102.0,
        "call_count": 3,
        "calls_per_value": 2,
        "latency_s": [0.25, 0.5],
        "thread_count": 1,
        "flags": [],
        "interference": INTERFERENCE,
    },
    "watch": {"interference": INTERFERENCE},
    "runtimes": {
        "runtimes": [
            {"name": "r", "title": "R", "ways": [{"device": "cpu", "precision": "fp32", "absence": None}]},
            {
                "name": "s",
                "title": "S",
                "ways": [{"device": "cpu", "precision": "fp16", "absence": ["C", "why", "do"]}],
            },
        ]
    },
    "build": {
        "folder": "/builds/ab",
        "build_s": 0.5,
        "peak_resident_bytes": 7,
        "size_bytes": 9,
        "cached": False,
        "dynamic": True,
        "graph_count": 1,
        "notes": ["a note"],
    },
    "in_force": {
        "provider": ["CPUExecutionProvider"],
        "node_counts": [["CPUExecutionProvider", 3]],
        "elements": ["float16"],
        "notes": [],
    },
    "compare_outputs": {
        "outputs": [
            {
                "name": "scores",
                "element_count": 4,
                "max_abs_error": 0.5,
                "relative_error": None,
                "cosine": -0.5,
                "top_agreement": 1.0,
                "nan_count": 1,
                "infinite_count": 0,
                "unlike_count": 1,
            }
        ]
    },
    "memory": {
        "resident_bytes": 5,
        "peak_resident_bytes": 6,
        "peak_was_reset": True,
        "device_peak_bytes": None,
        "device_free_bytes": 7,
        "device_total_bytes": 8,
        "device_reserved_peak_bytes": 9,
        "device_context_bytes": None,
        "device_is_unified": False,
        "machine_taken_bytes": None,
    },
    "device_times": {
        "wall_s": [0.5, 0.5],
        "span_s": [0.25, 0.25],
        "work_s": [],
        "in_s": [0.0, 0.0],
        "out_s": [0.0, 0.0],
        "in_bytes": 4,
        "out_bytes": 0,
    },
    "profile": {
        "latency_s": [0.5, 0.5],
        "operators": [{"operator": "mm", "call_count": 2, "self_s": 0.5, "device_self_s": None, "mac_count": 7}],
        "modules": [
            {
                "path": "a",
                "kind": "Linear",
                "call_count": 2,
                "self_s": 0.5,
                "total_s": 0.75,
                "device_self_s": None,
                "device_total_s": None,
                "mac_count": None,
            }
        ],
        "uncounted": None,
    },
    "reset_memory": {"peak_was_reset": False},
    "convert": {"sha256": HASH, "weights_sha256": HASH, "left_out": []},
    "roofline": {
        "thread_count": 2,
        "synchronisation": "none needed: cpu",
        "tensor_bytes": 100,
        "cache_bytes": None,
        "copy": {"amount": 200, "call_count": 3, "block_s": [0.25, 0.5]},
        "read": {"amount": 100, "call_count": 6, "block_s": [0.25]},
        "matmul": [{"precision": "fp32", "size": 10, "amount": 2000, "call_count": 1, "block_s": [0.5]}],
        "interference": INTERFERENCE,
    },
}
ASK: Mapping[str, Callable[[Worker], object]] = {
    "import": lambda worker: worker.import_model("m"),
    "count_parameters": lambda worker: worker.count_parameters("m", None),
    "count_flops": lambda worker: worker.count_flops("m", None, "forward", 1, ()),
    "load": lambda worker: worker.load(TASK),
    "runtimes": lambda worker: worker.runtimes(),
    "build": lambda worker: worker.build((TASK,), Path("/builds")),
    "in_force": lambda worker: worker.in_force(),
    "compare_outputs": lambda worker: worker.compare_outputs("c", Path("/outputs")),
    "prepare": lambda worker: worker.prepare("c", TASK),
    "check_inputs": lambda worker: worker.check_inputs("c"),
    "evaluate": lambda worker: worker.evaluate(RULE, 0, 2, True),
    "replay": lambda worker: worker.replay(RULE, 64, PassSize(batch_size=2, example_count=3), 1.0, 60.0),
    "fingerprint": lambda worker: worker.fingerprint("c"),
    "time": lambda worker: worker.time("c", 2, 60.0),
    "time_for": lambda worker: worker.time_for("c", 1.0, 1, 60.0),
    "watch": lambda worker: worker.watch(0.75),
    "memory": lambda worker: worker.memory(),
    "device_times": lambda worker: worker.device_times("c", 2, 60.0),
    "profile": lambda worker: worker.profile("c", 2, 60.0),
    "reset_memory": lambda worker: worker.reset_memory(),
    "convert": lambda worker: worker.convert("m", Path("a"), Path("b")),
    "roofline": lambda worker: worker.roofline(ROOFLINE, 1.0, 1000),
}


class Said:
    """A wire on which the worker answers with one line; asked at 100 s, answered at 103 s."""

    spawned_s = 90.0

    def __init__(self, reply: object) -> None:
        self.line = json.dumps({"id": 1, **cast(dict[str, Any], reply)}).encode()
        self.span = Span(asked_s=100.0, answered_s=103.0)

    def ask(self, operation: str, _deadline_s: float, _arguments: object) -> dict[str, Any]:
        wire = Wire.__new__(Wire)
        wire._request_count = 1
        wire.foreign = self.foreign  # type: ignore[method-assign]
        reply = wire._decode(self.line, operation)
        if "error" in reply:
            raise wire._refusal(reply["error"], operation)
        return cast(dict[str, Any], reply["result"])

    def foreign(self, what: str) -> WorkerError:
        return WorkerError("PROTOCOL", f"the worker's answer is not ours: {one_line(what, 300)}", "r", fatal=True)


def answer(operation: str, reply: object) -> object:
    return ASK[operation](Worker(cast(Wire, Said(reply)), HELLO, dict.fromkeys(ASK, 60.0)))


def changed(operation: str, **fields: object) -> dict[str, Any]:
    return {"result": {**RIGHT[operation], **fields}}


@pytest.mark.parametrize("operation", ASK)
def test_what_the_protocol_says_is_taken(operation: str) -> None:
    assert answer(operation, {"result": RIGHT[operation]}) is not None


def test_durations_are_taken_as_they_are() -> None:
    assert answer("time", changed("time")) == Timed(
        started_s=101.0, latency_s=(0.5, 0.25), thread_count=1, interference=READ
    )
    assert answer("time_for", changed("time_for")) == TimedFor(
        started_s=101.0,
        ended_s=102.0,
        call_count=3,
        calls_per_value=2,
        latency_s=(0.25, 0.5),
        thread_count=1,
        interference=READ,
    )
    assert answer("watch", changed("watch")) == READ


def disturbed(**fields: object) -> dict[str, object]:
    return {"interference": {**INTERFERENCE, **fields}}


def printed(**fields: object) -> dict[str, object]:
    return {"fingerprint": {**RIGHT["fingerprint"]["fingerprint"], **fields}}


HOSTILE = [
    ("fingerprint", {"fingerprint": 7}, "fingerprint is 7, not an object"),
    ("fingerprint", {"fingerprint": {"tensor_count": 1}}, "value_count is missing"),
    ("fingerprint", printed(projection=[0.5] * 63), "a projection has 64 numbers"),
    ("fingerprint", printed(projection=[0.5] * 63 + [1e31]), "projection is 1e+31, which is not in"),
    ("fingerprint", printed(top=[[1]]), "top holds [1], not a place and a number"),
    ("fingerprint", printed(top=[[-1, 0.5]]), "top is -1, which is not in"),
    ("fingerprint", printed(taken_count=71), "taken_count must lie in 0..value_count"),
    ("time", {"flags": [["CODE"]]}, "flags holds ['CODE'], not a code and its text"),
    ("check_inputs", {"flags": {"CODE": "text"}}, "flags is {'CODE': 'text'}, not a list"),
    ("prepare", {"own_sizes": {"frames": -1}}, "own_sizes is -1, which is not in"),
    ("prepare", {"own_sizes": [["frames", 1]]}, "own_sizes is [['frames', 1]], not an object"),
    ("time", {"latency_s": [0.5] * 1001}, "latency_s has 1,001 durations, and 2 calls were asked for"),
    ("time", {"latency_s": [0.5]}, "latency_s has 1 durations"),
    ("time", {"latency_s": [0.5, 1e308]}, "latency_s is 1e+308, which is not in"),
    ("time", {"latency_s": [0.5, 0]}, "latency_s is 0, which is not in"),
    ("time", {"latency_s": [0.5, True]}, "latency_s is True, not a number"),
    ("time", {"latency_s": [0.5, "1"]}, "latency_s is '1', not a number"),
    ("time", {"latency_s": "0.5"}, "latency_s is '0.5', not a list"),
    ("time", {"latency_s": [1.5, 1.5]}, "latency_s comes to 3 s, and only 2 s have passed"),
    ("time", {"started_s": 99.0}, "started_s is 99.0, which is not in"),
    ("time", {"started_s": math.inf}, "to time it said"),
    ("time", {"thread_count": 0}, "thread_count is 0, which is not in 1 to"),
    ("time_for", {"ended_s": 101.5}, "the window of 0.5 s is shorter than the 1 s asked for"),
    ("time_for", {"ended_s": 1e9}, "ended_s is"),
    ("time_for", {"call_count": 9}, "latency_s has 2 values for 9 calls, 2 calls each"),
    ("time_for", {"call_count": 0}, "call_count is 0"),
    ("time", {"interference": None}, "interference is None, not an object"),
    ("time", {"interference": {"wall_s": 0.75}}, "own_s is missing"),
    ("time_for", disturbed(wall_s=3.5), "wall_s is 3.5, which is not in"),
    ("time", disturbed(wall_s=None), "wall_s is None, not a number"),
    ("watch", disturbed(foreign_s=-0.1), "foreign_s is -0.1, which is not in"),
    ("watch", disturbed(own_s=1e9), "own_s is 1000000000.0, which is not in"),
    ("watch", disturbed(switch_count=0.5), "switch_count is 0.5, not a whole number"),
    ("watch", disturbed(clock_hz=1e13), "clock_hz is 10000000000000.0, which is not in"),
    ("watch", disturbed(gpu_foreign_share=1.5), "gpu_foreign_share is 1.5, which is not in 0 to 1"),
    ("watch", disturbed(gpu_throttle="heat"), "gpu_throttle is 'heat', not a list"),
    ("watch", disturbed(gpu_throttle=[7]), "gpu_throttle holds 7, not text"),
    ("load", {"build_s": 1e308}, "build_s is 1e+308"),
    ("load", {"weights_sha256": "short"}, "weights_sha256 is 'short', not 64 hex digits"),
    ("load", {"weights_precision": "int8"}, "weights_precision is 'int8', not one of fp32, bf16, fp16"),
    ("build", {"folder": "/etc"}, "folder is /etc, which is not in /builds"),
    ("build", {"build_s": 1e5}, "build_s is 100000.0, which is not in 0 to"),
    ("in_force", {"node_counts": [["a"]]}, "node_counts holds ['a'], not a name and a count"),
    ("compare_outputs", {"outputs": [{}]}, "name is missing"),
    ("runtimes", {"runtimes": [{"name": "r", "title": "R", "ways": 3}]}, "ways is 3, not a list"),
    ("load", {"weights_source": "stolen"}, "weights_source is 'stolen', not one of seeded, checkpoint, pinned"),
    ("load", {"synchronisation": " "}, "synchronisation is blank"),
    ("import", {"import_s": -1}, "import_s is -1"),
    ("import", {"import_s": 14.0}, "import_s is 14.0"),  # alive for 13 s
    ("prepare", {"step_count": 1.0}, "step_count is 1.0, not a whole number"),
    ("memory", {"device_is_unified": "yes"}, "device_is_unified is 'yes', not true or false"),
    ("device_times", {"span_s": [0.25]}, "span_s has 1 durations, and 2 calls were asked for"),
    ("device_times", {"span_s": [0.25, -1]}, "span_s is -1, which is not in"),
    ("device_times", {"work_s": [0.25]}, "work_s has 1 durations"),
    ("profile", {"latency_s": [0.5]}, "latency_s has 1 durations, and 2 calls were asked for"),
    ("profile", {"latency_s": [2.0, 2.0]}, "latency_s comes to 4 s, and only 3.001 s have passed"),
    ("profile", {"operators": [{"operator": " "}]}, "operator is blank"),
    ("profile", {"modules": [7]}, "not an object"),
    ("profile", {"uncounted": ["CODE"]}, "uncounted has 1 parts, not code, reason and remedy"),
    ("memory", {"resident_bytes": 2**64}, "resident_bytes is 18446744073709551616"),
    ("memory", {"peak_was_reset": 1}, "peak_was_reset is 1, not true or false"),
    ("check_inputs", {"changed": "x"}, "changed is 'x', not a list"),
    ("evaluate", {"values": [[2.0, 0.5], [2.0, 0.0]]}, "score must be 0 to 1, got 2.0"),
    ("evaluate", {"values": [[1.0], [2.0]]}, "each item has a value of each metric"),
    ("evaluate", {"values": [[1.0, 0.5], [-2.0, 0.0]]}, "values is -2.0, which is not in 0 to 1e+30"),
    ("evaluate", {"row_count": 3}, "row_count is 3, which is not in 0 to 2"),
    ("evaluate", {"lengths": [7, 7]}, "each example has a length and is called once"),
    ("evaluate", {"changed_count": 3}, "no more answers change than are compared"),
    ("evaluate", {"alone": {"example_counts": [], "padded_lengths": [], "latency_s": []}}, "alone has 0 calls for 1"),
    ("evaluate", {"corrupt_count": 0}, "a row is an example, or corrupt"),
    ("replay", {"lengths": [7] * 4}, "a pass has 4 examples, and 3 were asked for"),
    ("replay", {"lengths": [7, 8]}, "a pass has 2 calls for 2 examples, 2 together"),
    ("replay", {"ended_s": 101.5}, "the window of 0.5 s is shorter than the 1 s asked for"),
    ("replay", {"longest_s": [0.75, 0.5]}, "longest_s comes to 1.25 s, more than the window lasts"),
    ("replay", {"pass_count": 0}, "pass_count is 0, which is not in 1 to"),
    ("count_parameters", {"shared": {"names": []}}, "shared is {'names': []}, not a list"),
    ("count_parameters", {"unique_count": 5}, "unique_count must lie in 0..registered_count"),
    ("count_flops", {"by_operator": [["mm"]]}, "by_operator holds ['mm'], not a name and a count"),
    ("count_flops", {"mac_count": 0}, "mac_count is 0"),
    ("roofline", {"tensor_bytes": 1001}, "tensor_bytes is 1001, which is not in 1 to 1000"),
    ("roofline", {"cache_bytes": 0}, "cache_bytes must be at least 1"),
    ("roofline", {"read": {"amount": 101, "call_count": 6, "block_s": [0.25]}}, "read: amount is 101, and its size"),
    ("roofline", {"copy": {"amount": 200, "call_count": 0, "block_s": [0.25]}}, "call_count is 0"),
    ("roofline", {"copy": {"amount": 200, "call_count": 3, "block_s": []}}, "a ceiling has 1 to 1000 blocks"),
    (
        "roofline",
        {"copy": {"amount": 200, "call_count": 3, "block_s": [3, 0.5]}},
        "the blocks come to 4.25 s, and only",
    ),
    ("roofline", {"copy": {"amount": 200, "call_count": 3, "block_s": [0]}}, "block_s is 0, which is not in"),
    ("roofline", {"interference": 7}, "interference is 7, not an object"),
    ("roofline", {"interference": {}}, "wall_s is missing"),
    ("roofline", {"copy": 7}, "copy is 7, not an object"),
    ("roofline", {"matmul": []}, "matmul is of nothing, and fp32 was asked for"),
    ("roofline", {"matmul": [[]]}, "it is [], not an object"),
    ("roofline", {"thread_count": 0}, "thread_count is 0"),
]


@pytest.mark.parametrize(("operation", "fields", "reason"), HOSTILE)
def test_a_value_that_cannot_be_is_refused_by_the_fields_name(
    operation: str, fields: dict[str, object], reason: str
) -> None:
    with pytest.raises(WorkerError) as caught:
        answer(operation, changed(operation, **fields))
    assert (caught.value.code, caught.value.fatal) == ("PROTOCOL", True)
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    "error",
    [
        {},
        {"code": "", "reason": "", "remedy": ""},
        {"code": "FAILED", "reason": " ", "remedy": "m"},
        {"code": "FAILED", "reason": None, "remedy": "m"},
        {"code": "two words", "reason": "r", "remedy": "m"},
        {"code": "FAILED", "reason": "r", "remedy": "m", "traceback": 7},
        "FAILED",
        None,
        [],
    ],
)
def test_an_error_that_says_nothing_is_a_foreign_answer(error: object) -> None:
    with pytest.raises(WorkerError) as caught:
        answer("memory", {"error": error})
    assert (caught.value.code, caught.value.fatal) == ("PROTOCOL", True)


def test_the_text_of_an_error_is_cleaned_where_it_enters() -> None:
    error = {"code": "FAILED", "reason": "a\ud800\n\x1b[2J\0b", "remedy": "m", "traceback": "t\udfff\n" * 3}
    with pytest.raises(WorkerError) as caught:
        answer("memory", {"error": error})
    assert caught.value.reason == "a\\ud800 \\x1b[2J\\x00b"
    assert caught.value.traceback == "t\\udfff\n" * 3


@given(st.text(st.characters(exclude_categories=()), max_size=50))
@settings(max_examples=200)
def test_cleaned_text_can_be_written_and_ordinary_text_is_left_alone(text: str) -> None:
    cleaned(text).encode()
    assert cleaned(cleaned(text)) == cleaned(text)
    if text.isprintable():
        assert cleaned(text) == text


def outcome(operation: str, reply: dict[str, Any]) -> object:
    try:
        return answer(operation, reply)
    except WorkerError as error:
        return error


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=8)
    | st.sampled_from([HASH, 10**400, 1e308, -0.0, "seeded", "cpu"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def replies(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A right answer of one operation with some fields taken out, or given other values."""
    operation = draw(st.sampled_from(sorted(RIGHT)))
    right = RIGHT[operation]
    fields = draw(st.dictionaries(st.sampled_from(sorted(right)), VALUES, max_size=3))
    missing = draw(st.sets(st.sampled_from(sorted(right)), max_size=1))
    result = {name: value for name, value in {**right, **fields}.items() if name not in missing}
    whole = draw(st.sampled_from([{"result": result}] * 6 + [{"error": fields}, {"result": draw(VALUES)}]))
    return operation, whole


@given(replies())
@settings(max_examples=600)
def test_any_answer_is_refused_in_one_line_or_is_the_right_value(said: tuple[str, dict[str, Any]]) -> None:
    operation, reply = said
    found = outcome(operation, reply)
    if isinstance(found, WorkerError):
        assert found.code == "PROTOCOL" or reply["error"]["code"] == found.code
        assert found.reason
        assert len(str(found).splitlines()) == 1
        assert str(found).encode()
    if isinstance(found, Timed):
        assert len(found.latency_s) == 2
        assert 0 < sum(found.latency_s) <= 3.01
        assert 99.9 < found.started_s < 103.1
    if isinstance(found, TimedFor):
        assert found.call_count >= 1
        assert 1 <= found.ended_s - found.started_s + 1e-3 <= 3.1
        assert all(0 < value <= 3.01 for value in found.latency_s)
