"""PyTorch as it is: every operator runs when Python reaches it."""

import importlib.util
from typing import Any, Optional

from suite.worker.outcome import NotMeasured
from suite.worker.runtime import Runtime


class Eager(Runtime):
    name = "eager"
    title = "PyTorch eager"

    def available(self) -> Optional[NotMeasured]:
        if importlib.util.find_spec("torch") is None:
            return NotMeasured(
                "PACKAGE_MISSING", "torch is not installed", "Install torch for the worker's interpreter"
            )
        return None

    def make_ready(self, module: Any, precision: str, device: str) -> Any:
        module.to(device)  # both for their effect: a module's own `train` may return anything
        module.eval()
        return module


PLUGIN = Eager()
