"""Runtimes on a small plug-in, by the operations of a worker: built, opened, compared with eager fp32."""

import sys
import time

import pytest
import torch

from suite.worker import precision
from suite.worker.ops import Operations
from suite.worker.outcome import WorkerFault

SOURCE = """
import torch
from suite.worker.model import Axis, Model


class Net(torch.nn.Module):
    rows = 2

    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(10, 16)
        self.layer = torch.nn.Linear(16, 8)
        self.head = torch.nn.Linear(8, 5)

    def forward(self, ids, x):
        hidden = torch.relu(self.layer(self.table(ids) + x))
        return {"scores": self.head(hidden), "mean": hidden.mean(dim=1)}


class Plugin(Model):
    name = title = "net"
    axes = (Axis("tokens", "tokens", 4, 1, 64),)
    scenarios = ("forward", "steps")

    def build(self, options):
        return Net()

    def inputs(self, batch_size, axes, source):
        shape = (batch_size, axes["tokens"])
        return dict(ids=source.child("i").integers(shape, 0, 10), x=source.child("x").uniform(shape + (16,)))

    def bind(self, module, inputs, scenario):
        if scenario == "forward":
            return (lambda: module(**inputs)), 1
        assert module.rows == 2
        count = inputs["ids"].shape[1]
        parts = [dict((name, value[:, :size]) for name, value in inputs.items()) for size in range(1, count + 1)]
        return (lambda: [module(**part)["scores"][:, -1:] for part in parts]), count


PLUGIN = Plugin()
"""
WAY = {"runtime": "eager", "precision": "fp32", "device": "cpu", "thread_count": 1, "seed": 0}


def _point(batch_size, tokens, scenario="forward"):
    return {"scenario": scenario, "batch_size": batch_size, "axes": {"tokens": tokens}}


class Bench:
    """A fresh worker's operations for each thing to be done, as processes of their own are."""

    def __init__(self, folder):
        self.folder = folder

    def build(self, points, **way):
        return Operations(0.0, time.perf_counter).by_name()["build"](
            model="net", options={}, way=dict(WAY, **way), points=points, folder=str(self.folder)
        )

    def loaded(self, artefact=None, **way):
        made = Operations(0.0, time.perf_counter)
        told = made.load(model="net", options={}, artefact=artefact, **dict(WAY, **way))
        return made, told

    def reference(self, point):
        made, _ = self.loaded()
        made.prepare(case="a", seed=0, **point)
        path = str(self.folder / "reference")
        made.write_outputs("a", path)
        return path

    def errors(self, made, point, path):
        made.prepare(case="a", seed=0, **point)
        made.time("a", 2)
        return {output["name"]: output for output in made.compare_outputs("a", path)["outputs"]}


@pytest.fixture
def bench(tmp_path, monkeypatch):
    thread_count = torch.get_num_threads()
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "net.py").write_text(SOURCE)
    monkeypatch.setenv("SUITE_MODELS_PATH", str(folder))
    (tmp_path / "builds").mkdir()
    yield Bench(tmp_path / "builds")
    for name in [name for name in sys.modules if name.startswith("suite_plugin:")]:
        del sys.modules[name]
    torch.set_num_threads(thread_count)


def test_eager_in_half_the_bits_is_near_and_says_so(bench):
    path = bench.reference(_point(2, 4))
    for name, element in (("fp16", "float16"), ("bf16", "bfloat16")):
        if precision.absence(torch, name, "cpu") is not None:
            continue
        made, told = bench.loaded(precision=name)
        errors = bench.errors(made, _point(2, 4), path)
        assert 0 < errors["scores"]["relative_error"] < 0.05
        assert made.in_force() == {"provider": None, "node_counts": [], "elements": [element], "notes": []}
        assert told["weights_precision"] == name
        assert told["weight_bytes"] == 2 * (160 + 136 + 45)


def test_eager_int8_has_weights_of_8_bits(bench):
    path = bench.reference(_point(2, 4))
    made, told = bench.loaded(precision="int8")
    errors = bench.errors(made, _point(2, 4), path)
    assert 0 < errors["scores"]["relative_error"] < 0.1
    assert "qint8" in made.in_force()["elements"]
    assert told["weight_bytes"] == 4 * (160 + 8 + 5) + 128 + 40
    assert told["weights_precision"] == "fp32"


def test_a_runtime_that_is_built_is_not_loaded_without_its_files(bench):
    if not hasattr(torch, "compile"):
        pytest.skip("this torch has no torch.export")
    with pytest.raises(WorkerFault, match="runtime exported is built first"):
        bench.loaded(runtime="exported")


@pytest.mark.skipif(not hasattr(torch, "compile"), reason="this torch has no torch.export")
class TestExported:
    def test_one_graph_takes_all_sizes_and_is_found_again(self, bench):
        points = [_point(1, 4), _point(2, 4), _point(1, 7)]
        built = bench.build(points, runtime="exported")
        assert (built["dynamic"], built["graph_count"], built["cached"]) == (True, 1, False)
        again = bench.build(points, runtime="exported")
        assert again == dict(built, cached=True)
        made, told = bench.loaded(built["folder"], runtime="exported")
        for point in points:
            path = bench.reference(point)
            assert all(error["relative_error"] < 1e-6 for error in bench.errors(made, point, path).values())
        assert told["weights_sha256"] == bench.loaded()[1]["weights_sha256"]

    def test_a_broken_artefact_is_built_anew(self, bench):
        built = bench.build([_point(1, 4)], runtime="exported")
        assert (built["dynamic"], built["graph_count"]) == (False, 1)
        graph = next((bench.folder / built["folder"]).glob("*.pt2"))
        graph.write_bytes(graph.read_bytes()[:-1])
        assert bench.build([_point(1, 4)], runtime="exported")["cached"] is False

    def test_a_size_that_was_not_built_is_refused(self, bench):
        built = bench.build([_point(1, 4)], runtime="exported")
        made, _ = bench.loaded(built["folder"], runtime="exported")
        made.prepare(case="a", seed=0, **_point(2, 4))
        with pytest.raises(WorkerFault) as caught:
            made.time("a", 1)
        assert caught.value.code == "SIZE_NOT_BUILT"

    def test_a_scenario_of_many_passes_runs_with_the_modules_attributes(self, bench):
        point = _point(1, 5, "steps")
        built = bench.build([point], runtime="exported")
        made, _ = bench.loaded(built["folder"], runtime="exported")
        errors = bench.errors(made, point, bench.reference(point))
        assert len(errors) == 5
        assert all(error["relative_error"] < 1e-6 for error in errors.values())


class TestOnnxRuntime:
    @pytest.fixture(autouse=True)
    def _packages(self):
        for name in ("onnx", "onnxruntime", "onnxscript"):
            pytest.importorskip(name)

    def test_one_graph_takes_all_sizes_and_the_provider_is_told(self, bench):
        points = [_point(1, 4), _point(3, 4)]
        built = bench.build(points, runtime="onnxruntime")
        assert (built["dynamic"], built["graph_count"]) == (True, 1)
        made, told = bench.loaded(built["folder"], runtime="onnxruntime", thread_count=2)
        for point in points:
            errors = bench.errors(made, point, bench.reference(point))
            assert sorted(errors) == ["mean", "scores"]
            assert all(error["relative_error"] < 1e-5 for error in errors.values())
        assert told["weight_bytes"] == 4 * (160 + 136 + 45)
        found = made.in_force()
        assert found["provider"] == ["CPUExecutionProvider"]
        assert [name for name, _ in found["node_counts"]] in ([], ["CPUExecutionProvider"])
        assert made.time("a", 1)["thread_count"] == 2
        assert made.check_inputs("a") == {"changed": ["ids", "x"], "flags": []}

    def test_int8_is_smaller_and_further_off(self, bench):
        point = _point(2, 4)
        built = bench.build([point], runtime="onnxruntime", precision="int8")
        made, _ = bench.loaded(built["folder"], runtime="onnxruntime", precision="int8")
        errors = bench.errors(made, point, bench.reference(point))
        assert 1e-5 < errors["scores"]["relative_error"] < 0.1
        assert [path.name for path in (bench.folder / built["folder"]).iterdir() if "fp32" in path.name] == []


def test_a_survey_says_what_can_work_and_why_the_rest_can_not():
    found = {entry["name"]: entry for entry in Operations(0.0, time.perf_counter).by_name()["runtimes"]()["runtimes"]}
    ways = {(way["device"], way["precision"]): way["absence"] for way in found["eager"]["ways"]}
    assert ways["cpu", "fp32"] is None
    assert ways["cpu", "tf32"][0] == "UNSUPPORTED_PRECISION"
    assert all(way["absence"] for way in found["tensorrt"]["ways"] if way["device"] == "cpu")


def test_fused_attention_is_refused_with_the_reason(bench):
    with pytest.raises(WorkerFault, match="Net has no set_attn_implementation") as caught:
        bench.loaded(runtime="sdpa")
    assert caught.value.code == "ATTENTION_FIXED"
