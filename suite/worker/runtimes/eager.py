"""PyTorch as it is: every operator runs when Python reaches it."""

from typing import Any, Optional

from suite.worker import packages, quantise
from suite.worker.outcome import NotMeasured
from suite.worker.precision import ALL
from suite.worker.runtime import Runtime


class Eager(Runtime):
    name = "eager"
    title = "PyTorch eager"
    precisions = ALL

    def available(self) -> Optional[NotMeasured]:
        return packages.absence("torch")

    def absence(self, torch: Any, precision: str, device: str) -> Optional[NotMeasured]:
        found = super().absence(torch, precision, device)
        return quantise.absence(torch) if found is None and precision == "int8" else found

    def make_ready(self, module: Any, precision: str, device: str) -> Any:
        module.to(device)  # both for their effect: a module's own `train` may return anything
        module.eval()
        return quantise.linear_layers(module) if precision == "int8" else module


PLUGIN = Eager()
