"""What other tools would say of a stream of calls: their documented rules at their defaults, stated again here.

pyperf 2.10 (its Runner): values of at least 0.1 s, for which the calls of a value are doubled until they last so long;
the first value of a process warms up; 20 processes of 3 values; it reports their mean. Here one process makes them all.
hyperfine 1.19 (its README): at least 10 runs, for at least 3 s, none to warm up; it reports mean and minimum.
pytest-benchmark 5.3 (its options): rounds of one call where it takes more than 5 us, at least 5, for at most 1 s, no
warm-up; its table has minimum, mean and median, and is sorted by the minimum.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence

PYPERF_VALUE_S, PYPERF_VALUE_COUNT = 0.1, 60
HYPERFINE_S, HYPERFINE_COUNT = 3.0, 10
PYTEST_S, PYTEST_COUNT = 1.0, 5
STREAM_S = PYPERF_VALUE_S * (PYPERF_VALUE_COUNT + 1) * 2  # at most: a value may last twice as long as it must


def pyperf_values(calls_s: Sequence[float]) -> list[float]:
    """The mean call of each value, without the first. Raises ValueError if the calls are too few for two values."""
    call_count = 1
    while call_count * calls_s[0] < PYPERF_VALUE_S:
        call_count *= 2
    starts = range(0, len(calls_s) - call_count + 1, call_count)
    values = [statistics.fmean(calls_s[start : start + call_count]) for start in starts]
    if len(values) < 2:
        raise ValueError("too few calls for a value of pyperf beside the one that warms up")
    return values[1 : PYPERF_VALUE_COUNT + 1]


def hyperfine_runs(calls_s: Sequence[float]) -> Sequence[float]:
    return calls_s[: max(HYPERFINE_COUNT, math.ceil(HYPERFINE_S / calls_s[0]))]


def pytest_rounds(calls_s: Sequence[float]) -> Sequence[float]:
    return calls_s[: max(PYTEST_COUNT, math.ceil(PYTEST_S / calls_s[0]))]


RULES: Mapping[str, Callable[[Sequence[float]], float]] = {
    "pyperf 2.10, mean": lambda calls_s: statistics.fmean(pyperf_values(calls_s)),
    "hyperfine 1.19, mean": lambda calls_s: statistics.fmean(hyperfine_runs(calls_s)),
    "hyperfine 1.19, min": lambda calls_s: min(hyperfine_runs(calls_s)),
    "pytest-benchmark 5.3, mean": lambda calls_s: statistics.fmean(pytest_rounds(calls_s)),
    "pytest-benchmark 5.3, median": lambda calls_s: statistics.median(pytest_rounds(calls_s)),
    "pytest-benchmark 5.3, min": lambda calls_s: min(pytest_rounds(calls_s)),
}
