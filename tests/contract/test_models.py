"""What every model plug-in must be. A new file in suite/worker/models/ is tested here without a new test."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from suite import registry
from suite.worker.complexity import count_flops, count_parameters
from suite.worker.model import Model
from suite.worker.outcome import WorkerFault
from tests.contract.source import REPOSITORY

MODELS = registry.discover(registry.MODELS)
NO_OPTIONS: dict[str, Any] = {"checkpoint": None}
# Without site-packages: what a board sees before torch is installed.
LIST_WITHOUT_PACKAGES = """
import json, sys
sys.path.insert(0, sys.argv[1])
from suite.worker import plugins
answers = {name: plugin.available() for name, plugin in plugins.discover(sys.argv[2]).items()}
assert "torch" not in sys.modules
print(json.dumps(answers))
"""


def available_without_packages(package: str) -> dict[str, list[str] | None]:
    """What `available()` of each plug-in of the worker answers where nothing but the standard library is installed."""
    command = [sys.executable, "-I", "-S", "-c", LIST_WITHOUT_PACKAGES, str(REPOSITORY), package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers: dict[str, list[str] | None] = json.loads(done.stdout)
    return answers


def each_model(test: Any) -> Any:
    return pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())(test)


def require_extra(model: Model) -> None:
    """Skips a model whose optional extra is not installed."""
    if model.extra and (absence := model.available()) is not None:
        pytest.skip(f"{model.name}: {absence.reason} (locks/models.txt)")


def defaults(model: Model) -> dict[str, int]:
    return {axis.name: axis.default for axis in model.axes}


def macs(model: Model, batch_size: int, axes: dict[str, int]) -> int:
    """Multiply-accumulates of one call; 0 for a model that multiplies nothing."""
    require_extra(model)
    try:
        mac_count: int = count_flops(model, NO_OPTIONS, "forward", batch_size, axes)["mac_count"]
    except WorkerFault as fault:
        if fault.code != "NOTHING_COUNTED":
            raise
        return 0
    return mac_count


def test_the_four_models_of_the_lab_are_there() -> None:
    assert {"lxmert", "visualbert", "et-human-synthetic", "et-human"} <= MODELS.keys()


@each_model
def test_the_declarations_are_complete(model: Model) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", model.name)
    assert all((model.title, model.task, model.why, model.source))
    assert model.scenarios[0] == "forward"
    assert "torch" in model.packages
    assert model.axes, "a model has an input size"


@each_model
def test_axes_have_a_default_within_their_limits(model: Model) -> None:
    assert len({axis.name for axis in model.axes}) == len(model.axes)
    for axis in model.axes:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", axis.name)
        assert axis.label
        assert 1 <= axis.minimum <= axis.default <= axis.maximum


def test_models_that_share_an_axis_share_its_label() -> None:
    labels: dict[str, set[str]] = {}
    for model in MODELS.values():
        for axis in model.axes:
            labels.setdefault(axis.name, set()).add(axis.label)
    assert {name: found for name, found in labels.items() if len(found) > 1} == {}


def test_models_are_listed_without_torch_and_say_what_is_missing() -> None:
    answers = available_without_packages(registry.MODELS)
    assert answers.keys() == MODELS.keys()
    for name, answer in answers.items():
        assert answer is not None, f"{name} says it can work without torch"
        assert len(answer) == 3
        assert all(answer), f"{name}: code, reason and remedy"


@each_model
def test_the_model_works_here(model: Model) -> None:
    require_extra(model)
    assert model.available() is None


@each_model
def test_twice_the_batch_is_twice_the_work(model: Model) -> None:
    assert macs(model, 2, defaults(model)) == 2 * macs(model, 1, defaults(model))


@each_model
def test_a_larger_input_is_never_less_work(model: Model) -> None:
    usual = macs(model, 1, defaults(model))
    for axis in model.axes:
        more = min(axis.default + 5, axis.maximum)
        grown = macs(model, 1, {**defaults(model), axis.name: more})
        assert grown > usual or usual == grown == 0, axis.name


@each_model
def test_the_least_and_the_largest_input_can_be_taken(model: Model) -> None:
    for axis in model.axes:
        for size in (axis.minimum, axis.maximum):
            assert macs(model, 1, {**defaults(model), axis.name: size}) >= 0


@each_model
def test_parameters_are_counted_once_each(model: Model) -> None:
    from suite.worker.build import build

    require_extra(model)
    counted = count_parameters(build(model, NO_OPTIONS, "meta"))
    assert 0 <= counted["embedding_count"] <= counted["unique_count"] <= counted["registered_count"]
    assert counted["trainable_count"] <= counted["unique_count"]
    repeated = sum(group["parameter_count"] * (len(group["names"]) - 1) for group in counted["shared"])
    assert counted["registered_count"] - counted["unique_count"] == repeated
