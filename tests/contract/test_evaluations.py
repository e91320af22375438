"""What every evaluation plug-in must be. A new file in suite/worker/evaluations/ is tested here without a new test."""

from __future__ import annotations

import re

import pytest

from suite import registry
from suite.worker.evaluation import Evaluation
from suite.worker.outcome import WorkerFault
from tests.contract.test_models import available_without_packages

EVALUATIONS = registry.discover(registry.EVALUATIONS)


@pytest.mark.parametrize("evaluation", EVALUATIONS.values(), ids=EVALUATIONS.keys())
def test_the_declarations_are_complete(evaluation: Evaluation) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", evaluation.name)
    assert all((evaluation.title, evaluation.what, evaluation.metric, evaluation.length_label, evaluation.source))
    assert set(evaluation.models) <= registry.models().own.keys()
    assert "torch" in evaluation.packages


@pytest.mark.parametrize("evaluation", EVALUATIONS.values(), ids=EVALUATIONS.keys())
def test_data_that_is_not_there_is_one_line_with_a_remedy(evaluation: Evaluation) -> None:
    if not evaluation.data_is:
        pytest.skip("it brings its own")
    with pytest.raises(WorkerFault) as caught:
        next(iter(evaluation.rows(None, "/nowhere/at-all")))
    assert caught.value.code == "EVALUATION_DATA"
    assert evaluation.data_is in caught.value.remedy


def test_evaluations_are_listed_without_torch_and_say_what_is_missing() -> None:
    answers = available_without_packages(registry.EVALUATIONS)
    assert answers.keys() == EVALUATIONS.keys()
    assert all(answer is not None and len(answer) == 3 and all(answer) for answer in answers.values())
