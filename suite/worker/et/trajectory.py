"""Reads one ALFRED trajectory folder, traj_data.json and feat_conv.pt, and makes a batch of it.

Source: github.com/askforalfred/alfred, data/README.md (json_feat). No vocabulary comes with a folder: a word becomes a
stable number by hashing, folded into the vocabulary's rows when the model is called. It stands for the word's lookup
and not for its meaning, which latency and energy don't depend on.
"""

import hashlib
import json
import os
import re
from typing import Any, Dict, List, NamedTuple

from suite.worker.et import safe_load
from suite.worker.outcome import WorkerFault

_CODE = "TRAJECTORY_UNREADABLE"
_FRAME_SHAPE = (512, 7, 7)
_WORD = re.compile(r"[a-z0-9]+|[^\sa-z0-9]")
_ACTIONS = (
    "<<pad>>", "<<seg>>", "<<stop>>", "LookDown", "LookUp", "MoveAhead", "RotateLeft", "RotateRight", "PickupObject",
    "PutObject", "OpenObject", "CloseObject", "ToggleObjectOn", "ToggleObjectOff", "SliceObject",
)  # fmt: skip
_STOP = _ACTIONS.index("<<stop>>")
_UNKNOWN = len(_ACTIONS)


class Trajectory(NamedTuple):
    """One episode: ids of its words and actions, frames [T, 512, 7, 7] in float32; as many actions as frames."""

    text_ids: List[int]
    action_ids: List[int]
    frames: Any


def read(folder: str) -> Trajectory:
    """The trajectory's first annotation, its actions and a stop, and a frame before each.

    Raises WorkerFault TRAJECTORY_UNREADABLE naming the file and what is wrong with it.
    """
    data = _read_json(os.path.join(folder, "traj_data.json"))
    path = os.path.join(folder, "feat_conv.pt")
    frames = safe_load.load(path, _CODE)
    if not hasattr(frames, "dim") or frames.dim() != 4 or tuple(frames.shape[1:]) != _FRAME_SHAPE or not len(frames):
        shape = list(frames.shape) if hasattr(frames, "shape") else type(frames).__name__
        raise _unreadable(path, "it holds {}, not frames x 512 x 7 x 7".format(shape))
    actions = data.actions + [_STOP]
    chosen = _frame_before_each(actions, len(frames), data.image_actions, path)
    return Trajectory(data.text_ids, actions, frames[chosen].float())


class _Data(NamedTuple):
    text_ids: List[int]
    actions: List[int]
    image_actions: List[int]  # for each image, the low-level action that it was taken in


def _read_json(path: str) -> _Data:
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        annotation = data["turk_annotations"]["anns"][0]
        text = " ".join([annotation["task_desc"]] + list(annotation["high_descs"]))
        actions = [step["discrete_action"]["action"] for step in data["plan"]["low_actions"]]
        image_actions = [image["low_idx"] for image in data.get("images", [])]
    except OSError as exc:
        raise _unreadable(path, str(exc.strerror)) from exc
    except ValueError as exc:
        raise _unreadable(path, "it is no JSON ({})".format(exc)) from exc
    except (KeyError, IndexError, TypeError, AttributeError) as exc:
        raise _unreadable(path, "it lacks annotations or low-level actions ({!r})".format(exc)) from exc
    words = _WORD.findall(text.lower())
    if not words:
        raise _unreadable(path, "its first annotation has no words")
    return _Data([word_id(word) for word in words], [action_id(name) for name in actions], image_actions)


def word_id(word: str) -> int:
    """A number of 24 bits that is the same for a word everywhere."""
    return int(hashlib.sha256(word.encode()).hexdigest()[:6], 16)


def action_id(name: str) -> int:
    """The action's place in ALFRED's list, its angle or distance ("_25") aside."""
    stem = name.partition("_")[0]
    return _ACTIONS.index(stem) if stem in _ACTIONS else _UNKNOWN


def _frame_before_each(actions: List[int], frame_count: int, image_actions: List[int], path: str) -> List[int]:
    """Index of the frame before each action: one a step, or, in the full features, the first image of each action."""
    if frame_count >= len(actions) and len(image_actions) in (frame_count, frame_count - 1):
        first = {action: index for index, action in reversed(list(enumerate(image_actions)))}
        if set(range(len(actions) - 1)) <= set(first):
            return [first[index] for index in range(len(actions) - 1)] + [frame_count - 1]
    if frame_count in (len(actions), len(actions) - 1):
        return [min(index, frame_count - 1) for index in range(len(actions))]
    raise _unreadable(path, "it has {} frames for {} actions and a stop".format(frame_count, len(actions) - 1))


def batch(trajectory: Trajectory, batch_size: int, token_count: int, frame_count: int) -> Dict[str, Any]:
    """The model's inputs: the trajectory cut or padded to the sizes, and repeated batch_size times."""
    import torch

    frames = torch.zeros((batch_size, frame_count) + _FRAME_SHAPE)
    frames[:, : len(trajectory.frames)] = trajectory.frames[:frame_count]
    text_length = min(token_count, len(trajectory.text_ids))
    frame_length = min(frame_count, len(trajectory.frames))
    return {
        "text_ids": _rows(trajectory.text_ids, batch_size, token_count),
        "text_lengths": torch.full((batch_size,), text_length, dtype=torch.int64),
        "frames": frames,
        "actions": _rows(trajectory.action_ids, batch_size, frame_count),
        "frame_lengths": torch.full((batch_size,), frame_length, dtype=torch.int64),
    }


def _rows(ids: List[int], batch_size: int, size: int) -> Any:
    import torch

    padded = (ids + [0] * size)[:size]
    return torch.tensor([padded] * batch_size, dtype=torch.int64)


def _unreadable(path: str, reason: str) -> WorkerFault:
    return WorkerFault(
        _CODE, "{}: {}".format(path, reason), "bring a trajectory folder of ALFRED's json_feat download as it is"
    )
