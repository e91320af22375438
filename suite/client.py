"""The controller's end of the worker protocol: starts the worker, asks with a deadline, explains how it died."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from suite.replies import Hello


def interpreter(environment: Mapping[str, str]) -> Path:
    """SUITE_WORKER_PYTHON, or the controller's own interpreter."""
    raise NotImplementedError


class Worker:
    """A worker process (see suite.replies.WorkerLike for its methods). Also a context manager that closes it."""

    hello: Hello

    @classmethod
    def start(
        cls,
        *,
        log: Path,
        thread_count: int,
        python: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Worker:
        """A worker that has said hello; its stderr is appended to log.

        environment: the variables to start from, os.environ if None. Raises UsageError for a bad interpreter and
        WorkerError where the worker dies or answers in another protocol.
        """
        raise NotImplementedError
