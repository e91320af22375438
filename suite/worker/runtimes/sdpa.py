"""PyTorch eager with attention as one fused operator, for models that can be told to use it."""

from typing import Any, Optional

from suite.worker import packages
from suite.worker.outcome import NotMeasured, WorkerFault
from suite.worker.runtime import Runtime

_SETTER = "set_attn_implementation"  # of transformers, since 4.53


class Sdpa(Runtime):
    name = "sdpa"
    title = "PyTorch with fused attention"
    precisions = ("fp32", "tf32", "bf16", "fp16")

    def available(self) -> Optional[NotMeasured]:
        return packages.absence("torch")

    def make_ready(self, module: Any, precision: str, device: str) -> Any:
        """A module takes it by transformers' set_attn_implementation, or by a method of its own of that name."""
        choose = getattr(module, _SETTER, None)
        if choose is None and any(type(part).__name__ == "MultiheadAttention" for part in module.modules()):
            raise WorkerFault(
                "ATTENTION_FIXED",
                "{} computes attention by torch's MultiheadAttention, which is fused in eager already".format(
                    type(module).__name__
                ),
                "Use runtime eager: it is the same",
            )
        if choose is None:
            raise WorkerFault(
                "ATTENTION_FIXED",
                "{} has no {}: nothing tells it how to compute attention".format(type(module).__name__, _SETTER),
                "Use runtime eager, or give the module that method",
            )
        try:
            choose("sdpa")
        except (ValueError, ImportError) as error:
            raise WorkerFault(
                "ATTENTION_FIXED",
                "{} does not take fused attention: {}".format(type(module).__name__, _told(error)),
                "Use runtime eager",
            ) from error
        found = getattr(getattr(module, "config", None), "_attn_implementation", "sdpa")
        if found != "sdpa":  # transformers warns, and leaves it as it was
            raise WorkerFault(
                "ATTENTION_FIXED",
                "{} stays with attention {!r} when asked for sdpa".format(type(module).__name__, found),
                "Use runtime eager",
            )
        module.to(device)
        module.eval()
        return module


def _told(error: Exception) -> str:
    return " ".join(str(error).split()).partition(". ")[0][:200]


PLUGIN = Sdpa()
