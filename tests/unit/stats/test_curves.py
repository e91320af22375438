import numpy as np
import pytest
from scipy.special import bdtrik

from suite.stats.curves import Fits, fit, fits
from suite.stats.rounds import grid, profile
from tests.unit.stats.sweeps import Rounds

SIZES = (1, 2, 4, 6, 8)


EXACT = Rounds(noise=0.0)


def fitted(law, sizes=SIZES, rounds=EXACT):
    found = fits(rounds.sweep(law, sizes))
    assert isinstance(found, Fits)
    return found


@pytest.mark.parametrize(
    ("name", "truth", "law"),
    [
        ("affine", (65, 63), lambda n: 65 + 63 * n),
        ("affine", (-0.5, 2), lambda n: -0.5 + 2 * n),
        ("quadratic", (65, 63, 3), lambda n: 65 + 63 * n + 3 * n**2),
        ("quadratic", (1, 1, -0.02), lambda n: 1 + n - 0.02 * n**2),
        ("power", (65, 63, 1.5), lambda n: 65 + 63 * n**1.5),
        ("power", (2, 5, 0.73), lambda n: 2 + 5 * n**0.73),
        ("power", (0.1, 1, 2.9), lambda n: 0.1 + n**2.9),
    ],
)
@pytest.mark.parametrize("unit", [1e-6, 1.0])
def test_exact_levels_give_the_exact_curve_and_the_right_choice(name, truth, law, unit):
    found = fitted(lambda n: unit * law(n))
    curve = found.curves[name]
    scales = np.array([unit, unit, 1.0 if name == "power" else unit])[: len(truth)]
    assert curve.coefficients / scales == pytest.approx(np.array(truth), rel=1e-3, abs=1e-4)
    assert curve.predict(5) == pytest.approx(unit * law(5), rel=1e-5)
    assert curve.held_out_error == pytest.approx(0, abs=1e-4)
    assert found.chosen is not None
    assert found.chosen.name == name


def test_sizes_of_hundreds_are_fitted_as_well():
    curve = fitted(lambda n: 10 + n + n**2 / 4608, sizes=(32, 64, 128, 256, 512)).curves["quadratic"]
    assert curve.coefficients == pytest.approx(np.array([10, 1, 1 / 4608]), rel=1e-4)


def test_the_error_at_a_size_left_out_is_that_of_the_curve_through_the_others():
    errors = fitted(lambda n: n**2, sizes=(1, 2, 3)).curves["affine"].held_out_errors
    assert errors is not None  # lines through (2, 4) (3, 9); (1, 1) (3, 9); (1, 1) (2, 4), at the third size
    assert errors[0] == pytest.approx(np.sqrt((2.0**2 + 0.25**2 + (2 / 9) ** 2) / 3), rel=1e-3)


def test_a_curve_has_no_more_coefficients_than_there_are_sizes():
    found = profile(grid(Rounds().sweep(lambda n: 1 + n, (1, 2))))
    assert found is not None
    assert fit("affine", found) is not None
    assert fit("quadratic", found) is None
    assert fits(Rounds().sweep(lambda n: 1 + n, (1, 2))) == "too_few_sizes"
    assert fits(Rounds(round_count=2).sweep(lambda n: 1 + n, SIZES)) == "too_few_rounds"


def test_three_sizes_leave_no_choice():
    found = fitted(lambda n: 1 + n**2, sizes=(1, 2, 4))
    assert found.chosen is None
    assert found.curves["quadratic"].held_out_error is None


def test_noise_makes_no_curve_of_a_line():
    names = [fitted(lambda n: 65 + 63 * n, rounds=Rounds(noise=0.02, seed=seed)).chosen.name for seed in range(40)]
    assert names.count("affine") >= 38


def test_the_share_of_the_last_term():
    curves = fitted(lambda n: 2 + n + n**2).curves
    share = curves["quadratic"].share(8)
    assert (share.low, share.high) == (pytest.approx(64 / 74, rel=1e-4), pytest.approx(64 / 74, rel=1e-4))
    share = fitted(lambda n: 2 + 3 * n**1.5).curves["power"].share(4)
    assert share.low == pytest.approx(24 / 26, rel=1e-3)


def test_a_flat_latency_has_any_exponent_and_no_failure():
    found = fitted(lambda _: 1.0, rounds=Rounds(noise=0.01))
    interval = found.curves["power"].interval(2)
    assert interval.high - interval.low > 1
    assert np.isfinite(found.curves["power"].replicates).all()


@pytest.mark.parametrize("round_count", [5, 10])
@pytest.mark.parametrize("drift", [0.0, 0.1])
def test_intervals_hold_the_truth(round_count, drift):
    run_count = 100
    hits = {"b": 0, "share": 0, "k": 0}
    for seed in range(run_count):
        rounds = Rounds(round_count=round_count, noise=0.02, drift=drift, seed=seed)
        curves = fitted(lambda n: 65 + 63 * n, rounds=rounds).curves
        for name, interval, truth in (
            ("b", curves["affine"].interval(1), 63),
            ("share", curves["quadratic"].share(8), 0),
            ("k", curves["power"].interval(2), 1),
        ):
            hits[name] += interval.low <= truth <= interval.high
    assert min(hits.values()) >= bdtrik(0.001, run_count, 0.95), hits
