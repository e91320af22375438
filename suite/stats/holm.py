"""Holm's step-down: p-values of a whole table, adjusted so that at most a share of tables holds a wrong verdict.

Source: Holm, Scandinavian Journal of Statistics 6 (1979).
"""

from __future__ import annotations

from collections.abc import Sequence


def adjusted(p_values: Sequence[float]) -> tuple[float, ...]:
    """In the same order: the least share at which each hypothesis is rejected beside all the others."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    found, highest = [0.0] * len(p_values), 0.0
    for step, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - step) * p_values[place]))
        found[place] = highest
    return tuple(found)
