"""Whole passes over an evaluation's first examples: what is called, how often, and what is held."""

import time

import pytest
import torch

from suite.worker import evaluate, replay
from suite.worker.ops import Operations
from suite.worker.outcome import WorkerFault
from tests.unit.worker.test_evaluate import Echo, Numbers, clock_of


class Counting(Echo):
    """Keeps the size of each call."""

    def __init__(self):
        self.sizes = []

    def bind(self, module, inputs, scenario):
        return (lambda: self.sizes.append(len(inputs["x"]))), 1


def passes(model, **changes):
    asked = {"evaluation": "numbers", "data": None, "row_count": 10, "batch_size": 4, "example_count": None}
    subject = evaluate.Subject(model, evaluate.Way(None, "cpu", "fp32"), None, clock_of(0.25))
    most_bytes = changes.pop("most_bytes", replay.MOST_BYTES)
    return replay.Passes(Numbers(), subject, dict(asked, **changes), most_bytes)


def test_a_window_holds_whole_passes():
    """Nine examples in batches of 4 are three calls of 0.25 s; 1 s takes two passes."""
    model = Counting()
    found = passes(model).run(1.0)
    assert model.sizes == [4, 4, 1] * 2
    assert (found["started_s"], found["ended_s"], found["pass_count"]) == (0.25, 1.75, 2)
    assert found["lengths"] == [1, 2, 3, 4, 6, 7, 8, 9, 10]  # row 4 can't be read
    assert found["longest_s"] == [0.25] * 3


def test_one_pass_is_made_at_least():
    model = Counting()
    assert passes(model, batch_size=1, example_count=2).run(0.0)["pass_count"] == 1
    assert model.sizes == [1, 1]


def test_examples_are_of_the_first_rows_alone():
    assert passes(Counting(), row_count=5).lengths == [1, 2, 3, 4]


def test_no_more_inputs_are_held_than_there_is_room_for():
    """Three numbers of 4 bytes for each example."""
    assert len(passes(Counting(), most_bytes=2 * 4 * 12).lengths) == 8
    assert len(passes(Counting(), most_bytes=1).lengths) == 4  # one batch in any case


def test_rows_without_an_example_are_refused():
    class Empty(Numbers):
        def rows(self, model, data):
            return iter(())

    subject = evaluate.Subject(Counting(), evaluate.Way(None, "cpu", "fp32"), None, clock_of(0.25))
    with pytest.raises(WorkerFault) as caught:
        replay.Passes(Empty(), subject, {"data": None, "row_count": 1, "batch_size": 1, "example_count": None})
    assert caught.value.code == "EVALUATION_EMPTY"


def test_passes_are_made_anew_where_others_are_asked_for(monkeypatch):
    monkeypatch.setattr(replay.plugins, "evaluation", lambda _: Numbers())
    subject = evaluate.Subject(Counting(), evaluate.Way(None, "cpu", "fp32"), None, clock_of(0.25))
    asked = {"evaluation": "numbers", "data": None, "row_count": 10, "batch_size": 4, "example_count": None}
    ready = replay.Replaying()
    first = ready.passes(subject, asked)
    assert ready.passes(subject, dict(asked)) is first
    assert ready.passes(subject, dict(asked, batch_size=1)) is not first
    with pytest.raises(WorkerFault):
        ready.passes(subject, dict(asked, row_count=0))


def test_the_worker_holds_the_inputs_of_a_pass_until_it_evaluates_again():
    """The shipped small model on real digits, one by one."""
    thread_count = torch.get_num_threads()
    operations = Operations(0.0, time.perf_counter)
    settings = {"runtime": "eager", "precision": "fp32", "device": "cpu", "thread_count": 1, "seed": 0}
    operations.load(model="lxmert-digits", options={"checkpoint": None}, **settings)
    asked = {"evaluation": "digits-vqa", "data": None, "row_count": 6, "batch_size": 1}
    found = operations.by_name()["replay"](duration_s=0.0, example_count=5, **asked)
    answered = operations.evaluate(start=0, alone=False, **asked)
    torch.set_num_threads(thread_count)
    assert (found["pass_count"], found["thread_count"]) == (1, 1)
    assert found["lengths"] == answered["lengths"][:5]
    assert len(found["longest_s"]) == 5
    assert sum(found["longest_s"]) <= found["ended_s"] - found["started_s"]
    assert found["interference"]["wall_s"] > 0
    assert operations._replaying is None
