"""Interleaved measurement: the series of a model take turns in blocks, in random order, until each has enough.

Interleaving keeps a drift of the machine (heat, other load) from looking like an effect of batch size, input size or
variant. Each variant has a worker of its own. All stay alive where memory allows; else one at a time, and a model is
loaded again for its turns of a round, which then follow each other.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from suite.measure.bench import Bench
from suite.measure.series import Series
from suite.measure.steering import Steering
from suite.measure.turns import Turns
from suite.records import HostState, Task
from suite.stats import quiet

HEADROOM = 1.25  # of the memory that a worker took, which another must find free before it starts
ELEMENT_BYTES = {"fp32": 4, "tf32": 4, "bf16": 2, "fp16": 2, "int8": 1}


class Crew:
    """The turns of all variants of a model. The first one's order, rounds, patience and gate are the others'."""

    def __init__(self, turns: Sequence[Turns]) -> None:
        self.turns = {each.bench.task.load: each for each in turns}
        self.first = turns[0]
        self.is_alone = False  # one worker at a time: there is no memory for two
        self._is_built = False
        for each in turns:
            each.gives_way = partial(self._leave_alone, each)

    def of(self, task: Task) -> Turns:
        """Raises KeyError for a task of no variant of these."""
        return self.turns[task.load]

    def begin(self, line: str) -> None:
        for each in self.turns.values():
            each.line = line
        self.first.tell(line)

    def arranged(self, due: Sequence[Series], rng: random.Random, *, is_first_round: bool) -> Iterator[Series]:
        """All of a round, in an order that is drawn. Of workers that can't live together, the one that is alive first.

        In the first round each variant's first point goes first, so that cold start is that of one case in every run.
        """
        heads: dict[object, Series] = {}
        for each in due if is_first_round else ():
            heads.setdefault(each.task.load, each)
        rest = [each for each in due if heads.get(each.task.load) is not each]
        rng.shuffle(rest)
        waiting = [*heads.values(), *rest]
        while waiting:
            yield waiting.pop(next(filter(lambda at: self._is_near(waiting[at]), range(len(waiting))), 0))

    def visit(self, series: Series) -> None:
        """A block on the worker of its variant, which is started if it isn't there."""
        if not self._is_built:
            self._is_built = True
            for each in self.turns.values():
                each.bench.build_ahead()
        turns = self.of(series.task)
        others = [each for each in self.turns.values() if each is not turns and each.bench.is_open]
        if others and not turns.bench.is_open and not (not self.is_alone and all(_fits(turns, had) for had in others)):
            self._leave_alone(turns)
        turns.visit(series)

    def settle(self, everyone: Sequence[Series]) -> None:
        """Judges all blocks by the machine's usual pace, once that is known."""
        for each in everyone:
            each.settle(quiet.usual_pace_s(self.of(each.task).paces_s))

    def only(self, turns: Turns) -> Turns:
        """Ends the other workers: what follows is of one variant alone."""
        for each in self.turns.values():
            if each is not turns:
                each.bench.close()
        return turns

    def close(self) -> None:
        for each in self.turns.values():
            each.bench.close()

    def _is_near(self, series: Series) -> bool:
        return self.is_alone and self.of(series.task).bench.is_open

    def _leave_alone(self, turns: Turns) -> bool:
        """From now on one worker at a time, this one's next. False if no other was alive."""
        if not any(each.bench.is_open for each in self.turns.values() if each is not turns):
            return False
        self.is_alone = True
        for each in self.turns.values():
            each.tells_cold_start = each.bench.start_count == 0
        self.only(turns)
        return True


def assembled(
    tasks: Sequence[Task], turns_of: Callable[[Sequence[Task], Turns | None], Turns], began: HostState | None
) -> Crew:
    """Turns for each load of the tasks. The first ones' patience is that of a measurement on the fewest cores.

    turns_of: makes them for the tasks of one load, beside those of the first. began: the machine before the run.
    """
    loads: dict[object, list[Task]] = {}
    for task in tasks:
        loads.setdefault(task.load, []).append(task)
    made: list[Turns] = []
    for own in loads.values():
        made.append(turns_of(own, made[0] if made else None))
    made[0].gate.began = began
    made[0].patience.core_count = min(task.thread_count for task in tasks)
    return Crew(made)


def _fits(turns: Turns, had: Turns) -> bool:
    """Whether memory is free for a worker beside one that is alive. What the machine doesn't tell is none."""
    taken, available_bytes = had.bench.memory, turns.observe.state().memory_available_bytes
    if taken is None or available_bytes is None:
        return False
    if HEADROOM * taken.peak_resident_bytes + _dearer_bytes(turns.bench, had.bench) > available_bytes:
        return False
    if turns.bench.task.device == "cpu" or turns.bench.task.device != had.bench.task.device:
        return True
    free_bytes, total_bytes = taken.device_free_bytes, taken.device_total_bytes
    if free_bytes is None or total_bytes is None:
        return False
    return HEADROOM * (total_bytes - free_bytes) <= free_bytes


def _dearer_bytes(wanted: Bench, had: Bench) -> float:
    """By which wider weights exceed those of the worker that is there."""
    width = ELEMENT_BYTES[wanted.task.precision] / ELEMENT_BYTES[had.task.precision]
    return 0.0 if had.loaded is None else max(0.0, width - 1) * had.loaded.weight_bytes


def interleave(
    turns: Turns | Crew, tasks: Sequence[Task], rng: random.Random, steering: Steering | None = None
) -> Iterator[Series]:
    """Measures the tasks in turns; yields each series as soon as it has ended, with samples, an error, or both.

    One that gets further turns afterwards, or whose blocks are judged otherwise once all are known, is yielded again. A
    worker that dies takes only the series it was measuring: the others go on in a new one. steering: of these tasks;
    None: every series for itself.
    """
    crew = Crew([turns]) if isinstance(turns, Turns) else turns
    first = crew.first
    steering = steering or Steering(tasks=(), hypotheses=(), clock=first.observe.clock)
    everyone = [Series(task=task) for task in tasks]
    told: dict[str, object] = {}  # what a series said when it was last yielded

    def done() -> Iterator[Series]:
        for series in everyone:
            is_first, has_news = series.case not in told, told.get(series.case) != series.said
            if series.ended and (is_first or (has_news and not steering.holds(series))):
                told[series.case] = series.said
                yield series

    for number in itertools.count(1):
        if not (due := steering.next_round(everyone)):
            break
        yield from done()
        first.place.round_index = number - 1
        first.gate.cool()
        crew.begin(f"timing {due[0].task.model}, round {number}, {len(due)} of {len(everyone)} {_called(crew)}")
        for series in crew.arranged(due, rng, is_first_round=number == 1):
            crew.visit(series)
            yield from done()
        steering.look(everyone)
    first.place.round_index = None
    crew.settle(everyone)
    yield from (series for series in everyone if told.get(series.case) != series.said)


def _called(crew: Crew) -> str:
    return "sizes" if len(crew.turns) == 1 else f"series, {len(crew.turns)} variants"
