"""How a model was run: what its runtime really used, what was built for it, and how near its outputs are."""

from __future__ import annotations

from suite.records.asked import Precision
from suite.records.values import NotMeasured, record, require, require_non_negative, require_positive

TOLERANCES: dict[Precision, float] = {"fp32": 1e-4, "tf32": 2e-2, "fp16": 2e-2, "bf16": 1e-1, "int8": 1e-1}
"""The largest error that a precision explains, as a share of the largest value of an output; docs/variants.md."""


@record
class Build:
    """Files that a runtime runs, made in a process of their own. `cached`: earlier, and the figures are of then."""

    build_s: float
    peak_resident_bytes: int  # of the whole process that built
    size_bytes: int  # on disk, weights included where the files hold them
    cached: bool
    dynamic: bool  # one graph takes every size
    graph_count: int = 1

    def __post_init__(self) -> None:
        require_non_negative("build_s, size_bytes", self.build_s, self.size_bytes)
        require_positive("peak_resident_bytes, graph_count", self.peak_resident_bytes, self.graph_count)


@record
class OutputFidelity:
    """One output against that of eager fp32. Errors are over elements that are finite in both."""

    name: str
    element_count: int
    max_abs_error: float
    relative_error: float | None  # max_abs_error over the largest value of the reference; None: the reference is 0
    cosine: float | None  # None: one of the two is 0 throughout
    top_agreement: float | None  # share of rows with the same largest element; None: no rows of scores
    nan_count: int = 0
    infinite_count: int = 0
    unlike_count: int = 0  # finite in one and not in the other, or another infinity

    def __post_init__(self) -> None:
        require_non_negative("max_abs_error, element_count", self.max_abs_error, self.element_count)
        if self.relative_error is not None:
            require_non_negative("relative_error", self.relative_error)


@record
class Fidelity:
    """How near the outputs are to those of eager fp32 on the CPU, on the same weights and inputs at one size."""

    tolerance: float
    outputs: tuple[OutputFidelity, ...]
    reference: str = "eager fp32 on cpu"

    def __post_init__(self) -> None:
        require_positive("tolerance", self.tolerance)
        require(len(self.outputs) > 0, "fidelity is of at least one output")

    @property
    def deviating(self) -> tuple[OutputFidelity, ...]:
        """Those beyond the tolerance, or with values of another kind than the reference's."""
        return tuple(
            output
            for output in self.outputs
            if output.unlike_count or output.relative_error is None or output.relative_error > self.tolerance
        )

    @property
    def worst(self) -> OutputFidelity:
        """The output with the largest error, as a share; one with values of another kind first."""
        return max(self.outputs, key=lambda output: (output.unlike_count > 0, _share(output.relative_error)))


def _share(value: float | None) -> float:
    return float("inf") if value is None else value


@record
class Variant:
    """What really ran, read back from the worker."""

    elements: tuple[str, ...] = ()  # element types of the weights, the most first; empty: the runtime does not tell
    provider: str | None = None  # None: torch itself
    node_counts: tuple[tuple[str, int], ...] = ()  # by provider; empty: the runtime does not tell
    notes: tuple[str, ...] = ()
    build: Build | NotMeasured | None = None  # None: nothing is built
    fidelity: Fidelity | NotMeasured | None = None  # None: this is the reference, or nobody compared

    @property
    def fallen_back_count(self) -> int | None:
        """Nodes on the processor though the provider is another; None where nobody tells."""
        if self.provider is None or not self.node_counts:
            return None
        return sum(count for name, count in self.node_counts if name != self.provider)

    @property
    def deviates(self) -> bool:
        return isinstance(self.fidelity, Fidelity) and bool(self.fidelity.deviating)
