"""Seeded noise for simulations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def ar1(rng: np.random.Generator, count: int, coefficient: float, sigma: float) -> NDArray[np.float64]:
    """First-order autoregressive, stationary from its first value."""
    values = rng.normal(0, sigma, count)
    for at in range(1, count):
        values[at] = coefficient * values[at - 1] + np.sqrt(1 - coefficient**2) * values[at]
    return values
