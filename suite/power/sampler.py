"""The sampler: a process of its own that reads one power source and keeps the samples until it is asked.

    python -m suite.power.sampler --source NAME --options '{"key": "value"}'

Requests are lines on stdin, replies are JSON lines on stdout, one each; nothing is written in between, so nothing wakes
the controller during a window.

                 <- {"ready": {fields of base.Description}}         once, after the first sample was read
    mark LABEL   -> {"marked": LABEL}
    flush        -> {"samples": {"time_s": [...], "values": [[...] per rail], "clock_uncertainty_s": 0.0}}
                    and forgets them
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
from suite.power.base import Description, Options, Source

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


def _sample(
    source: Source, description: Description, requests: RequestQueue, emit: Emit, clock: Callable[[], float]
) -> None:
    """Reads at start + k * period on the clock: a late reading does not shift the next, missed ones are not made up."""
    time_s: list[float] = []
    values: list[tuple[float, ...]] = []
    start_s, tick = clock(), 0
    while True:
        for sample in source.readings():
            if not time_s or sample.time_s > time_s[-1]:
                time_s.append(sample.time_s)
                values.append(sample.values)
        if tick == 0:
            emit({"ready": dataclasses.asdict(description)})
        tick = max(tick, math.floor((clock() - start_s) / description.period_s)) + 1
        while (line := requests.next(start_s + tick * description.period_s)) is not None:
            request, _, label = line.partition(" ")
            if request == "mark":
                source.mark(label)
                emit({"marked": label})
            elif request == "flush":
                rails = [[row[rail] for row in values] for rail in range(len(description.rails))]
                uncertainty_s = source.clock_uncertainty_s()
                emit({"samples": {"time_s": time_s, "values": rails, "clock_uncertainty_s": uncertainty_s}})
                time_s, values = time_s[-1:], values[-1:]
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
