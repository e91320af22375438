"""A worker's answer to `profile` as the record type: possible, or ValueError says what is not."""

from __future__ import annotations

import math

from suite.client.decode import Span
from suite.client.fields import MOST_COUNT, Fields
from suite.records import ModuleTime, NotMeasured, OperatorTime, Profile

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
