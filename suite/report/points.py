"""Where a figure stands: which model run how, called how, with inputs of what size."""

from __future__ import annotations

from collections import Counter

from suite.records import Task, record

BATCH_SIZE = "batch_size"


@record
class Subject:
    """What a timed figure is about, apart from how large its input was."""

    model: str
    runtime: str
    precision: str
    device: str
    thread_count: int
    seed: int
    weights: str
    checkpoint: str | None
    trajectory: str | None


@record
class Point:
    """One place in a sweep: a subject, how it is called, and the sizes of its input."""

    subject: Subject
    scenario: str
    batch_size: int
    axes: tuple[tuple[str, int], ...]

    def size(self, axis: str) -> int:
        return self.batch_size if axis == BATCH_SIZE else dict(self.axes)[axis]


@record
class Sweep:
    """Points that differ in one size alone, in its order. At least two of them."""

    subject: Subject
    scenario: str
    axis: str
    points: tuple[Point, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(point.size(self.axis) for point in self.points)


def point_of(task: Task) -> Point:
    subject = Subject(
        model=task.model,
        runtime=task.runtime,
        precision=task.precision,
        device=task.device,
        thread_count=task.thread_count,
        seed=task.seed,
        weights=task.weights,
        checkpoint=task.checkpoint,
        trajectory=task.trajectory,
    )
    return Point(subject=subject, scenario=task.scenario, batch_size=task.batch_size, axes=task.axes)


def base_of(points: tuple[Point, ...]) -> Point | None:
    """Of one subject's points, the one with the smallest batch and of each axis the size that most of them have.

    Points with other axes than the first one can't be compared with it, and have no say.
    """
    if not points:
        return None
    names = [name for name, _ in points[0].axes]
    alike = [point for point in points if [name for name, _ in point.axes] == names]
    usual = {name: Counter(point.size(name) for point in alike).most_common(1)[0][0] for name in names}
    matching = [point for point in alike if dict(point.axes) == usual] or alike
    return min(matching, key=lambda point: point.batch_size)


def differs_at_most_in(point: Point, base: Point, axis: str) -> bool:
    """Whether a point is base, or base with another size along one axis."""
    if point.subject != base.subject or dict(point.axes).keys() != dict(base.axes).keys():
        return False
    names = [BATCH_SIZE, *dict(base.axes)]
    return all(point.size(name) == base.size(name) for name in names if name != axis)
