"""What a person supposes of a quantity: against which size or figure it goes how, as a plan states it."""

from __future__ import annotations

from typing import Literal, get_args

from suite.limits import MAX_HYPOTHESIS_TEXT_LENGTH
from suite.records.values import record, require, require_name, require_within

Quantity = Literal["latency", "energy", "memory", "flops"]
Shape = Literal["linear", "proportional", "quadratic", "constant", "power", "tracks"]
QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)
SHAPES: tuple[Shape, ...] = get_args(Shape)
ACROSS_MODELS = ("parameters", "flops", "energy", "latency", "memory")  # what `tracks` compares a quantity with
MIN_EXPONENT, MAX_EXPONENT = 0.2, 4.0  # of a power law that can be fitted


@record
class Hypothesis:
    """`quantity` goes against `against` as `shape` says.

    against: "batch_size" or an axis; for `tracks`, over models, one of ACROSS_MODELS. exponent: the range of k in
    a + b n^k, for `power` alone; None: whatever fits. models: of which it is supposed; none: of all. text: as the
    person states it.
    """

    quantity: Quantity
    against: str
    shape: Shape
    exponent: tuple[float, float] | None = None
    models: tuple[str, ...] = ()
    text: str = ""

    def __post_init__(self) -> None:
        require_name("against", self.against)
        for model in self.models:
            require_name("model", model)
        require(
            len(self.text) <= MAX_HYPOTHESIS_TEXT_LENGTH,
            f"text must have at most {MAX_HYPOTHESIS_TEXT_LENGTH} characters, got {len(self.text)}",
        )
        if self.exponent is not None:
            require(self.shape == "power", f"exponent is for shape 'power' alone, got it with {self.shape!r}")
            low, high = self.exponent
            for value in (low, high):
                require_within("exponent", value, MIN_EXPONENT, MAX_EXPONENT)
            require(low < high, f"exponent must run from low to high, got {low:g} to {high:g}")
