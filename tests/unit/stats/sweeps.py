"""Sweeps of a known law, measured in rounds: seeded, no clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from suite.records import Block
from suite.stats.rounds import Series


@dataclass(frozen=True)
class Rounds:
    """slowed: (size, round) -> factor. counted: of (size, round). named: whether blocks say which round is theirs."""

    round_count: int = 10
    noise: float = 0.002
    drift: float = 0.0
    slowed: Mapping[tuple[float, int], float] = field(default_factory=dict)
    counted: Callable[[float, int], bool] | None = None
    named: bool = True
    start_s: float = 0.0
    seed: int = 0

    def sweep(self, law: Callable[[float], float], sizes: Sequence[float]) -> list[Series]:
        rng = np.random.default_rng(self.seed)
        rounds = np.exp(self.drift * rng.standard_normal(self.round_count))
        found = []
        for place, size in enumerate(sizes):
            factors = rounds * [self.slowed.get((size, index), 1.0) for index in range(self.round_count)]
            noise = np.exp(self.noise * rng.standard_normal((self.round_count, 3)))
            blocks = tuple(
                Block(
                    order_index=index * len(sizes) + place,
                    warmup=False,
                    started_s=self.start_s + index * len(sizes) + place,
                    latency_s=tuple(calls.tolist()),
                    round_index=index if self.named else None,
                )
                for index, calls in enumerate(law(size) * factors[:, None] * noise)
            )
            counts = self.counted and tuple(self.counted(size, index) for index in range(self.round_count))
            found.append(Series(size=size, blocks=blocks, counts=counts))
        return found
