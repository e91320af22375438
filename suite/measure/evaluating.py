"""An evaluation, batch by batch: each is stored before the next is asked for, so that little is lost."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace

from suite import registry
from suite.client.replies import Memory, WorkerLike
from suite.errors import WorkerError
from suite.measure.bench import Bench
from suite.measure.real_energy import Metering
from suite.power.meter import Meter
from suite.records import (
    Accuracy,
    EvaluatedBatch,
    EvaluationRule,
    Flag,
    MemoryUse,
    NotMeasured,
    Provenance,
    RunRecord,
    Task,
)
from suite.records.journal import Journal
from suite.stats.quiet import disturbance
from suite.units import counted, show_count
from suite.worker.evaluation import Evaluation

ROWS = 64  # of a request: a second or two of most models; so much is lost where a run is cut off
FREE_CORRUPT_COUNT = 10
MAX_CORRUPT_SHARE = 0.1  # beyond these, what is left is no sample of the data any more


class Evaluating:
    """One accuracy task on its way. begin: takes a line of progress."""

    def __init__(
        self, bench: Bench, task: Task, journal: Journal, begin: Callable[[str], None], meter: Meter | NotMeasured
    ) -> None:
        assert task.evaluation is not None
        self.bench, self.task, self.rule = bench, task, task.evaluation
        self.memory: MemoryUse | None = None
        self.found: Accuracy | None = None
        self.batches: list[EvaluatedBatch] = []
        self.doubts: list[Flag] = []
        self._meter = meter
        self._journal = journal
        self._begin = begin

    def into(self, record: RunRecord) -> RunRecord:
        """The record with what was found."""
        assert self.found is not None
        return replace(
            record,
            accuracy=self.found,
            memory=self.memory,
            provenance=self.found.provenance,
            variant=self.bench.variant,
            flags=(*record.flags, *flags(self.found, self.rule), *self.doubts),
        )

    def run(self) -> None:
        """Raises WorkerError, also where the rows are too few or too many of them can't be read."""
        worker = self.bench.ready()
        declared: Evaluation = registry.get(registry.EVALUATIONS, self.rule.name, "evaluation")
        before, can_tell = worker.memory(), worker.reset_memory()
        self.batches = list(self._journal.begin(self._made_of()))
        while (row_count := self._due()) > 0:
            self._begin(self._progress())
            batch = self._next(worker, row_count)
            self._require_readable(batch)
            self._journal.append(batch)
            self.batches.append(batch)
        if not any(batch.groups for batch in self.batches):
            raise WorkerError(
                "EVALUATION_EMPTY",
                f"{declared.title}: there is no example in {self.rule.data or 'it'}",
                f"give {declared.data_is or 'another evaluation'}",
            )
        self.memory = self._memory_use(before, worker.memory(), can_tell=can_tell)
        self.found = Accuracy(
            evaluation=declared.name,
            title=declared.title,
            metrics=(declared.metric, *declared.further),
            length_label=declared.length_label,
            batches=tuple(self.batches),
            provenance=self._provenance(),
        )
        if self.rule.metered:
            self._begin(f"metering {self.task.model} on the inputs of {self.rule.name}")
            metering = Metering(self.bench, self.task, self.found, self.doubts)
            self.found = replace(self.found, energies=metering.run(self._meter))

    def _due(self) -> int:
        """Rows of the next request; 0 where none is left."""
        if self.batches and self.batches[-1].ended:
            return 0
        return ROWS if self.rule.limit is None else min(ROWS, self.rule.limit - self._row_count())

    def _row_count(self) -> int:
        return sum(batch.row_count for batch in self.batches)

    def _next(self, worker: WorkerLike, row_count: int) -> EvaluatedBatch:
        alone = sum(len(batch.alone.latency_s) for batch in self.batches) < self.rule.alone_count
        batch = worker.evaluate(self.rule, self._row_count(), row_count, alone)
        if self.task.quiet is None:
            return batch
        return replace(batch, disturbed_by=disturbance(batch.interference, self.task.quiet, self.task.thread_count))

    def _require_readable(self, batch: EvaluatedBatch) -> None:
        corrupt = sum(each.corrupt_count for each in (*self.batches, batch))
        rows = self._row_count() + batch.row_count
        if corrupt > FREE_CORRUPT_COUNT and corrupt > MAX_CORRUPT_SHARE * rows:
            first = next(text for each in (*self.batches, batch) for text in each.corrupt)
            raise WorkerError(
                "EVALUATION_CORRUPT",
                f"{self.rule.data}: {corrupt} of {rows} rows can't be read, as {first}",
                "give the file as it was published, or correct those rows",
            )

    def _progress(self) -> str:
        done = f", {show_count(self._row_count())} rows so far" if self.batches else ""
        return f"asking {self.task.model} the questions of {self.rule.name}{done}"

    def _made_of(self) -> str:
        """What the answers depend on: the weights as they are loaded, and the versions of what runs them."""
        assert self.bench.loaded is not None
        text = repr((self.bench.loaded.weights_sha256, self.bench.versions))
        return hashlib.sha256(text.encode()).hexdigest()

    def _provenance(self) -> Provenance:
        total = hashlib.sha256("".join(batch.examples_sha256 for batch in self.batches).encode())
        return self.bench.provenance_of("evaluation", total.hexdigest())

    def _memory_use(self, before: Memory, after: Memory, *, can_tell: bool) -> MemoryUse:
        assert self.bench.imported is not None
        assert self.bench.loaded is not None
        return MemoryUse(
            import_resident_bytes=self.bench.imported.resident_bytes,
            before_resident_bytes=before.resident_bytes,
            peak_resident_bytes=after.peak_resident_bytes,
            peak_is_task=can_tell and after.peak_was_reset,
            weight_bytes=self.bench.loaded.weight_bytes,
            device_peak_bytes=after.device_peak_bytes,
        )


def flags(found: Accuracy, rule: EvaluationRule) -> Iterator[Flag]:
    """Doubts about a score that stands nonetheless."""
    if corrupt := found.count("corrupt_count"):
        text = f"{corrupt} of {show_count(found.row_count)} rows can't be read and are left out, as {found.corrupt[0]}"
        yield Flag(code="ROWS_CORRUPT", text=text)
    if unreachable := found.count("unreachable_count"):
        what = "the right answer is none that the model can give: they count as wrong"
        yield Flag(code="ANSWERS_UNREACHABLE", text=f"of {counted(unreachable, 'item')} {what}")
    if changed := found.count("changed_count"):
        compared = show_count(found.count("compared_count"))
        text = f"{changed} of {compared} answers are others in a padded batch than alone; scores are of batches"
        yield Flag(code="PADDING_CHANGES_ANSWERS", text=text)
    if rule.limit is not None and found.ended and found.row_count < rule.limit:
        text = f"{show_count(rule.limit)} rows were asked for, and there are {show_count(found.row_count)}"
        yield Flag(code="LIMIT_BEYOND_END", text=text)
    disturbed = sum(batch.disturbed_by is not None for batch in found.batches)
    if disturbed:
        all_of = "are upper bounds" if disturbed == len(found.batches) else "are of the others"
        text = f"other work disturbed {disturbed} of {len(found.batches)} stretches of calls: latencies {all_of}"
        yield Flag(code="STRETCHES_DISTURBED", text=text)
