"""One folder of ALFRED's json_feat download, as published, becomes a batch of the Episodic Transformer's inputs."""

import json
import os

import pytest
import torch

from suite.worker.et import trajectory
from suite.worker.models.et_human import PLUGIN as HUMAN
from suite.worker.outcome import WorkerFault
from suite.worker.weights import Stream

ACTIONS = ["LookDown_15", "MoveAhead_25", "MoveAhead_25", "PickupObject", "RotateLeft_90"]
TEXT_WORDS = ["put", "a", "cup", ".", "turn", "left", ",", "walk"]


def data(images=()):
    return {
        "images": [{"high_idx": 0, "image_name": f"{i:09d}.png", "low_idx": low} for i, low in enumerate(images)],
        "plan": {
            "high_pddl": [],
            "low_actions": [{"api_action": {}, "discrete_action": {"action": name, "args": {}}} for name in ACTIONS],
        },
        "task_id": "trial_T20190907",
        "turk_annotations": {"anns": [{"task_desc": "Put a cup.", "high_descs": ["Turn left,", "walk"]}]},
    }


def folder(tmp_path, content, frames, legacy=True):
    """The two files as published; the features were saved by a torch of 2019, in its format."""
    (tmp_path / "traj_data.json").write_text(json.dumps(content))
    torch.save(frames, str(tmp_path / "feat_conv.pt"), _use_new_zipfile_serialization=not legacy)
    return str(tmp_path)


def numbered_frames(count):
    """Frames that are full of their own number."""
    return torch.arange(float(count)).view(count, 1, 1, 1).expand(count, 512, 7, 7).clone()


def numbers(frames):
    return frames[..., 0, 0, 0].tolist()


@pytest.mark.parametrize("legacy", [True, False])
def test_words_actions_and_frames_are_read(tmp_path, legacy):
    read = trajectory.read(folder(tmp_path, data(), numbered_frames(6), legacy))
    assert read.text_ids == [trajectory.word_id(word) for word in TEXT_WORDS]
    assert read.action_ids == [3, 5, 5, 8, 6, 2]  # the last is the stop
    assert numbers(read.frames) == [0, 1, 2, 3, 4, 5]


def test_full_features_give_the_first_image_of_each_action_and_the_last_for_the_stop(tmp_path):
    images = [0, 0, 0, 1, 2, 2, 3, 4, 4]
    read = trajectory.read(folder(tmp_path, data(images), numbered_frames(10)))
    assert numbers(read.frames) == [0, 3, 4, 6, 7, 9]
    read = trajectory.read(folder(tmp_path, data(images), numbered_frames(9)))
    assert numbers(read.frames) == [0, 3, 4, 6, 7, 8]


@pytest.mark.parametrize("more", [0, 1, 2, 10, 500])
def test_any_count_of_frames_from_that_of_the_images_on_is_read_and_the_stop_takes_the_last(tmp_path, more):
    images = [0, 0, 1, 2, 3, 4, 4]
    read = trajectory.read(folder(tmp_path, data(images), numbered_frames(7 + more)))
    assert numbers(read.frames) == [0, 2, 3, 4, 5, 6 + more]


def test_a_frame_for_each_action_is_read_however_many_images_there_were(tmp_path):
    images = [0] * 9 + [1, 2, 3, 4]
    assert numbers(trajectory.read(folder(tmp_path, data(images), numbered_frames(6))).frames) == [0, 1, 2, 3, 4, 5]
    assert numbers(trajectory.read(folder(tmp_path, data(images), numbered_frames(5))).frames) == [0, 1, 2, 3, 4, 4]


UNFIT = {
    "too few": ([0, 0, 0, 0, 1, 2, 3, 4, 4], 8, "8 frames for 5 actions and a stop, which are in 9 images"),
    "unseen": ([0, 0, 1, 2, 4, 4, 4, 4], 9, "which are in 8 images, and no image of action 3"),
    "outside": ([0, 1, 2, 3, 4, 5], 9, "its image 5 is of action 5, of 5"),
    "before": ([-1, 1, 2, 3, 4, 0], 9, "its image 0 is of action -1, of 5"),
    "none": ([0, 1, 2, 3, 4, None], 9, "its image 5 is of action None, of 5"),
    "half": ([0, 1, 2, 3, 4, 0.5], 9, "its image 5 is of action 0.5, of 5"),
}


@pytest.mark.parametrize(("images", "frame_count", "told"), UNFIT.values(), ids=list(UNFIT))
def test_frames_that_no_rule_maps_to_the_actions_are_refused_with_the_counts(tmp_path, images, frame_count, told):
    content = data()
    content["images"] = [{"low_idx": low} for low in images]
    assert told in fault(folder(tmp_path, content, numbered_frames(frame_count)))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_nothing_can_be_computed_with_are_blamed_on_the_file_and_its_frame(tmp_path, value):
    frames = numbered_frames(6)
    frames[4, 3, 2, 1] = value
    reason = fault(folder(tmp_path, data(), frames))
    assert reason == f"{tmp_path / 'feat_conv.pt'}: its frame 4 holds NaN or infinity"


def test_what_is_no_feature_is_named(tmp_path):
    assert "of 100352 stored bytes" in fault(folder(tmp_path, data(), torch.ones(1, 512, 7, 7).expand(6, 512, 7, 7)))
    assert "its frames are of torch.int64" in fault(folder(tmp_path, data(), numbered_frames(6).long()))


@pytest.mark.parametrize("name", ["traj_data.json", "feat_conv.pt"])
@pytest.mark.parametrize(
    ("kind", "make"), [("a named pipe", os.mkfifo), ("a device", lambda path: path.symlink_to("/dev/zero"))]
)
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path, name, kind, make):
    path = folder(tmp_path, data(), numbered_frames(6))
    (tmp_path / name).unlink()
    make(tmp_path / name)
    assert fault(path) == f"{tmp_path / name}: it is {kind}, not a file"


TEXTS = {
    "deep": "[" * 100000,
    "long number": '{"plan": ' + "9" * 5000 + "}",
    "no UTF-8": b"\xff{}",
    "high_descs": json.dumps({"turk_annotations": {"anns": [{"task_desc": "a", "high_descs": "bc"}]}}),
    "action": json.dumps({
        "turk_annotations": {"anns": [{"task_desc": "a", "high_descs": ["b"]}]},
        "plan": {"low_actions": [{"discrete_action": {"action": 3}}]},
    }),
}  # fmt: skip


@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_data_that_no_parser_was_made_for_is_a_fault(tmp_path, text):
    path = folder(tmp_path, data(), numbered_frames(6))
    (tmp_path / "traj_data.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert fault(path).startswith(str(tmp_path / "traj_data.json"))


def test_a_json_file_has_a_longest_length(tmp_path, monkeypatch):
    monkeypatch.setattr(trajectory, "_JSON_LIMIT_BYTES", 100)
    assert fault(folder(tmp_path, data(), numbered_frames(6))).endswith("it is longer than 100 bytes")


def test_half_a_character_is_a_word_like_any_other(tmp_path):
    content = data()
    content["turk_annotations"]["anns"][0]["task_desc"] = "a \ud800"
    assert len(trajectory.read(folder(tmp_path, content, numbered_frames(6))).text_ids) == 6


def test_its_own_sizes_are_told_before_it_is_cut_or_padded(tmp_path):
    read = HUMAN.read_trajectory(folder(tmp_path, data(), numbered_frames(6)))
    assert HUMAN.own_sizes(read) == {"text_tokens": 8, "frames": 6}


def test_without_a_frame_for_the_stop_the_last_is_taken_again(tmp_path):
    assert numbers(trajectory.read(folder(tmp_path, data(), numbered_frames(5))).frames) == [0, 1, 2, 3, 4, 4]


def test_a_words_number_is_the_same_everywhere():
    assert trajectory.word_id("cup") == 12982039
    assert trajectory.action_id("RotateRight_90") == 7
    assert trajectory.action_id("Fly") == 15


def test_a_batch_is_cut_or_padded_to_the_sizes_and_repeated(tmp_path):
    read = HUMAN.read_trajectory(folder(tmp_path, data(), numbered_frames(6)))
    longer = HUMAN.inputs(2, {"text_tokens": 10, "frames": 8}, read)
    assert longer["text_ids"].tolist() == [[*read.text_ids, 0, 0]] * 2
    assert longer["actions"].tolist() == [[3, 5, 5, 8, 6, 2, 0, 0]] * 2
    assert numbers(longer["frames"]) == [[0, 1, 2, 3, 4, 5, 0, 0]] * 2
    assert (longer["text_lengths"].tolist(), longer["frame_lengths"].tolist()) == ([8, 8], [6, 6])
    shorter = HUMAN.inputs(1, {"text_tokens": 3, "frames": 2}, read)
    assert shorter["text_ids"].tolist() == [read.text_ids[:3]]
    assert numbers(shorter["frames"]) == [[0, 1]]
    assert (shorter["text_lengths"].tolist(), shorter["frame_lengths"].tolist()) == ([3], [2])


def test_a_batch_has_the_names_types_and_shapes_of_seeded_inputs(tmp_path):
    sizes = {"text_tokens": 9, "frames": 7}
    read = HUMAN.read_trajectory(folder(tmp_path, data(), numbered_frames(6).half()))
    left, right = HUMAN.inputs(3, sizes, read), HUMAN.inputs(3, sizes, Stream(0, "inputs"))
    kinds = [{name: (value.dtype, value.shape) for name, value in inputs.items()} for inputs in (left, right)]
    assert kinds[0] == kinds[1]


def fault(path):
    with pytest.raises(WorkerFault) as raised:
        trajectory.read(path)
    assert raised.value.code == "TRAJECTORY_UNREADABLE"
    return raised.value.reason


def test_wrong_features_are_named(tmp_path):
    feature_path = str(tmp_path / "feat_conv.pt")
    for frames, found in [(torch.ones(6, 2048, 7, 7), "[6, 2048, 7, 7]"), (torch.ones(0, 512, 7, 7), "[0, 512, 7, 7]")]:
        reason = fault(folder(tmp_path, data(), frames))
        assert reason == f"{feature_path}: it holds {found}, not frames x 512 x 7 x 7"
    assert fault(folder(tmp_path, data(), {"x": 1})).endswith("it holds dict, not frames x 512 x 7 x 7")
    assert fault(folder(tmp_path, data(), numbered_frames(3))).endswith("it has 3 frames for 5 actions and a stop")


def test_wrong_data_is_named(tmp_path):
    path = folder(tmp_path, dict(data(), turk_annotations={"anns": []}), numbered_frames(6))
    assert "traj_data.json: it lacks annotations or low-level actions (IndexError" in fault(path)
    path = folder(tmp_path, dict(data(), plan={}), numbered_frames(6))
    assert "it lacks annotations or low-level actions (KeyError('low_actions'" in fault(path)
    empty = {"anns": [{"task_desc": " ", "high_descs": []}]}
    path = folder(tmp_path, dict(data(), turk_annotations=empty), numbered_frames(6))
    assert fault(path).endswith("its first annotation has no words")
    (tmp_path / "traj_data.json").write_text('{"plan": ')
    assert "traj_data.json: it is no JSON (" in fault(path)


def test_a_missing_file_is_named(tmp_path):
    assert fault(str(tmp_path / "absent")).endswith("absent/traj_data.json: No such file or directory")
    path = folder(tmp_path, data(), numbered_frames(6))
    (tmp_path / "feat_conv.pt").unlink()
    assert fault(path).endswith("feat_conv.pt: No such file or directory")
