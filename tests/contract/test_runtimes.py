"""What every runtime plug-in must be."""

from __future__ import annotations

import re

import pytest

from suite import registry
from suite.worker.runtime import Runtime
from tests.contract.test_models import available_without_packages

RUNTIMES = registry.discover(registry.RUNTIMES)


def test_eager_is_there() -> None:
    assert "eager" in RUNTIMES


@pytest.mark.parametrize("runtime", RUNTIMES.values(), ids=RUNTIMES.keys())
def test_the_declarations_are_complete(runtime: Runtime) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", runtime.name)
    assert runtime.title
    assert "fp32" in runtime.precisions
    assert runtime.available() is None or all(runtime.available() or ())


@pytest.mark.parametrize("runtime", RUNTIMES.values(), ids=RUNTIMES.keys())
def test_a_module_made_ready_answers_as_before(runtime: Runtime) -> None:
    if runtime.available() is not None:
        pytest.skip(f"{runtime.name} can't work here")
    import torch

    module = torch.nn.Linear(3, 2).eval()
    value = torch.arange(6.0).reshape(2, 3)
    with torch.no_grad():
        expected = module(value)
        ready = runtime.make_ready(module, "fp32", "cpu")
        torch.testing.assert_close(ready(input=value), expected)


def test_runtimes_are_listed_without_torch_and_say_what_is_missing() -> None:
    answers = available_without_packages(registry.RUNTIMES)
    assert answers.keys() == RUNTIMES.keys()
    assert all(answer is not None and len(answer) == 3 and all(answer) for answer in answers.values())
