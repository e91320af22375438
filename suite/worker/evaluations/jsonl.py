"""Anybody's own examples: a file of one JSON object a line, {"inputs": {name: numbers, ...}, "answer": ...}."""

import json
from typing import Any, Dict, Iterator, List, Optional

from suite.worker.evaluation import LONGEST_LINE_BYTES, Corrupt, Evaluation, Example, Judged, Row, required_data
from suite.worker.files import open_regular
from suite.worker.outcome import WorkerFault


class Jsonl(Evaluation):
    name = "jsonl"
    title = "your examples"
    what = (
        "Examples that the user brought, one JSON object a line. An answer is the place of the largest score: a number "
        "for one answer, a list of numbers for one at each position. An optional group says which examples belong "
        "together."
    )
    metric = "exact match"
    length_label = "positions"
    source = "a file of the user's"
    data_is = 'a file of lines like {"inputs": {"input_ids": [1, 2]}, "answer": 3}'

    def rows(self, model: Any, data: Optional[str]) -> Iterator[Row]:
        path = required_data(self, data, folder=False)
        try:
            with open_regular(path) as file:
                for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE_BYTES), b"")):
                    if line.strip():
                        yield _row(line, number)
        except OSError as error:
            raise WorkerFault(
                "EVALUATION_DATA", "{}: {}".format(path, error.strerror or error), "give a file that can be read"
            ) from error

    def inputs(self, model: Any, examples: List[Example]) -> Dict[str, Any]:
        """Each input of the examples side by side, shorter ones filled up with 0. Raises WorkerFault."""
        names = list(examples[0].inputs)
        for example in examples:
            if set(example.inputs) != set(names):
                raise WorkerFault(
                    "EVALUATION_DATA",
                    "one example has the inputs {}, another {}".format(", ".join(names), ", ".join(example.inputs)),
                    "give every line the same inputs",
                )
        return {name: _stacked([example.inputs[name] for example in examples], name) for name in names}

    def judge(self, model: Any, output: Any, examples: List[Example]) -> List[List[Judged]]:
        tensors = model.output_tensors(output)
        if not tensors or tensors[0].dim() < 2 or tensors[0].shape[0] != len(examples):
            raise WorkerFault(
                "EVALUATION_MODEL",
                "{}'s first output is no row of scores for each example".format(model.title),
                "let the plug-in's `output_tensors` give the scores first, [examples, ..., answers]",
            )
        given = tensors[0].float().argmax(-1).tolist()
        count = int(tensors[0].shape[-1])
        return [[_judged(answer, example.answer, count)] for answer, example in zip(given, examples)]


def _row(line: bytes, number: int) -> Row:
    try:
        found = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        return Corrupt("it is no JSON ({})".format(str(error)[:100]))
    if not isinstance(found, dict) or not isinstance(found.get("inputs"), dict) or not found["inputs"]:
        return Corrupt('it has no "inputs" with names')
    answer, group = found.get("answer"), found.get("group", number)
    answers = answer if isinstance(answer, list) else [answer]
    if not answers or not all(type(each) is int and each >= 0 for each in answers):
        return Corrupt('its "answer" is no place among the scores: a whole number, or a list of them')
    if type(group) is not int:
        return Corrupt('its "group" is no whole number')
    if not all(_is_numbers(value) for value in found["inputs"].values()):
        return Corrupt("an input is neither a number nor lists of numbers")
    return Example(found["inputs"], answer, group, max(_length(value) for value in found["inputs"].values()))


def _is_numbers(value: Any, depth: int = 0) -> bool:
    if isinstance(value, list):
        return depth < 8 and all(_is_numbers(each, depth + 1) for each in value)
    return isinstance(value, (int, float, bool))


def _length(value: Any) -> int:
    return len(value) if isinstance(value, list) else 1


def _stacked(values: List[Any], name: str) -> Any:
    """int64 of whole numbers, float32 of others."""
    import torch

    try:
        parts = [torch.as_tensor(value) for value in values]
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise WorkerFault(
            "EVALUATION_DATA", "input {}: {}".format(name, str(error)[:200]), "give lists of one length at each depth"
        ) from error
    if len({part.dim() for part in parts}) > 1:
        raise WorkerFault(
            "EVALUATION_DATA", "input {} is of other depths in other lines".format(name), "give it alike in all"
        )
    whole = all(not part.is_floating_point() for part in parts)
    shape = [max(part.shape[place] for part in parts) for place in range(parts[0].dim())]
    filled = torch.zeros([len(parts)] + shape, dtype=torch.int64 if whole else torch.float32)
    for place, part in enumerate(parts):
        filled[(place,) + tuple(slice(size) for size in part.shape)] = part.to(filled.dtype)
    return filled


def _judged(given: Any, answer: Any, count: int) -> Judged:
    """A list's answers stand at its positions; what the model says behind them is padding."""
    if isinstance(answer, list):
        given = given[: len(answer)] if isinstance(given, list) else [given]
        reachable = all(each < count for each in answer)
    else:
        reachable = answer < count
    return Judged(float(given == answer), repr(given), reachable=reachable)


PLUGIN = Jsonl()
