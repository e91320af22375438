"""The jtop reader as a process: which Python runs it, and its lines, always with a deadline."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from suite.errors import SensorError
from suite.power.program import telling

READER = Path(__file__).with_name("reader.py")
PYTHON_VARIABLE = "SUITE_JTOP_PYTHON"
CLOSE_DEADLINE_S = 1.0
MAX_BYTES = 1 << 20  # of one line, with room to spare
RESTART = "restart it with `sudo systemctl restart jtop.service`, then run again"
INSTALL = (
    "install the service with `sudo pip3 install jetson-stats`; the client must be of the service's version, and "
    f"--power jtop:python=PATH or {PYTHON_VARIABLE} names the Python that has it"
)
ANSWERS: Mapping[str, tuple[str, str, str]] = {
    "no client": ("JTOP_ABSENT", "no Python that was tried has jetson-stats, the client of jtop: {detail}", INSTALL),
    "no service": ("JTOP_ABSENT", "the service jtop does not run here", INSTALL),
    "permission": (
        "JTOP_PERM",
        "this user may not use the socket of the service jtop",
        "join its group with `sudo usermod -aG jtop $USER` and log in again; in a container, pass --group-add with the "
        "number of the host's group jtop",
    ),
    "version": (
        "JTOP_VERSION",
        "the service jtop and its client are of different versions: {detail}",
        "install the service's version of the client: `pip install jetson-stats==` with the version that "
        "`jtop --version` tells on the host",
    ),
    "lost": ("JTOP_LOST", "the service jtop ended or broke the connection: {detail}", RESTART),
}


def interpreters(named: str | None, environ: Mapping[str, str], path: str | None = None) -> list[str]:
    """The Pythons that may have the client: the named one alone; else this one, that of the command jtop, python3."""
    named = named or environ.get(PYTHON_VARIABLE)
    if named:
        return [named]
    candidates = [sys.executable, _shebang(shutil.which("jtop", path=path)), shutil.which("python3", path=path)]
    return list(dict.fromkeys(candidate for candidate in candidates if candidate))


def _shebang(script: str | None) -> str | None:
    """The interpreter that a script's first line names, where it names one plainly."""
    if script is None:
        return None
    with suppress(OSError), Path(script).open("rb") as file:
        words = file.readline().decode(errors="replace").removeprefix("#!").split()
        if len(words) == 1 and Path(words[0]).name.startswith("python"):
            return words[0]
    return None


class Reader:
    """One reader process. Every method raises SensorError."""

    def __init__(self, process: subprocess.Popen[bytes], stderr: IO[bytes]) -> None:
        self._process = process
        self._stderr = stderr
        self._buffer = b""

    @classmethod
    def start(cls, pythons: Sequence[str], interval_s: float, deadline_s: float) -> tuple[Reader, Mapping[str, Any]]:
        """The reader and its first reply, under the first Python that has the client."""
        lacking = []
        for python in pythons:
            try:
                reader = cls._spawn([python, str(READER), f"{interval_s:g}"])
            except OSError as exc:
                lacking.append(f"{python} ({exc.strerror})")
                continue
            try:
                return reader, _ready(reader.next(time.monotonic() + deadline_s))
            except NoClient:
                reader.close()
                lacking.append(python)
            except BaseException:
                reader.close()
                raise
        raise NoClient(", ".join(lacking))

    @classmethod
    def _spawn(cls, command: Sequence[str]) -> Reader:
        stderr = tempfile.TemporaryFile()  # noqa: SIM115  # closed in close(), which outlives this call
        try:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, bufsize=0)
        except OSError:
            stderr.close()
            raise
        return cls(process, stderr)

    def next(self, due_s: float) -> Mapping[str, Any]:
        """The next reply, awaited until that time of the system-wide monotonic clock."""
        while b"\n" not in self._buffer:
            if not self._receive(max(0.0, due_s - time.monotonic())):
                raise SensorError("JTOP_LOST", "the service jtop took the connection and then did not answer", RESTART)
        return self._line()

    def waiting(self) -> Iterator[Mapping[str, Any]]:
        """The replies that are there by now."""
        while self._receive(0.0):
            pass
        while b"\n" in self._buffer:
            yield self._line()

    def close(self) -> None:
        assert self._process.stdin is not None  # both were asked for
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(CLOSE_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._stderr.close()

    def _receive(self, wait_s: float) -> bool:
        """Takes in what has come. False if nothing came, or everything was taken in of a process that ended."""
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], wait_s)[0]:
            return False
        data = os.read(self._process.stdout.fileno(), 1 << 16)
        self._buffer += data
        if len(self._buffer) > MAX_BYTES:
            raise odd("a line without an end")
        if not data and b"\n" not in self._buffer:
            raise error("lost", self._last_words())
        return bool(data)

    def _line(self) -> Mapping[str, Any]:
        line, _, self._buffer = self._buffer.partition(b"\n")
        try:
            reply = json.loads(line)
        except (ValueError, RecursionError) as exc:
            raise odd(f"a line that is no JSON ({line[:40]!r})") from exc
        if not isinstance(reply, dict):
            raise odd(f"a line that is no object ({line[:40]!r})")
        if "error" in reply:
            raise error(str(reply["error"]), " ".join(str(reply.get("detail", "")).split())[:300])
        return reply

    def _last_words(self) -> str:
        self._process.wait()
        self._stderr.seek(0)
        return (
            telling(self._stderr.read().decode(errors="replace"))
            or f"its reader ended with status {self._process.returncode}"
        )


def _ready(reply: Mapping[str, Any]) -> Mapping[str, Any]:
    found = reply.get("ready")
    if not isinstance(found, dict):
        raise odd("something else than its first line")
    return found


def odd(what: str) -> SensorError:
    """The service's own format has changed, or another program answers."""
    return SensorError(
        "JTOP_LOST",
        f"the service jtop gave {what}",
        "install the same version of jetson-stats for service and client, restart both, and run again",
    )


class NoClient(SensorError):
    """jetson-stats is not there for the Python that was tried."""

    def __init__(self, detail: str) -> None:
        code, reason, remedy = ANSWERS["no client"]
        super().__init__(code, reason.format(detail=detail or "none was found"), remedy)


def error(kind: str, detail: str) -> SensorError:
    if kind == "no client":
        return NoClient(detail)
    code, reason, remedy = ANSWERS.get(kind, ANSWERS["lost"])
    return SensorError(code, reason.format(detail=detail or "it did not say why"), remedy)
