"""Where a figure stands: which model run how, called how, with inputs of what size."""

from __future__ import annotations

from suite.records import Task, record
from suite.records.sweeps import BATCH_SIZE, base_of, is_along, size_of

__all__ = ["BATCH_SIZE", "Point", "Subject", "Sweep", "base_of", "differs_at_most_in", "point_of"]


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
    side: str | None = None  # of two that are held against each other


@record
class Point:
    """One place in a sweep: a subject, how it is called, and the sizes of its input."""

    subject: Subject
    scenario: str
    batch_size: int
    axes: tuple[tuple[str, int], ...]

    def size(self, axis: str) -> int:
        return size_of(self, axis)


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
        side=task.side,
    )
    return Point(subject=subject, scenario=task.scenario, batch_size=task.batch_size, axes=task.axes)


def differs_at_most_in(point: Point, base: Point, axis: str) -> bool:
    """Whether a point is base, or base with another size along one axis."""
    return point.subject == base.subject and is_along(point, base, axis)
