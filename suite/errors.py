"""Every error a person can meet, with the exit status it ends in.

SuiteError                      status 3: the run failed
├── UsageError                  status 2: wrong use; the message names where, what, and the remedy
│   ├── PlanError               a plan file: names file, key, and what is allowed
│   └── StoreError              an output folder, a records file or a full disk; what was stored before is intact
├── FetchError                  a hub gave other bytes than those pinned, or none; nothing unverified is in place
│   ├── UnreachableError        no connection to the hub at all: asking it for the next file is no use
│   └── AbsentError             the hub has no such file
├── EngineError                 the Docker engine is absent, closed to this user, or refused
│   └── EngineAddressError      it was named by what is no address: wrong use, so status 2
├── WorkerError                 the worker refused, failed, hung or died; becomes a NotMeasured outcome
└── SensorError                 a power sensor could not be read; becomes a NotMeasured outcome

Errors of the last two kinds carry a code, a reason and a remedy, so that the runner can store them as an outcome.
"""

from __future__ import annotations


class SuiteError(Exception):
    """Shown to a person as one line; never as a stack trace."""

    exit_status = 3


class UsageError(SuiteError):
    exit_status = 2


class PlanError(UsageError):
    pass


class StoreError(UsageError):
    pass


class FetchError(SuiteError):
    pass


class UnreachableError(FetchError):
    pass


class AbsentError(FetchError):
    pass


class EngineError(SuiteError):
    pass


class EngineAddressError(EngineError, UsageError):
    pass


class OutcomeError(SuiteError):
    """An error that the runner stores as NotMeasured(code, reason, remedy) before it goes on."""

    def __init__(self, code: str, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}; {remedy}")
        self.code = code
        self.reason = reason
        self.remedy = remedy


class WorkerError(OutcomeError):
    """`fatal` says that the worker process is gone and must be started again.

    `traceback`: the worker's, or the last lines of its log where it died; None where there is neither.
    """

    def __init__(
        self, code: str, reason: str, remedy: str, *, fatal: bool = False, traceback: str | None = None
    ) -> None:
        super().__init__(code, reason, remedy)
        self.fatal = fatal
        self.traceback = traceback


class SensorError(OutcomeError):
    pass
