"""A model that does nothing: what is measured on it is the harness itself."""

from typing import Any, Dict

from suite.worker.model import Axis, Model


class Null(Model):
    name = "null"
    title = "Null"
    task = "none: it returns its input"
    why = "Its latency is the overhead of measuring."
    source = "torch.nn.Identity"
    axes = (Axis("elements", "elements", 1, 1, 1 << 20),)

    def build(self, options: Dict[str, Any]) -> Any:
        import torch

        return torch.nn.Identity()

    def inputs(self, batch_size: int, axes: Dict[str, int], source: Any) -> Dict[str, Any]:
        """input: [B, elements]."""
        return {"input": source.child("input").uniform((batch_size, axes["elements"]))}


PLUGIN = Null()
