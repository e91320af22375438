"""What a model plug-in is: one file in suite/worker/models/ that ends in `PLUGIN = <Model>()`.

The controller reads the declarations (without torch); the worker calls the methods.
"""

from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple

from suite.worker.outcome import NotMeasured


class Axis(NamedTuple):
    """An input size that can be swept. `maximum` is what the model's positions allow."""

    name: str  # "text_tokens", "image_regions", "frames"
    label: str  # for a plot: "text tokens"
    default: int
    minimum: int
    maximum: int


class Model:
    """Declarations, then the three things a worker does with a model: build it, make inputs, bind a call."""

    name = ""  # what the user types: "lxmert"
    title = ""  # "LXMERT"
    task = ""  # "visual question answering"
    why = ""  # one or two sentences for the report: what it is and why it is measured
    source = ""  # paper, and the implementation that is built
    axes: Tuple[Axis, ...] = ()
    scenarios: Tuple[str, ...] = ("forward",)
    packages: Tuple[str, ...] = ("torch",)
    takes_checkpoint = False
    takes_trajectory = False

    def available(self) -> Optional[NotMeasured]:
        """None if this interpreter has the packages; else why not. Imports nothing heavy."""
        raise NotImplementedError

    def build(self, options: Dict[str, Any]) -> Any:
        """A torch module in eval mode with its buffers set, parameters allocated and not yet filled.

        Called under a context that makes random initialisers do nothing, and for counting under the meta device.
        """
        raise NotImplementedError

    def inputs(self, batch_size: int, axes: Dict[str, int], source: Any) -> Dict[str, Any]:
        """Named CPU tensors of one batch; `source` is a weights.Stream (the same integers on every platform) or, for a
        model that takes a trajectory, its content."""
        raise NotImplementedError

    def bind(self, module: Any, inputs: Dict[str, Any], scenario: str) -> Tuple[Callable[[], Any], int]:
        """A call without arguments that runs one forward pass (or scenario), and how many passes it makes."""
        return (lambda: module(**inputs)), 1
