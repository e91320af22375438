"""What a runtime plug-in is: one file in suite/worker/runtimes/ that ends in `PLUGIN = <Runtime>()`.

A runtime turns a model's filled torch module into what answers the timed calls.
"""

from typing import Any, Optional, Tuple

from suite.worker.outcome import NotMeasured


class Runtime:
    name = ""  # what the user types: "eager"
    title = ""
    packages: Tuple[str, ...] = ("torch",)
    precisions: Tuple[str, ...] = ("fp32",)

    def available(self) -> Optional[NotMeasured]:
        """None if this interpreter has the packages; else why not. Imports nothing heavy."""
        raise NotImplementedError

    def make_ready(self, module: Any, precision: str, device: str) -> Any:
        """The filled CPU module, turned into a callable on the device that takes the model's named inputs.

        precision is one of `precisions`. The module may be changed in place: the worker keeps no other copy.
        """
        raise NotImplementedError
