"""A worker's answer to `replay`, typed: possible, or ValueError says what is not."""

from __future__ import annotations

import math

from suite.client import decode
from suite.client.decode import MOST_THREADS, Span
from suite.client.fields import MOST_COUNT, Fields
from suite.client.replies import PassSize, Replayed

_TINY_S, _SLACK_S = 1e-12, 1e-3


def replayed(data: object, size: PassSize, duration_s: float, span: Span) -> Replayed:
    """No more examples than were asked for, in as many calls as they take, and no window shorter than asked for."""
    fields = Fields(data)
    started_s = fields.number("started_s", span.asked_s - _SLACK_S, span.answered_s + _SLACK_S)
    ended_s = fields.number("ended_s", started_s, span.answered_s + _SLACK_S)
    if ended_s - started_s < duration_s - _SLACK_S:
        raise ValueError(f"the window of {ended_s - started_s:.6g} s is shorter than the {duration_s:.6g} s asked for")
    lengths = fields.wholes("lengths")
    longest_s = fields.numbers("longest_s", _TINY_S, span.length_s)
    if size.example_count is not None and len(lengths) > size.example_count:
        raise ValueError(f"a pass has {len(lengths)} examples, and {size.example_count} were asked for")
    if len(longest_s) != -(-len(lengths) // size.batch_size):
        raise ValueError(f"a pass has {len(longest_s)} calls for {len(lengths)} examples, {size.batch_size} together")
    if math.fsum(longest_s) > ended_s - started_s + _SLACK_S:
        raise ValueError(f"longest_s comes to {math.fsum(longest_s):.6g} s, more than the window lasts")
    return Replayed(
        started_s=started_s,
        ended_s=ended_s,
        pass_count=fields.whole("pass_count", 1, MOST_COUNT),
        lengths=lengths,
        longest_s=longest_s,
        thread_count=fields.whole("thread_count", 1, MOST_THREADS),
        interference=decode.interference(fields.part("interference"), span),
    )
