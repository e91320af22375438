"""Lines of text that the suite draws itself, read by a model of text recognition: labels are known by construction."""

from typing import Any, Dict, Iterator, List, NamedTuple, Optional

from suite.worker import text_lines
from suite.worker.evaluation import Evaluation, Example, Judged, Row
from suite.worker.outcome import NotMeasured, WorkerFault

LINE_COUNT = 700
_SEED, _HEIGHT = 0, 48
_LEAST_WIDTH = 16


class Drawn(NamedTuple):
    width: int
    pixels: bytes  # grey, row by row


class OcrLines(Evaluation):
    name = "ocr-lines"
    title = "lines of text"
    what = (
        "700 lines of 1 to 12 English words, numbers and prices, drawn in seven DejaVu faces in sizes and greys that "
        "vary. They are clean: no photographs, no other script. It shows whether a variant damages what is read, and "
        "not how well text in the wild is."
    )
    metric = "exact match"
    further = ("character error rate",)
    length_label = "pixels of width"
    source = "drawn by suite/worker/text_lines.py with matplotlib's DejaVu fonts (Bitstream Vera licence)"
    models = ("ocr-rec",)
    packages = ("torch", "matplotlib", "PIL")

    def available(self) -> Optional[NotMeasured]:
        absence = super().available()
        if absence is None:
            return None
        return absence._replace(
            remedy="install them there: pip install torch matplotlib (which has the fonts, and brings Pillow)"
        )

    def rows(self, model: Any, data: Optional[str]) -> Iterator[Row]:
        folder = text_lines.fonts_folder()
        if folder is None:
            raise WorkerFault(*(self.available() or ()))
        for place, line in enumerate(text_lines.lines(_SEED, LINE_COUNT)):
            image = text_lines.drawn(line, folder, _HEIGHT)
            yield Example(Drawn(image.width, image.tobytes()), line.text, place, image.width)

    def inputs(self, model: Any, examples: List[Example]) -> Dict[str, Any]:
        """x [B, 3, 48, W]: grey in three equal planes, from -1 (black) to 1 (white); 0 beyond a line's end, as PP-OCR
        pads."""
        import torch

        widest = max([_LEAST_WIDTH] + [example.length for example in examples])
        made = torch.zeros(len(examples), 3, _HEIGHT, widest)
        for place, example in enumerate(examples):
            grey = torch.frombuffer(bytearray(example.inputs.pixels), dtype=torch.uint8).view(_HEIGHT, -1)
            made[place, :, :, : example.length] = (grey.float() / 255 - 0.5) / 0.5
        return {"x": made}

    def judge(self, model: Any, output: Any, examples: List[Example]) -> List[List[Judged]]:
        scores, alphabet = model.output_tensors(output)[0], model.alphabet()
        if scores.dim() != 3 or scores.shape[-1] != len(alphabet):
            raise WorkerFault(
                "EVALUATION_MODEL",
                "{} tells {} scores at a place, and its file's alphabet has {} characters, a blank and a space".format(
                    model.title, scores.shape[-1], len(alphabet) - 2
                ),
                "use the file of another version of its package",
            )
        known = set(alphabet)
        read = [text_lines.collapsed(places, alphabet) for places in scores.float().argmax(-1).tolist()]
        return [[_judged(text, example.answer, known)] for text, example in zip(read, examples)]


def _judged(read: str, written: str, known: Any) -> Judged:
    errors = (float(text_lines.edit_distance(read, written)), float(len(written)))
    return Judged(float(read == written), read, (errors,), reachable=known.issuperset(written))


PLUGIN = OcrLines()
