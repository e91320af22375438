"""Something else that runs beside a measurement: a process, or two, that are busy now and then, by a seed.

.venv/bin/python benchmarks/disturber.py KIND [--seed 0] [--seconds 60]   (until Ctrl-C where no time is given)

KIND: busy, two (of them), or copier (of memory). Each process works for 30 % of the time, in stretches of one to three
seconds. Scripts use `with Disturber("busy", seed=3): ...`. Nothing but the standard library, so that it starts at once.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from types import TracebackType

KINDS = {"busy": ("spin",), "two": ("spin", "spin"), "copier": ("copy",)}  # what each of its processes does
DUTY = 0.3
SHORTEST_S, LONGEST_S = 1.0, 3.0  # of a busy stretch
COPIED_BYTES = 64 * 2**20  # more than a cache holds
SPIN_COUNT = 20_000  # some ms


def stretches(seed: int) -> Iterator[tuple[float, float]]:
    """(idle, busy) seconds in turn, so that DUTY of the time is busy on average."""
    rng = random.Random(seed)
    rest = (1 - DUTY) / DUTY
    while True:
        yield rng.uniform(SHORTEST_S, LONGEST_S) * rest, rng.uniform(SHORTEST_S, LONGEST_S)


def spin() -> None:
    total = 0
    for number in range(SPIN_COUNT):
        total += number * number


def copier() -> Callable[[], None]:
    source, target = bytes(COPIED_BYTES), bytearray(COPIED_BYTES)

    def copy() -> None:
        target[:] = source

    return copy


class Disturber:
    """Its processes run from entering to leaving; they also end when their parent does."""

    def __init__(self, kind: str, seed: int = 0) -> None:
        self.actions = KINDS[kind]
        self.seed = seed
        self.running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Disturber:
        for number, action in enumerate(self.actions):
            command = [sys.executable, __file__, "--act", action, "--seed", str(self.seed * len(KINDS) + number)]
            self.running.append(subprocess.Popen(command, stdin=subprocess.DEVNULL))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.running:
            process.kill()
        for process in self.running:
            process.wait()
        self.running.clear()


def act(action: str, seed: int) -> None:
    """What one process does, until its parent has gone."""
    work = spin if action == "spin" else copier()
    parent = os.getppid()
    for idle_s, busy_s in stretches(seed):
        time.sleep(idle_s)
        end_s = time.monotonic() + busy_s
        while time.monotonic() < end_s:
            work()
        if os.getppid() != parent:
            return


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=KINDS, nargs="?", default="busy")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--act", choices=("spin", "copy"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.act:
        act(options.act, options.seed)
        return
    end_s = time.monotonic() + options.seconds
    with Disturber(options.kind, options.seed):
        while time.monotonic() < end_s:
            time.sleep(min(1.0, max(0.0, end_s - time.monotonic())))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
