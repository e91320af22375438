"""What the suite adds to ONNX Runtime: its latency against a session loop written by hand, and its memory.

.venv/bin/python benchmarks/onnx_overhead.py [--width 512] [--layer-count 8] [--call-count 20] [--round-count 60]

A graph of dense layers is written here. Latency: both loops call sessions on the same inputs in this process and take
turns, in an order that is turned round every time. Memory: a process that opens the file and calls it, written by hand,
against one that does so through suite.worker.onnx_session; and the first with torch imported too, as a worker does.
Exit status 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy
import onnxruntime
from goal import at_most
from onnx import TensorProto, helper, numpy_helper, save

from suite.units import show
from suite.worker import timing
from suite.worker.onnx_session import Session

RATIO_GOAL_PERCENT = 1.0
MEMORY_GOAL_BYTES = 60e6
BATCH_SIZE = 8
PEAK = "print([int(l.split()[1]) * 1024 for l in open('/proc/self/status') if l.startswith('VmHWM')][0])"
BY_HAND = """
import sys, numpy, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
x = numpy.ones((8, int(sys.argv[2])), numpy.float32)
for _ in range(20): session.run(None, {"x": x})
"""
BY_SESSION = """
import sys, numpy
from suite.worker.onnx_session import Session
call = Session(sys.argv[1], thread_count=2).bind({"x": numpy.ones((8, int(sys.argv[2])), numpy.float32)})
for _ in range(20): call()
"""
BESIDE_TORCH = "import torch"


def write(path: Path, width: int, layer_count: int) -> None:
    random = numpy.random.default_rng(0)
    names = ["x", *(f"h{index}" for index in range(layer_count))]
    weights = [
        numpy_helper.from_array(
            (random.standard_normal((width, width)) / width**0.5).astype(numpy.float32), f"w{index}"
        )
        for index in range(layer_count)
    ]
    nodes = [
        helper.make_node("MatMul", [names[index], f"w{index}"], [names[index + 1]]) for index in range(layer_count)
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width]) for name in (names[0], names[-1])]
    graph = helper.make_graph(nodes, "dense", ends[:1], ends[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    save(model, str(path))


def ratio_percent(path: Path, width: int, call_count: int, round_count: int) -> tuple[float, float, float]:
    """Medians of the rounds' ratios (harness to by hand, less 1, in percent), and the two medians in seconds."""
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    x = numpy.random.default_rng(1).standard_normal((BATCH_SIZE, width)).astype(numpy.float32)
    call, clock = Session(str(path), thread_count=1).bind({"x": x}), timing.system_clock()

    def by_hand() -> float:
        durations = []
        for _ in range(call_count):
            start = perf_counter()
            session.run(None, {"x": x})
            durations.append(perf_counter() - start)
        return statistics.median(durations)

    def harness() -> float:
        return statistics.median(timing.time_calls(call, None, call_count, clock).latency_s)

    by_hand(), harness()
    found = []
    for index in range(round_count):
        if index % 2:
            ours, theirs = harness(), by_hand()
        else:
            theirs, ours = by_hand(), harness()
        found.append((ours, theirs))
    ratio = statistics.median(ours / theirs for ours, theirs in found)
    return 100 * (ratio - 1), *(statistics.median(column) for column in zip(*found, strict=True))


def peak_bytes(source: str, path: Path, width: int) -> int:
    command = [sys.executable, "-c", f"{source}\n{PEAK}", str(path), str(width)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--layer-count", type=int, default=8)
    parser.add_argument("--call-count", type=int, default=20)
    parser.add_argument("--round-count", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dense.onnx"
        write(path, options.width, options.layer_count)
        percent, ours_s, theirs_s = ratio_percent(path, options.width, options.call_count, options.round_count)
        by_hand, by_session = (peak_bytes(source, path, options.width) for source in (BY_HAND, BY_SESSION))
        beside_torch = peak_bytes(BESIDE_TORCH + BY_HAND, path, options.width)
    print(f"latency: {show(theirs_s, 's', 4)} by hand, {show(ours_s, 's', 4)} by the suite")
    print(f"memory: {by_hand / 1e6:.0f} MB by hand, {by_session / 1e6:.0f} MB by onnx_session")
    print(f"memory with torch imported too, as a worker does: {beside_torch / 1e6:.0f} MB by hand")
    lines = [
        at_most("latency beyond a hand-written loop", percent, RATIO_GOAL_PERCENT, "%"),
        at_most("memory beyond a hand-written process", float(by_session - by_hand), MEMORY_GOAL_BYTES, "B"),
    ]
    print("\n".join(lines))
    return int(any(line.endswith("MISSED") for line in lines))


if __name__ == "__main__":
    sys.exit(main())
