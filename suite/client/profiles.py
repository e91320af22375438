"""A worker's answers to `profile` and `device_times`, typed: possible, or ValueError says what is not."""

from __future__ import annotations

import math

from suite.client.decode import Span
from suite.client.fields import MOST_COUNT, Fields
from suite.client.replies import ByDevice
from suite.records import DeviceBlock, ModuleTime, NotMeasured, OperatorTime, Profile

MOST_THREADS = 65_536  # whose time a sum may hold
_TINY_S = 1e-12


def profile(data: object, call_count: int, span: Span) -> Profile:
    fields = Fields(data)
    latency_s = fields.numbers("latency_s", _TINY_S, span.length_s)
    if len(latency_s) != call_count:
        raise ValueError(f"latency_s has {len(latency_s):,} durations, and {call_count:,} calls were asked for")
    if math.fsum(latency_s) > span.length_s:
        raise ValueError(f"latency_s comes to {math.fsum(latency_s):.6g} s, and only {span.length_s:.6g} s have passed")
    return Profile(
        latency_s=latency_s,
        operators=tuple(_operator(Fields(each), span) for each in fields.items("operators")),
        modules=tuple(_module(Fields(each), span) for each in fields.items("modules")),
        uncounted=_uncounted(fields),
    )


def _operator(fields: Fields, span: Span) -> OperatorTime:
    most_s = MOST_THREADS * span.length_s
    return OperatorTime(
        operator=fields.text("operator"),
        call_count=fields.whole("call_count", 1, MOST_COUNT),
        self_s=fields.number("self_s", 0.0, most_s),
        device_self_s=fields.optional_number("device_self_s", 0.0, most_s),
        mac_count=fields.optional_whole("mac_count"),
    )


def _module(fields: Fields, span: Span) -> ModuleTime:
    most_s = MOST_THREADS * span.length_s
    return ModuleTime(
        path=fields.text("path"),
        kind=fields.text("kind"),
        call_count=fields.whole("call_count", 0, MOST_COUNT),
        self_s=fields.number("self_s", 0.0, most_s),
        total_s=fields.number("total_s", 0.0, most_s),
        device_self_s=fields.optional_number("device_self_s", 0.0, most_s),
        device_total_s=fields.optional_number("device_total_s", 0.0, most_s),
        mac_count=fields.optional_whole("mac_count"),
    )


def _uncounted(fields: Fields) -> NotMeasured | None:
    told = fields.optional_texts("uncounted")
    if told is None:
        return None
    if len(told) != 3:
        raise ValueError(f"uncounted has {len(told)} parts, not code, reason and remedy")
    code, reason, remedy = told
    return NotMeasured(code=code, reason=reason, remedy=remedy)


def by_device(data: object, call_count: int, span: Span) -> ByDevice:
    """The device's clock is not the controller's, so only its durations can be judged."""
    fields = Fields(data)
    found = {name: fields.numbers(name, 0.0, span.length_s) for name in ("wall_s", "span_s", "work_s", "in_s", "out_s")}
    for name, values in found.items():
        if len(values) != call_count and not (name == "work_s" and not values):
            raise ValueError(f"{name} has {len(values):,} durations, and {call_count:,} calls were asked for")
    return ByDevice(
        block=DeviceBlock(round_index=None, **found),
        in_bytes=fields.whole("in_bytes"),
        out_bytes=fields.whole("out_bytes"),
    )
