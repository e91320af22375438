"""What is absent without a record of its own that says why: the run ended first, or no call counts."""

from __future__ import annotations

from suite.records import LatencySamples, NotMeasured

CUT_OFF = NotMeasured(
    code="CUT_OFF",
    reason="The run ended before this task was done",
    remedy="Run the same command again with --resume: what is stored stays, the rest is measured",
)

NO_CALLS = NotMeasured(
    code="NO_CALLS",
    reason="The series ended in its warm-up, before a call counted",
    remedy="Raise the time limit of the plan, or measure a smaller input",
)

ALL_DISTURBED = NotMeasured(
    code="DISTURBED",
    reason="The series broke off before a block of calls was left undisturbed",
    remedy="Close what else runs and measure again; the disturbed calls are in records.jsonl",
)


def no_latency(samples: LatencySamples) -> NotMeasured | None:
    """Why a series has no figure; None where some call of it counts."""
    if samples.latency_s:
        return None
    return ALL_DISTURBED if samples.timed_blocks else NO_CALLS
