"""The controller's end of the sampler: start it, mark stretches, collect the samples, always with a deadline."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import IO, Any, Self

from suite.errors import SensorError
from suite.power.base import CounterTrace, Description, Missed, Options
from suite.power.program import telling
from suite.records import PowerTrace

START_DEADLINE_S = 15.0
REPLY_DEADLINE_S = 10.0
CLOSE_DEADLINE_S = 2.0


class Sampler:
    """One sampler process. Every method raises SensorError (SENSOR_HUNG, SENSOR_LOST, or the source's own code)."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], stderr: IO[bytes], deadline_s: float) -> None:
        self._name = name
        self._process = process
        self._stderr = stderr
        self._buffer = b""
        self.missed: tuple[Missed, ...] = ()  # readings that failed before the last collection
        try:
            ready = self._reply("ready", deadline_s)
        except BaseException:
            self.close()
            raise
        self.description = Description(**{**ready, "rails": tuple(ready["rails"])})

    @classmethod
    def start(
        cls,
        source: str,
        options: Options,
        *,
        command: Sequence[str] | None = None,
        deadline_s: float = START_DEADLINE_S,
    ) -> Self:
        """Starts the process and returns once the source gave its first sample. `command` replaces the process."""
        arguments = ["--source", source, "--options", json.dumps(dict(options))]
        stderr = tempfile.TemporaryFile()  # noqa: SIM115  # closed in close(), which outlives this call
        process = subprocess.Popen(
            command or [sys.executable, "-m", "suite.power.sampler", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            bufsize=0,
        )
        return cls(source, process, stderr, deadline_s)

    def mark(self, label: str) -> None:
        """Tells the source that a stretch begins; on return it knows."""
        self._ask(f"mark {label}", "marked")

    def check(self) -> None:
        """Raises SensorError where the sampler has ended, without waiting."""
        if self._process.poll() is not None:
            self._reply("nothing", REPLY_DEADLINE_S)

    def collect(self) -> PowerTrace | CounterTrace:
        """The samples since the start or the last collection; the description then holds their clock's uncertainty."""
        samples = self._ask("flush", "samples")
        uncertainty_s = samples.get("clock_uncertainty_s", 0.0)
        self.description = dataclasses.replace(self.description, clock_uncertainty_s=uncertainty_s)
        self.missed = tuple(Missed(*told) for told in samples.get("missed", ()))
        rails, time_s = self.description.rails, tuple(samples["time_s"])
        values = tuple(tuple(series) for series in samples["values"])
        if self.description.quantity == "counter":
            return CounterTrace(rails=rails, time_s=time_s, energy_j=values, range_j=self.description.counter_range_j)
        return PowerTrace(rails=rails, time_s=time_s, power_w=values)

    def cpu_s(self) -> float:
        """Processor time that the sampler has taken since it began, all its threads together."""
        return float(self._ask("cost", "cpu_s"))

    def close(self) -> None:
        """Ends the process, by force where it does not end by itself."""
        with contextlib.suppress(BrokenPipeError):  # it has ended already
            self._pipe(self._process.stdin).close()
        try:
            self._process.wait(CLOSE_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._pipe(self._process.stdout).close()
        self._stderr.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _ask(self, request: str, key: str) -> Any:
        with contextlib.suppress(BrokenPipeError):  # it has ended; what it said last is read below
            self._pipe(self._process.stdin).write(request.encode() + b"\n")
        return self._reply(key, REPLY_DEADLINE_S)

    def _reply(self, key: str, deadline_s: float) -> Any:
        reply: Mapping[str, Any] = json.loads(self._line(time.monotonic() + deadline_s, deadline_s))
        if "error" in reply:
            raise SensorError(**reply["error"])
        return reply[key]

    def _line(self, due_s: float, deadline_s: float) -> bytes:
        stdout = self._pipe(self._process.stdout)
        while b"\n" not in self._buffer:
            remaining_s = due_s - time.monotonic()
            if remaining_s <= 0 or not select.select([stdout], [], [], remaining_s)[0]:
                self._process.kill()
                raise SensorError(
                    "SENSOR_HUNG",
                    f"the power source {self._name} did not answer for {deadline_s:g} s",
                    "restart the service or the meter behind it, then run again",
                )
            data = os.read(stdout.fileno(), 1 << 20)
            if not data:
                raise self._lost()
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _lost(self) -> SensorError:
        self._process.wait()
        self._stderr.seek(0)
        why = telling(self._stderr.read().decode(errors="replace")) or f"exit status {self._process.returncode}"
        return SensorError(
            "SENSOR_LOST",
            f"the sampler of the power source {self._name} ended while it was needed: {why}",
            "run again; where it happens again, name another source with --power",
        )

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        assert pipe is not None  # both were asked for in start
        return pipe
