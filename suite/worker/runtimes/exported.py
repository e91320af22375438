"""A graph of torch.export, saved as a .pt2 file and run by torch, operator by operator."""

import functools
import importlib.util
import os
from typing import Any, Callable, Dict, List, Optional

from suite.worker import exporting, packages
from suite.worker.outcome import NotMeasured
from suite.worker.runtime import Artefact, Runtime, Work


class Exported(Runtime):
    name = "exported"
    title = "torch.export (.pt2)"
    precisions = ("fp32", "tf32", "bf16", "fp16")
    is_built, needs_module = True, False

    def available(self) -> Optional[NotMeasured]:
        return packages.absence("torch")

    def absence(self, torch: Any, precision: str, device: str) -> Optional[NotMeasured]:
        if importlib.util.find_spec("torch.export") is None or not hasattr(torch.export, "save"):
            reason = "torch {} has no torch.export".format(torch.__version__)
            return NotMeasured("PACKAGE_MISSING", reason, "Install torch >= 2.5 for the worker's interpreter")
        return super().absence(torch, precision, device)

    def build(self, work: Work) -> Dict[str, Any]:
        import torch

        def save(flat: Any, values: Any, shapes: Any, path: str) -> None:
            torch.export.save(torch.export.export(flat, values, dynamic_shapes=_of_star(shapes)), path)

        return exporting.write_graphs(work, save, ".pt2")

    def open(self, artefact: Artefact, module: Any, precision: str, device: str, thread_count: int) -> Any:
        def opened(file: str) -> "_Program":
            return _Program(os.path.join(artefact.folder, file), device)

        return exporting.Graphs(artefact.told["graphs"], opened, module)

    def told(self, target: Any) -> Dict[str, Any]:
        return super().told(target.session.program) if target.session is not None else {}


def _of_star(shapes: Optional[List[Dict[int, Any]]]) -> Any:
    """The varying dimensions of `*values`, as torch.export takes them."""
    return None if shapes is None else (tuple(shapes),)


class _Program:
    def __init__(self, path: str, device: str) -> None:
        import torch

        loaded = torch.export.load(path)
        if device != "cpu":
            from torch.export.passes import move_to_device_pass

            loaded = move_to_device_pass(loaded, device)
        self.program = loaded.module()

    def bind(self, inputs: Dict[str, Any]) -> Callable[[], Any]:
        return functools.partial(self.program, *inputs.values())


PLUGIN = Exported()
