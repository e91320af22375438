"""A model of Hugging Face: a folder with its config, and weights where it has any; the class that the config names.

Without weights they are seeded, as the suite's own are. Code that a hub's model brings runs where a person said so.
"""

import json
import os
from typing import Any, Dict, List

from suite.worker import files
from suite.worker.brought import base, hf_inputs
from suite.worker.brought.shapes import layout
from suite.worker.brought.words import HUB
from suite.worker.outcome import WorkerFault

_WEIGHTS = (".safetensors", ".bin")
_CODE = "HUB_CODE"


class HuggingFaceModel(base.Brought):
    packages = ("torch", "transformers")

    def __init__(self, settings: Dict[str, Any]) -> None:
        self.folder = str(settings.get("path") or settings["word"][len(HUB) :])
        super().__init__(settings, "a model of Hugging Face that was brought")
        raw = _json(os.path.join(self.folder, "config.json"))
        self._trust = bool(settings.get("trust"))
        self._auto = raw.get("auto_map") or {}
        if self._auto and not self._trust:
            raise WorkerFault(
                _CODE,
                "{} is run by code that it brings along ({})".format(self.folder, ", ".join(sorted(self._auto))),
                "read it, and say --trust-remote-code if it may run here",
            )
        self.config = _config(self.folder, self._trust)
        self.own_weights = bool(_weights(self.folder))
        names = raw.get("architectures") or []
        self._class = _class(str(names[0]) if names else "", self.config, self._auto, self.folder)
        given, ranges, hints = hf_inputs.declared(self._class, self.config, _preprocessor(self.folder), self.title)
        for name, ends in ranges.items():
            settings.setdefault("ranges", {}).setdefault(name, ends)
        real = self.real_inputs()
        if real is not None:  # the inputs that a person leaves out are the model's to make
            given = [one for one in given if one.name in real.held] or given
        self.settle(layout(given, settings, self.title, hints, None if real is None else real.shape))
        self.source = "{}, a {}{}".format(
            settings["word"], self._class.__name__, "" if self.own_weights else ", its weights seeded"
        )

    def introduce(self) -> None:
        """The config says all; whether it can be called is shown by the first call."""

    def content_sha256(self) -> str:
        kept = [name for name in sorted(os.listdir(self.folder)) if name.endswith(_WEIGHTS + (".json", ".py"))]
        return base.sha256_of([os.path.join(self.folder, name) for name in kept])

    def build(self, options: Dict[str, Any]) -> Any:
        if not self.own_weights:
            return self._class(self.config)
        import torch

        options = {"config": self.config, "local_files_only": True, "trust_remote_code": self._trust}
        try:
            found = self._class.from_pretrained(self.folder, **options)
        except (OSError, ValueError, RuntimeError) as error:
            raise base.unreadable(
                self.folder, "can't be loaded ({})".format(base.line(error)), "fetch it again, all of its files"
            ) from error
        return found.to(torch.float32)  # a checkpoint may be in another type; what a task asks for is made of this


def load(settings: Dict[str, Any]) -> HuggingFaceModel:
    return HuggingFaceModel(settings)


def _weights(folder: str) -> List[str]:
    return [name for name in os.listdir(folder) if name.endswith(_WEIGHTS) and name != "training_args.bin"]


def _json(path: str) -> Dict[str, Any]:
    """Raises WorkerFault MODEL_UNREADABLE."""
    remedy = "give a folder as save_pretrained writes it"
    try:
        with files.open_regular(path) as file:
            found = json.loads(file.read().decode("utf-8"))
    except OSError as error:
        raise base.unreadable(path, "can't be read: {}".format(error.strerror), remedy) from error
    except ValueError as error:
        raise base.unreadable(path, "is no JSON ({})".format(base.line(error)), remedy) from error
    if not isinstance(found, dict):
        raise base.unreadable(path, "holds no object", remedy)
    return found


def _preprocessor(folder: str) -> Dict[str, Any]:
    path = os.path.join(folder, "preprocessor_config.json")
    return _json(path) if os.path.isfile(path) else {}


def _config(folder: str, trust: bool) -> Any:
    try:
        from transformers import AutoConfig
    except ImportError as error:
        raise WorkerFault(
            "PACKAGE_MISSING",
            "{} needs transformers, which the worker's Python lacks".format(folder),
            "install transformers there, or point SUITE_WORKER_PYTHON at a Python that has it",
        ) from error
    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=trust)
    except (OSError, ValueError, KeyError, TypeError) as error:
        remedy = "install a version of transformers that knows this model, or correct config.json"
        raise base.unreadable(
            folder, "has a config that can't be used ({})".format(base.line(error)), remedy
        ) from error


def _class(name: str, config: Any, auto: Dict[str, str], folder: str) -> Any:
    """The class that the config names, or the plain model of its kind where it names none. Raises WorkerFault."""
    import transformers

    found = None  # type: Any
    if auto:
        from transformers.dynamic_module_utils import get_class_from_dynamic_module

        reference = next((auto[key] for key in sorted(auto) if key.startswith("AutoModel")), None)
        found = None if reference is None else get_class_from_dynamic_module(reference, folder)
    elif name:
        found = getattr(transformers, name, None)
    else:
        found = transformers.MODEL_MAPPING.get(type(config), None)
    if found is None:
        version = transformers.__version__
        raise WorkerFault(
            "UNKNOWN_ARCHITECTURE",
            "{} is a {}, which transformers {} does not know".format(folder, name or type(config).__name__, version),
            "install a version that does",
        )
    return found
