"""What a battery measures with. Tests put fakes in place of each."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from suite import host, registry
from suite.client.interpreter import interpreter
from suite.client.replies import WorkerLike
from suite.client.worker import Worker
from suite.fleet.engine import Engine
from suite.measure.bench import OpenWorker
from suite.measure.moment import Observe
from suite.plan.load import Surroundings
from suite.power import choice, selftest
from suite.power.base import Options
from suite.power.meter import Meter
from suite.records import HostFacts, NotMeasured


def real_workers(log: Path) -> OpenWorker:
    """Opens worker processes whose own words go to the log."""
    python = interpreter(os.environ)

    def open_worker(thread_count: int) -> WorkerLike:
        return Worker.start(log=log, thread_count=thread_count, python=python, origin_of=registry.models().origin)

    return open_worker


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """`workers` is given the path of a log."""

    workers: Callable[[Path], OpenWorker] = real_workers
    select_meter: Callable[[str], Meter | NotMeasured] = choice.select
    survey: Callable[[str], tuple[choice.Surveyed, ...]] = choice.survey
    self_test: Callable[[str, Options], selftest.SelfTest | NotMeasured] = selftest.examine
    observe: Observe = field(default_factory=Observe)
    facts: Callable[[tuple[tuple[str, str], ...]], HostFacts] = host.facts
    surroundings: Callable[[], Surroundings] = Surroundings.here
    engine: Callable[[], Engine] = Engine

    def looking_at(self, power: str) -> Tools:
        """The same, with the host's facts and state read where `root` in --power says: at another machine's tree."""
        root = choice.root_of(power)
        if root is None:
            return self
        observe = replace(self.observe, state=partial(host.state, Path(root)))
        return replace(self, observe=observe, facts=partial(host.facts, root=Path(root)))
