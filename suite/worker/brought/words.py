"""How the word for a model that someone brings looks, and what kind it then is. Opens nothing.

The controller writes a word and what was said beside it as an origin, from which a worker makes the model.
"""

import json
import os
import re
from typing import Any, Dict, NamedTuple, Optional

PREFIX = "brought:"  # of an origin, before its settings as JSON
HUB = "hf:"


class Kind(NamedTuple):
    """A way to bring a model. `runs_code`: whether opening one may run what its author wrote."""

    name: str
    what: str
    runs_code: bool


ONNX = Kind("onnx_file", "an ONNX file", False)
EXPORTED = Kind("exported", "a program of torch.export", False)
TORCHSCRIPT = Kind("torchscript", "a TorchScript file", True)
HUGGING_FACE = Kind("hugging_face", "a model of Hugging Face", False)
FACTORY = Kind("factory", "a function of your own", True)
DESCRIPTION = Kind("description", "a TOML file that names one", False)

_BY_ENDING = {
    ".onnx": ONNX,
    ".pt2": EXPORTED,
    ".pt": TORCHSCRIPT,
    ".jit": TORCHSCRIPT,
    ".ts": TORCHSCRIPT,
    ".torchscript": TORCHSCRIPT,
    ".toml": DESCRIPTION,
}
_REFUSED = {
    ".pth": "holds weights, mostly pickled, and no model",
    ".ckpt": "holds weights, mostly pickled, and no model",
    ".bin": "holds weights and no model",
    ".pkl": "is a pickle, which could run anything",
    ".safetensors": "holds weights and no model",
    ".h5": "is a file of Keras",
    ".keras": "is a file of Keras",
    ".tflite": "is a file of TensorFlow Lite",
    ".pb": "is a file of TensorFlow",
    ".engine": "is an engine of TensorRT, built for one device",
    ".gguf": "is a file of llama.cpp",
}
_REMEDIES = {"holds weights": "give a function that builds the model and loads them: --model module:function"}
_EXPORT = "export the model as .onnx, .pt2 or TorchScript"
_FUNCTION = re.compile(r"([A-Za-z_][\w.]*|.*\.py):[A-Za-z_][\w.]*")


def kind_of(word: str) -> Optional[Kind]:
    """The kind that a word looks like; None for a plain name."""
    if word.startswith(HUB):
        return HUGGING_FACE
    if _FUNCTION.fullmatch(word):
        return FACTORY
    return _BY_ENDING.get(os.path.splitext(word)[1].lower())


def refusal(word: str) -> Optional[str]:
    """Why a word that looks like a file is none of these, and what to do; None where it doesn't look like one."""
    what = _REFUSED.get(os.path.splitext(word)[1].lower())
    if what is not None:
        remedies = [remedy for start, remedy in _REMEDIES.items() if what.startswith(start)]
        return "{}; {}".format(what, remedies[0] if remedies else _EXPORT)
    if os.sep in word:
        known = ", ".join(sorted(_BY_ENDING))
        return "is no file of a kind that can be run ({}); of a folder of Hugging Face write hf:FOLDER".format(known)
    return None


def default_name(word: str) -> str:
    """A plain name for a brought model: that of its file, folder or function, with its ending."""
    if word.startswith(HUB):
        word = word[len(HUB) :].rstrip("/")
    elif _FUNCTION.fullmatch(word):
        place, _, function = word.rpartition(":")
        stem = os.path.basename(place)[: -len(".py")] if place.endswith(".py") else place.rpartition(".")[2]
        word = "{}.{}".format(stem, function)
    return plain(os.path.basename(word))


def plain(text: str) -> str:
    """Text as a name of a model: letters, digits, '-', '_' and '.', at most 64 of them."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text)[:64].strip("-._") or "model"


def axis_name(text: str) -> str:
    """A symbol as a name of an axis: letters, digits, '_' and '-', the first a letter, at most 64 of them."""
    found = re.sub(r"[^A-Za-z0-9_-]+", "_", text)[:60].strip("_")
    return found if found[:1].isalpha() else "d" + found


def origin(settings: Dict[str, Any]) -> str:
    return PREFIX + json.dumps(settings, sort_keys=True, separators=(",", ":"))


def is_origin(text: str) -> bool:
    return text.startswith(PREFIX)


def settings_of(text: str) -> Dict[str, Any]:
    """Raises ValueError where they are none."""
    found = json.loads(text[len(PREFIX) :])
    if not isinstance(found, dict) or not isinstance(found.get("word"), str):
        raise ValueError("no settings of a model that was brought")
    return found
