"""Which devices a plan means here: `auto` is the best that the worker's torch has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from suite.errors import PlanError

AUTO = "auto"
KINDS = ("cuda", "mps")  # before the CPU, the best first

There = Callable[[], Sequence[str]]  # what torch has, ("cpu", "cuda:0"); asking it starts a worker


def nobody_asked() -> Sequence[str]:
    """Stands where no worker can be asked. Raises PlanError."""
    raise PlanError("device auto: no worker was asked what its torch has; name a device, as cpu")


def best(there: Sequence[str]) -> str:
    """The first CUDA device, then MPS, then the CPU; under the name by which a person would ask for it."""
    kinds = {device.partition(":")[0] for device in there}
    return next((kind for kind in KINDS if kind in kinds), "cpu")


def chosen(wanted: Iterable[str], there: There) -> tuple[str, ...]:
    """The devices without `auto`, each once, in the plan's order. `there` is asked only where a plan says `auto`."""
    return tuple(dict.fromkeys(best(there()) if device == AUTO else device for device in wanted))
