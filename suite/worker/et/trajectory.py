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
from suite.worker.files import open_regular
from suite.worker.outcome import WorkerFault

_CODE = "TRAJECTORY_UNREADABLE"
_JSON_LIMIT_BYTES = 64 * 2**20  # the data set's own have some 100 kB, with their masks
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
    reason = safe_load.why_no_values(frames)
    if reason is not None:
        raise _unreadable(path, "it holds {}, not frames x 512 x 7 x 7".format(reason))
    if frames.dim() != 4 or tuple(frames.shape[1:]) != _FRAME_SHAPE or not len(frames):
        raise _unreadable(path, "it holds {}, not frames x 512 x 7 x 7".format(list(frames.shape)))
    if not frames.dtype.is_floating_point:
        raise _unreadable(path, "its frames are of {}, as no features are".format(frames.dtype))
    actions = data.actions + [_STOP]
    chosen = _frame_before_each(len(data.actions), len(frames), data.image_actions, path)
    kept = frames[chosen].float()
    _check_values(kept, chosen, path)
    return Trajectory(data.text_ids, actions, kept)


def _check_values(kept: Any, chosen: List[int], path: str) -> None:
    finite = kept.isfinite().flatten(1).all(dim=1).tolist()
    if not all(finite):
        raise _unreadable(path, "its frame {} holds NaN or infinity".format(chosen[finite.index(False)]))


class _Data(NamedTuple):
    text_ids: List[int]
    actions: List[int]
    image_actions: List[int]  # for each image, the low-level action that it was taken in


def _read_json(path: str) -> _Data:
    try:
        with open_regular(path) as file:
            content = file.read(_JSON_LIMIT_BYTES + 1)
        if len(content) > _JSON_LIMIT_BYTES:
            raise _unreadable(path, "it is longer than {} bytes".format(_JSON_LIMIT_BYTES))
        data = json.loads(content.decode("utf-8"))
        annotation = data["turk_annotations"]["anns"][0]
        text = " ".join([annotation["task_desc"]] + annotation["high_descs"])
        actions = [action_id(step["discrete_action"]["action"]) for step in data["plan"]["low_actions"]]
        image_actions = [image["low_idx"] for image in data.get("images", [])]
    except OSError as exc:
        raise _unreadable(path, str(exc.strerror)) from exc
    except (ValueError, RecursionError) as exc:
        raise _unreadable(path, "it is no JSON ({})".format(exc)) from exc
    except (KeyError, IndexError, TypeError, AttributeError) as exc:
        raise _unreadable(path, "it lacks annotations or low-level actions ({!r})".format(exc)) from exc
    found = words(text)
    if not found:
        raise _unreadable(path, "its first annotation has no words")
    for index, action in enumerate(image_actions):
        if type(action) is not int or not 0 <= action < len(actions):
            raise _unreadable(path, "its image {} is of action {!r}, of {}".format(index, action, len(actions)))
    return _Data([word_id(word) for word in found], actions, image_actions)


def words(text: str) -> List[str]:
    return _WORD.findall(text.lower())


def word_id(word: str) -> int:
    """A number of 24 bits that is the same for a word everywhere."""
    return int(hashlib.sha256(word.encode("utf-8", "surrogatepass")).hexdigest()[:6], 16)


def action_id(name: str) -> int:
    """The action's place in ALFRED's list, its angle or distance ("_25") aside."""
    stem = name.partition("_")[0]
    return _ACTIONS.index(stem) if stem in _ACTIONS else _UNKNOWN


def _frame_before_each(action_count: int, frame_count: int, image_actions: List[int], path: str) -> List[int]:
    """Index of the frame before each action and before the stop.

    A frame for each action, the last one again for the stop; or frames for all images, and perhaps more, as in ALFRED's
    full features: the first image of each action, and the last frame of all; or a frame for the stop, too.
    Source: github.com/askforalfred/alfred, models/model/seq2seq_im_mask.py; E.T., alfred/utils/data_util.py.
    """
    if frame_count == action_count:
        return list(range(action_count)) + [frame_count - 1]
    first = {action: index for index, action in reversed(list(enumerate(image_actions)))}
    if image_actions and frame_count >= len(image_actions) and len(first) == action_count:
        return [first[action] for action in range(action_count)] + [frame_count - 1]
    if frame_count == action_count + 1:
        return list(range(frame_count))
    unseen = set(range(action_count)) - set(first)
    which = ", and no image of action {}".format(min(unseen)) if unseen and image_actions else ""
    images = ", which are in {} images{}".format(len(image_actions), which) if image_actions else ""
    raise _unreadable(path, "it has {} frames for {} actions and a stop{}".format(frame_count, action_count, images))


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
