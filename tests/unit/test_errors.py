"""The error tree: each kind ends in its exit status, and what becomes an outcome carries one."""

from __future__ import annotations

import pytest

from suite import errors
from suite.errors import OutcomeError, PlanError, SensorError, StoreError, SuiteError, UsageError, WorkerError


@pytest.mark.parametrize(
    ("kind", "exit_status"), [(SuiteError, 3), (UsageError, 2), (PlanError, 2), (StoreError, 2), (OutcomeError, 3)]
)
def test_an_error_ends_in_its_exit_status(kind: type[SuiteError], exit_status: int) -> None:
    assert kind.exit_status == exit_status


@pytest.mark.parametrize("kind", [WorkerError, SensorError])
def test_an_outcome_s_error_carries_code_reason_and_remedy(kind: type[OutcomeError]) -> None:
    error = kind("LOST", "the sensor is gone", "plug it in again")
    assert (error.code, error.reason, error.remedy) == ("LOST", "the sensor is gone", "plug it in again")
    assert str(error) == "the sensor is gone; plug it in again"


def test_every_error_of_the_suite_is_one_of_the_tree() -> None:
    found = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert all(issubclass(kind, SuiteError) for kind in found)
