"""VQA v2 in the layout that LXMERT was published with: questions as JSON, regions as TSV, streamed image by image."""

import base64
import json
import os
import struct
from typing import Any, Dict, Iterator, List, Optional, Tuple

from suite.worker import wordpiece
from suite.worker.evaluation import LONGEST_LINE_BYTES, Corrupt, Evaluation, Example, Judged, Row, required_data
from suite.worker.files import open_regular
from suite.worker.outcome import WorkerFault

_QUESTIONS, _FEATURES = "minival.json", "val2014_obj36.tsv"
_ANSWERS, _WORDS = "trainval_label2ans.json", "vocab.txt"
_COLUMNS = (  # of the TSV, without a header
    "img_id", "img_h", "img_w", "objects_id", "objects_conf",
    "attrs_id", "attrs_conf", "num_boxes", "boxes", "features",
)  # fmt: skip
_WIDTH = 2048
_LONGEST_QUESTION = 20  # tokens, as LXMERT was trained
_LARGEST_FILE_BYTES = 512 * 2**20


class Vqa(Evaluation):
    name = "vqa"
    title = "VQA v2"
    what = (
        "Questions about photographs, as LXMERT's authors published them. The score of an answer is what the ten "
        "annotators' answers give it, from 0 to 1. Figures are comparable with theirs (69.90 % on minival) only with "
        "the published weights and all rows."
    )
    metric = "VQA score"
    length_label = "text tokens"
    source = "the user's copy of VQA v2 with LXMERT's bottom-up features"
    models = ("lxmert",)
    data_is = "a folder with {}, {}, {} and BERT's {}".format(_QUESTIONS, _FEATURES, _ANSWERS, _WORDS)

    def rows(self, model: Any, data: Optional[str]) -> Iterator[Row]:
        folder = required_data(self, data, folder=True)
        asked = _questions(os.path.join(folder, _QUESTIONS))
        self._answers = _strings(os.path.join(folder, _ANSWERS))
        tokenise = wordpiece.Tokens(wordpiece.read(os.path.join(folder, _WORDS)), _LONGEST_QUESTION)
        for group, (image, found) in enumerate(_images(os.path.join(folder, _FEATURES))):
            if isinstance(found, Corrupt):
                yield found
                continue
            for sentence, label in asked.get(image, ()):
                ids = tokenise(sentence)
                yield Example((ids, found), label, group, len(ids))

    def inputs(self, model: Any, examples: List[Example]) -> Dict[str, Any]:
        import torch

        longest = max(example.length for example in examples)
        regions = max(example.inputs[1][0] for example in examples)
        ids = torch.zeros(len(examples), longest, dtype=torch.int64)
        feats = torch.zeros(len(examples), regions, _WIDTH)
        boxes = torch.zeros(len(examples), regions, 4)
        seen = torch.zeros(len(examples), regions, dtype=torch.int64)
        for place, example in enumerate(examples):
            tokens, (count, corners, values) = example.inputs
            ids[place, : len(tokens)] = torch.tensor(tokens)
            feats[place, :count] = torch.frombuffer(bytearray(values), dtype=torch.float32).view(count, _WIDTH)
            boxes[place, :count] = torch.tensor(corners).view(count, 4)
            seen[place, :count] = 1
        return {
            "input_ids": ids,
            "attention_mask": (ids != 0).to(torch.int64),
            "token_type_ids": torch.zeros_like(ids),
            "visual_feats": feats,
            "visual_pos": boxes,
            "visual_attention_mask": seen,
        }

    def judge(self, model: Any, output: Any, examples: List[Example]) -> List[List[Judged]]:
        scores = model.output_tensors(output)[0]
        if scores.shape[-1] != len(self._answers):
            raise WorkerFault(
                "EVALUATION_MODEL",
                "{} answers with {} words, and {} lists {}".format(
                    model.title, scores.shape[-1], _ANSWERS, len(self._answers)
                ),
                "give the list of answers that the model was trained with",
            )
        given = [self._answers[place] for place in scores.float().argmax(-1).tolist()]
        known = set(self._answers)
        return [
            [Judged(example.answer.get(answer, 0.0), answer, reachable=not known.isdisjoint(example.answer))]
            for answer, example in zip(given, examples)
        ]


def _questions(path: str) -> Dict[str, List[Tuple[str, Dict[str, float]]]]:
    """By image: each question with the score of every answer. Raises WorkerFault."""
    found: Dict[str, List[Tuple[str, Dict[str, float]]]] = {}
    for row in _json(path):
        try:
            label = {str(answer): min(1.0, max(0.0, float(score))) for answer, score in row["label"].items()}
            found.setdefault(row["img_id"], []).append((str(row["sent"]), label))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise _wrong(path, "an entry has no img_id, sent and label of scores") from error
    return found


def _strings(path: str) -> List[str]:
    found = _json(path)
    if not all(isinstance(each, str) for each in found):
        raise _wrong(path, "it is no list of answers")
    return found


def _json(path: str) -> List[Any]:
    try:
        with open_regular(path) as file:
            content = file.read(_LARGEST_FILE_BYTES + 1)
        found = json.loads(content.decode("utf-8"))
    except OSError as error:
        raise _wrong(path, error.strerror or str(error)) from error
    except (ValueError, RecursionError) as error:
        raise _wrong(path, "it is no JSON") from error
    if not isinstance(found, list):
        raise _wrong(path, "it is no list")
    return found


def _images(path: str) -> Iterator[Tuple[str, Any]]:
    """Each image's name with its regions (count, corners from 0 to 1, bytes of float32), one line in memory."""
    try:
        with open_regular(path) as file:
            for line in iter(lambda: file.readline(LONGEST_LINE_BYTES), b""):
                yield _image(line.rstrip(b"\n").split(b"\t"))
    except OSError as error:
        raise _wrong(path, error.strerror or str(error)) from error


def _image(columns: List[bytes]) -> Tuple[str, Any]:
    if len(columns) != len(_COLUMNS):
        return "", Corrupt("it has {} columns, not {}".format(len(columns), len(_COLUMNS)))
    row = dict(zip(_COLUMNS, columns))
    try:
        name, count = row["img_id"].decode("utf-8"), int(row["num_boxes"])
        width, height = float(row["img_w"]), float(row["img_h"])
        boxes, features = (base64.b64decode(row[name], validate=True) for name in ("boxes", "features"))
        corners = struct.unpack("<{}f".format(4 * count), boxes)
        scaled = [value / (width, height)[place % 2] for place, value in enumerate(corners)]
    except (ValueError, ZeroDivisionError, struct.error, UnicodeDecodeError) as error:
        return "", Corrupt("it can't be read ({})".format(str(error)[:100]))
    if count < 1 or len(features) != 4 * count * _WIDTH:
        told = "it has {} bytes of features, and {} regions of {} take {}"
        return "", Corrupt(told.format(len(features), count, _WIDTH, 4 * count * _WIDTH))
    return name, (count, scaled, features)


def _wrong(path: str, what: str) -> WorkerFault:
    return WorkerFault("EVALUATION_DATA", "{}: {}".format(path, what), "give the file as LXMERT's authors published it")


PLUGIN = Vqa()
