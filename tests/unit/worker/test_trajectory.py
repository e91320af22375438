"""One folder of ALFRED's json_feat download, as published, becomes a batch of the Episodic Transformer's inputs."""

import json

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
