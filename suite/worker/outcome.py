"""What the worker says when it can't: NotMeasured as a value, WorkerFault as an exception on its way to the wire."""

from typing import NamedTuple


class NotMeasured(NamedTuple):
    code: str
    reason: str
    remedy: str


class WorkerFault(Exception):
    """Ends one request; the worker goes on. The reason and the remedy are one sentence each, for a person."""

    def __init__(self, code: str, reason: str, remedy: str) -> None:
        super().__init__("{}: {}; {}".format(code, reason, remedy))
        self.code = code
        self.reason = reason
        self.remedy = remedy
