"""The sampler: a process of its own that reads one power source and keeps the samples until it is asked.

    python -m suite.power.sampler --source NAME --options '{"key": "value"}'

Requests are lines on stdin, replies are JSON lines on stdout, one each; nothing is written in between, so nothing wakes
the controller during a window.

                 <- {"ready": {fields of base.Description}}         once, after the first sample was read
    mark LABEL   -> {"marked": LABEL}
    flush        -> {"samples": {"time_s": [...], "values": [[...] per rail], "clock_uncertainty_s": 0.0}}
                    and forgets them; with "missed": [[time_s, reason, remedy], ...] where readings failed
    cost         -> {"cpu_s": 0.0}                              processor time of this process since it began
    quit, or the end of stdin: ends

A source that can't be read ends the process, with {"error": {"code", "reason", "remedy"}} as its last line. Prints of
vendor libraries go to stderr.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from suite import registry
from suite.errors import OutcomeError, SensorError
from suite.power.base import Description, Missed, Options, Sample, Source
from suite.power.integrate import GAP_PERIODS
from suite.power.stillness import Stillness, limit_s

PATIENCE_S = 0.5  # and at least as many periods as make a gap: so long a sensor may fail before it is lost
PASSING = frozenset({"SENSOR_LOST", "SENSOR_PERM", "RAPL_PERM"})  # codes of a reading that may succeed the next time
MAX_MISSED = 20  # of the readings that failed, so many are told
MOST = 1e15  # W, or J since a counter's zero: what is more is no reading

Emit = Callable[[object], None]


class RequestQueue(Protocol):
    def next(self, due_s: float) -> str | None:
        """The next line, or None once the clock has reached due_s. The end of input reads as "quit"."""


class PipeRequests:
    """Lines of a pipe, awaited until a time of the system-wide monotonic clock."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._buffer = b""

    def next(self, due_s: float) -> str | None:
        while b"\n" not in self._buffer:
            remaining_s = max(0.0, due_s - time.monotonic())
            if not select.select([self._descriptor], [], [], remaining_s)[0]:
                return None
            data = os.read(self._descriptor, 65536)
            if not data:
                return "quit"
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode()


def serve(source: Source, options: Options, requests: RequestQueue, emit: Emit, clock: Callable[[], float]) -> int:
    """Reads the source until requests end. Returns the exit status: 1 where the source failed and said so."""
    try:
        refused = source.available(options)
        if refused is not None:
            raise SensorError(refused.code, refused.reason, refused.remedy)
        _sample(source, source.open(options), requests, emit, clock)
    except OutcomeError as error:
        emit({"error": {"code": error.code, "reason": error.reason, "remedy": error.remedy}})
        return 1
    finally:
        source.close()
    return 0


class Kept:
    """The samples since the last flush, and the readings that failed in between.

    One reading that fails is a gap, not an end: a bus may be busy for a moment. A sensor that can't be read for longer
    is lost, and so is one that stands still although the load changed.
    """

    def __init__(self, description: Description) -> None:
        self._description = description
        self._stillness = Stillness(limit_s(description))
        self._patience_s = max(PATIENCE_S, GAP_PERIODS * description.period_s)
        self._time_s: list[float] = []
        self._values: list[tuple[float, ...]] = []
        self._missed: list[Missed] = []
        self._read_s: float | None = None  # when it could be read last

    def take(self, source: Source, clock: Callable[[], float]) -> None:
        """One reading. Raises SensorError where the sensor has failed for good."""
        try:
            samples = source.readings()
            for sample in samples:
                self._refuse_odd(sample)
        except SensorError as error:
            now_s = clock()
            if self._read_s is None or error.code not in PASSING or now_s - self._read_s > self._patience_s:
                raise
            self._missed.append(Missed(now_s, error.reason, error.remedy))
            return
        self._read_s = now_s = clock()
        for sample in samples:
            self._stillness.check(sample.values, now_s)
            if not self._time_s or sample.time_s > self._time_s[-1]:
                self._time_s.append(sample.time_s)
                self._values.append(sample.values)

    def mark(self, label: str, at_s: float) -> None:
        self._stillness.mark(label, at_s)

    def flush(self) -> dict[str, object]:
        """What was kept. The last sample stays, so that it is not given again."""
        rails = [[row[rail] for row in self._values] for rail in range(len(self._description.rails))]
        told: dict[str, object] = {"time_s": self._time_s, "values": rails}
        if self._missed:
            told["missed"] = self._missed[:MAX_MISSED]
        self._time_s, self._values, self._missed = self._time_s[-1:], self._values[-1:], []
        return told

    def _refuse_odd(self, sample: Sample) -> None:
        """A value that is no number, or of a rail that nobody described, would end as a wrong figure."""
        rails = self._description.rails
        odd = [f"{value:g} for {rail}" for rail, value in zip(rails, sample.values, strict=False) if not sane(value)]
        if len(sample.values) != len(rails):
            odd = [f"{len(sample.values)} values for {len(rails)} rails"]
        if odd or not math.isfinite(sample.time_s):
            raise SensorError(
                "SENSOR_LOST",
                f"the sensor gave {', '.join(odd) or 'a time that is none'}",
                "run again; where it happens again, restart what is behind the sensor or name another source",
            )


def sane(value: float) -> bool:
    return math.isfinite(value) and abs(value) <= MOST


def _sample(
    source: Source, description: Description, requests: RequestQueue, emit: Emit, clock: Callable[[], float]
) -> None:
    """Reads at start + k * period on the clock: a late reading does not shift the next, missed ones are not made up."""
    kept = Kept(description)
    start_s, tick = clock(), 0
    while True:
        kept.take(source, clock)
        if tick == 0:
            emit({"ready": dataclasses.asdict(description)})
        tick = max(tick, math.floor((clock() - start_s) / description.period_s)) + 1
        while (line := requests.next(start_s + tick * description.period_s)) is not None:
            request, _, label = line.partition(" ")
            if request == "mark":
                kept.mark(label, clock())
                source.mark(label)
                emit({"marked": label})
            elif request == "flush":
                samples = kept.flush()
                emit({"samples": samples | {"clock_uncertainty_s": source.clock_uncertainty_s()}})
            elif request == "cost":
                emit({"cpu_s": time.process_time()})
            elif request == "quit":
                return


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="suite.power.sampler", description="reads one power source until stdin ends")
    parser.add_argument("--source", required=True, choices=sorted(registry.discover(registry.POWER_SOURCES)))
    parser.add_argument("--options", type=json.loads, default={}, help="JSON object of strings")
    parsed = parser.parse_args(arguments)
    # Ctrl-C reaches the whole process group, but it is the controller that ends the sampler, by closing stdin.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    source: Source = registry.get(registry.POWER_SOURCES, parsed.source, "power source")
    return serve(source, parsed.options, PipeRequests(0), take_stdout(), time.monotonic)


def take_stdout() -> Emit:
    """Writes replies to what was stdout, and turns stdout onto stderr for everybody else."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def emit(reply: object) -> None:
        print(json.dumps(reply), file=replies, flush=True)

    return emit


if __name__ == "__main__":
    sys.exit(main())
