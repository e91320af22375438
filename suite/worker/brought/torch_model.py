"""What brought models share that are torch modules: tensors in, made-up calls that show what integers they take."""

from typing import Any, Dict

from suite.worker.brought.base import Brought
from suite.worker.brought.values import PLAIN


class TorchModel(Brought):
    packages = ("torch",)

    def module(self) -> Any:
        """The module with its weights, on the CPU."""
        raise NotImplementedError

    def build(self, options: Dict[str, Any]) -> Any:
        return self.module()

    def introduce(self) -> None:
        if self.real_inputs() is not None:
            return
        import torch

        module = self.module()
        module.eval()

        def call(arrays: Dict[str, Any]) -> None:
            inputs = {given.name: _tensor(arrays[given.name], given.dtype) for given in self.layout.inputs}
            with torch.no_grad():
                self.bind(module, inputs, "forward")[0]()

        self.settle_ranges(call)


def _tensor(value: Any, dtype: str) -> Any:
    import torch

    return value if dtype in PLAIN else torch.as_tensor(value).to(getattr(torch, dtype))
