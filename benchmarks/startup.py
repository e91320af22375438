"""How long `suite --help` takes, and the way of an ONNX file to its first timed call: nobody waits for torch, SciPy or
matplotlib to be told what to type.

.venv/bin/python benchmarks/startup.py
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from goal import SUITE, at_most, median_wall_s, wall_s

from suite.records import ColdStart, store

GOAL_S = 0.3
RUN_COUNT = 9
FIRST_CALL_GOAL_S = 1.5  # after the worker's imports


def write_small(path: Path) -> None:
    """A linear layer as an ONNX file."""
    import onnx
    from onnx import TensorProto, helper

    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 64]) for name in "xy")
    weight = helper.make_tensor("w", TensorProto.FLOAT, [64, 64], [0.01] * 64 * 64)
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = helper.make_graph([node], "small", [x], [y], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, str(path))


def first_call_s(folder: Path, count: int = 3) -> tuple[float, str]:
    """From the end of the worker's imports to the end of its first call, as records tell it."""
    found = []
    write_small(folder / "small.onnx")
    for index in range(count):
        out = folder / str(index)
        arguments = ["--model", str(folder / "small.onnx"), "--batch-size", "1", "--no-quiet", "--time-limit", "0.1"]
        wall_s([SUITE, "latency", *arguments, "--out", str(out)])
        cold = store.load(out).records[0].cold_start
        if isinstance(cold, ColdStart):
            found.append(cold.build_s + cold.weights_s + cold.first_call_s)
    return statistics.median(found), f"{len(found)} runs"


if __name__ == "__main__":
    median_s, spread = median_wall_s([SUITE, "--help"], RUN_COUNT)
    print(at_most(f"suite --help, median ({spread})", median_s, GOAL_S, "s"))
    with tempfile.TemporaryDirectory() as scratch:
        median_s, spread = first_call_s(Path(scratch))
    what = f"suite latency --model small.onnx, from the worker's imports to the end of its first call ({spread})"
    print(at_most(what, median_s, FIRST_CALL_GOAL_S, "s"))
