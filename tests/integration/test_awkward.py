"""Awkward models, each brought as a function and run by the real worker: what a careful user would expect of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from suite.client.worker import Worker
from suite.errors import WorkerError
from suite.records import Task
from suite.worker.brought import words

FOLDER = Path(__file__).parents[1] / "data" / "awkward"

# name, unique parameters, inputs shown to change the output, and the codes of the doubts that are told beside figures
MEASURED = [
    ("lazy", 15, ("x",), set()),
    ("tied", 24, ("x",), set()),
    ("quantised", 15, ("x",), set()),
    ("integer_parameters", 12, ("x",), set()),
    ("parameter_list", 32, ("x",), set()),
    ("parametrised", 15, ("x",), set()),
    ("complex_numbers", 12, ("x",), set()),
    ("gives_dict", 15, ("x",), set()),
    ("gives_tuple", 15, ("x",), set()),
    ("gives_dataclass", 15, ("x",), set()),
    ("gives_none", 15, (), {"OUTPUT_WITHOUT_TENSORS"}),
    ("training_left_on", 15, ("x",), set()),
    ("random_output", 15, (), {"NOT_DETERMINISTIC", "OUTPUT_CHANGED"}),
    ("prints", 15, ("x",), set()),
    ("reads_stdin", 15, ("x",), set()),
    ("forks", 15, ("x",), set()),
    ("changes_threads", 15, ("x",), set()),
    ("leaks", 15, ("x",), {"MEMORY_GROWS"}),
    ("slow", 15, ("x",), set()),
    ("fast", 0, ("x",), set()),
]
# name, batch size, code of the outcome, part of its reason, whether the worker must be started again
NOT_MEASURED = [
    ("fails_at_batch_3", 3, "FAILED", "ValueError: no three", False),
    ("exits_while_made", 1, "BAD_PLUGIN", "SystemExit: this program needs arguments", False),
    ("not_a_module", 1, "BAD_PLUGIN", "gives a int, not a module and a function", False),
    ("too_large", 1, "OUT_OF_MEMORY", "allocate", False),
    ("too_large_to_call", 1, "OUT_OF_MEMORY", "allocate", False),
    ("exits", 1, "FAILED", "SystemExit", False),
    ("exits_at_once", 1, "CRASHED", "ended with status 0", True),
]


def origin(name: str) -> str:
    return words.origin({"word": f"awkward:{name}", "name": name, "folder": str(FOLDER)})


class Workers:
    """One worker for all, which is started again after a model that took it along."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._worker: Worker | None = None

    def get(self) -> Worker:
        if self._worker is None:
            self._worker = Worker.start(log=self.log, thread_count=1, environment=dict(os.environ), origin_of=origin)
        return self._worker

    def close(self) -> None:
        if self._worker is not None:
            self._worker.close()
            self._worker = None


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    found = Workers(tmp_path_factory.mktemp("awkward") / "log")
    yield found
    found.close()


def task(name: str, batch_size: int = 1) -> Task:
    return Task(test="latency", model=name, batch_size=batch_size)


def measured(worker: Worker, asked: Task) -> tuple[float, ...]:
    worker.load(asked)
    worker.prepare("c", asked)
    return worker.time("c", 2, 60).latency_s


@pytest.mark.parametrize(("name", "count", "changed", "codes"), MEASURED, ids=[row[0] for row in MEASURED])
def test_it_is_measured(workers: Workers, name: str, count: int, changed: tuple[str, ...], codes: set[str]) -> None:
    worker = workers.get()
    worker.import_model(name)
    assert worker.count_parameters(name, None).unique_count == count
    loaded = worker.load(task(name))
    assert loaded.weights_source == "brought"
    prepared = worker.prepare("c", task(name))
    assert (prepared.inputs_source, prepared.step_count) == ("seeded", 1)
    worker.time("c", 1, 60)
    checked = worker.check_inputs("c")
    timed = [worker.time("c", 20 if name == "leaks" else 2, 60) for _ in range(6 if name == "leaks" else 1)][-1]
    assert checked.changed == changed
    assert {code for code, _ in (*checked.flags, *timed.flags)} == codes
    assert timed.thread_count == (2 if name == "changes_threads" else 1)
    if name == "slow":
        assert min(timed.latency_s) >= 0.03
    if name == "prints":
        log = workers.log.read_text()
        assert all(words in log for words in ("said by Python", "said by a system call", "said by C"))


def test_the_same_function_gives_the_same_weights_and_inputs_again(workers: Workers) -> None:
    worker = workers.get()
    found = []
    for _ in range(2):
        loaded = worker.load(task("tied"))
        found.append((loaded.weights_sha256, worker.prepare("c", task("tied")).inputs_sha256))
    assert found[0] == found[1]


def test_what_is_tied_is_told_as_shared(workers: Workers) -> None:
    counted = workers.get().count_parameters("tied", None)
    assert [(group.names, group.parameter_count) for group in counted.shared] == [
        (("first.weight", "second.weight"), 16)
    ]


@pytest.mark.parametrize(
    ("name", "batch_size", "code", "reason", "fatal"), NOT_MEASURED, ids=[row[0] for row in NOT_MEASURED]
)
def test_it_is_told_why_it_is_not(  # noqa: PLR0913, PLR0917 (a row)
    workers: Workers, name: str, batch_size: int, code: str, reason: str, fatal: bool
) -> None:
    worker = workers.get()
    with pytest.raises(WorkerError) as told:
        measured(worker, task(name, batch_size))
    assert (told.value.code, told.value.fatal) == (code, fatal)
    assert reason in told.value.reason
    assert told.value.remedy
    if fatal:
        workers.close()


def test_batch_2_of_what_fails_at_3_is_measured(workers: Workers) -> None:
    assert len(measured(workers.get(), task("fails_at_batch_3", 2))) == 2
