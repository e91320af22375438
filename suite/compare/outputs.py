"""How far two fingerprints of outputs lie apart, and how far they may at a precision."""

from __future__ import annotations

import math
from collections.abc import Mapping

from suite.records import Fingerprint, Precision, record

# Of the length of the outputs: what another order of sums, another processor or another torch may change.
TOLERANCES: Mapping[Precision, float] = {"fp32": 1e-4, "tf32": 1e-2, "fp16": 1e-2, "bf16": 5e-2, "int8": 1e-1}
LEADS = 10.0  # tolerances by which an answer must lead to be certain: one value may differ by more than the usual one


@record
class Difference:
    """distance: of the outputs, as a share of their length, estimated from the projections."""

    distance: float
    differs: bool
    text: str


def difference(before: Fingerprint, after: Fingerprint, precision: Precision) -> Difference:
    tolerance = TOLERANCES[precision]
    for name, words in (
        ("tensor_count", "tensors"),
        ("value_count", "values"),
        ("taken_count", "values taken"),
        ("not_finite_count", "values that are not finite"),
    ):
        sides = getattr(before, name), getattr(after, name)
        if sides[0] != sides[1]:
            return Difference(distance=math.inf, differs=True, text=f"{sides[0]:,} {words}, and {sides[1]:,} now")
    length = max(before.norm, after.norm)
    apart = math.sqrt(3) * math.dist(before.projection, after.projection)  # uniform weights: a third of the square
    distance = apart / length if length else 0.0
    flipped = _flipped(before, after, LEADS * tolerance)
    tops = f", {flipped} of {len(before.top)} top answers differ beyond a tie" if flipped else ""
    limit = f"{precision} allows {tolerance:.0e}"
    text = f"{distance:.1e} of their length apart ({limit}){tops}" if distance else f"the same, exactly{tops}"
    return Difference(distance=distance, differs=distance > tolerance or flipped > 0, text=text)


def _flipped(before: Fingerprint, after: Fingerprint, certain: float) -> int:
    """Top answers that differ though both sides were sure of theirs."""
    if len(before.top) != len(after.top):
        return abs(len(before.top) - len(after.top))
    pairs = zip(before.top, after.top, strict=True)
    return sum(one.index != other.index and min(one.lead, other.lead) > certain for one, other in pairs)
