"""Holm's step-down, as R has it."""

from __future__ import annotations

import pytest

from suite.stats.holm import adjusted


def test_it_is_as_in_r() -> None:
    """p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")"""
    assert adjusted([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))


def test_one_alone_stays_and_none_is_none() -> None:
    assert adjusted([0.05]) == (0.05,)
    assert adjusted([]) == ()


def test_it_goes_down_until_one_stays() -> None:
    assert [p_value <= 0.05 for p_value in adjusted([0.01, 0.04, 0.03, 0.005])] == [True, False, False, True]
