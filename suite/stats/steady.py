"""When warm-up has ended."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from suite.stats.correlation import Array

MIN_WINDOW = 4
TOLERANCE = 0.01  # a fall of 1 % between the halves of the window is the default target of the median's interval


def is_steady(latency_s: Sequence[float]) -> bool:
    """Whether the calls so far have stopped getting faster; latency_s: warm-up calls in run order.

    The window is the newer half of the calls, at least four. It is level if the median of its newer half lies at most
    1 % under that of its older half. Steady is: level now, and level one call ago. There is no noise estimate on
    purpose: a noisy flat series is level every other time, so it soon passes, and a noisy fall must hide twice.
    Measured rates: docs/statistics.md, section Steady state.
    """
    values = np.asarray(latency_s, dtype=np.float64)
    return len(values) > MIN_WINDOW and _is_level(values) and _is_level(values[:-1])


def _is_level(values: Array) -> bool:
    window = values[-max(MIN_WINDOW, (len(values) + 1) // 2) :]
    half = len(window) // 2
    return bool(np.median(window[-half:]) >= (1 - TOLERANCE) * np.median(window[:half]))
