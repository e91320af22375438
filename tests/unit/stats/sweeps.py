"""Sweeps of a known law, measured in rounds: seeded, no clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from suite.records import Block
from suite.stats.rounds import Series


def sweep(
    law: Callable[[float], float],
    sizes: Sequence[float],
    *,
    round_count: int = 10,
    noise: float = 0.002,
    drift: float = 0.0,
    slowed: Mapping[tuple[float, int], float] | None = None,
    counted: Callable[[float, int], bool] | None = None,
    named: bool = True,
    seed: int = 0,
) -> list[Series]:
    """slowed: (size, round) -> factor. counted: of (size, round). named: whether blocks say which round is theirs."""
    rng = np.random.default_rng(seed)
    rounds = np.exp(drift * rng.standard_normal(round_count))
    found = []
    for place, size in enumerate(sizes):
        factors = rounds * [(slowed or {}).get((size, index), 1.0) for index in range(round_count)]
        latency_s = law(size) * factors[:, None] * np.exp(noise * rng.standard_normal((round_count, 3)))
        blocks = tuple(
            Block(
                order_index=index * len(sizes) + place,
                warmup=False,
                started_s=float(index * len(sizes) + place),
                latency_s=tuple(calls.tolist()),
                round_index=index if named else None,
            )
            for index, calls in enumerate(latency_s)
        )
        counts = None if counted is None else tuple(counted(size, index) for index in range(round_count))
        found.append(Series(size=size, blocks=blocks, counts=counts))
    return found
