"""A record of a task that failed: the quantity that its test asked for is absent, with the reason."""

from __future__ import annotations

from dataclasses import replace

from suite.errors import UsageError, WorkerError
from suite.records import NotMeasured, RunRecord

BAD_INPUT = ("CHECKPOINT_", "TRAJECTORY_", "PINNED_")  # codes of files that the user brought: wrong use, not an outcome


def failed(record: RunRecord, error: WorkerError) -> RunRecord:
    """The record with what its test asked for absent, for the error's reason. Raises UsageError for bad input."""
    if error.code.startswith(BAD_INPUT):
        raise UsageError(f"{error.reason}; {error.remedy}") from error
    absent = NotMeasured(code=error.code, reason=error.reason, remedy=error.remedy)
    trace = error.traceback
    match record.task.test:
        case "params":
            return replace(record, parameters=absent, failure=trace)
        case "flops":
            return replace(record, flops=absent, failure=trace)
        case "latency":
            return replace(record, latency=absent, memory=absent, failure=trace)
        case "energy":
            return replace(record, energy=absent, failure=trace)
        case "sustained":
            return replace(record, sustained=absent, failure=trace)
        case "roofline":
            return replace(record, roofline=absent, failure=trace)
