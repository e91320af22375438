"""What every runtime plug-in must be."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from suite import registry
from suite.records import PRECISIONS
from suite.worker.outcome import WorkerFault
from suite.worker.runtime import Artefact, Runtime, Work
from tests.contract.test_models import available_without_packages

RUNTIMES = registry.discover(registry.RUNTIMES)


def test_eager_is_there() -> None:
    assert "eager" in RUNTIMES


@pytest.mark.parametrize("runtime", RUNTIMES.values(), ids=RUNTIMES.keys())
def test_the_declarations_are_complete(runtime: Runtime) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", runtime.name)
    assert runtime.title
    assert "fp32" in runtime.precisions
    assert set(runtime.precisions) <= set(PRECISIONS)
    assert runtime.available() is None or all(runtime.available() or ())


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")  # torch's own, of its exporters
@pytest.mark.parametrize("runtime", RUNTIMES.values(), ids=RUNTIMES.keys())
def test_a_module_made_ready_answers_as_before(runtime: Runtime, tmp_path: Path) -> None:
    import torch

    absence = runtime.available() or runtime.absence(torch, "fp32", "cpu")
    if absence is not None:
        pytest.skip(f"{runtime.name} can't work here: {absence.reason}")
    module = torch.nn.Linear(3, 2).eval()
    value = torch.arange(6.0).reshape(2, 3)
    with torch.no_grad():
        expected = module(value)
        try:
            ready = made_ready(runtime, module, {"input": value}, tmp_path)
        except WorkerFault as fault:
            pytest.skip(f"{runtime.name} does not take this module: {fault.reason}")
        torch.testing.assert_close(ready(input=value), expected)
    assert set(runtime.told(ready)) <= {"provider", "node_counts", "elements", "notes"}
    assert runtime.threads(ready) in (None, 1)


def made_ready(runtime: Runtime, module: Any, call: dict[str, Any], folder: Path) -> Any:
    if not runtime.is_built:
        return runtime.make_ready(module, "fp32", "cpu")
    told = runtime.build(Work(module, [call], "fp32", "cpu", 1, str(folder)))
    given = module if runtime.needs_module else lambda: module
    return runtime.open(Artefact(str(folder), json.loads(json.dumps(told))), given, "fp32", "cpu", 1)


def test_runtimes_are_listed_without_torch_and_say_what_is_missing() -> None:
    answers = available_without_packages(registry.RUNTIMES)
    assert answers.keys() == RUNTIMES.keys()
    assert all(answer is not None and len(answer) == 3 and all(answer) for answer in answers.values())
