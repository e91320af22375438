"""What a model plug-in is: one file in suite/worker/models/ that ends in `PLUGIN = <Model>()`.

The controller reads the declarations (without torch); the worker calls the methods.
"""

import importlib.util
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from suite.worker import tensors
from suite.worker.outcome import NotMeasured, WorkerFault


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
    extra = ""  # the suite's optional extra that brings what it needs beyond `packages`
    modules: Tuple[str, ...] = ()  # what `build` would import later: imported with the packages, so as import time
    grad_mode = "inference_mode"  # in which it is called: "no_grad" or "enable_grad" where inference tensors won't do
    takes_checkpoint = False
    takes_trajectory = False
    takes_pinned = False  # whether models.lock pins published weights that fit `build`
    shipped_weights = ""  # the path of a safetensors file beside it, which then are the weights
    own_weights = False  # whether `build` gives the module its weights, which nothing then fills
    runtimes: Tuple[str, ...] = ()  # the only ones that it can run in, the usual one first; none: any
    precisions: Tuple[str, ...] = ()  # the same of precisions
    one_batch = False  # whether its inputs have one fixed size each, without a batch
    inputs_source = "seeded"  # "file": `inputs` are a person's own

    def available(self) -> Optional[NotMeasured]:
        """None if this interpreter has the packages; else why not. Imports nothing heavy."""
        missing = [name for name in self.packages if importlib.util.find_spec(name) is None]
        if not missing:
            return None
        names = " and ".join(missing)
        return NotMeasured(
            "PACKAGE_MISSING",
            f"{self.title} needs {names}, which the worker's Python lacks",
            f"install {names} there, or point SUITE_WORKER_PYTHON at a Python that has it",
        )

    def build(self, options: Dict[str, Any]) -> Any:
        """A torch module with its buffers set; its parameters are filled afterwards.

        Called under a context that gives random initialisers and unwritten memory seeded values (none, to large
        parameters), and for counting under the meta device.
        """
        raise NotImplementedError

    def inputs(self, batch_size: int, axes: Dict[str, int], source: Any) -> Dict[str, Any]:
        """Named CPU tensors of one batch, and whatever else `bind` hands to the module.

        source: a weights.Stream (the same integers on every platform) or, for a model that takes a trajectory, what
        `read_trajectory` gave.
        """
        raise NotImplementedError

    def runner(self, runtime: str, precision: str) -> Any:
        """The runtime that makes the module ready. Raises WorkerFault where there is none."""
        from suite.worker import plugins

        return plugins.runtime(runtime, precision)

    def explain(self, error: Exception, sizes: Dict[str, int]) -> Optional[WorkerFault]:
        """What to say of a call that failed at these axes; None where the error says it."""
        return None

    def load_checkpoint(self, module: Any, path: str) -> None:
        """Copies the weights of the user's checkpoint into the module, in place. Raises WorkerFault."""
        raise NotImplementedError

    def configuration(self, module: Any) -> List[str]:
        """In what a checkpoint, or the module that `build` made for it, is not what `title` stands for."""
        return []

    def read_trajectory(self, path: str) -> Any:
        """The content of the user's trajectory, as a source for `inputs`. Raises WorkerFault."""
        raise NotImplementedError

    def own_sizes(self, trajectory: Any) -> Dict[str, int]:
        """Along each axis what `read_trajectory` gave is long, before `inputs` cuts or pads it."""
        return {}

    def bind(self, module: Any, inputs: Dict[str, Any], scenario: str) -> Tuple[Callable[[], Any], int]:
        """A call without arguments that runs one forward pass (or scenario), and how many passes it makes."""
        return (lambda: module(**inputs)), 1

    def sample(self, inputs: Dict[str, Any], scenario: str) -> Dict[str, Any]:
        """The inputs of a call that is small and still shows whether an input matters: the batch's first item, of each
        tensor that is as long as the first one."""
        lengths = [value.shape[0] for value in inputs.values() if tensors.is_tensor(value) and value.dim()]

        def is_batch(value: Any) -> bool:
            return tensors.is_tensor(value) and value.dim() > 0 and value.shape[0] == lengths[0]

        return {name: value[:1] if is_batch(value) else value for name, value in inputs.items()}

    def perturb(self, name: str, tensor: Any) -> Any:
        """A valid input that differs: masks, of either meaning, turn their last position over, lengths hide it, other
        integers turn 0 into 1 and the rest into 0 (which every table has), floats lose a quarter and change sign."""
        flipped = (tensor == 0).to(tensor.dtype)
        if name.endswith("mask") or str(tensor.dtype) == "torch.bool":
            changed = tensor.clone()
            changed[..., -1] = flipped[..., -1]
            return changed
        if name.endswith("lengths"):
            return tensor - 1
        if tensor.is_complex():
            return tensor * -0.75
        return (tensor.float() * -0.75).to(tensor.dtype) if tensor.is_floating_point() else flipped

    def output_tensors(self, output: Any) -> List[Any]:
        """The tensors in what a call returns, to any depth; what is no tensor is left out."""
        return [tensor for _, tensor in tensors.leaves(output)]
