"""torch.compile: kernels are made for each size in a process of its own; the one that is measured finds them again."""

import os
import shutil
from typing import Any, Dict, List, Optional

from suite.worker import packages
from suite.worker.calls import not_exportable
from suite.worker.outcome import NotMeasured
from suite.worker.runtime import Artefact, Runtime, Work

_FOLDER_VARIABLE = "TORCHINDUCTOR_CACHE_DIR"
_MOST_SIZES = 256  # beyond it torch would run eagerly without a word


class Compile(Runtime):
    name = "compile"
    title = "torch.compile"
    precisions = ("fp32", "tf32", "bf16", "fp16")
    is_built = of_the_machine = True

    def available(self) -> Optional[NotMeasured]:
        return packages.absence("torch")

    def absence(self, torch: Any, precision: str, device: str) -> Optional[NotMeasured]:
        if not hasattr(torch, "compile"):
            reason = "torch {} has no torch.compile".format(torch.__version__)
            return NotMeasured("PACKAGE_MISSING", reason, "Install torch >= 2.1 for the worker's interpreter")
        if device == "cpu" and _compiler() is None:
            reason = "torch.compile needs a C++ compiler, and there is none (CXX, g++, clang++)"
            return NotMeasured("COMPILER_MISSING", reason, "Install g++, or name one in CXX")
        if device.startswith("cuda"):
            missing = packages.absence("triton")
            if missing is not None:
                return missing
        return super().absence(torch, precision, device)

    def build(self, work: Work) -> Dict[str, Any]:
        import torch

        os.environ[_FOLDER_VARIABLE] = work.folder
        compiled = _compiled(torch, self._on_device(work.module, work.device))
        try:
            for call in work.calls:
                compiled(**{name: _moved(value, work.device) for name, value in call.items()})
        except Exception as error:
            if type(error).__module__.startswith("torch._"):
                raise not_exportable("torch.compile failed: " + _line(error)) from error
            raise
        return {"dynamic": False, "graph_count": len(work.calls), "notes": _breaks()}

    def open(self, artefact: Artefact, module: Any, precision: str, device: str, thread_count: int) -> Any:
        import torch

        os.environ[_FOLDER_VARIABLE] = artefact.folder
        return _compiled(torch, self._on_device(module, device))

    def told(self, target: Any) -> Dict[str, Any]:
        from torch._dynamo.utils import counters

        found = dict(super().told(target), provider="inductor", notes=[])
        missed = counters["inductor"].get("fxgraph_cache_miss", 0)
        if missed:
            text = "{} of its graphs were compiled anew in the measured process: its memory holds that work"
            found["notes"].append(text.format(missed))
        return found

    @staticmethod
    def _on_device(module: Any, device: str) -> Any:
        module.to(device)
        module.eval()
        return module


def _compiled(torch: Any, module: Any) -> Any:
    import torch._dynamo
    import torch._inductor.config as inductor

    settings = torch._dynamo.config
    for name in ("cache_size_limit", "recompile_limit", "accumulated_cache_size_limit"):
        if hasattr(settings, name):
            setattr(settings, name, _MOST_SIZES)
    if hasattr(settings, "fail_on_recompile_limit_hit"):
        settings.fail_on_recompile_limit_hit = True
    if hasattr(inductor, "compile_threads"):
        inductor.compile_threads = 1  # helpers of its own would stay beside the calls
    return torch.compile(module, dynamic=False)


def _breaks() -> List[str]:
    from torch._dynamo.utils import counters

    count = sum(counters["graph_break"].values())
    return ["its graph breaks in {} places, between which Python runs".format(count)] if count else []


def _compiler() -> Optional[str]:
    names = [os.environ.get("CXX", ""), "g++", "clang++", "c++"]
    return next((found for found in (shutil.which(name) for name in names if name) if found), None)


def _moved(value: Any, device: str) -> Any:
    return value.to(device) if hasattr(value, "to") else value


def _line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2])[:300]


PLUGIN = Compile()
