"""Questions about real images of digits, answered by a small LXMERT: an accuracy that needs no download."""

from typing import Any, Dict, Iterator, List, Optional

from suite.worker import digits, tensor_file
from suite.worker.evaluation import Evaluation, Example, Judged, Row


class DigitsVqa(Evaluation):
    name = "digits-vqa"
    title = "digits-VQA"
    what = (
        "Five questions about each of 540 real images of handwritten digits that were held out of training. "
        "It is not VQA: images of 8 x 8, questions made up from the label, a model trained for them alone. It shows "
        "whether a variant damages a model's answers, and no more."
    )
    metric = "accuracy"
    length_label = "text tokens"
    source = "scikit-learn's digits (BSD), from UCI's Optical Recognition of Handwritten Digits (CC BY 4.0)"
    models = ("lxmert-digits",)

    def rows(self, model: Any, data: Optional[str]) -> Iterator[Row]:
        found = tensor_file.read(digits.DATA)
        self._pixels = found["pixels"]
        for one in digits.asked(digits.held_out(), found["labels"].tolist()):
            yield Example(one, one.answer, one.image, len(one.token_ids))

    def inputs(self, model: Any, examples: List[Example]) -> Dict[str, Any]:
        made: Dict[str, Any] = digits.inputs([example.inputs for example in examples], self._pixels)
        return made

    def judge(self, model: Any, output: Any, examples: List[Example]) -> List[List[Judged]]:
        scores = model.output_tensors(output)[0]
        given = scores.float().argmax(-1).tolist()
        return [
            [Judged(float(answer == example.answer), digits.ANSWERS[answer])]
            for answer, example in zip(given, examples)
        ]


PLUGIN = DigitsVqa()
