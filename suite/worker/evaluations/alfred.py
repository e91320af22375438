"""ALFRED's next action, teacher-forced: at each step of an expert's episode, what would the model have done?"""

import json
import os
from typing import Any, Dict, Iterator, List, NamedTuple, Optional

from suite.worker.evaluation import Corrupt, Evaluation, Example, Judged, Row, required_data
from suite.worker.files import open_regular
from suite.worker.outcome import WorkerFault

_VOCABULARY, _TRAJECTORY = "vocab.json", "traj_data.json"
_LARGEST_BYTES = 64 * 2**20
_STOP = "<<stop>>"


class Step(NamedTuple):
    """What the expert did: places in the lists of actions and objects; None: none there, or none needed."""

    action: Optional[int]
    object: Optional[int]
    takes_object: bool


class Episode(NamedTuple):
    words: List[int]
    actions: List[int]
    frames: Any  # [T, 512, 7, 7]


class Alfred(Evaluation):
    name = "alfred"
    title = "ALFRED next action"
    what = (
        "At each step of an expert's episode the model sees what the expert has seen and done, and names the next "
        "action, and the object where the action takes one. A step is right if both are. It is not ALFRED's success "
        "rate: nothing is acted out, and no mistake carries on."
    )
    metric = "action and object"
    further = ("action alone", "object alone")
    length_label = "frames"
    source = "the user's copy of ALFRED (json_feat)"
    models = ("et-human", "et-human-synthetic")
    data_is = (
        "a folder of trajectory folders and vocab.json, which lists the checkpoint's words, actions and objects in "
        "the order of its rows"
    )

    def rows(self, model: Any, data: Optional[str]) -> Iterator[Row]:
        folder = required_data(self, data, folder=True)
        self._names = _vocabulary(os.path.join(folder, _VOCABULARY))
        found = sorted(name for name in os.listdir(folder) if os.path.isdir(os.path.join(folder, name)))
        for group, name in enumerate(found):
            yield self._row(model, os.path.join(folder, name), group)

    def check(self, model: Any, target: Any) -> None:
        """The rows of the network, as far as its runtime tells them."""
        rows = {"words": getattr(target, "word_count", None)}
        embedded = getattr(target, "emb_action", None)
        rows["actions"] = getattr(embedded, "num_embeddings", None)
        for name, count in rows.items():
            if count is not None and count != len(self._names[name]):
                raise WorkerFault(
                    "EVALUATION_MODEL",
                    "{} has {} {}, and {} lists {}".format(
                        model.title, count, name, _VOCABULARY, len(self._names[name])
                    ),
                    "give the vocabulary that the checkpoint was trained with",
                )

    def inputs(self, model: Any, examples: List[Example]) -> Dict[str, Any]:
        import torch

        episodes = [example.inputs for example in examples]
        words = max(len(each.words) for each in episodes)
        steps = max(len(each.actions) for each in episodes)
        frames = torch.zeros((len(episodes), steps) + tuple(episodes[0].frames.shape[1:]))
        for place, each in enumerate(episodes):
            frames[place, : len(each.actions)] = each.frames
        return {
            "text_ids": torch.tensor([(each.words + [0] * words)[:words] for each in episodes]),
            "text_lengths": torch.tensor([len(each.words) for each in episodes]),
            "frames": frames,
            "actions": torch.tensor([(each.actions + [0] * steps)[:steps] for each in episodes]),
            "frame_lengths": torch.tensor([len(each.actions) for each in episodes]),
        }

    def judge(self, model: Any, output: Any, examples: List[Example]) -> List[List[Judged]]:
        for name, listed in (("action", "actions"), ("object", "objects")):
            if output[name].shape[-1] != len(self._names[listed]):
                told = "{} tells {} {}, and {} lists {}"
                raise WorkerFault(
                    "EVALUATION_MODEL",
                    told.format(model.title, output[name].shape[-1], listed, _VOCABULARY, len(self._names[listed])),
                    "give the vocabulary that the checkpoint was trained with",
                )
        actions, objects = (output[name].float().argmax(-1).tolist() for name in ("action", "object"))
        return [
            [_judged(step, actions[place][at], objects[place][at]) for at, step in enumerate(example.answer)]
            for place, example in enumerate(examples)
        ]

    def _row(self, model: Any, folder: str, group: int) -> Row:
        try:
            read = model.read_trajectory(folder)
            with open_regular(os.path.join(folder, _TRAJECTORY)) as file:
                data = json.loads(file.read(_LARGEST_BYTES).decode("utf-8"))
            annotation, taken = data["turk_annotations"]["anns"][0], data["plan"]["low_actions"]
            words = " ".join([annotation["task_desc"]] + annotation["high_descs"])
            ids = self._words(words)
        except WorkerFault as fault:
            return Corrupt("{}: {}".format(os.path.basename(folder), fault.reason))
        except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
            return Corrupt("{}: {!r}".format(os.path.basename(folder), error))
        steps = [self._step(each) for each in taken] + [Step(self._place("actions", _STOP), None, False)]
        actions = [step.action or 0 for step in steps]
        return Example(Episode(ids, actions, read.frames), steps, group, len(steps))

    def _words(self, text: str) -> List[int]:
        from suite.worker.et import trajectory

        ids = []
        for word in trajectory.words(text):
            place = self._place("words", word)
            if place is None:
                raise ValueError("{!r} is not in {}".format(word, _VOCABULARY))
            ids.append(place)
        return ids

    def _step(self, taken: Any) -> Step:
        name = taken["discrete_action"]["action"]
        place = self._place("actions", name)
        thing = taken.get("api_action", {}).get("objectId")
        label = thing.partition("|")[0] if isinstance(thing, str) else None
        stem = place if place is not None else self._place("actions", name.partition("_")[0])
        return Step(stem, None if label is None else self._place("objects", label), label is not None)

    def _place(self, kind: str, name: str) -> Optional[int]:
        return self._names[kind].get(name)


def _judged(step: Step, action: int, thing: int) -> Judged:
    is_action, is_object = action == step.action, thing == step.object
    return Judged(
        float(is_action and (is_object or not step.takes_object)),
        "{} {}".format(action, thing if step.takes_object else ""),
        ((float(is_action), 1.0), (float(is_object and step.takes_object), float(step.takes_object))),
        reachable=step.action is not None and (step.object is not None or not step.takes_object),
    )


def _vocabulary(path: str) -> Dict[str, Dict[str, int]]:
    remedy = 'write {"words": [...], "actions": [...], "objects": [...]}, each in the order of the network\'s rows'
    try:
        with open_regular(path) as file:
            found = json.loads(file.read(_LARGEST_BYTES).decode("utf-8"))
        named = {kind: {str(name): place for place, name in enumerate(found[kind])} for kind in _KINDS}
    except OSError as error:
        raise WorkerFault("EVALUATION_DATA", "{}: {}".format(path, error.strerror or error), remedy) from error
    except (ValueError, KeyError, TypeError) as error:
        raise WorkerFault("EVALUATION_DATA", "{}: it lacks {}".format(path, " or ".join(_KINDS)), remedy) from error
    for kind in _KINDS:
        if len(named[kind]) != len(found[kind]):
            raise WorkerFault("EVALUATION_DATA", "{}: {} name one twice".format(path, kind), remedy)
    return named


_KINDS = ("words", "actions", "objects")

PLUGIN = Alfred()
