"""One worker process and its pipe: a request, a reply, a deadline, and an explanation where none comes.

The worker runs in a staged folder that holds nothing of `suite` but what belongs on its side of the wall, so that its
interpreter can't fall back on the controller's modules.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import suite
from suite.client import postmortem
from suite.errors import StoreError, UsageError, WorkerError
from suite.records.folder import appended

_GRACE_S = 5.0
_REPLY_LIMIT_BYTES = 64 * 2**20
_UPDATE = "Use the same version of the suite on both sides, and let nothing else write to the worker's output"


class Wire:
    """Not thread-safe; one request is under way at a time. Whatever interrupts a request ends the process."""

    def __init__(self, python: Path, log: Path, environment: Mapping[str, str], root: Path = Path("/")) -> None:
        """Starts the process; its stderr is appended to log. Raises UsageError where it can't be started.

        On Linux the worker dies with the thread that calls this (prctl(2), PR_SET_PDEATHSIG): let it be the main one.
        """
        self._root = root
        self._log = log
        self._received = b""
        self._request_count = 0
        self._oom_kill_count = postmortem.oom_kill_count(root)
        try:
            self._staged = tempfile.TemporaryDirectory(prefix="suite-worker-")
        except OSError as exc:
            raise UsageError(f"{tempfile.gettempdir()}: no folder can be made for a worker ({exc.strerror})") from exc
        try:
            stage(Path(self._staged.name))
            with appended(log) as stderr:
                self._log_start = stderr.tell()
                self.spawned_s = time.monotonic()
                self._process = subprocess.Popen(
                    [python, "-m", "suite.worker"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    cwd=self._staged.name,
                    env=dict(environment),
                    bufsize=0,
                    start_new_session=True,  # Ctrl-C in the terminal is the controller's; one kill reaches all of it
                )
        except StoreError:
            self._staged.cleanup()
            raise
        except OSError as exc:
            self._staged.cleanup()
            raise UsageError(f"{python}: can't start a worker ({exc.strerror}: {exc.filename})") from exc

    @property
    def process_id(self) -> int:
        return self._process.pid

    def ask(self, operation: str, deadline_s: float, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The result of one operation. Raises WorkerError, a fatal one where the worker is gone afterwards."""
        self._request_count += 1
        request = {"id": self._request_count, "op": operation, **arguments}
        try:
            self._send(json.dumps(request, allow_nan=False).encode() + b"\n", operation)
            reply = self._decode(self._receive(operation, deadline_s), operation)
        except BaseException:
            self.kill()  # a reply that comes too late must not be taken for the next one's
            raise
        if "error" in reply:
            raise _refusal(reply["error"])
        result: dict[str, Any] = reply["result"]
        return result

    def foreign(self, what: str) -> WorkerError:
        """Ends the process, because it does not speak our protocol; returns the error to raise."""
        self.kill()
        return WorkerError("PROTOCOL", f"the worker's answer is not ours: {what}", _UPDATE, fatal=True)

    def close(self) -> None:
        """Asks the worker to quit, and makes it. Does nothing where it is gone."""
        if self._process.returncode is None:
            with suppress(WorkerError):
                self.ask("quit", _GRACE_S, {})
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE_S)
        self.kill()

    def kill(self) -> None:
        """Ends the worker and whatever it has started, and gives back pipes and folder. May be called again."""
        with suppress(ProcessLookupError, PermissionError):  # it is gone already (Linux, macOS)
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._staged.cleanup()

    def _send(self, line: bytes, operation: str) -> None:
        if self._process.stdin is None or self._process.stdin.closed:
            raise WorkerError("CRASHED", "the worker is gone", "Start another one", fatal=True)
        try:
            self._process.stdin.write(line)
        except BrokenPipeError as exc:
            raise self._death(operation) from exc

    def _receive(self, operation: str, deadline_s: float) -> bytes:
        """The next line, without its end."""
        assert self._process.stdout is not None  # it is a pipe, and _send has found it open
        descriptor = self._process.stdout.fileno()
        ends_s = time.monotonic() + deadline_s
        while b"\n" not in self._received:
            left_s = ends_s - time.monotonic()
            if left_s <= 0 or not select.select([descriptor], [], [], left_s)[0]:
                raise WorkerError(
                    "HUNG",
                    f"the worker gave no answer to {operation} within {deadline_s:.3g} s",
                    "Look in the run's log for what it waits for, or take a smaller batch or input",
                    fatal=True,
                    traceback=postmortem.read_tail(self._log, self._log_start) or None,
                )
            chunk = os.read(descriptor, 65_536)
            if not chunk:
                raise self._death(operation)
            self._received += chunk
            if len(self._received) > _REPLY_LIMIT_BYTES:
                raise self.foreign("a line without an end")
        line, _, self._received = self._received.partition(b"\n")
        return line

    def _decode(self, line: bytes, operation: str) -> dict[str, Any]:
        shown = line[:80].decode(errors="replace")
        try:
            reply = json.loads(line)
        except ValueError as exc:
            raise self.foreign(f"to {operation} it said {shown!r}") from exc
        if (
            not isinstance(reply, dict)
            or reply.get("id") != self._request_count
            or not {"result", "error"} & set(reply)
        ):
            raise self.foreign(f"to {operation} it said {shown!r}")
        return reply

    def _death(self, operation: str) -> WorkerError:
        try:
            status = self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            return self.foreign(f"it closed its output during {operation} and lives on")
        tail = postmortem.read_tail(self._log, self._log_start)
        oom_kills = (self._oom_kill_count, postmortem.oom_kill_count(self._root))
        death = postmortem.explain(status, operation, tail, oom_kills, self._root)
        return WorkerError(death.code, death.reason, death.remedy, fatal=True, traceback=tail or None)


def stage(folder: Path) -> None:
    """Makes folder/suite with links to the worker's side of the wall and nothing else."""
    source = Path(suite.__file__).resolve().parent
    package = folder / "suite"
    package.mkdir()
    for name in ("__init__.py", "worker"):
        (package / name).symlink_to(source / name)


def _refusal(error: Mapping[str, str]) -> WorkerError:
    return WorkerError(error["code"], error["reason"], error["remedy"], traceback=error.get("traceback"))
