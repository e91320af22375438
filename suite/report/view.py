"""A run as the report sees it: records by what they measured, each summary computed once.

Nothing here measures or formats; sections ask the view and write.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cached_property

from suite import registry, units
from suite.outside import one_line
from suite.records import (
    TIMED,
    ColdStart,
    EnergyReading,
    FlopCount,
    LatencySamples,
    Manifest,
    MemoryUse,
    NotMeasured,
    ParameterCount,
    Run,
    RunRecord,
    Summary,
    Sustained,
    Task,
    Test,
    Variant,
)
from suite.report import ran
from suite.report.declared import Declaration
from suite.report.gaps import CUT_OFF, no_latency
from suite.report.points import BATCH_SIZE, Point, Subject, Sweep, base_of, differs_at_most_in, point_of
from suite.stats import summary as summaries
from suite.stats.curves import Absence, Fits

COMPARED: tuple[Test, ...] = ("latency", "energy")  # at points of which one is the model's base
MAX_TITLE = 80
UNLIKE = ("runtime", "precision", "device", "thread_count", "seed", "weights", "checkpoint", "trajectory", "side")


class RunView:
    """Look-ups over one run. Absence is a NotMeasured (asked for, not there) or None (not asked for)."""

    def __init__(self, run: Run, declarations: Mapping[str, Declaration] | None = None) -> None:
        self.run = run
        self._declarations = registry.discover(registry.MODELS) if declarations is None else declarations
        self._by_task = {record.task: record for record in run.records}
        listed = dict.fromkeys((*run.manifest.tasks, *(record.task for record in run.records)))
        self.tasks: tuple[Task, ...] = tuple(listed)
        self._summaries: dict[Point, Summary] = {}
        self._variants: dict[Subject, Variant] | None = None
        self.fits: dict[Sweep, Fits | Absence] = {}  # filled by scaling.py, so that each is made once
        self._bases: dict[Subject, Point | None] = {}
        self._sweeps: dict[tuple[str, Test], tuple[Sweep, ...]] = {}
        self._timed: dict[tuple[Test, Point], Task] = {(task.test, point_of(task)): task for task in self.tasks}

    @property
    def manifest(self) -> Manifest:
        return self.run.manifest

    # Names: plain words on one line. A page's writer escapes them.

    @cached_property
    def models(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(task.model for task in self.tasks if not task.is_of_the_machine))

    def declaration(self, model: str) -> Declaration | None:
        """A brought model's is the run's own: what it lies in need not be there any more."""
        return self._brought.get(model) or self._declarations.get(model)

    @cached_property
    def _brought(self) -> Mapping[str, Declaration]:
        return {found.name: found for found in self.run.manifest.brought}

    def title(self, model: str) -> str:
        return self._titles.get(model) or self._own_title(model)

    @cached_property
    def _titles(self) -> dict[str, str]:
        """By model; two of the same title are told apart by their names."""
        own = {model: self._own_title(model) for model in self.models}
        counts = Counter(own.values())
        return {model: title if counts[title] == 1 else f"{title} ({model})" for model, title in own.items()}

    def _own_title(self, model: str) -> str:
        declaration = self.declaration(model)
        title = one_line(declaration.title, MAX_TITLE) if declaration and declaration.title.strip() else model
        return f"{title}, not as published" if self.configuration(model) else title

    @cached_property
    def _configurations(self) -> Mapping[str, tuple[str, ...]]:
        found = {}
        for record in self.run.records:
            for part in (record.parameters, record.flops, record.provenance):
                if part is not None and not isinstance(part, NotMeasured) and part.configuration:
                    found[record.task.model] = part.configuration
        return found

    def configuration(self, model: str) -> tuple[str, ...]:
        """In what the network of the model's checkpoint is not the published one."""
        return self._configurations.get(model, ())

    @property
    def origins(self) -> tuple[str, ...]:
        """Lines on figures of another network than the title stands for, or of a part of a trajectory."""
        codes = ("NOT_AS_PUBLISHED", "TRAJECTORY_CUT", "TRAJECTORY_PADDED")
        lines = [
            f"{self.title(record.task.model)}: {flag.text}"
            for record in self.run.records
            for flag in record.flags
            if flag.code in codes
        ]
        return tuple(dict.fromkeys(lines))

    def axis_label(self, axis: str) -> str:
        """The label of an axis: the same for all models that declare it; its name where none does."""
        return self._axis_labels.get(axis) or axis.replace("_", " ")

    @cached_property
    def _axis_labels(self) -> dict[str, str]:
        labels = {BATCH_SIZE: "batch size"}
        for model in self.models:
            declaration = self.declaration(model)
            for declared in declaration.axes if declaration else ():
                labels.setdefault(declared.name, one_line(declared.label, MAX_TITLE))
        return labels

    def label(self, subject: Subject) -> str:
        """The model's title, and what else tells this subject from the others of the run."""
        told = []
        for name in self._unlike.get(subject.model, ()):
            value = getattr(subject, name)
            count = units.counted(int(value), "thread") if name == "thread_count" else ""
            told.append({"thread_count": count, "seed": f"seed {value}"}.get(name, str(value)))
        if (found := self.variant(subject)) is not None and found.deviates:
            told.append(ran.DEVIATES)
        title = self.title(subject.model)
        return one_line(f"{title} ({', '.join(told)})" if told else title, 3 * MAX_TITLE)

    def variant(self, subject: Subject) -> Variant | None:
        """What really ran; None where nothing of it was measured."""
        if self._variants is None:
            self._variants = ran.by_subject(self.run.records)
        return self._variants.get(subject)

    @cached_property
    def _unlike(self) -> Mapping[str, tuple[str, ...]]:
        """By model, the fields in which its subjects differ, or in which it differs from the run's first model."""
        first = self.subjects[0] if self.subjects else None
        values: dict[tuple[str, str], set[object]] = {}
        for other in self.subjects:
            for name in UNLIKE:
                values.setdefault((other.model, name), {getattr(first, name)}).add(getattr(other, name))
        models = dict.fromkeys(other.model for other in self.subjects)
        return {model: tuple(name for name in UNLIKE if len(values[model, name]) > 1) for model in models}

    def describe(self, point: Point) -> str:
        """The sizes of a point in words: "batch 1, 20 text tokens, 36 image regions"; a scenario by its name behind."""
        sizes = [f"{size} {self.axis_label(name)}" for name, size in point.axes]
        scenario = [] if point.scenario == "forward" else [point.scenario]
        return ", ".join([f"batch {point.batch_size}", *sizes, *scenario])

    # What was asked

    def asked(self, test: Test) -> bool:
        return any(task.test == test for task in self.tasks)

    @cached_property
    def subjects(self) -> tuple[Subject, ...]:
        """Those of the timed tests, in the order in which they were asked for."""
        return tuple(dict.fromkeys(point.subject for test, point in self._timed if test in TIMED))

    @cached_property
    def _places(self) -> dict[Subject, int]:
        return {subject: place for place, subject in enumerate(self.subjects)}

    def place(self, subject: Subject) -> int:
        """Which of the subjects it is: its colour in every picture."""
        return self._places[subject]

    def points(self, test: Test, scenario: str | None = None) -> tuple[Point, ...]:
        found = (point for kind, point in self._timed if kind == test)
        return tuple(point for point in found if scenario is None or point.scenario == scenario)

    def base(self, subject: Subject) -> Point | None:
        """The point that a table of models shows: smallest batch, and of each axis the size most often asked for."""
        if subject not in self._bases:
            found = (point for _, point in self._points_by_subject.get(subject, ()) if point.scenario == "forward")
            self._bases[subject] = base_of(tuple(dict.fromkeys(found)))
        return self._bases[subject]

    def sweeps(self, axis: str, test: Test = "latency") -> tuple[Sweep, ...]:
        """Every subject's series along an axis (or the batch size), the other sizes as in its base point."""
        if (axis, test) not in self._sweeps:
            found = (self._sweep(subject, axis, test) for subject in self.subjects)
            self._sweeps[axis, test] = tuple(sweep for sweep in found if sweep is not None)
        return self._sweeps[axis, test]

    def _sweep(self, subject: Subject, axis: str, test: Test) -> Sweep | None:
        base = self.base(subject)
        if base is None or (axis != BATCH_SIZE and axis not in dict(base.axes)):
            return None
        points = [
            point
            for kind, point in self._points_by_subject[subject]
            if kind == test and point.scenario == "forward" and differs_at_most_in(point, base, axis)
        ]
        points.sort(key=lambda point: point.size(axis))
        return Sweep(subject=subject, scenario="forward", axis=axis, points=tuple(points)) if len(points) > 1 else None

    @cached_property
    def axes(self) -> tuple[str, ...]:
        """The input axes along which some model was swept."""
        names = dict.fromkeys(name for point in self.points("latency", "forward") for name, _ in point.axes)
        return tuple(name for name in names if self.sweeps(name))

    @cached_property
    def energy_axes(self) -> tuple[str, ...]:
        """The input axes along which some model's energy was measured at several sizes."""
        names = dict.fromkeys(name for point in self.points("energy", "forward") for name, _ in point.axes)
        return tuple(name for name in names if self.sweeps(name, "energy"))

    @cached_property
    def _points_by_subject(self) -> dict[Subject, list[tuple[Test, Point]]]:
        found: dict[Subject, list[tuple[Test, Point]]] = {}
        for test, point in self._timed:
            if test in COMPARED:
                found.setdefault(point.subject, []).append((test, point))
        return found

    # What was measured

    def record(self, test: Test, point: Point) -> RunRecord | None:
        task = self._timed.get((test, point))
        return self._by_task.get(task) if task else None

    def task(self, test: Test, point: Point) -> Task:
        return self._timed[test, point]

    @cached_property
    def of_the_machine(self) -> Mapping[tuple[str, int], RunRecord | None]:
        """Records of the machine's own tasks by device and thread count; None for one that was cut off."""
        asked = (task for task in self.tasks if task.is_of_the_machine)
        return {(task.device, task.thread_count): self._by_task.get(task) for task in asked}

    def parameters(self, model: str) -> ParameterCount | NotMeasured | None:
        tasks = self._counts.get((model, "params"))
        if not tasks:
            return None
        found = self._by_task.get(tasks[0])
        return found.parameters if found else CUT_OFF

    @cached_property
    def _counts(self) -> dict[tuple[object, ...], list[Task]]:
        """Tasks that count, by (model, test), and those of FLOPs by (model, scenario, axes) too."""
        found: dict[tuple[object, ...], list[Task]] = {}
        for task in self.tasks:
            if task.test in ("params", "flops"):
                found.setdefault((task.model, task.test), []).append(task)
            if task.test == "flops":
                found.setdefault((task.model, task.scenario, task.axes), []).append(task)
        return found

    def flops(self, model: str, point: Point | None = None) -> FlopCount | NotMeasured | None:
        """Of a model's first flops task, or of one with the scenario and the input sizes of `point`.

        Counts are linear in the batch, so a plan counts at one batch size; `counted_batch_size` says at which.
        """
        task = self._counted(model, point)
        if task is None:
            return None
        found = self._by_task.get(task)
        return found.flops if found else CUT_OFF

    def counted_batch_size(self, point: Point) -> int:
        """The batch size of the call that `flops` counted for this point; 1 where it counted none."""
        task = self._counted(point.subject.model, point)
        return task.batch_size if task else 1

    def _counted(self, model: str, point: Point | None) -> Task | None:
        if point is None:
            return next(iter(self._counts.get((model, "flops"), ())), None)
        tasks = self._counts.get((model, point.scenario, point.axes), [])
        return next((task for task in tasks if task.batch_size == point.batch_size), tasks[0] if tasks else None)

    def samples(self, point: Point) -> LatencySamples:
        """Of a point that has a summary. Raises KeyError where it has none."""
        found = self.latency(point)
        if not isinstance(found, LatencySamples):
            raise KeyError(point)
        return found

    def latency(self, point: Point) -> LatencySamples | NotMeasured | None:
        if ("latency", point) not in self._timed:
            return None
        found = self.record("latency", point)
        return found.latency if found else CUT_OFF

    def memory(self, point: Point) -> MemoryUse | NotMeasured | None:
        if ("latency", point) not in self._timed:
            return None
        found = self.record("latency", point)
        return found.memory if found else CUT_OFF

    def energy(self, point: Point) -> EnergyReading | NotMeasured | None:
        if ("energy", point) not in self._timed:
            return None
        found = self.record("energy", point)
        return found.energy if found else CUT_OFF

    def sustained(self, point: Point) -> Sustained | NotMeasured | None:
        if ("sustained", point) not in self._timed:
            return None
        found = self.record("sustained", point)
        return found.sustained if found else CUT_OFF

    def cold_start(self, subject: Subject) -> ColdStart | NotMeasured | None:
        return self._cold_starts.get(subject)

    @cached_property
    def _cold_starts(self) -> dict[Subject, ColdStart | NotMeasured]:
        found: dict[Subject, ColdStart | NotMeasured] = {}
        for record in self.run.records:
            if record.cold_start is not None:
                found.setdefault(point_of(record.task).subject, record.cold_start)
        return found

    def summary(self, point: Point) -> Summary | NotMeasured | None:
        """Statistics of a point's latency samples, computed once."""
        samples = self.latency(point)
        if not isinstance(samples, LatencySamples):
            return samples
        if absence := no_latency(samples):
            return absence
        if point not in self._summaries:
            self._summaries[point] = summaries.summarise(samples, self.task("latency", point).repetition)
        return self._summaries[point]
