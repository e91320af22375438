"""How often `suite versus` sees a difference, with its stopping rule in the loop: simulated pairs, verdict by verdict.

    PYTHONPATH=. .venv/bin/python benchmarks/versus_alarms.py 200

Calls scatter by 2 %; each block is off by 1 % more, and the machine drifts. Of equal variants at most 5 % may be told
as different (statistics.md, section Variants).
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from dataclasses import dataclass, field

from tabulate import tabulate

from suite.client.replies import Timed
from suite.measure.bench import Bench
from suite.measure.crew import Crew, interleave
from suite.measure.moment import Observe
from suite.measure.steering import Steering
from suite.measure.turns import Turns
from suite.records import Repetition, Task
from suite.stats.variants import compared
from tests.fakes import FakeClock, FakeWorker, FakeWorkers

RATIOS = (1.0, 1.02, 1.05, 1.1)
CALL_S, CALL_NOISE, BLOCK_NOISE, DRIFT = 0.05, 0.02, 0.01, 0.1
RULE = Repetition(time_limit_s=8.0, warmup_min_call_count=1, warmup_max_call_count=1)


@dataclass(slots=True)
class Noisy(FakeWorkers):
    ratio: float = 1.0
    draw: random.Random = field(default_factory=random.Random)

    def open(self, thread_count: int) -> FakeWorker:
        FakeWorkers.open(self, thread_count)
        return NoisyWorker(self)


class NoisyWorker(FakeWorker):
    def time(self, case: str, call_count: int, deadline_s: float) -> Timed:
        shop = self._shop
        assert isinstance(shop, Noisy)
        level = 1 + shop.draw.gauss(0, BLOCK_NOISE) + DRIFT * (shop.clock() - 1000.0) / 20
        level *= shop.ratio if self._cases[case].side == "B" else 1.0
        started_s = shop.clock()
        latency_s = tuple(CALL_S * level * (1 + abs(shop.draw.gauss(0, CALL_NOISE))) for _ in range(call_count))
        shop.clock.sleep(sum(latency_s))
        return Timed(started_s=started_s, latency_s=latency_s, thread_count=1)


def verdict(ratio: float, seed: int) -> tuple[str, int]:
    workers = Noisy(FakeClock(), ratio=ratio, draw=random.Random(seed))
    clock = workers.clock
    observe = Observe(clock=clock, utc_now=clock.utc, state=clock.state)
    tasks = [Task(test="latency", model="reader", repetition=RULE, side=side) for side in ("A", "B")]
    first = Turns(Bench(tasks[0], workers.open), observe)
    crew = Crew([first, Turns(Bench(tasks[1], workers.open), observe, beside=first)])
    steering = Steering(tasks=tasks, hypotheses=(), clock=clock)
    found = {each.task.side: each for each in interleave(crew, tasks, random.Random(seed), steering)}
    crew.close()
    (told,) = compared(found["A"].blocks, [found["B"].blocks])
    return told.verdict, told.round_count


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    rows = []
    for ratio in RATIOS:
        made = [verdict(ratio, seed) for seed in range(count)]
        answers = Counter(told for told, _ in made)
        shares = [f"{100 * answers[name] / count:.1f} %" for name in ("FASTER", "SLOWER", "SAME", "UNRESOLVED")]
        rows.append([f"{ratio:g}", *shares, f"{sum(rounds for _, rounds in made) / count:.1f}"])
    print(tabulate(rows, ["B takes", "FASTER", "SLOWER", "SAME", "UNRESOLVED", "rounds"], tablefmt="github"))


if __name__ == "__main__":
    main()
