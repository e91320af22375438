"""The operations on a plug-in of the user's own, in this process: what is said beside the timings."""

import sys
import time

import pytest
import torch

from suite.worker import memory
from suite.worker.ops import Operations
from suite.worker.outcome import WorkerFault

SOURCE = """
import torch
from suite.worker.model import Model


class Own(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 2)
        self.kept = []

    def forward(self, x, image):
        {}


class Plugin(Model):
    name = title = "own"
    {}

    def build(self, options):
        return Own()

    def inputs(self, batch_size, axes, source):
        return dict(x=source.child("x").uniform((batch_size, 4)), image=source.child("i").uniform((batch_size, 4)))


PLUGIN = Plugin()
"""


@pytest.fixture
def operations(tmp_path, monkeypatch):
    """Operations with the plug-in `own` loaded, whose forward pass has the body given."""
    thread_count = torch.get_num_threads()
    monkeypatch.setenv("SUITE_MODELS_PATH", str(tmp_path))

    def load(body, declared="axes = ()"):
        path = tmp_path / "own.py"
        path.write_text(SOURCE.format(body, declared))
        sys.modules.pop("suite_plugin:" + str(path), None)
        made = Operations(0.0, time.perf_counter)
        settings = {"runtime": "eager", "precision": "fp32", "device": "cpu", "thread_count": 1, "seed": 0}
        made.load(model="own", options={"checkpoint": None}, **settings)
        made.by_name()["reset_memory"]()
        made.prepare(case="a", scenario="forward", batch_size=2, axes={}, seed=0)
        return made

    yield load
    torch.set_num_threads(thread_count)


def codes(reply):
    return [code for code, _ in reply["flags"]]


def test_a_sound_model_is_measured_without_a_word(operations):
    made = operations("return self.layer(x) * image.sum()")
    assert [made.time("a", call_count)["flags"] for call_count in (1, 1, 5)] == [[]] * 3
    assert made.check_inputs("a") == {"changed": ["x", "image"], "flags": []}
    assert made.time_for("a", 0.01, 2)["flags"] == []


def test_an_ignored_input_costs_no_timing(operations):
    made = operations("return self.layer(x)")
    made.time("a", 1)
    checked = made.check_inputs("a")
    assert (checked["changed"], codes(checked)) == (["x"], ["INPUT_IGNORED"])
    assert len(made.time("a", 3)["latency_s"]) == 3


@pytest.mark.parametrize("body", ["image.div_(255)", "image.zero_()", "image.t_()", "image.resize_(1, 4)"])
def test_inputs_that_calls_change_are_set_back_for_timings_windows_and_checks(operations, body):
    made = operations(body + "; return self.layer(x) + image.sum()")
    assert codes(made.time("a", 1)) == ["INPUTS_CHANGED"]
    assert made.check_inputs("a")["changed"][0] == "x"
    assert codes(made.time("a", 4)) == ["INPUTS_CHANGED"]
    window = made.time_for("a", 0.01, 3)
    assert codes(window) == ["INPUTS_CHANGED"]
    assert sum(window["latency_s"]) < window["ended_s"] - window["started_s"]


def test_a_model_that_sets_threads_is_told_on(operations):
    made = operations("torch.set_num_threads(2); return self.layer(x) * image.sum()")
    assert made.time("a", 2)["thread_count"] == 2  # 1 was asked for: the controller holds the two against each other


def test_a_leak_is_told_from_what_is_held_at_the_edges_of_blocks(operations, monkeypatch):
    """What this process holds beside depends on the tests before: each tensor that is kept stands for 2 MB here."""
    made = operations("self.kept.append(torch.ones(1)); return self.layer(x) * image.sum()")
    kept = made._loaded.target.kept
    monkeypatch.setattr(memory, "held_bytes", lambda *_: 2000000 * len(kept))
    replies = [made.time("a", call_count) for call_count in (1, 1, 2, 2, 2, 2)]
    assert codes(replies[-1]) == ["MEMORY_GROWS"]


def test_what_the_worker_s_own_looks_take_is_in_no_peak(operations):
    made = operations("return self.layer(x) * image.sum()")
    if not made.by_name()["reset_memory"]()["peak_was_reset"]:
        pytest.skip("this system can't start a new peak")
    made.time("a", 1)
    before = made.by_name()["memory"]()["peak_resident_bytes"]
    look, block = made._cases["a"].look, []

    def dear(*arguments):
        block.append(bytearray(b"x" * 128000000))
        look(*arguments)
        block.clear()

    made._cases["a"].look = dear
    made.time("a", 1)
    assert made.by_name()["memory"]()["peak_resident_bytes"] - before < 64000000


def test_a_gradient_inside_names_the_declaration_and_works_with_it(operations):
    lines = ["y = self.layer(x) * image.sum()", "with torch.enable_grad():", "    z = y.detach().requires_grad_()"]
    body = "\n        ".join([*lines, "    return torch.autograd.grad((z ** 2).sum(), z)[0]"])
    with pytest.raises(WorkerFault, match="INFERENCE_MODE: own failed"):
        operations(body).time("a", 1)
    made = operations(body, 'grad_mode = "no_grad"')
    assert made.time("a", 2)["flags"] == []
    assert made.check_inputs("a")["changed"] == ["x", "image"]


def test_a_count_says_what_it_does_not_know(operations):
    pytest.importorskip("torch.utils.flop_counter")
    made = operations("return self.layer(x) * torch.fft.rfft(image).abs().sum()")
    counted = made.by_name()["count_flops"]("own", {"checkpoint": None}, "forward", 2, {})
    assert (counted["mac_count"], counted["unknown"]) == (16, ["_fft_r2c"])
