"""A run as it lies on disk: what was asked for, and one record a task."""

from __future__ import annotations

from dataclasses import field

from suite.limits import MAX_HYPOTHESIS_COUNT, MAX_TAG_COUNT, MAX_TAG_LENGTH, MAX_TASK_COUNT
from suite.outside import brief, one_line
from suite.records.accuracy import Accuracy
from suite.records.asked import Task
from suite.records.brought import MAX_BROUGHT_COUNT, BroughtModel
from suite.records.device import DeviceTimes
from suite.records.energy import EnergyReading, Schedule
from suite.records.heat import Cooling
from suite.records.hypothesis import Hypothesis
from suite.records.machine import HostFacts, HostState
from suite.records.measured import ColdStart, FlopCount, LatencySamples, MemoryUse, ParameterCount, Provenance
from suite.records.profile import Profile
from suite.records.roofline import Roofline
from suite.records.sustained import Sustained
from suite.records.values import Flag, NotMeasured, record, require, require_name
from suite.records.variant import Variant

SCHEMA_VERSION = 3  # 2: blocks say what disturbed them; 3: variants, fingerprints, tags

REAL_ENERGY = "energy_of_real_inputs_at_batch_"
_QUANTITIES = (
    "parameters",
    "flops",
    "latency",
    "cold_start",
    "memory",
    "energy",
    "sustained",
    "roofline",
    "accuracy",
    "profile",
)


@record
class RunRecord:
    """One line of records.jsonl: a task, the machine around it, and an outcome per quantity that was asked for."""

    schema_version: int
    task: Task
    started_utc: str
    wall_s: float
    host: HostFacts
    before: HostState
    after: HostState
    parameters: ParameterCount | NotMeasured | None = None
    flops: FlopCount | NotMeasured | None = None
    latency: LatencySamples | NotMeasured | None = None
    cold_start: ColdStart | NotMeasured | None = None  # on the first latency task of a worker only
    memory: MemoryUse | NotMeasured | None = None
    energy: EnergyReading | NotMeasured | None = None
    energy_beside: tuple[EnergyReading | NotMeasured, ...] = ()  # other parts of the machine, in the same windows
    schedule: Schedule | None = None  # of an energy task whose calls were made
    sustained: Sustained | NotMeasured | None = None
    cooling: Cooling | None = None  # None: no rule, or no sensor that tells
    roofline: Roofline | NotMeasured | None = None
    profile: Profile | NotMeasured | None = None
    accuracy: Accuracy | NotMeasured | None = None
    device_times: DeviceTimes | NotMeasured | None = None  # of latency on a device other than the CPU
    provenance: Provenance | None = None
    variant: Variant | None = None  # of a timed task whose model was loaded
    flags: tuple[Flag, ...] = ()
    failure: str | None = None  # the worker's traceback, where an outcome is NotMeasured because of one
    supersedes: bool = False  # it holds the blocks of its task's line before, and those of further turns
    added: bool = False  # a size that the plan doesn't list, measured since a hypothesis was open without it
    turns: str | None = None  # series of several variants that took turns have it in common, and so their rounds
    previous_sha256: str | None = field(default=None, compare=False)  # of the line before, or of run.json; see chain

    def __post_init__(self) -> None:
        require(not self.added or self.task.test == "latency", "only a series of latency can be added to a plan")

    @property
    def cut_short(self) -> bool:
        """Whether the worker was lost in the midst of the calls: those until then are kept."""
        samples = self.sustained.samples if isinstance(self.sustained, Sustained) else self.latency
        return isinstance(samples, LatencySamples) and samples.stop == "failed"

    def not_measured(self) -> dict[str, NotMeasured]:
        """The quantities that were asked for and are absent, by name."""
        values = {name: getattr(self, name) for name in _QUANTITIES}
        values |= {f"energy_beside_{place}": value for place, value in enumerate(self.energy_beside, 1)}
        real = self.accuracy.energies if isinstance(self.accuracy, Accuracy) else ()
        values |= {f"{REAL_ENERGY}{each.batch_size}": each.energy for each in real}
        return {name: value for name, value in values.items() if isinstance(value, NotMeasured)}


@record
class Manifest:
    """run.json: what was asked for, written before the first task starts. With it `--resume` knows what is left."""

    schema_version: int
    suite_version: str
    plan: str  # the plan's name
    plan_description: str
    power: str  # what --power said: "auto", "none", "simulated:idle_w=2,load_w=7"
    started_utc: str
    tasks: tuple[Task, ...]
    hypotheses: tuple[Hypothesis, ...] = ()  # the person's own; none: the lab's
    tags: tuple[tuple[str, str], ...] = ()  # what a person says of the run: (("cooling", "fan"), ...)
    brought: tuple[BroughtModel, ...] = ()

    def __post_init__(self) -> None:
        require_name("plan", self.plan)
        require(len(self.brought) <= MAX_BROUGHT_COUNT, f"a run brings at most {MAX_BROUGHT_COUNT} models")
        require(len(self.hypotheses) <= MAX_HYPOTHESIS_COUNT, f"a run has at most {MAX_HYPOTHESIS_COUNT} hypotheses")
        require(len(self.tasks) <= MAX_TASK_COUNT, f"a run has at most {MAX_TASK_COUNT} tasks, got {len(self.tasks)}")
        require_tags(self.tags)


def require_tags(tags: tuple[tuple[str, str], ...]) -> None:
    """Raises ValueError unless each is a name and a few words on one line, and no name stands twice."""
    require(len(tags) <= MAX_TAG_COUNT, f"a run has at most {MAX_TAG_COUNT} tags, got {len(tags)}")
    for key, value in tags:
        require_name("tag", key)
        require(
            0 < len(value) <= MAX_TAG_LENGTH and value == one_line(value, MAX_TAG_LENGTH),
            f"tag {key} must have a value of at most {MAX_TAG_LENGTH} characters on one line, got {brief(value)}",
        )
    require(len(dict(tags)) == len(tags), "a tag is named twice")


@record
class Damage:
    """A line of records.jsonl that can't be read, and why; the other lines are as good as before."""

    line_number: int
    text: str


@record
class Run:
    """A run as it lies on disk: the manifest and the records that are there, in the order they were stored."""

    manifest: Manifest
    records: tuple[RunRecord, ...]
    damaged: tuple[Damage, ...] = ()

    def missing(self) -> tuple[Task, ...]:
        """The tasks that have no record, or none that can be read."""
        done = {record.task for record in self.records}
        return tuple(task for task in self.manifest.tasks if task not in done)

    def added(self) -> tuple[Task, ...]:
        """The sizes that the plan doesn't list."""
        return tuple(record.task for record in self.records if record.added)
