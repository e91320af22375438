"""Evaluations in the worker: rows in, scores out; files in the published layouts, whole and damaged."""

import base64
import json
import struct

import pytest
import torch

from suite.worker import digits, evaluate, wordpiece
from suite.worker.evaluation import Corrupt, Evaluation, Example, Judged
from suite.worker.evaluations import alfred, digits_vqa, jsonl, vqa
from suite.worker.model import Model
from suite.worker.outcome import WorkerFault


class Echo(Model):
    """Answers with the place of the largest number that it is given."""

    name, title = "echo", "Echo"

    def bind(self, module, inputs, scenario):
        return inputs["x"].float, 1


class Numbers(Evaluation):
    """Row i is i ones at place i % 3; the right answer is i % 3, but for row 4, which can't be read."""

    name, title, metric, length_label, further = "numbers", "Numbers", "accuracy", "ones", ("twos",)

    def rows(self, model, data):
        for row in range(10):
            yield Corrupt("it is odd") if row == 4 else Example(row, row % 3, row // 2, row + 1)

    def inputs(self, model, examples):
        return {"x": torch.eye(3)[[example.inputs % 3 for example in examples]]}

    def judge(self, model, output, examples):
        given = output.argmax(-1).tolist()
        return [
            [Judged(float(given[at] == example.answer), str(given[at]), ((2.0, 1.0),), reachable=example.answer != 1)]
            for at, example in enumerate(examples)
        ]


def clock_of(step_s):
    now = [0.0]

    def clock():
        now[0] += step_s
        return now[0]

    return clock


def subject(model=None):
    return evaluate.Subject(model or Echo(), evaluate.Way(None, "cpu", "fp32"), None, clock_of(0.25))


def answered(  # noqa: PLR0913 (what a request says)
    evaluation, data=None, *, start=0, row_count=1000, batch_size=4, alone=True, model=None
):
    found = evaluate.Evaluating(evaluation, subject(model), data, start)
    return found.answer(row_count, batch_size, alone=alone)


def test_rows_are_judged_in_batches_and_alone():
    found = answered(Numbers(), batch_size=4)
    assert found["values"] == [[1.0] * 9, [2.0] * 9]
    assert found["weights"] == [[1.0] * 9]
    assert found["groups"] == [0, 0, 1, 1, 2, 3, 3, 4, 4]
    assert found["lengths"] == [1, 2, 3, 4, 6, 7, 8, 9, 10]
    assert found["padded"] == {"example_counts": [4, 4, 1], "padded_lengths": [4, 9, 10], "latency_s": [0.25] * 3}
    assert found["alone"]["padded_lengths"] == found["lengths"]
    assert (found["compared_count"], found["changed_count"], found["unreachable_count"]) == (9, 0, 2)
    assert (found["row_count"], found["corrupt_count"], found["corrupt"]) == (10, 1, ["row 5: it is odd"])
    assert found["ended"] is True


def test_stretches_together_are_the_whole():
    whole = answered(Numbers(), batch_size=2, alone=False)
    parts = [answered(Numbers(), start=start, row_count=3, batch_size=2, alone=False) for start in (0, 3, 6, 9)]
    assert [part["row_count"] for part in parts] == [3, 3, 3, 1]
    assert [part["ended"] for part in parts] == [False, False, False, True]
    assert [length for part in parts for length in part["lengths"]] == whole["lengths"]
    assert [value for part in parts for value in part["values"][0]] == whole["values"][0]
    assert parts[1]["corrupt"] == ["row 5: it is odd"]


def test_the_hash_is_of_the_examples_and_not_of_how_they_are_batched():
    assert answered(Numbers(), batch_size=2)["examples_sha256"] == answered(Numbers(), batch_size=4)["examples_sha256"]
    assert answered(Numbers(), row_count=3)["examples_sha256"] != answered(Numbers(), row_count=4)["examples_sha256"]


def test_a_model_that_an_evaluation_is_not_for_is_refused():
    with pytest.raises(WorkerFault) as caught:
        answered(digits_vqa.PLUGIN)
    assert caught.value.code == "EVALUATION_MODEL"
    assert caught.value.remedy == "choose lxmert-digits"


def test_an_answer_that_padding_changes_is_counted():
    class Padded(Numbers):
        def inputs(self, model, examples):
            return {"x": torch.eye(3)[[(example.inputs + (len(examples) > 1)) % 3 for example in examples]]}

    found = answered(Padded(), batch_size=3)
    assert (found["compared_count"], found["changed_count"]) == (9, 9)
    assert found["values"][0] == [0.0] * 9


# digits-VQA


def test_digits_are_held_out_calibrated_and_trained_apart():
    held_out, trained = set(digits.held_out()), set(digits.trained_on())
    assert (len(held_out), len(trained), held_out & trained) == (540, 1257, set())
    assert held_out | trained == set(range(1797))
    assert set(digits.calibration()) < trained


def test_answers_follow_from_the_label():
    assert digits.answers(7) == ("7", "no", "yes", "yes", "no")
    assert digits.answers(0) == ("0", "yes", "no", "no", "yes")


def test_patches_are_cut_row_by_row():
    pixels = torch.arange(64, dtype=torch.uint8).remainder(17).view(1, 64)
    made = digits.inputs([digits.Asked(0, digits.tokens("is it even"), 10)], pixels)
    first = pixels[0].view(8, 8)[:2, :2].reshape(4).float() / 16
    assert torch.equal(made["visual_feats"][0, 0], first)
    assert made["visual_pos"][0, 5].tolist() == [0.25, 0.25, 0.5, 0.5]
    assert made["input_ids"].shape == (1, 5)


def test_the_shipped_model_answers_as_its_card_says():
    """The first 200 of the held-out questions: 194 right with the shipped weights."""
    from suite.worker import build, pinned
    from suite.worker.models import lxmert_digits

    model = lxmert_digits.PLUGIN
    module = build.build(model, {"checkpoint": None})
    pinned.load_into(module, model.shipped_weights)
    way = evaluate.Way(module, "cpu", "fp32")
    asked = evaluate.Evaluating(digits_vqa.PLUGIN, evaluate.Subject(model, way, None, clock_of(0.1)), None, 0)
    with torch.inference_mode():
        found = asked.answer(200, 50, alone=False)
    assert sum(found["values"][0]) == 194.0
    assert found["groups"][:6] == [found["groups"][0]] * 5 + [found["groups"][5]]


# JSONL


def lines(tmp_path, *rows):
    path = tmp_path / "mine.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows) + "\n")
    return str(path)


def test_jsonl_takes_numbers_and_lists_and_pads(tmp_path):
    path = lines(
        tmp_path,
        {"inputs": {"x": [0.1, 0.9, 0.0]}, "answer": 1},
        {"inputs": {"x": [0.1, 0.9]}, "answer": 0, "group": 7},
        {"inputs": {"x": [5]}, "answer": 9},
    )
    found = answered(jsonl.PLUGIN, path, batch_size=3, alone=False)
    assert found["values"][0] == [1.0, 0.0, 0.0]
    assert found["groups"] == [0, 7, 2]
    assert found["lengths"] == [3, 2, 1]
    assert found["unreachable_count"] == 1  # there is no ninth answer


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{not json", "it is no JSON"),
        ('{"answer": 1}', 'it has no "inputs" with names'),
        ('{"inputs": {"x": [1]}}', 'its "answer" is no place among the scores'),
        ('{"inputs": {"x": [1]}, "answer": -1}', 'its "answer" is no place'),
        ('{"inputs": {"x": ["a"]}, "answer": 1}', "an input is neither a number nor lists of numbers"),
        ('{"inputs": {"x": [1]}, "answer": 1, "group": "a"}', 'its "group" is no whole number'),
        ("[" * 100_000, "it is no JSON"),
    ],
)
def test_a_corrupt_row_costs_itself(tmp_path, line, told):
    good = {"inputs": {"x": [0.0, 1.0]}, "answer": 1}
    found = answered(jsonl.PLUGIN, lines(tmp_path, good, line, good), alone=False)
    assert (found["row_count"], found["corrupt_count"], found["values"][0]) == (3, 1, [1.0, 1.0])
    assert found["corrupt"][0].startswith("row 2: " + told)


def test_an_empty_file_has_no_examples(tmp_path):
    found = answered(jsonl.PLUGIN, lines(tmp_path, ""))
    assert (found["row_count"], found["groups"], found["ended"]) == (0, [], True)


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(WorkerFault) as caught:
        answered(jsonl.PLUGIN, str(tmp_path / "none.jsonl"))
    assert caught.value.code == "EVALUATION_DATA"
    assert "is no file" in caught.value.reason


def test_rows_of_other_inputs_are_refused(tmp_path):
    path = lines(tmp_path, {"inputs": {"x": [1]}, "answer": 0}, {"inputs": {"y": [1]}, "answer": 0})
    with pytest.raises(WorkerFault, match="one example has the inputs x, another y"):
        answered(jsonl.PLUGIN, path)


# VQA in its published layout


class Answering(Model):
    """Answers with the word whose place is the first question token's, less 3."""

    name, title = "lxmert", "LXMERT"

    def bind(self, module, inputs, scenario):
        scores = torch.nn.functional.one_hot(inputs["input_ids"][:, 1] - 3, 3).float()
        return (lambda: {"question_answering_score": scores}), 1


def tsv_row(image, count=2, width=2048, columns=None):
    boxes = struct.pack(f"<{4 * count}f", *([10.0, 20.0, 50.0, 100.0] * count))
    features = struct.pack("<f", 0.5) * (count * width)
    row = [image, "200", "100", "", "", "", "", str(count)]
    row += [base64.b64encode(part).decode() for part in (boxes, features)]
    return "\t".join(columns or row)


def vqa_folder(tmp_path, *rows):
    asked = [
        {"question_id": 1, "img_id": "A", "sent": "Cat?", "label": {"yes": 1, "no": 0.3}},
        {"question_id": 2, "img_id": "A", "sent": "dog", "label": {"yes": 1}},
        {"question_id": 3, "img_id": "B", "sent": "cat", "label": {"zebra": 0.9}},
        {"question_id": 4, "img_id": "B", "sent": "bird", "label": {}},
    ]
    (tmp_path / "minival.json").write_text(json.dumps(asked))
    (tmp_path / "trainval_label2ans.json").write_text(json.dumps(["yes", "no", "red"]))
    (tmp_path / "vocab.txt").write_text("[UNK]\n[CLS]\n[SEP]\ncat\ndog\nbird\n?\n##s\n")
    (tmp_path / "val2014_obj36.tsv").write_text("".join(row + "\n" for row in rows or (tsv_row("A"), tsv_row("B"))))
    return str(tmp_path)


def test_vqa_scores_are_the_labels_own(tmp_path):
    """cat is answered yes (1), dog no (0), cat yes again, which is none of the label's, bird red."""
    found = answered(vqa.PLUGIN, vqa_folder(tmp_path), model=Answering(), alone=False)
    assert found["values"] == [[1.0, 0.0, 0.0, 0.0]]
    assert found["groups"] == [0, 0, 1, 1]
    assert found["lengths"] == [4, 3, 3, 3]
    assert found["unreachable_count"] == 2  # zebra, and a question that nobody answered


def test_vqa_inputs_are_regions_and_corners_from_0_to_1(tmp_path):
    rows = list(vqa.PLUGIN.rows(None, vqa_folder(tmp_path, tsv_row("A", 2), tsv_row("B", 3))))
    made = vqa.PLUGIN.inputs(None, [rows[0], rows[2]])
    assert made["visual_feats"].shape == (2, 3, 2048)
    assert made["visual_feats"][0].sum(1).tolist() == [1024.0, 1024.0, 0.0]
    assert made["visual_attention_mask"].tolist() == [[1, 1, 0], [1, 1, 1]]
    assert made["visual_pos"][0, 0].tolist() == pytest.approx([0.1, 0.1, 0.5, 0.5])
    assert made["attention_mask"].tolist() == [[1, 1, 1, 1], [1, 1, 1, 0]]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("A\t1\t2", "it has 3 columns, not 10"),
        (tsv_row("A", width=1024), "it has 8192 bytes of features, and 2 regions of 2048 take 16384"),
        (tsv_row("A").replace("\t2\t", "\ttwo\t"), "it can't be read"),
        (tsv_row("A").replace("200", "0"), "it can't be read (float division by zero)"),
    ],
)
def test_a_corrupt_image_costs_itself(tmp_path, row, told):
    folder = vqa_folder(tmp_path, row, tsv_row("B"))
    found = answered(vqa.PLUGIN, folder, model=Answering(), alone=False)
    assert (found["corrupt_count"], len(found["lengths"])) == (1, 2)
    assert found["corrupt"][0].startswith("row 1: " + told)


def test_an_answer_list_of_another_model_is_refused(tmp_path):
    folder = vqa_folder(tmp_path)
    (tmp_path / "trainval_label2ans.json").write_text(json.dumps(["yes"]))
    with pytest.raises(WorkerFault, match="answers with 3 words, and trainval_label2ans"):
        answered(vqa.PLUGIN, folder, model=Answering())


def test_a_folder_that_lacks_a_file_says_which(tmp_path):
    folder = vqa_folder(tmp_path)
    (tmp_path / "vocab.txt").unlink()
    with pytest.raises(WorkerFault) as caught:
        answered(vqa.PLUGIN, folder, model=Answering())
    assert "vocab.txt: No such file" in caught.value.reason


def test_words_are_split_as_bert_does():
    words = {word: place for place, word in enumerate(("[UNK]", "[CLS]", "[SEP]", "cat", "##s", "cafe", "'", "?"))}
    tokenise = wordpiece.Tokens(words, 20)
    assert tokenise("Cats' café?") == [1, 3, 4, 6, 5, 7, 2]
    assert tokenise("xyz cat") == [1, 0, 3, 2]
    assert wordpiece.Tokens(words, 4)("cat cat cat cat") == [1, 3, 3, 2]


# ALFRED


class Walking(Model):
    """Knows the first action and the first object alone."""

    name, title = "et-human", "E.T."

    def read_trajectory(self, path):
        from suite.worker.et import trajectory

        return trajectory.read(path)

    def bind(self, module, inputs, scenario):
        shape = (*inputs["actions"].shape, 3)
        scores = torch.zeros(shape)
        scores[..., 0] = 1.0
        return (lambda: {"action": scores, "object": scores[..., :2]}), 1


def alfred_folder(tmp_path, words=("walk", "to", "it")):
    (tmp_path / "vocab.json").write_text(
        json.dumps(
            {"words": list(words), "actions": ["MoveAhead_25", "PickupObject", "<<stop>>"], "objects": ["A", "B"]}
        )
    )
    for name, steps in (("one", ["MoveAhead_25", "PickupObject"]), ("two", ["MoveAhead_25"])):
        folder = tmp_path / name
        folder.mkdir()
        actions = [
            {"discrete_action": {"action": step}, "api_action": {"objectId": "A|+1|2"} if "Object" in step else {}}
            for step in steps
        ]
        note = {"task_desc": "walk to it", "high_descs": []}
        data = {"turk_annotations": {"anns": [note]}, "plan": {"low_actions": actions}, "images": []}
        (folder / "traj_data.json").write_text(json.dumps(data))
        torch.save(torch.zeros(len(steps), 512, 7, 7), str(folder / "feat_conv.pt"))
    return str(tmp_path)


def test_alfred_is_judged_step_by_step(tmp_path):
    """MoveAhead, PickupObject, stop; MoveAhead, stop: the first action is right, the object is too."""
    found = answered(alfred.PLUGIN, alfred_folder(tmp_path), model=Walking(), batch_size=2)
    assert found["lengths"] == [3, 2]
    assert found["groups"] == [0, 0, 0, 1, 1]
    assert found["values"] == [[1.0, 0.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0, 0.0]]
    assert found["weights"] == [[1.0] * 5, [0.0, 1.0, 0.0, 0.0, 0.0]]
    assert found["unreachable_count"] == 0
    assert found["padded"]["padded_lengths"] == [3]


def test_a_word_that_the_vocabulary_lacks_leaves_its_episode_out(tmp_path):
    found = answered(alfred.PLUGIN, alfred_folder(tmp_path, ("walk", "to")), model=Walking(), alone=False)
    assert (found["corrupt_count"], found["groups"]) == (2, [])
    assert "'it' is not in vocab.json" in found["corrupt"][0]


def test_a_network_of_other_rows_is_refused(tmp_path):
    class Network:
        word_count = 2

    way = evaluate.Way(Network(), "cpu", "fp32")
    asked = evaluate.Evaluating(
        alfred.PLUGIN, evaluate.Subject(Walking(), way, None, clock_of(0.1)), alfred_folder(tmp_path), 0
    )
    with pytest.raises(WorkerFault, match="has 2 words, and vocab"):
        asked.answer(2, 2, alone=False)
