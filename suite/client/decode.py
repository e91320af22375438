"""A worker's answers as the types of `replies`: whole, of the right types, and possible; ValueError says what is not.

What can be known is checked: as many durations as calls were asked for, and no more seconds than have passed between
question and answer, which the worker's clock and the controller's agree on.
"""

from __future__ import annotations

import math
from typing import cast, get_args

from suite.client.fields import MOST_COUNT, Fields
from suite.client.replies import (
    Checked,
    Converted,
    Hello,
    Imported,
    Loaded,
    Memory,
    Prepared,
    Timed,
    TimedFor,
    WeightsSource,
)
from suite.limits import MAX_NUMBER
from suite.records import (
    EvaluatedBatch,
    Fingerprint,
    FlopCount,
    InputsSource,
    Interference,
    OperatorCost,
    ParameterCount,
    RealCalls,
    SharedGroup,
    Top,
    WeightsPrecision,
    record,
)
from suite.records.accuracy import MAX_TOLD_CORRUPT

MOST_THREADS = 65_536
MOST_STEPS = 10**9
MOST_CORES = 65_536
MOST_HZ = 1e12
_SLACK_S = 1e-3  # between two clocks that are the same, and sums of rounded numbers
_TINY_S = 1e-12  # a duration is positive


@record
class Span:
    """From question to answer, on the system-wide monotonic clock."""

    asked_s: float
    answered_s: float

    @property
    def length_s(self) -> float:
        return self.answered_s - self.asked_s + _SLACK_S


def hello(data: object, span: Span) -> Hello:
    """span: from the spawn on."""
    fields = Fields(data)
    started_s = fields.number("process_started_s", span.asked_s - _SLACK_S, span.answered_s + _SLACK_S)
    return Hello(
        process_s=max(0.0, started_s - span.asked_s),
        versions=fields.mapping("versions"),
        devices=fields.texts("devices"),
        clock=fields.text("clock"),
    )


def imported(data: object, alive_s: float) -> Imported:
    """alive_s: since the worker was spawned."""
    fields = Fields(data)
    return Imported(
        import_s=fields.number("import_s", 0.0, alive_s), resident_bytes=fields.whole("resident_bytes", least=1)
    )


def parameter_count(data: object) -> ParameterCount:
    fields = Fields(data)
    groups = [Fields(group) for group in fields.items("shared")]
    return ParameterCount(
        unique_count=fields.whole("unique_count"),
        registered_count=fields.whole("registered_count"),
        trainable_count=fields.whole("trainable_count"),
        embedding_count=fields.whole("embedding_count"),
        buffer_element_count=fields.whole("buffer_element_count"),
        parameter_bytes=fields.whole("parameter_bytes"),
        buffer_bytes=fields.whole("buffer_bytes"),
        bytes_by_dtype=fields.counts("bytes_by_dtype"),
        shared=tuple(
            SharedGroup(names=group.texts("names"), parameter_count=group.whole("parameter_count")) for group in groups
        ),
        expected_unique_count=None,
        configuration=fields.texts("configuration"),
    )


def flop_count(data: object) -> FlopCount:
    fields = Fields(data)
    return FlopCount(
        mac_count=fields.whole("mac_count", least=1),
        by_operator=tuple(OperatorCost(operator=name, mac_count=count) for name, count in fields.counts("by_operator")),
        uncounted=fields.texts("uncounted"),
        unknown=fields.texts("unknown"),
        source="counted",
        configuration=fields.texts("configuration"),
    )


def loaded(data: object, span: Span) -> Loaded:
    fields = Fields(data)
    source = fields.text("weights_source")
    if source not in get_args(WeightsSource):
        raise ValueError(f"weights_source is {source!r}, not one of {', '.join(get_args(WeightsSource))}")
    return Loaded(
        build_s=fields.number("build_s", 0.0, span.length_s),
        weights_s=fields.number("weights_s", 0.0, span.length_s),
        weight_bytes=fields.whole("weight_bytes"),
        weights_source=cast(WeightsSource, source),
        weights_sha256=fields.sha256("weights_sha256"),
        thread_count=fields.whole("thread_count", 1, MOST_THREADS),
        synchronisation=fields.text("synchronisation"),
        configuration=fields.texts("configuration"),
        weights_precision=precision(fields.text("weights_precision")),
    )


def precision(name: str) -> WeightsPrecision:
    if name not in get_args(WeightsPrecision):
        raise ValueError(f"weights_precision is {name!r}, not one of {', '.join(get_args(WeightsPrecision))}")
    return cast(WeightsPrecision, name)


def converted(data: object) -> Converted:
    fields = Fields(data)
    return Converted(
        sha256=fields.sha256("sha256"),
        weights_sha256=fields.sha256("weights_sha256"),
        left_out=fields.texts("left_out"),
    )


def prepared(data: object) -> Prepared:
    fields = Fields(data)
    source = fields.text("inputs_source")
    if source not in get_args(InputsSource):
        raise ValueError(f"inputs_source is {source!r}, not one of {', '.join(get_args(InputsSource))}")
    return Prepared(
        inputs_source=cast(InputsSource, source),
        inputs_sha256=fields.sha256("inputs_sha256"),
        step_count=fields.whole("step_count", 1, MOST_STEPS),
        before_resident_bytes=fields.whole("before_resident_bytes", least=1),
        own_sizes=fields.sizes("own_sizes"),
    )


def checked(data: object) -> Checked:
    fields = Fields(data)
    return Checked(changed=fields.texts("changed"), flags=fields.words("flags"))


def fingerprint(data: object) -> Fingerprint | None:
    fields = Fields(data).optional_part("fingerprint")
    if fields is None:
        return None
    return Fingerprint(
        tensor_count=fields.whole("tensor_count"),
        value_count=fields.whole("value_count"),
        taken_count=fields.whole("taken_count"),
        not_finite_count=fields.whole("not_finite_count"),
        norm=fields.number("norm", 0.0, MAX_NUMBER),
        projection=fields.numbers("projection", -MAX_NUMBER, MAX_NUMBER),
        top=tuple(Top(index=index, lead=lead) for index, lead in fields.answers("top", MAX_NUMBER)),
    )


def evaluated(data: object, row_count: int, alone: bool, span: Span) -> EvaluatedBatch:
    """No more rows than were asked for, and calls one by one where those were."""
    fields = Fields(data)
    found = EvaluatedBatch(
        row_count=fields.whole("row_count", 0, row_count),
        examples_sha256=fields.sha256("examples_sha256"),
        values=fields.columns("values", 0.0, MAX_NUMBER),
        weights=fields.columns("weights", 0.0, MAX_NUMBER),
        groups=fields.wholes("groups"),
        lengths=fields.wholes("lengths"),
        padded=_real_calls(fields.part("padded"), span),
        alone=_real_calls(fields.part("alone"), span),
        changed_count=fields.whole("changed_count"),
        compared_count=fields.whole("compared_count"),
        unreachable_count=fields.whole("unreachable_count"),
        corrupt_count=fields.whole("corrupt_count"),
        corrupt=fields.texts("corrupt")[:MAX_TOLD_CORRUPT],
        ended=fields.flag("ended"),
        interference=interference(fields.part("interference"), span),
    )
    if not found.ended and found.row_count < row_count:
        raise ValueError(f"row_count is {found.row_count}, {row_count} were asked for, and it has not ended")
    if len(found.alone.latency_s) != (len(found.lengths) if alone else 0):
        raise ValueError(f"alone has {len(found.alone.latency_s)} calls for {len(found.lengths)} examples")
    _check_sum(math.fsum((*found.alone.latency_s, *found.padded.latency_s)), span.length_s)
    return found


def _real_calls(fields: Fields, span: Span) -> RealCalls:
    return RealCalls(
        example_counts=fields.wholes("example_counts", 1),
        padded_lengths=fields.wholes("padded_lengths"),
        latency_s=fields.numbers("latency_s", _TINY_S, span.length_s),
    )


def timed(data: object, call_count: int, span: Span) -> Timed:
    fields = Fields(data)
    latency_s = fields.numbers("latency_s", _TINY_S, span.length_s)
    if len(latency_s) != call_count:
        raise ValueError(f"latency_s has {len(latency_s):,} durations, and {call_count:,} calls were asked for")
    started_s = fields.number("started_s", span.asked_s - _SLACK_S, span.answered_s + _SLACK_S)
    _check_sum(math.fsum(latency_s), span.answered_s - started_s)
    return Timed(
        started_s=started_s,
        latency_s=latency_s,
        thread_count=fields.whole("thread_count", 1, MOST_THREADS),
        flags=fields.words("flags"),
        interference=interference(fields.part("interference"), span),
    )


def watched(data: object, span: Span) -> Interference:
    return interference(Fields(data).part("interference"), span)


def interference(fields: Fields, span: Span) -> Interference:
    """Its times are of all cores together, so no more than the span holds on each."""
    most_s = MOST_CORES * span.length_s
    return Interference(
        wall_s=fields.number("wall_s", 0.0, span.length_s),
        own_s=fields.optional_number("own_s", 0.0, most_s),
        ours_s=fields.optional_number("ours_s", 0.0, most_s),
        foreign_s=fields.optional_number("foreign_s", 0.0, most_s),
        stolen_s=fields.optional_number("stolen_s", 0.0, most_s),
        stalled_s=fields.optional_number("stalled_s", 0.0, most_s),
        switch_count=fields.optional_whole("switch_count"),
        fault_count=fields.optional_whole("fault_count"),
        clock_hz=fields.optional_number("clock_hz", 0.0, MOST_HZ),
        throttle_count=fields.optional_whole("throttle_count"),
        pace_s=fields.optional_number("pace_s", 0.0, span.length_s),
        gpu_clock_hz=fields.optional_number("gpu_clock_hz", 0.0, MOST_HZ),
        gpu_foreign_share=fields.optional_number("gpu_foreign_share", 0.0, 1.0),
        gpu_throttle=fields.optional_texts("gpu_throttle"),
    )


def timed_for(data: object, duration_s: float, min_call_count: int, span: Span) -> TimedFor:
    fields = Fields(data)
    started_s = fields.number("started_s", span.asked_s - _SLACK_S, span.answered_s + _SLACK_S)
    ended_s = fields.number("ended_s", started_s, span.answered_s + _SLACK_S)
    if ended_s - started_s < duration_s - _SLACK_S:
        raise ValueError(f"the window of {ended_s - started_s:.6g} s is shorter than the {duration_s:.6g} s asked for")
    call_count = fields.whole("call_count", max(1, min_call_count))
    each = fields.whole("calls_per_value", 1, MOST_COUNT)
    latency_s = fields.numbers("latency_s", _TINY_S, span.length_s)
    if len(latency_s) != -(-call_count // each):
        raise ValueError(f"latency_s has {len(latency_s):,} values for {call_count:,} calls, {each:,} calls each")
    last = call_count - (len(latency_s) - 1) * each  # calls in the last value
    _check_sum(math.fsum(latency_s[:-1]) * each + latency_s[-1] * last, ended_s - started_s)
    return TimedFor(
        started_s=started_s,
        ended_s=ended_s,
        call_count=call_count,
        calls_per_value=each,
        latency_s=latency_s,
        thread_count=fields.whole("thread_count", 1, MOST_THREADS),
        flags=fields.words("flags"),
        interference=interference(fields.part("interference"), span),
    )


def memory(data: object) -> Memory:
    fields = Fields(data)
    return Memory(
        resident_bytes=fields.whole("resident_bytes", least=1),
        peak_resident_bytes=fields.whole("peak_resident_bytes", least=1),
        peak_was_reset=fields.flag("peak_was_reset"),
        device_peak_bytes=fields.optional_whole("device_peak_bytes"),
        device_free_bytes=fields.optional_whole("device_free_bytes"),
        device_total_bytes=fields.optional_whole("device_total_bytes"),
        device_reserved_peak_bytes=fields.optional_whole("device_reserved_peak_bytes"),
        device_context_bytes=fields.optional_whole("device_context_bytes"),
        device_is_unified=fields.optional_flag("device_is_unified"),
        machine_taken_bytes=fields.optional_whole("machine_taken_bytes"),
    )


def _check_sum(spent_s: float, passed_s: float) -> None:
    if spent_s > passed_s * (1 + 1e-6) + _SLACK_S:
        raise ValueError(f"latency_s comes to {spent_s:.6g} s, and only {passed_s:.6g} s have passed")
