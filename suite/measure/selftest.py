"""The instrument against itself: one case measured as if it were two series in turns, pair after pair.

Whatever difference a pair shows is none. So the pairs tell how often this machine would see a difference that isn't
there, and the smallest one it could see. Source: docs/statistics.md, section A against A.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from scipy.special import bdtrc

from suite.client.replies import WorkerLike
from suite.errors import WorkerError
from suite.measure.bench import Bench, OpenWorker
from suite.measure.moment import Observe
from suite.measure.series import Series
from suite.measure.turns import Turns
from suite.records import Block, NotMeasured, Repetition, Task, record, require
from suite.stats.paired import MIN_ROUND_COUNT, Paired, paired
from suite.stats.quiet import least_telling_s

ROUND_COUNT = MIN_ROUND_COUNT  # of a pair: as short as it can be, so that a minute holds many
BLOCK_S = 0.08
ALARM_SHARE = 0.05  # of pairs whose interval may leave 1 out by chance, as it is one of 95 %
DOUBTFUL = 0.01  # a count of alarms that chance reaches less often speaks against the instrument
WARM_UP = Repetition(warmup_min_call_count=10, warmup_max_call_count=50)  # a call lasts milliseconds


@record
class SelfTest:
    """What came of so many pairs of one case with itself. Counts of blocks leave warm-up out.

    apart_count: pairs whose interval left 1 out; different_count: those of them that were called DIFFERENT.
    resolution: the relative difference that most pairs would have seen, whole_resolution: the same of all pairs
    together. disturbed_count: of blocks; None where the machine doesn't tell what disturbs them.
    """

    model: str
    call_s: float
    pair_count: int
    apart_count: int
    different_count: int
    resolution: float
    whole_resolution: float
    pair_s: float  # in calls of both its series
    block_count: int
    disturbed_count: int | None
    wall_s: float
    culprit: str | None  # the process that was seen to disturb the most

    def __post_init__(self) -> None:
        require(0 <= self.different_count <= self.apart_count <= self.pair_count, "counts of pairs must nest")
        require(self.pair_count > 0, "a self-test has at least one pair")

    @property
    def chance(self) -> float:
        """That so many pairs or more would be apart where each is with ALARM_SHARE."""
        return 1.0 if self.apart_count == 0 else float(bdtrc(self.apart_count - 1, self.pair_count, ALARM_SHARE))

    @property
    def is_sound(self) -> bool:
        return self.chance >= DOUBTFUL


@dataclass(slots=True)
class AgainstItself:
    """Measures pairs on one worker. Of every round, which block is whose is drawn."""

    turns: Turns
    task: Task
    rng: random.Random
    series: Series = field(init=False)
    call_count: int = 0  # of a block; 0: not warmed up yet
    rounds: list[tuple[Block, Block]] = field(default_factory=list)  # all, in run order

    def __post_init__(self) -> None:
        self.series = Series(task=self.task)

    def pair(self, end_s: float) -> Paired | None:
        """The next ROUND_COUNT rounds that count, compared; None where the time is up before. Raises WorkerError.

        end_s: on the clock of the turns.
        """
        found: list[tuple[Block, Block]] = []
        while len(found) < ROUND_COUNT:
            if self.turns.observe.clock() >= end_s:
                return None
            made = self._round()
            if counts(made):
                found.append(made)
        return compared(found)

    def _round(self) -> tuple[Block, Block]:
        self.turns.place.round_index = len(self.rounds)
        made = [self._block(), self._block()]
        self.rng.shuffle(made)
        first, second = made
        self.rounds.append((first, second))
        return first, second

    def _block(self) -> Block:
        worker = self._ready()
        self.turns.time(worker, self.series, self.call_count, warmup=False)
        return self.series.blocks[-1]

    def _ready(self) -> WorkerLike:
        worker = self.turns.bench.ready()
        if self.call_count == 0:
            self.turns.make_ready(self.series)
            least_s = max(BLOCK_S, least_telling_s(self.task.thread_count))
            later = self.series.blocks[len(self.series.blocks) // 2 :]
            self.call_count = max(1, round(least_s / statistics.median(block.latency_s[0] for block in later)))
        self.turns.patience.wait(worker)
        return worker


def counts(made: tuple[Block, Block]) -> bool:
    return all(block.disturbed_by is None for block in made)


def compared(rounds: Sequence[tuple[Block, Block]]) -> Paired:
    first, second = zip(*rounds, strict=True)
    return paired(first, second)


def run(
    task: Task, open_worker: OpenWorker, observe: Observe, duration_s: float, tell: Callable[[str], None]
) -> SelfTest | NotMeasured:
    """Pairs for so long, by the task's rule for disturbed blocks, in an order that its seed draws.

    tell: takes lines of progress.
    """
    turns = Turns(Bench(task, open_worker), observe, tell=tell)
    against = AgainstItself(turns, task, random.Random(task.seed))
    began_s = observe.clock()
    found: list[Paired] = []
    try:
        while (pair := against.pair(began_s + duration_s)) is not None:
            found.append(pair)
    except WorkerError as error:
        turns.bench.failed(error)
        return NotMeasured(code=error.code, reason=error.reason, remedy=error.remedy)
    finally:
        turns.bench.close()
    return summed(against, found, observe.clock() - began_s)


def summed(against: AgainstItself, found: Sequence[Paired], wall_s: float) -> SelfTest | NotMeasured:
    """What the pairs say together, or that quiet never came for one."""
    blocks = against.series.timed
    disturbed = [block for block in blocks if block.disturbed_by is not None]
    whole = [made for made in against.rounds if counts(made)]
    resolutions = [pair.resolution for pair in found if pair.resolution is not None]
    together = compared(whole).resolution if whole else None
    culprit = against.turns.patience.culprit
    if not resolutions or together is None:
        return _absent(len(blocks), disturbed, culprit)
    told = any(block.interference is not None and block.interference.foreign_s is not None for block in blocks)
    calls_s = [sum(block.latency_s) for block in blocks if block.disturbed_by is None]
    return SelfTest(
        model=against.task.model,
        call_s=statistics.median(call for block in blocks if block.disturbed_by is None for call in block.latency_s),
        pair_count=len(found),
        apart_count=sum(pair.is_apart for pair in found),
        different_count=sum(pair.answer == "DIFFERENT" for pair in found),
        resolution=statistics.median(resolutions),
        whole_resolution=together,
        pair_s=2 * ROUND_COUNT * statistics.fmean(calls_s),
        block_count=len(blocks),
        disturbed_count=len(disturbed) if told else None,
        wall_s=wall_s,
        culprit=culprit,
    )


def _absent(block_count: int, disturbed: Sequence[Block], culprit: str | None) -> NotMeasured:
    if not disturbed:
        return NotMeasured(
            code="TOO_SHORT",
            reason=f"{block_count} blocks fit into the time, and a pair has {2 * ROUND_COUNT}",
            remedy="give it longer with --seconds",
        )
    seen = f" ({culprit} the most)" if culprit else ""
    return NotMeasured(
        code="DISTURBED",
        reason=f"{len(disturbed)} of {block_count} blocks were disturbed, the last one because "
        f"{disturbed[-1].disturbed_by}{seen}",
        remedy="close what runs beside it, or give it longer with --seconds",
    )
