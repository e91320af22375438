"""Whole passes over an evaluation's first examples, back to back, for a window of energy.

A pass calls each example once, so that every window holds each of them equally often. Inputs lie on the device before.
"""

import itertools
from typing import Any, Callable, Dict, List, Optional

from suite.worker import evaluate, plugins, tensors, timing
from suite.worker.evaluation import Evaluation, Example
from suite.worker.outcome import WorkerFault

MOST_BYTES = 2**28  # of inputs that are held for a pass: a small board has little more to spare


class Passes:
    """Calls that are ready, of the first examples of an evaluation.

    row_count: of whose rows the examples are. example_count: at most so many of them; None: as many as may be held.
    """

    def __init__(
        self,
        evaluation: Evaluation,
        subject: evaluate.Subject,
        asked: Dict[str, Any],
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._subject = subject
        self.lengths: List[int] = []
        self._calls: List[Callable[[], Any]] = []
        rows = itertools.islice(evaluation.rows(subject.model, asked["data"]), asked["row_count"])
        examples = [row for row in rows if isinstance(row, Example)][: asked["example_count"]]
        if not examples:
            raise WorkerFault("EVALUATION_EMPTY", "{} has no example".format(evaluation.title), "give it one")
        evaluation.check(subject.model, subject.way.target)
        held_bytes, size = 0, asked["batch_size"]
        for start in range(0, len(examples), size):
            together = examples[start : start + size]
            inputs = evaluate.on_device(evaluation, subject, together)
            held_bytes += sum(_byte_count(value) for value in inputs.values())
            if self._calls and held_bytes > most_bytes:
                break
            self._calls.append(subject.model.bind(subject.way.target, inputs, "forward")[0])
            self.lengths += [example.length for example in together]

    def run(self, duration_s: float) -> Dict[str, Any]:
        """Passes for at least duration_s, one at least; see protocol.py."""
        synchronise, clock = self._subject.synchronise, self._subject.clock
        longest_s = [0.0] * len(self._calls)
        pass_count = 0
        with timing.collector_off():
            if synchronise is not None:
                synchronise()
            started_s = stamp_s = clock()
            while pass_count == 0 or stamp_s - started_s < duration_s:
                for place, call in enumerate(self._calls):
                    call()
                    if synchronise is not None:
                        synchronise()
                    before_s, stamp_s = stamp_s, clock()
                    longest_s[place] = max(longest_s[place], stamp_s - before_s)
                pass_count += 1
        return {
            "started_s": started_s,
            "ended_s": stamp_s,
            "pass_count": pass_count,
            "lengths": self.lengths,
            "longest_s": longest_s,
        }


def _byte_count(value: Any) -> int:
    return value.numel() * value.element_size() if tensors.is_tensor(value) else 0


class Replaying:
    """The passes that are ready in this worker, if any."""

    def __init__(self) -> None:
        self._asked: Optional[Dict[str, Any]] = None
        self._passes: Optional[Passes] = None

    def forget(self) -> None:
        """Gives up the inputs that are held."""
        self._asked = self._passes = None

    def passes(self, subject: evaluate.Subject, asked: Dict[str, Any]) -> Passes:
        """Those before, if they are what is asked for; else made anew. Raises WorkerFault."""
        if not (asked["batch_size"] >= 1 and asked["row_count"] >= 1 and (asked["example_count"] or 1) >= 1):
            raise WorkerFault("BAD_REQUEST", "a pass of no example", "Ask for at least one")
        if self._passes is None or self._asked != asked:
            self.forget()
            self._passes = Passes(plugins.evaluation(asked["evaluation"]), subject, asked)
            self._asked = asked
        return self._passes
