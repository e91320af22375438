"""What an evaluation plug-in is: one file in suite/worker/evaluations/ that ends in `PLUGIN = <Evaluation>()`.

Examples come from the plug-in itself or from what a user brings, one after the other, so that no file has to fit into
memory. The controller reads the declarations (without torch); the worker calls the methods.
"""

import importlib.util
import os
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple, Union

from suite.worker.outcome import NotMeasured, WorkerFault

LONGEST_LINE_BYTES = 64 * 2**20  # of a file that a user brings


class Example(NamedTuple):
    """One labelled input. `length`: of its own, before it is padded to a batch."""

    inputs: Any  # what `Evaluation.inputs` makes a batch of
    answer: Any  # what `Evaluation.judge` holds an output against
    group: int  # an image, an episode: what is asked of one of them twice is no independent evidence
    length: int


class Corrupt(NamedTuple):
    """A row that gives no example."""

    reason: str


class Judged(NamedTuple):
    """What an answer is worth. `further`: value and weight for each of the evaluation's further metrics."""

    score: float  # 0 to 1
    answered: str  # two answers are the same if these are
    further: Tuple[Tuple[float, float], ...] = ()
    reachable: bool = True  # whether the model could have given the right answer at all


Row = Union[Example, Corrupt]


class Evaluation:
    """Declarations, then where examples come from, how a batch becomes inputs, how an output is judged."""

    name = ""  # what the user types: "digits-vqa"
    title = ""
    what = ""  # one or two sentences for the report: what is asked, and what that isn't
    metric = ""  # of which scores are the mean: "accuracy"
    further: Tuple[str, ...] = ()  # metrics that are sums of values over sums of weights: "character error rate"
    length_label = ""  # what `Example.length` counts: "text tokens"
    source = ""  # of the data, with its licence
    models: Tuple[str, ...] = ()  # the models that it is for; empty: any
    data_is = ""  # what a user brings: "a folder with minival.json and ..."; empty: nothing
    packages: Tuple[str, ...] = ("torch",)

    def available(self) -> Optional[NotMeasured]:
        """None if this interpreter has the packages; else why not. Imports nothing heavy."""
        missing = [name for name in self.packages if importlib.util.find_spec(name) is None]
        if not missing:
            return None
        names = " and ".join(missing)
        return NotMeasured(
            "PACKAGE_MISSING",
            "{} needs {}, which the worker's Python lacks".format(self.title, names),
            "install {} there, or point SUITE_WORKER_PYTHON at a Python that has it".format(names),
        )

    def rows(self, model: Any, data: Optional[str]) -> Iterator[Row]:
        """The examples in their order, the same each time; what can't be read is Corrupt, in its place.

        data: the absolute path of what the user brought. Raises WorkerFault for what is no such data at all.
        """
        raise NotImplementedError

    def check(self, model: Any, target: Any) -> None:
        """Whether the loaded model fits the data, before its first call. Raises WorkerFault."""

    def inputs(self, model: Any, examples: List[Example]) -> Dict[str, Any]:
        """Named CPU tensors of one batch, padded to its longest example."""
        raise NotImplementedError

    def judge(self, model: Any, output: Any, examples: List[Example]) -> List[List[Judged]]:
        """For each example what its answers are worth: mostly one, of an episode one a step."""
        raise NotImplementedError


def required_data(evaluation: Evaluation, data: Optional[str], *, folder: bool) -> str:
    """The user's path. Raises WorkerFault EVALUATION_DATA where there is none, or it is not of that kind."""
    remedy = "give {} by --eval-data".format(evaluation.data_is)
    if data is None:
        raise WorkerFault("EVALUATION_DATA", "{} needs data of yours".format(evaluation.title), remedy)
    if not (os.path.isdir(data) if folder else os.path.isfile(data)):
        kind = "folder" if folder else "file"
        raise WorkerFault("EVALUATION_DATA", "{} is no {}".format(data, kind), remedy)
    return data
