"""Which of the points that were asked for make a sweep: those that differ in one size alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol, TypeVar

BATCH_SIZE = "batch_size"


class Sized(Protocol):
    """A task, or a point of a report."""

    @property
    def batch_size(self) -> int: ...
    @property
    def axes(self) -> tuple[tuple[str, int], ...]: ...


S = TypeVar("S", bound=Sized)


def size_of(sized: Sized, axis: str) -> int:
    return sized.batch_size if axis == BATCH_SIZE else dict(sized.axes)[axis]


def base_of(points: Sequence[S]) -> S | None:
    """Of one subject's points, the one with the smallest batch and of each axis the size that most of them have.

    Points with other axes than the first one can't be compared with it, and have no say.
    """
    if not points:
        return None
    names = [name for name, _ in points[0].axes]
    alike = [point for point in points if [name for name, _ in point.axes] == names]
    usual = {name: Counter(dict(point.axes)[name] for point in alike).most_common(1)[0][0] for name in names}
    matching = [point for point in alike if dict(point.axes) == usual] or alike
    return min(matching, key=lambda point: point.batch_size)


def is_along(point: Sized, base: Sized, axis: str) -> bool:
    """Whether a point has the sizes of base, but for that along one axis."""
    if dict(point.axes).keys() != dict(base.axes).keys():
        return False
    names = [BATCH_SIZE, *dict(base.axes)]
    return all(size_of(point, name) == size_of(base, name) for name in names if name != axis)
