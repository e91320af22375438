"""A record of a task that failed: the quantity that its test asked for is absent, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from suite.errors import UsageError, WorkerError
from suite.records import NotMeasured, RunRecord, Test

BAD_INPUT = ("CHECKPOINT_", "TRAJECTORY_", "PINNED_")  # codes of files that the user brought: wrong use, not an outcome

QUANTITIES: Mapping[Test, tuple[str, ...]] = {
    "params": ("parameters",),
    "flops": ("flops",),
    "latency": ("latency", "memory"),
    "energy": ("energy",),
    "sustained": ("sustained",),
    "roofline": ("roofline",),
    "profile": ("profile",),
    "accuracy": ("accuracy",),
}


def failed(record: RunRecord, error: WorkerError) -> RunRecord:
    """The record with what its test asked for absent, for the error's reason. Raises UsageError for bad input."""
    if error.code.startswith(BAD_INPUT):
        raise UsageError(f"{error.reason}; {error.remedy}") from error
    absent = NotMeasured(code=error.code, reason=error.reason, remedy=error.remedy)
    absences: dict[str, Any] = dict.fromkeys(QUANTITIES[record.task.test], absent)
    return replace(record, failure=error.traceback, **absences)
