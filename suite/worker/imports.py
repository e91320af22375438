"""What a worker imports: libraries, models, runtimes, and how many seconds that took."""

import importlib
import os
import sys
from typing import Any, Dict

from suite.worker import plugins
from suite.worker.model import Model
from suite.worker.outcome import WorkerFault
from suite.worker.timing import Clock


class Imports:
    """origins: by model, where one of others lies. spent_s: in all imports of this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._folders = plugins.model_folders(os.environ)
        self.origins: Dict[str, str] = {}
        self.spent_s = 0.0

    def model(self, name: str) -> Model:
        started_s = self._clock()
        try:
            model: Model = plugins.get(plugins.MODELS, name, self.origins.get(name), self._folders)
        finally:
            self.spent_s += self._clock() - started_s  # a plug-in may import what it needs as it is imported
        absence = model.available()
        if absence is not None:
            raise WorkerFault(*absence)
        return model

    def module(self, name: str) -> Any:
        """The module; the seconds of importing it are added to what the cold start shows."""
        if name in sys.modules:
            return sys.modules[name]
        started_s = self._clock()
        try:
            return importlib.import_module(name)
        finally:
            self.spent_s += self._clock() - started_s
