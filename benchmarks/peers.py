"""One model at batch 1, as the suite and as other harnesses measure it: median, and how much of the wait was measuring.

.venv/bin/python benchmarks/peers.py [--model et-human] [--seconds 8]

Each harness has a process of its own, which imports, builds the same module with the same weights, and measures for the
same time. Its share is the seconds inside forward passes over the wall time of that process.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from goal import SUITE
from tabulate import tabulate

from suite import registry
from suite.records import LatencySamples, store
from suite.units import show

Measured = tuple[list[float], float]  # latencies shown, in seconds; seconds inside all forward passes
WARMUP_COUNT = 3


def load(model_name: str) -> Callable[[], Any]:
    """One forward pass of the model at its default input sizes, batch 1, on all cores."""
    from suite.worker import build, weights

    model = registry.discover(registry.MODELS)[model_name]
    options = {"checkpoint": None}
    module = build.build(model, options)
    weights.place(model, module, options, 0)
    axes = {axis.name: axis.default for axis in model.axes}
    call, _ = model.bind(module, model.inputs(1, axes, weights.Stream(0, "inputs")), "forward")
    found: Callable[[], Any] = call
    return found


def hand_written(call: Callable[[], Any], duration_s: float) -> Measured:
    latency_s: list[float] = []
    end_s = time.perf_counter() + duration_s
    while time.perf_counter() < end_s or len(latency_s) <= WARMUP_COUNT:
        began_s = time.perf_counter()
        call()
        latency_s.append(time.perf_counter() - began_s)
    return latency_s[WARMUP_COUNT:], sum(latency_s)


def torch_timer(call: Callable[[], Any], duration_s: float) -> Measured:
    """torch.utils.benchmark as its tutorial uses it; it keeps the mean of each block of calls."""
    from torch import get_num_threads
    from torch.utils.benchmark import Timer

    timer = Timer("call()", globals={"call": call}, num_threads=get_num_threads())
    measured = timer.blocked_autorange(min_run_time=duration_s)
    return measured.times, sum(measured.raw_times)


HARNESSES = {"hand-written loop": hand_written, "torch.utils.benchmark": torch_timer}


def measure_here(harness: str, model: str, duration_s: float) -> None:
    import torch

    call = load(model)
    with torch.inference_mode():
        shown_s, forward_s = HARNESSES[harness](call, duration_s)
    print(json.dumps([shown_s, forward_s]))


def peer(harness: str, model: str, duration_s: float) -> Measured:
    command = [sys.executable, __file__, "--model", model, "--seconds", str(duration_s), "--harness", harness]
    latency_s, forward_s = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return latency_s, forward_s


def suite(model: str, duration_s: float) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [SUITE, "latency", "--model", model, "--batch-size", "1", "--time-limit", str(duration_s)]
        subprocess.run([*command, "--out", str(out)], capture_output=True, check=True)
        samples = [record.latency for record in store.load(out).records]
    (found,) = [sample for sample in samples if isinstance(sample, LatencySamples)]
    return list(found.latency_s), sum(found.latency_s) + sum(found.warmup_latency_s)


def row(name: str, measure: Callable[[], Measured]) -> tuple[str, str, str, str, str]:
    began_s = time.perf_counter()
    latency_s, forward_s = measure()
    wall_s = time.perf_counter() - began_s
    median = show(statistics.median(latency_s), "s")
    return name, str(len(latency_s)), median, show(wall_s, "s"), show(100 * forward_s / wall_s, "%")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="et-human")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--harness", choices=HARNESSES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.harness:
        measure_here(options.harness, options.model, options.seconds)
        return
    rows = [row("suite latency", partial(suite, options.model, options.seconds))]
    rows += [row(name, partial(peer, name, options.model, options.seconds)) for name in HARNESSES]
    print(tabulate(rows, ["harness", "samples", "median", "wall", "inside forward passes"]))


if __name__ == "__main__":
    main()
