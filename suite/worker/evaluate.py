"""Calls the loaded model with the rows of an evaluation, a stretch at a time, and judges what it answers."""

import hashlib
from typing import Any, Dict, Iterator, List, NamedTuple, Optional

from suite.worker import case, plugins, precision, tensors, timing
from suite.worker.evaluation import Corrupt, Evaluation, Example, Judged, Row
from suite.worker.model import Model
from suite.worker.outcome import WorkerFault

MOST_ROWS = 1000  # of one request: a reply is one line
MOST_TOLD = 5  # corrupt rows, told one by one
WARMUP_COUNT = 3


class Way(NamedTuple):
    """How the model is run."""

    target: Any
    device: str
    precision: str


class Subject(NamedTuple):
    """What is evaluated, and how its calls are timed."""

    model: Model
    way: Way
    synchronise: timing.Synchronise
    clock: timing.Clock


def on_device(evaluation: Evaluation, subject: Subject, examples: List[Example]) -> Dict[str, Any]:
    """Named inputs of the examples together, as the model's way takes them, where it runs."""
    made = precision.cast_inputs(evaluation.inputs(subject.model, examples), subject.way.precision)
    return {name: tensors.moved(value, subject.way.device) for name, value in made.items()}


class Calls:
    """Timed calls, as they come."""

    def __init__(self) -> None:
        self.example_counts: List[int] = []
        self.padded_lengths: List[int] = []
        self.latency_s: List[float] = []

    def add(self, examples: List[Example], latency_s: float) -> None:
        self.example_counts.append(len(examples))
        self.padded_lengths.append(max(example.length for example in examples))
        self.latency_s.append(latency_s)

    def told(self) -> Dict[str, Any]:
        return dict(self.__dict__)


class Stretch:
    """What is told of the rows of one request."""

    def __init__(self, further_count: int) -> None:
        self.values: List[List[float]] = [[] for _ in range(1 + further_count)]
        self.weights: List[List[float]] = [[] for _ in range(further_count)]
        self.groups: List[int] = []
        self.lengths: List[int] = []
        self.alone, self.padded = Calls(), Calls()
        self.changed_count = self.compared_count = self.unreachable_count = 0

    def add(self, examples: List[Example], judged: List[List[Judged]]) -> None:
        for example, items in zip(examples, judged):
            self.lengths.append(example.length)
            for item in items:
                self.groups.append(example.group)
                self.values[0].append(float(item.score))
                self.unreachable_count += not item.reachable
                for place, (value, weight) in enumerate(item.further):
                    self.values[1 + place].append(float(value))
                    self.weights[place].append(float(weight))

    def compare(self, alone: List[List[Judged]], padded: List[List[Judged]]) -> None:
        """Whether a batch's padding changes an answer."""
        for one, other in zip(alone, padded):
            self.compared_count += len(one)
            self.changed_count += sum(left.answered != right.answered for left, right in zip(one, other))

    def told(self) -> Dict[str, Any]:
        return dict(self.__dict__, alone=self.alone.told(), padded=self.padded.told())


class Evaluating:
    """The rows of one evaluation for one model, from a row on."""

    def __init__(self, evaluation: Evaluation, subject: Subject, data: Optional[str], start: int) -> None:
        if evaluation.models and subject.model.name not in evaluation.models:
            raise WorkerFault(
                "EVALUATION_MODEL",
                "{} is not for {}".format(evaluation.title, subject.model.title),
                "choose {}".format(" or ".join(evaluation.models)),
            )
        self.asked = (evaluation.name, data)
        self.row = 0
        self._evaluation = evaluation
        self._subject = subject
        self._rows: Iterator[Row] = iter(evaluation.rows(subject.model, data))
        self._is_warm = False
        for _ in range(start):
            if next(self._rows, None) is None:
                break
            self.row += 1

    def answer(self, row_count: int, batch_size: int, *, alone: bool) -> Dict[str, Any]:
        """The next rows, called in batches, and one by one too where that is asked for; see protocol.py."""
        rows: List[Row] = []
        for row in self._rows:
            rows.append(row)
            if len(rows) == row_count:
                break
        examples = [row for row in rows if isinstance(row, Example)]
        found, total = Stretch(len(self._evaluation.further)), hashlib.sha256()
        for example in examples:
            self._hash(example, total)
        if examples and not self._is_warm:
            self._evaluation.check(self._subject.model, self._subject.way.target)
            self._warm_up(examples[:batch_size])
        for start in range(0, len(examples), batch_size):
            self._call(examples[start : start + batch_size], found, alone=alone)
        corrupt = [
            "row {}: {}".format(self.row + place, row.reason)
            for place, row in enumerate(rows, 1)
            if isinstance(row, Corrupt)
        ]
        self.row += len(rows)
        return dict(
            found.told(),
            row_count=len(rows),
            examples_sha256=total.hexdigest(),
            corrupt_count=len(corrupt),
            corrupt=corrupt[:MOST_TOLD],
            ended=len(rows) < row_count,
        )

    def _hash(self, example: Example, total: Any) -> None:
        """Of what the model is given for it, unpadded, and of what is right."""
        made = self._evaluation.inputs(self._subject.model, [example])
        total.update(case.digest(made).encode())
        total.update(repr(example.answer).encode("utf-8", "surrogatepass"))

    def _warm_up(self, examples: List[Example]) -> None:
        for _ in range(WARMUP_COUNT):
            self._timed(examples[:1], twice=False)
            self._timed(examples, twice=False)
        self._is_warm = True

    def _call(self, examples: List[Example], found: Stretch, *, alone: bool) -> None:
        one_by_one: List[List[Judged]] = []
        for example in examples if alone else ():
            timed = self._timed([example], twice=True)
            found.alone.add([example], timed.latency_s[-1])
            one_by_one += self._judged(timed.output, [example])
        timed = self._timed(examples, twice=alone)
        found.padded.add(examples, timed.latency_s[-1])
        judged = self._judged(timed.output, examples)
        found.add(examples, judged)
        found.compare(one_by_one, judged)

    def _timed(self, examples: List[Example], *, twice: bool) -> timing.Timed:
        """The last call's output and latency, the inputs being on the device.

        twice: a runtime may take the first call with new tensors to bind them, which no timed call elsewhere holds.
        """
        subject = self._subject
        inputs = on_device(self._evaluation, subject, examples)
        call, _ = subject.model.bind(subject.way.target, inputs, "forward")
        return timing.time_calls(call, subject.synchronise, 2 if twice else 1, subject.clock)

    def _judged(self, output: Any, examples: List[Example]) -> List[List[Judged]]:
        judged = self._evaluation.judge(self._subject.model, output, examples)
        if len(judged) != len(examples):
            raise WorkerFault(
                "BAD_PLUGIN",
                "{} judges {} of {} examples".format(self._evaluation.name, len(judged), len(examples)),
                "let `judge` return one list for each example",
            )
        return judged


def reading(before: Optional[Evaluating], subject: Subject, asked: Dict[str, Any]) -> Evaluating:
    """The one before, if it stands where the request begins; else the rows are read anew. Raises WorkerFault."""
    row_count, start = asked["row_count"], asked["start"]
    if not (1 <= row_count <= MOST_ROWS and asked["batch_size"] >= 1 and start >= 0):
        raise WorkerFault("BAD_REQUEST", "{} rows from row {}".format(row_count, start), "Ask for fewer at a time")
    if before is not None and before.row == start and before.asked == (asked["evaluation"], asked["data"]):
        return before
    return Evaluating(plugins.evaluation(asked["evaluation"]), subject, asked["data"], start)
