"""Origins of brought models -> models: each word is opened by the file of its kind, once in a process."""

import importlib
from typing import Any, Dict

from suite.worker.brought import words
from suite.worker.outcome import WorkerFault

_opened: Dict[str, Any] = {}


def load(origin: str) -> Any:
    """The model of that origin. Raises WorkerFault, and whatever code of others raises."""
    if origin not in _opened:
        settings = words.settings_of(origin)
        kind = words.kind_of(settings["word"])
        if kind is None or kind is words.DESCRIPTION:
            raise WorkerFault("BAD_REQUEST", "{} names no kind of model".format(settings["word"]), "Use one version")
        module = importlib.import_module("suite.worker.brought." + kind.name)
        _opened[origin] = module.load(settings)
    return _opened[origin]
