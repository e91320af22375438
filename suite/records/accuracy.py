"""How right a model's answers are: what is asked, and every example's score, so that variants can be paired later."""

from __future__ import annotations

from collections.abc import Iterable

from suite.limits import MAX_CALL_COUNT, MAX_INPUT_SIZE, MAX_PATH_LENGTH
from suite.records.energy import EnergyReading, Schedule
from suite.records.measured import Provenance
from suite.records.quiet import Interference
from suite.records.values import (
    NotMeasured,
    record,
    require,
    require_count,
    require_name,
    require_non_negative,
    require_positive,
    require_within,
)

MAX_TOLD_CORRUPT = 5  # rows that couldn't be read, told one by one; the others are counted


@record
class EvaluationRule:
    """Which examples, and how they are called. `alone_count`: so many are also called one by one, for their latency.

    `metered`: whether the joules of those are measured too, one by one and in batches.
    """

    name: str
    data: str | None = None  # the path of what the user brought
    limit: int | None = None  # rows; None: all
    batch_size: int = 8
    alone_count: int = 400
    metered: bool = False

    def __post_init__(self) -> None:
        require_name("evaluation", self.name)
        require_count("batch_size", self.batch_size, MAX_INPUT_SIZE)
        require_count("alone_count", self.alone_count, MAX_CALL_COUNT, low=0)
        require(self.data is None or len(self.data) <= MAX_PATH_LENGTH, "the path of the data is too long")
        if self.limit is not None:
            require_count("limit", self.limit, MAX_CALL_COUNT)


@record
class RealCalls:
    """Calls with real inputs, in order: of each its examples, its latency, and the length that all were padded to."""

    example_counts: tuple[int, ...]
    padded_lengths: tuple[int, ...]
    latency_s: tuple[float, ...]

    def __post_init__(self) -> None:
        count = len(self.latency_s)
        require(len(self.example_counts) == len(self.padded_lengths) == count, "each call has a count and a length")
        require_positive("latency_s, example_counts", *self.latency_s, *self.example_counts)
        require_non_negative("padded_lengths", *self.padded_lengths)


@record
class EvaluatedBatch:
    """A stretch of rows. What is corrupt among them gives no example; an example gives one item or more.

    values[m][i] of metric m and item i: the first metric is a mean of scores from 0 to 1; the others are sums of values
    over sums of weights. groups: of each item, what it is asked about; lengths: of each example.
    alone, padded: the calls one by one (of the first examples) and in batches; scores come from the latter.
    """

    row_count: int
    examples_sha256: str
    values: tuple[tuple[float, ...], ...]
    weights: tuple[tuple[float, ...], ...]  # of the metrics but the first
    groups: tuple[int, ...]
    lengths: tuple[int, ...]
    padded: RealCalls
    alone: RealCalls
    changed_count: int = 0  # answers that differ between alone and in a batch
    compared_count: int = 0
    unreachable_count: int = 0  # items whose right answer the model can't give
    corrupt_count: int = 0
    corrupt: tuple[str, ...] = ()
    ended: bool = False  # whether no row is left
    interference: Interference | None = None  # beside the calls
    disturbed_by: str | None = None  # what of it broke the task's rule, in words; scores do not depend on it

    def __post_init__(self) -> None:
        require(self.row_count >= 0, "row_count must not be negative")
        require(len(self.values) >= 1, "there is a metric")
        require(len(self.weights) == len(self.values) - 1, "each further metric has weights")
        for column in (*self.values, *self.weights):
            require(len(column) == len(self.groups), "each item has a value of each metric")
        for value in self.values[0]:
            require_within("score", value, 0.0, 1.0)
        require_non_negative("value", *(value for column in (*self.values[1:], *self.weights) for value in column))
        require(len(self.lengths) == sum(self.padded.example_counts), "each example has a length and is called once")
        require(self.changed_count <= self.compared_count, "no more answers change than are compared")
        require(self.corrupt_count + len(self.lengths) == self.row_count, "a row is an example, or corrupt")


@record
class RealEnergy:
    """Joules of passes over an evaluation's first examples, back to back: a window's call is a whole pass.

    example_count: of a pass; 0 where none was made.
    """

    batch_size: int  # 1: one by one
    example_count: int
    energy: EnergyReading | NotMeasured
    beside: tuple[EnergyReading | NotMeasured, ...] = ()  # other parts of the machine, in the same windows
    schedule: Schedule | None = None
    is_upper_bound: bool = False  # other work disturbed a window, which holds its joules too

    def __post_init__(self) -> None:
        require_count("batch_size", self.batch_size, MAX_INPUT_SIZE)
        require_count("example_count", self.example_count, MAX_CALL_COUNT, low=0)
        require(self.schedule is None or self.example_count > 0, "a pass that was made has an example")


@record
class Accuracy:
    """One model's answers to one evaluation, in the order of its rows."""

    evaluation: str
    title: str
    metrics: tuple[str, ...]  # their names, the one of the scores first
    length_label: str
    batches: tuple[EvaluatedBatch, ...]
    provenance: Provenance | None = None
    energies: tuple[RealEnergy, ...] = ()  # one by one, and in batches; none: nobody asked

    def __post_init__(self) -> None:
        require(len(self.batches) > 0, "an evaluation has a batch")
        for batch in self.batches:
            require(len(batch.values) == len(self.metrics), "a batch has a value of each metric")
        sizes = [each.batch_size for each in self.energies]
        require(len(set(sizes)) == len(sizes), "a batch size is metered once")
        for each in self.energies:
            require(each.example_count <= self.example_count, "no more examples are metered than there are")

    def values(self, metric: int = 0) -> tuple[float, ...]:
        return tuple(value for batch in self.batches for value in batch.values[metric])

    def weights(self, metric: int) -> tuple[float, ...]:
        """1 each for the first metric."""
        if metric == 0:
            return (1.0,) * self.item_count
        return tuple(value for batch in self.batches for value in batch.weights[metric - 1])

    @property
    def groups(self) -> tuple[int, ...]:
        return tuple(group for batch in self.batches for group in batch.groups)

    @property
    def lengths(self) -> tuple[int, ...]:
        return tuple(length for batch in self.batches for length in batch.lengths)

    @property
    def item_count(self) -> int:
        return sum(len(batch.groups) for batch in self.batches)

    @property
    def example_count(self) -> int:
        return sum(len(batch.lengths) for batch in self.batches)

    @property
    def row_count(self) -> int:
        return sum(batch.row_count for batch in self.batches)

    @property
    def ended(self) -> bool:
        """Whether every row of the data was seen."""
        return self.batches[-1].ended

    @property
    def examples(self) -> tuple[str, ...]:
        """Hashes of the examples: two records are of the same ones if these are equal."""
        return tuple(batch.examples_sha256 for batch in self.batches)

    @property
    def quiet_batches(self) -> tuple[EvaluatedBatch, ...]:
        """Of whose calls latencies are told: those that nothing disturbed, all where none was left alone."""
        undisturbed = tuple(batch for batch in self.batches if batch.disturbed_by is None)
        return undisturbed or self.batches

    @property
    def is_upper_bound(self) -> bool:
        """Whether its latencies are: every stretch of calls was disturbed."""
        return all(batch.disturbed_by is not None for batch in self.batches)

    @property
    def alone(self) -> RealCalls:
        return joined(batch.alone for batch in self.quiet_batches)

    def energy_at(self, batch_size: int) -> RealEnergy | None:
        return next((each for each in self.energies if each.batch_size == batch_size), None)

    def count(self, name: str) -> int:
        """The sum of a batch's field: "corrupt_count"."""
        return sum(getattr(batch, name) for batch in self.batches)

    @property
    def corrupt(self) -> tuple[str, ...]:
        return tuple(text for batch in self.batches for text in batch.corrupt)[:MAX_TOLD_CORRUPT]


def joined(parts: Iterable[RealCalls]) -> RealCalls:
    """One after the other."""
    calls = list(parts)
    return RealCalls(
        example_counts=tuple(value for part in calls for value in part.example_counts),
        padded_lengths=tuple(value for part in calls for value in part.padded_lengths),
        latency_s=tuple(value for part in calls for value in part.latency_s),
    )
