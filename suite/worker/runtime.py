"""What a runtime plug-in is: one file in suite/worker/runtimes/ that ends in `PLUGIN = <Runtime>()`.

A runtime turns a model's filled torch module into what answers the timed calls: at once (`make_ready`), or by files
that are built in a process of their own (`is_built`: `build`, then `open`), since building peaks far above running.
"""

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from suite.worker import precision as precisions
from suite.worker.outcome import NotMeasured


class Work(NamedTuple):
    """What is built: a module in its precision, and the calls that the files must answer."""

    module: Any  # on the CPU
    calls: List[Dict[str, Any]]  # named inputs of the module, one of each shape
    precision: str
    device: str
    thread_count: int
    folder: str  # empty; everything that `build` writes there is the artefact


class Artefact(NamedTuple):
    """What a build left: its folder, and what its `build` told."""

    folder: str
    told: Dict[str, Any]


class Runtime:
    name = ""  # what the user types: "eager"
    title = ""
    packages: Tuple[str, ...] = ("torch",)
    precisions: Tuple[str, ...] = ("fp32",)
    is_built = False
    needs_module = True  # whether `open` is given the filled module
    of_the_machine = False  # whether what is built depends on the processor, the device and the threads

    def available(self) -> Optional[NotMeasured]:
        """None if this interpreter has the packages; else why not. Imports nothing."""
        raise NotImplementedError

    def absence(self, torch: Any, precision: str, device: str) -> Optional[NotMeasured]:
        """Why it can't run in one of its precisions on a device that is here; None where it can, as far as is known."""
        return precisions.absence(torch, precision, device)

    def make_ready(self, module: Any, precision: str, device: str) -> Any:
        """The filled CPU module, turned into a callable on the device that takes the model's named inputs.

        precision is one of `precisions`. The module may be changed in place: the worker keeps no other copy.
        """
        raise NotImplementedError

    def build(self, work: Work) -> Dict[str, Any]:
        """Writes files into the folder; what `open` must know of them, as JSON has it. `dynamic` in it: one graph takes
        every size. Raises WorkerFault BUILD_FAILED."""
        raise NotImplementedError

    def open(self, artefact: Artefact, module: Any, precision: str, device: str, thread_count: int) -> Any:
        """The same callable as `make_ready` gives, from what `build` wrote.

        module: filled, on the CPU; where not needs_module, a function that gives one without weights.
        """
        raise NotImplementedError

    def threads(self, target: Any) -> Optional[int]:
        """In force, of a runtime that has threads of its own; None for those of torch."""
        return None

    def told(self, target: Any) -> Dict[str, Any]:
        """What really runs, read back: `provider` (text), `node_counts` {provider: nodes}, `elements` [element type of
        weights, ...], `notes` [sentence, ...]; what is left out is not known."""
        return {"elements": list(precisions.in_force(target))} if hasattr(target, "named_parameters") else {}
