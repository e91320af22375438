"""Outputs of a variant against those of eager fp32."""

import pytest
import torch

from suite.worker import fidelity
from suite.worker.outcome import WorkerFault


def _compared(tmp_path, values, reference):
    path = str(tmp_path / "ref")
    fidelity.write([reference], path)
    (found,) = fidelity.compare([values], ["scores"], path)
    return found


def test_errors_are_the_largest_and_its_share_of_the_largest_value(tmp_path):
    found = _compared(tmp_path, torch.tensor([[1.0, 4.5], [-8.0, 0.0]]), torch.tensor([[1.0, 4.0], [-8.0, 0.0]]))
    assert found["name"] == "scores"
    assert found["element_count"] == 4
    assert found["max_abs_error"] == 0.5
    assert found["relative_error"] == 0.0625
    assert found["cosine"] == pytest.approx((1 + 18 + 64) / (81 * (1 + 20.25 + 64)) ** 0.5, abs=1e-12)
    assert found["top_agreement"] == 1.0


def test_the_top_answer_is_counted_by_rows(tmp_path):
    found = _compared(tmp_path, torch.tensor([[1.0, 2.0], [2.0, 1.0]]), torch.tensor([[1.0, 2.0], [1.0, 2.0]]))
    assert found["top_agreement"] == 0.5
    assert _compared(tmp_path, torch.ones(3), torch.ones(3))["top_agreement"] is None
    assert _compared(tmp_path, torch.ones(3, 1), torch.ones(3, 1))["top_agreement"] is None


def test_nan_and_infinity_are_told_and_hide_no_error(tmp_path):
    nan, inf = float("nan"), float("inf")
    found = _compared(tmp_path, torch.tensor([nan, inf, -inf, 3.0]), torch.tensor([1.0, inf, inf, 2.0]))
    assert (found["nan_count"], found["infinite_count"], found["unlike_count"]) == (1, 2, 2)
    assert found["max_abs_error"] == 1.0
    assert found["relative_error"] == 0.5


def test_halves_are_compared_by_their_values(tmp_path):
    found = _compared(tmp_path, torch.tensor([0.5, 1.0], dtype=torch.float16), torch.tensor([0.5, 1.0]))
    assert found["max_abs_error"] == 0.0
    assert found["cosine"] == 1.0


def test_a_reference_of_zeros_has_no_scale(tmp_path):
    found = _compared(tmp_path, torch.tensor([0.5]), torch.tensor([0.0]))
    assert (found["relative_error"], found["cosine"]) == (None, None)
    assert _compared(tmp_path, torch.zeros(1), torch.zeros(1))["relative_error"] == 0.0


def test_outputs_of_another_shape_or_number_are_refused(tmp_path):
    path = str(tmp_path / "ref")
    fidelity.write([torch.ones(2)], path)
    for outputs, reason in (([torch.ones(3)], r"output a is \[3\]"), ([], "it gives 0 outputs")):
        with pytest.raises(WorkerFault, match=reason) as caught:
            fidelity.compare(outputs, ["a"], path)
        assert caught.value.code == "OUTPUTS_DIFFER"


def test_outputs_beyond_the_bound_are_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(fidelity, "MOST_BYTES", 7)
    with pytest.raises(WorkerFault) as caught:
        fidelity.write([torch.ones(2)], str(tmp_path / "ref"))
    assert caught.value.code == "OUTPUTS_TOO_LARGE"
    assert not (tmp_path / "ref").exists()
