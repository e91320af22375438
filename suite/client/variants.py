"""What a worker answers of runtimes, builds and outputs, as the types of `replies` and records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from suite.client.decode import Span
from suite.client.fields import MOST_COUNT, Fields
from suite.client.replies import Built, Way
from suite.records import Build, NotMeasured, OutputFidelity, Task, Variant

MOST_SECONDS = 1e6
_MOST = 1.7e308  # an error may be as large as a number can be


def points(tasks: Sequence[Task]) -> list[dict[str, Any]]:
    """The calls that a build must answer, each once."""
    found = dict.fromkeys(point for task in tasks for point in _points(task))
    return [{"scenario": scenario, "batch_size": size, "axes": dict(axes)} for scenario, size, axes in found]


def _points(task: Task) -> Iterator[tuple[str, int, tuple[tuple[str, int], ...]]]:
    """Real inputs are of many sizes: a second one of each says that all of them may vary."""
    yield task.scenario, task.batch_size, task.axes
    if task.evaluation is not None:
        yield task.scenario, max(2, task.evaluation.batch_size), tuple((name, size + 1) for name, size in task.axes)


def built(data: object, folder: Path, span: Span) -> Built:
    """folder: that of all builds, in which this one's must lie."""
    fields = Fields(data)
    own, cached = Path(fields.text("folder")), fields.flag("cached")
    if own.parent != folder:
        raise ValueError(f"folder is {own}, which is not in {folder}")
    build = Build(
        build_s=fields.number("build_s", 0.0, MOST_SECONDS if cached else span.length_s),
        peak_resident_bytes=fields.whole("peak_resident_bytes", least=1),
        size_bytes=fields.whole("size_bytes"),
        cached=cached,
        dynamic=fields.flag("dynamic"),
        graph_count=fields.whole("graph_count", least=1),
    )
    return Built(folder=own, build=build, notes=fields.texts("notes"))


def in_force(data: object) -> Variant:
    fields = Fields(data)
    (provider,) = fields.optional_texts("provider") or (None,)
    return Variant(
        provider=provider,
        node_counts=fields.counts("node_counts"),
        elements=fields.texts("elements"),
        notes=fields.texts("notes"),
    )


def compared(data: object) -> tuple[OutputFidelity, ...]:
    return tuple(_output(Fields(item)) for item in Fields(data).items("outputs"))


def _output(fields: Fields) -> OutputFidelity:
    return OutputFidelity(
        name=fields.text("name"),
        element_count=fields.whole("element_count"),
        max_abs_error=fields.number("max_abs_error", 0.0, _MOST),
        relative_error=fields.optional_number("relative_error", 0.0, _MOST),
        cosine=fields.optional_number("cosine", -1.0, 1.0),
        top_agreement=fields.optional_number("top_agreement", 0.0, 1.0),
        nan_count=fields.whole("nan_count", 0, MOST_COUNT),
        infinite_count=fields.whole("infinite_count", 0, MOST_COUNT),
        unlike_count=fields.whole("unlike_count", 0, MOST_COUNT),
    )


def ways(data: object) -> tuple[Way, ...]:
    return tuple(
        Way(
            runtime=runtime.text("name"),
            title=runtime.text("title"),
            device=way.text("device"),
            precision=way.text("precision"),
            absence=_absence(way),
        )
        for runtime in map(Fields, Fields(data).items("runtimes"))
        for way in map(Fields, runtime.items("ways"))
    )


def _absence(fields: Fields) -> NotMeasured | None:
    told = fields.optional_texts("absence")
    if told is None:
        return None
    if len(told) != 3:
        raise ValueError("absence is no code, reason and remedy")
    return NotMeasured(code=told[0], reason=told[1], remedy=told[2])
