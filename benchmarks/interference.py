"""What it costs to read the machine at a block's edges, of which nothing lies inside the timed stretch.

.venv/bin/python benchmarks/interference.py [--reading-count 2000]

The meter is the worker's own, in a process started by this one, which stands for the controller.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from time import perf_counter

import torch
from goal import at_most

from suite.units import show
from suite.worker import interference

BLOCK_GOAL_S = 200e-6


def report(reading_count: int) -> None:
    """The counters alone; and, where no clock is told, with the pace that stands in for it."""
    meter = interference.Meter(perf_counter)
    tell("counters", meter, reading_count)
    meter.watch_pace(torch, "cpu")
    if meter.since(meter.before())["pace_s"] is not None:
        tell("counters and pace", meter, reading_count)


def tell(name: str, meter: interference.Meter, reading_count: int) -> None:
    readings_s, blocks_s = [], []
    for _ in range(reading_count):
        start = perf_counter()
        edge = meter.before()
        read = perf_counter()
        meter.since(edge)
        blocks_s.append(perf_counter() - start)
        readings_s.append(read - start)
    print(f"{name}, a reading: {show(statistics.median(readings_s), 's')}")
    spread = f"99 % of them within {show(statistics.quantiles(blocks_s, n=100)[-1], 's')}"
    what = f"{name}, a block's two readings, median of {reading_count} ({spread})"
    print(at_most(what, statistics.median(blocks_s), BLOCK_GOAL_S, "s"))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reading-count", type=int, default=2000)
    parser.add_argument("--here", action="store_true", help="in this process")
    return parser.parse_args()


if __name__ == "__main__":
    asked = arguments()
    if asked.here:
        report(asked.reading_count)
    else:
        words = [sys.executable, __file__, "--here", "--reading-count", str(asked.reading_count)]
        sys.exit(subprocess.run(words, check=False).returncode)
