"""ocr-lines on made-up scores, and its model where the package is not installed."""

import pytest
import torch

from suite.worker.evaluation import Example
from suite.worker.evaluations.ocr_lines import LINE_COUNT, PLUGIN, Drawn
from suite.worker.model import Model
from suite.worker.models import ocr_rec
from suite.worker.outcome import WorkerFault

ALPHABET = ["", "a", "b", "c", " "]


class Reader(Model):
    title = "Reader"

    def alphabet(self):
        return ALPHABET


def example(answer, width=2, grey=255):
    return Example(Drawn(width, bytes([grey]) * 48 * width), answer, 0, width)


def scores(*lines):
    """Of each line a step for each of its places, whose score is the largest."""
    return torch.eye(len(ALPHABET))[torch.tensor(lines)]


def test_what_is_read_is_held_against_what_was_drawn():
    output = scores([1, 1, 0, 2, 4, 3], [1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0])
    judged = PLUGIN.judge(Reader(), [output], [example("ab c"), example("abcc"), example("ac")])
    assert [one.answered for (one,) in judged] == ["ab c", "aa", ""]
    assert [one.score for (one,) in judged] == [1.0, 0.0, 0.0]
    assert [one.further for (one,) in judged] == [((0.0, 4.0),), ((3.0, 4.0),), ((2.0, 2.0),)]
    errors, characters = (sum(one.further[0][place] for (one,) in judged) for place in (0, 1))
    assert errors / characters == 0.5  # the rate is a sum over a sum: longer lines weigh more


def test_scores_may_be_of_16_bits():
    (((judged),),) = PLUGIN.judge(Reader(), [scores([1, 2]).half()], [example("ab")])
    assert judged.score == 1.0


def test_a_character_that_the_file_does_not_have_is_told():
    ((judged,),) = PLUGIN.judge(Reader(), [scores([1])], [example("ä")])
    assert (judged.score, judged.reachable) == (0.0, False)


def test_an_alphabet_of_another_length_is_one_line():
    with pytest.raises(WorkerFault) as told:
        PLUGIN.judge(Reader(), [torch.zeros(1, 4, 9)], [example("a")])
    assert told.value.code == "EVALUATION_MODEL"
    assert told.value.reason == (
        "Reader tells 9 scores at a place, and its file's alphabet has 3 characters, a blank and a space"
    )


def test_a_batch_is_padded_with_zeros_to_its_widest_line():
    made = PLUGIN.inputs(Reader(), [example("a", 20, 255), example("a", 30, 0)])["x"]
    assert (made.shape, made.dtype) == (torch.Size([2, 3, 48, 30]), torch.float32)
    assert made[0, :, :, :20].unique().tolist() == [1.0]
    assert made[0, :, :, 20:].unique().tolist() == [0.0]
    assert made[1].unique().tolist() == [-1.0]
    assert PLUGIN.inputs(Reader(), [example("a", 4)])["x"].shape[-1] == 16


def test_its_rows_are_the_same_each_time_and_of_many_lengths():
    pytest.importorskip("PIL")
    first, second = list(PLUGIN.rows(Reader(), None)), list(PLUGIN.rows(Reader(), None))
    assert first == second
    assert (len(first), len({row.group for row in first})) == (LINE_COUNT, LINE_COUNT)
    assert all(len(row.inputs.pixels) == 48 * row.length for row in first)
    assert len({row.length for row in first}) > 400


def test_a_package_that_is_not_installed_is_one_line_with_pips(monkeypatch):
    monkeypatch.setattr(ocr_rec.importlib.util, "find_spec", lambda name: None if "rapidocr" in name else object())
    absence = ocr_rec.PLUGIN.available()
    assert absence is not None
    assert absence.code == "PACKAGE_MISSING"
    assert absence.remedy == "install it there: pip install rapidocr-onnxruntime (the suite's extra ocr)"
    with pytest.raises(WorkerFault) as told:
        ocr_rec.PLUGIN.build({})
    assert (told.value.code, told.value.reason) == (absence.code, absence.reason)


def test_fonts_that_are_not_installed_are_one_line_with_pips(monkeypatch):
    from suite.worker import evaluation

    monkeypatch.setattr(evaluation.importlib.util, "find_spec", lambda _name: None)
    absence = PLUGIN.available()
    assert absence is not None
    assert (absence.code, "pip install torch matplotlib" in absence.remedy) == ("PACKAGE_MISSING", True)
