"""One worker process and its pipe: a request, a reply, a deadline, and an explanation where none comes.

The worker is started by the path of suite/worker/boot.py, which makes nothing of `suite` known to its interpreter but
what belongs on its side of the wall; no folder is made, so none is left behind.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import suite
from suite.client import postmortem
from suite.client.decode import Span
from suite.client.fields import Fields, cleaned, one_line
from suite.client.log import WorkerLog
from suite.errors import UsageError, WorkerError

BOOT = Path(suite.__file__).resolve().parent / "worker" / "boot.py"
_GRACE_S = 5.0
_REPLY_LIMIT_BYTES = 64 * 2**20
_TRACE_LIMIT = 64 * 2**10  # characters
_WATCH_S = 5.0  # between two looks at the log while a reply is awaited, ...
_WATCH_PROCESS_S = 0.5  # ... and at the process, where the system has nothing that wakes us at its end
_UPDATE = "Use the same version of the suite on both sides, and let nothing else write to the worker's output"
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")


class Wire:
    """Not thread-safe; one request is under way at a time. Whatever interrupts a request ends the process."""

    def __init__(self, python: Path, log: Path, environment: Mapping[str, str], root: Path = Path("/")) -> None:
        """Starts the process; its stderr is appended to log. Raises UsageError where it can't be started.

        On Linux the worker dies with the thread that calls this (prctl(2), PR_SET_PDEATHSIG): let it be the main one.
        """
        self._root = root
        self._log = WorkerLog(log)
        self._received = b""
        self._request_count = 0
        self._oom_kill_count = postmortem.oom_kill_count(root)
        try:
            with self._log.open() as stderr:
                self.spawned_s = time.monotonic()
                self._process = subprocess.Popen(
                    [python, BOOT],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    cwd="/",  # neutral: no file of the user's that a library would find, as in the controller's folder
                    env=dict(environment),
                    bufsize=0,
                    start_new_session=True,  # Ctrl-C in the terminal is the controller's; one kill reaches all of it
                )
        except OSError as exc:
            raise UsageError(f"{python}: can't start a worker ({exc.strerror}: {exc.filename})") from exc
        self._end = _end_of(self._process.pid)
        self.span = Span(asked_s=self.spawned_s, answered_s=self.spawned_s)  # of the last request

    @property
    def process_id(self) -> int:
        return self._process.pid

    def ask(self, operation: str, deadline_s: float, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The result of one operation. Raises WorkerError, a fatal one where the worker is gone afterwards."""
        self.begin(operation, arguments)
        return self.finish(operation, deadline_s)

    def begin(self, operation: str, arguments: Mapping[str, Any]) -> None:
        """Sends the request. Raises WorkerError, a fatal one, where the worker is gone."""
        self._request_count += 1
        request = {"id": self._request_count, "op": operation, **arguments}
        self.span = Span(asked_s=time.monotonic(), answered_s=time.monotonic())
        try:
            self._send(json.dumps(request, allow_nan=False).encode() + b"\n", operation)
        except BaseException:
            self.kill()
            raise

    def finish(self, operation: str, deadline_s: float) -> dict[str, Any]:
        """The result of what `begin` has asked, if it comes within deadline_s from now. Raises WorkerError."""
        try:
            line = self._receive(operation, deadline_s)
            self.span = Span(asked_s=self.span.asked_s, answered_s=time.monotonic())
            reply = self._decode(line, operation)
            self._log.trim()
            if "error" not in reply:
                result: dict[str, Any] = reply["result"]
                return result
            refusal = self._refusal(reply["error"], operation)
        except BaseException:
            self.kill()  # a reply that comes too late must not be taken for the next one's
            raise
        raise refusal

    def foreign(self, what: str) -> WorkerError:
        """Ends the process, because it does not speak our protocol; returns the error to raise."""
        self.kill()
        return WorkerError("PROTOCOL", f"the worker's answer is not ours: {one_line(what, 300)}", _UPDATE, fatal=True)

    def close(self) -> None:
        """Asks the worker to quit, and makes it. Does nothing where it is gone."""
        if self._process.returncode is None:
            with suppress(WorkerError):
                self.ask("quit", _GRACE_S, {})
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE_S)
        self.kill()

    def kill(self) -> None:
        """Ends the worker and whatever it has started, and gives back its pipes. May be called again."""
        with suppress(ProcessLookupError, PermissionError):  # it is gone already (Linux, macOS)
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        if self._end is not None:
            os.close(self._end)
            self._end = None
        self._log.trim()

    def _send(self, line: bytes, operation: str) -> None:
        if self._process.stdin is None or self._process.stdin.closed:
            raise WorkerError("CRASHED", "the worker is gone", "Start another one", fatal=True)
        try:
            self._process.stdin.write(line)
        except BrokenPipeError as exc:
            raise self._death(operation) from exc

    def _receive(self, operation: str, deadline_s: float) -> bytes:
        """The next line, without its end."""
        ends_s = time.monotonic() + deadline_s
        while b"\n" not in self._received:
            left_s = ends_s - time.monotonic()
            if left_s <= 0:
                raise self._hang(operation, deadline_s)
            if self._readable(left_s):
                if not self._read():
                    raise self._death(operation)
            elif self._has_ended():  # its pipe may live on, held open by a child of its own
                while self._readable(0) and self._read():
                    continue
                if b"\n" not in self._received:
                    raise self._death(operation)
            else:
                self._log.trim()
        line, _, self._received = self._received.partition(b"\n")
        return line

    def _readable(self, wait_s: float) -> bool:
        """Whether the pipe has something to read. Waits for that, for the process's end, or until it is time to look
        after either; at most wait_s."""
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        ends = [] if self._end is None else [self._end]
        slice_s = _WATCH_S if ends else _WATCH_PROCESS_S
        return pipe in select.select([pipe, *ends], [], [], min(wait_s, slice_s))[0]

    def _read(self) -> bool:
        """Takes what the pipe holds. False at its end."""
        assert self._process.stdout is not None
        chunk = os.read(self._process.stdout.fileno(), 65_536)
        self._received += chunk
        if len(self._received) > _REPLY_LIMIT_BYTES:
            raise self.foreign("a line without an end")
        return bool(chunk)

    def _has_ended(self) -> bool:
        return self._process.poll() is not None

    def _hang(self, operation: str, deadline_s: float) -> WorkerError:
        return WorkerError(
            "HUNG",
            f"the worker gave no answer to {operation} within {deadline_s:.3g} s",
            "Look in the run's log for what it waits for, or take a smaller batch or input",
            fatal=True,
            traceback=self._tail() or None,
        )

    def _decode(self, line: bytes, operation: str) -> dict[str, Any]:
        shown = repr(line[:80].decode(errors="replace"))
        try:
            reply = json.loads(line, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as exc:
            raise self.foreign(f"to {operation} it said {shown}") from exc
        if (
            not isinstance(reply, dict)
            or type(reply.get("id")) is not int
            or reply["id"] != self._request_count
            or len({"result", "error"} & set(reply)) != 1
            or not isinstance(reply.get("result", {}), dict)
        ):
            raise self.foreign(f"to {operation} it said {shown}")
        return reply

    def _refusal(self, error: object, operation: str) -> WorkerError:
        """The error that a worker has answered with."""
        try:
            fields = Fields(error)
            code, reason, remedy = (fields.text(name) for name in ("code", "reason", "remedy"))
            trace = fields.trace("traceback", _TRACE_LIMIT)
            if not _CODE.fullmatch(code):
                raise ValueError(f"code is {code!r}, which is none")
        except ValueError as exc:
            raise self.foreign(f"{operation} gave an error whose {exc}") from exc
        return WorkerError(code, reason, remedy, traceback=trace)

    def _death(self, operation: str) -> WorkerError:
        try:
            status = self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            return self.foreign(f"it closed its output during {operation} and lives on")
        tail = self._tail()
        oom_kills = (self._oom_kill_count, postmortem.oom_kill_count(self._root))
        death = postmortem.explain(status, operation, tail, oom_kills, self._root)
        return WorkerError(death.code, death.reason, death.remedy, fatal=True, traceback=tail or None)

    def _tail(self) -> str:
        return cleaned(postmortem.read_tail(self._log.path, self._log.start), _TRACE_LIMIT)


def _end_of(process_id: int) -> int | None:
    """A descriptor that can be read once the process has ended: pidfd_open(2), Linux >= 5.3; None elsewhere."""
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(process_id)
    except OSError:
        return None


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")
