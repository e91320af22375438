"""A worker, a clock and a power sampler that tests script: what they give is known, so whole commands are exact."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from suite.client.replies import (
    Axes,
    Built,
    ByDevice,
    Checked,
    Hello,
    Imported,
    Loaded,
    Memory,
    PassSize,
    Prepared,
    Replayed,
    Timed,
    TimedFor,
    Way,
)
from suite.errors import EngineError, WorkerError
from suite.fleet.engine import Engine, EngineFacts, ImageFacts
from suite.measure.moment import Observe
from suite.plan.load import Surroundings
from suite.power.base import Description
from suite.power.choice import Surveyed
from suite.power.meter import Meter, WindowRule
from suite.records import (
    Build,
    Ceiling,
    DeviceBlock,
    EvaluatedBatch,
    EvaluationRule,
    Fingerprint,
    FlopCount,
    HostState,
    Interference,
    Matmul,
    ModuleTime,
    NotMeasured,
    OperatorCost,
    OperatorTime,
    OutputFidelity,
    ParameterCount,
    PowerTrace,
    Profile,
    RealCalls,
    Roofline,
    SharedGroup,
    Task,
    Variant,
)
from suite.tools import Tools
from suite.worker.model import Axis, Model
from tests.unit.samples import FACTS, STATE

MIB = 2**20
NO_SENSOR = NotMeasured(code="NO_POWER_SOURCE", reason="there is no sensor", remedy="connect one")


class Reader(Model):
    """Two input axes."""

    name = "reader"
    title = "Reader"
    task = "reading"
    why = "It reads."
    source = "made up"
    axes = (Axis("text_tokens", "text tokens", 20, 2, 512), Axis("image_regions", "image regions", 36, 1, 100))


class Walker(Model):
    """One input axis, a scenario, and files of the user's."""

    name = "walker"
    title = "Walker"
    task = "walking"
    why = "It walks."
    source = "made up"
    axes = (Axis("frames", "frames", 50, 1, 1000),)
    scenarios = ("forward", "episode")
    takes_checkpoint = True
    takes_trajectory = True


MODELS: Mapping[str, Model] = {"reader": Reader(), "walker": Walker()}


@dataclass(slots=True)
class FakeClock:
    """Seconds that pass only where something says so."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, duration_s: float) -> None:
        self.now_s += duration_s

    def utc(self) -> datetime:
        return datetime(2026, 11, 23, 18, tzinfo=UTC) + timedelta(seconds=self.now_s - 1000.0)

    def state(self) -> HostState:
        return STATE


@dataclass(frozen=True, slots=True)
class Cost:
    """A call lasts fixed_s + per_item_s * batch size, times 1 + the next of `noise`, which repeats."""

    fixed_s: float = 0.030
    per_item_s: float = 0.020
    noise: tuple[float, ...] = (0.0, 0.001, -0.001)

    def latency_s(self, batch_size: int, call: int) -> float:
        return (self.fixed_s + self.per_item_s * batch_size) * (1 + self.noise[call % len(self.noise)])


Fault = BaseException | None


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to a worker, and the task that it was for, if it was for one."""

    operation: str
    task: Task | None


Beside = Callable[[float, float], Interference]  # (start, end) -> what the machine did meanwhile


def quiet(start_s: float, end_s: float) -> Interference:
    return Interference(wall_s=end_s - start_s, own_s=end_s - start_s, ours_s=0.0, foreign_s=0.0, stolen_s=0.0)


Script = Callable[[Asked], Fault]  # what to raise instead of answering


def no_fault(_: Asked) -> Fault:
    return None


def died(code: str = "WORKER_DIED") -> WorkerError:
    return WorkerError(code, "the worker ended with signal 9", "see the log", fatal=True)


@dataclass(slots=True)
class FakeWorkers:
    """Opens fake workers on one clock, and keeps what was asked of all of them."""

    clock: FakeClock
    cost: Cost = Cost()
    script: Script = no_fault
    devices: tuple[str, ...] = ("cpu",)
    threads_in_force: int | None = None  # None: as many as were asked for
    check_flags: tuple[tuple[str, str], ...] = ()
    call_flags: tuple[tuple[str, str], ...] = ()
    configuration: tuple[str, ...] = ()  # of what a checkpoint's network is not
    own_sizes: tuple[tuple[str, int], ...] = ()  # of a trajectory
    beside: Beside = quiet
    output_error: float = 0.0  # of a variant, as a share of the largest value
    fingerprint: Fingerprint | None = None
    started: list[int] = field(default_factory=list)  # thread counts
    asked: list[Asked] = field(default_factory=list)
    open_count: int = 0
    question_count: int = 100
    held_count: int = 1000  # examples in the worker's memory
    first_length: int = 5  # of what `replay` reads

    def open(self, thread_count: int) -> FakeWorker:
        self.started.append(thread_count)
        self.open_count += 1
        return FakeWorker(self)

    def ask(self, operation: str, task: Task | None = None) -> None:
        asked = Asked(operation, task)
        self.asked.append(asked)
        fault = self.script(asked)
        if fault is not None:
            raise fault


class FakeWorker:
    """One worker; see suite.client.replies.WorkerLike for what its methods mean."""

    def __init__(self, shop: FakeWorkers) -> None:
        self._shop = shop
        self._cases: dict[str, Task] = {}
        self._calls: dict[str, int] = {}
        self.hello = Hello(
            process_s=0.25,
            versions=(("python", "3.11.0"), ("torch", "2.0.0"), ("transformers", "4.0.0")),
            devices=shop.devices,
            clock="fake",
        )

    def import_model(self, model: str) -> Imported:
        self._shop.ask("import")
        return Imported(import_s=1.5, resident_bytes=200 * MIB)

    def count_parameters(self, model: str, checkpoint: str | None) -> ParameterCount:
        self._shop.ask("count_parameters", Task(test="params", model=model, checkpoint=checkpoint))
        return ParameterCount(
            unique_count=1_000_000,
            registered_count=1_200_000,
            trainable_count=1_000_000,
            embedding_count=100_000,
            buffer_element_count=500,
            parameter_bytes=4_000_000,
            buffer_bytes=2_000,
            bytes_by_dtype=(("float32", 4_000_000),),
            shared=(SharedGroup(names=("a.weight", "b.weight"), parameter_count=200_000),),
            expected_unique_count=None,
            configuration=self._shop.configuration if checkpoint else (),
        )

    def count_flops(self, model: str, checkpoint: str | None, scenario: str, batch_size: int, axes: Axes) -> FlopCount:
        task = Task(test="flops", model=model, scenario=scenario, batch_size=batch_size, axes=tuple(axes))
        self._shop.ask("count_flops", task)
        mac_count = 1_000_000 * batch_size * sum(size for _, size in axes)
        by_operator = (OperatorCost(operator="mm", mac_count=mac_count),)
        return FlopCount(
            mac_count=mac_count,
            by_operator=by_operator,
            uncounted=("softmax",),
            source="counted",
            configuration=self._shop.configuration if checkpoint else (),
        )

    def runtimes(self) -> tuple[Way, ...]:
        return ()

    def build(self, tasks: Sequence[Task], folder: Path, pinned: Path | None = None) -> Built:
        """Takes 30 s, and gives one graph for all sizes."""
        self._shop.ask("build", tasks[0])
        self._shop.clock.sleep(30.0)
        build = Build(build_s=30.0, peak_resident_bytes=900 * MIB, size_bytes=4_000_000, cached=False, dynamic=True)
        return Built(folder=folder / "built", build=build)

    def in_force(self) -> Variant:
        return Variant(elements=("float32",))

    def write_outputs(self, case: str, path: Path) -> None:
        self._shop.ask("write_outputs", self._cases[case])

    def compare_outputs(self, case: str, path: Path) -> tuple[OutputFidelity, ...]:
        self._shop.ask("compare_outputs", self._cases[case])
        return (
            OutputFidelity(
                name="scores",
                element_count=10,
                max_abs_error=self._shop.output_error,
                relative_error=self._shop.output_error,
                cosine=0.999,
                top_agreement=1.0,
            ),
        )

    def load(self, task: Task, pinned: Path | None = None, artefact: Path | None = None) -> Loaded:
        self._shop.ask("load", task)
        return Loaded(
            build_s=0.5,
            weights_s=2.0,
            weight_bytes=4_000_000,
            weights_source="checkpoint" if task.checkpoint else task.weights,
            weights_sha256="ab" * 32,
            thread_count=task.thread_count,
            synchronisation="none needed: cpu",
            configuration=self._shop.configuration if task.checkpoint else (),
        )

    def prepare(self, case: str, task: Task) -> Prepared:
        self._shop.ask("prepare", task)
        self._cases[case] = task
        step_count = task.size("frames") if task.scenario == "episode" else 1
        source = "trajectory" if task.trajectory else "seeded"
        return Prepared(
            inputs_source=source,
            inputs_sha256="cd" * 32,
            step_count=step_count,
            before_resident_bytes=210 * MIB,
            own_sizes=self._shop.own_sizes if task.trajectory else (),
        )

    def check_inputs(self, case: str) -> Checked:
        self._shop.ask("check_inputs", self._cases[case])
        return Checked(changed=tuple(name for name, _ in self._cases[case].axes), flags=self._shop.check_flags)

    def fingerprint(self, case: str) -> Fingerprint | None:
        return self._shop.fingerprint

    def evaluate(self, rule: EvaluationRule, start: int, row_count: int, alone: bool) -> EvaluatedBatch:
        """Five questions about each of `question_count` / 5 images; every tenth is answered wrongly."""
        self._shop.ask("evaluate")
        rows = range(start, min(start + row_count, self._shop.question_count))
        sizes = [len(rows[at : at + rule.batch_size]) for at in range(0, len(rows), rule.batch_size)]
        one_s, item_s = self._shop.cost.fixed_s, self._shop.cost.per_item_s
        return EvaluatedBatch(
            row_count=len(rows),
            examples_sha256="ef" * 32,
            values=(tuple(float(row % 10 != 0) for row in rows),),
            weights=(),
            groups=tuple(row // 5 for row in rows),
            lengths=tuple(5 + row % 5 for row in rows),
            padded=RealCalls(
                example_counts=tuple(sizes),
                padded_lengths=(9,) * len(sizes),
                latency_s=tuple(one_s + item_s * size for size in sizes),
            ),
            alone=RealCalls(
                example_counts=(1,) * len(rows) if alone else (),
                padded_lengths=tuple(5 + row % 5 for row in rows) if alone else (),
                latency_s=tuple(one_s + item_s + 0.001 * (row % 5) for row in rows) if alone else (),
            ),
            compared_count=len(rows) if alone else 0,
            ended=len(rows) < row_count,
            interference=self._shop.beside(self._shop.clock(), self._shop.clock()),
        )

    def replay(
        self, rule: EvaluationRule, row_count: int, size: PassSize, duration_s: float, deadline_s: float
    ) -> Replayed:
        """A call takes as long as `evaluate` says; no more than `held_count` examples are held."""
        self._shop.ask("replay")
        started_s, pass_count = self._shop.clock(), 0
        most = min(row_count, self._shop.question_count, size.example_count or self._shop.held_count)
        sizes = [min(size.batch_size, most - first) for first in range(0, most, size.batch_size)]
        lengths = tuple(self._shop.first_length + row % 5 for row in range(most))
        longest_s = tuple(
            self._shop.cost.fixed_s + self._shop.cost.per_item_s * each + (0.001 * (place % 5) if each == 1 else 0.0)
            for place, each in enumerate(sizes)
        )
        while pass_count == 0 or self._shop.clock() - started_s < duration_s:
            self._shop.clock.sleep(sum(longest_s))
            pass_count += 1
        return Replayed(
            started_s=started_s,
            ended_s=self._shop.clock(),
            pass_count=pass_count,
            lengths=lengths,
            longest_s=longest_s,
            thread_count=1,
            interference=self._shop.beside(started_s, self._shop.clock()),
        )

    def time(self, case: str, call_count: int, deadline_s: float) -> Timed:
        self._shop.ask("time", self._cases[case])
        started_s = self._shop.clock()
        latency_s = tuple(self._call(case) for _ in range(call_count))
        return Timed(
            started_s=started_s,
            latency_s=latency_s,
            thread_count=self._threads(case),
            flags=self._shop.call_flags,
            interference=self._shop.beside(started_s, self._shop.clock()),
        )

    def watch(self, duration_s: float) -> Interference:
        self._shop.ask("watch")
        started_s = self._shop.clock()
        self._shop.clock.sleep(duration_s)
        return self._shop.beside(started_s, self._shop.clock())

    def time_for(self, case: str, duration_s: float, min_call_count: int, deadline_s: float) -> TimedFor:
        self._shop.ask("time_for", self._cases[case])
        started_s = self._shop.clock()
        latency_s: list[float] = []
        while len(latency_s) < min_call_count or self._shop.clock() - started_s < duration_s:
            latency_s.append(self._call(case))
        ended_s = self._shop.clock()
        return TimedFor(
            started_s=started_s,
            ended_s=ended_s,
            call_count=len(latency_s),
            latency_s=tuple(latency_s),
            thread_count=self._threads(case),
            interference=self._shop.beside(started_s, ended_s),
        )

    def device_times(self, case: str, call_count: int, deadline_s: float) -> ByDevice:
        """A call's work is a quarter of its time, and its span three quarters; transfers take 1 and 2 ms."""
        self._shop.ask("device_times", self._cases[case])
        wall_s = tuple(self._call(case) for _ in range(call_count))
        block = DeviceBlock(
            round_index=None,
            wall_s=wall_s,
            span_s=tuple(0.75 * each for each in wall_s),
            work_s=tuple(0.25 * each for each in wall_s),
            in_s=(0.001,) * call_count,
            out_s=(0.002,) * call_count,
        )
        return ByDevice(block=block, in_bytes=MIB, out_bytes=2 * MIB)

    def profile(self, case: str, call_count: int, deadline_s: float) -> Profile:
        """Three quarters of a call are in one operator, a fifth of it in another; the profiler adds a quarter."""
        self._shop.ask("profile", self._cases[case])
        latency_s = tuple(1.25 * self._call(case) for _ in range(call_count))
        whole_s = sum(latency_s)
        return Profile(
            latency_s=latency_s,
            operators=(
                OperatorTime(operator="mm", call_count=2 * call_count, self_s=0.75 * whole_s, mac_count=1_000_000_000),
                OperatorTime(operator="add", call_count=call_count, self_s=0.2 * whole_s, mac_count=0),
            ),
            modules=(
                ModuleTime(
                    path="layers.0",
                    kind="Linear",
                    call_count=call_count,
                    self_s=0.8 * whole_s,
                    total_s=0.8 * whole_s,
                    mac_count=1_000_000_000,
                ),
                ModuleTime(
                    path="(model)",
                    kind="Reader",
                    call_count=call_count,
                    self_s=0.15 * whole_s,
                    total_s=0.95 * whole_s,
                    mac_count=0,
                ),
            ),
        )

    def memory(self) -> Memory:
        return Memory(
            resident_bytes=250 * MIB, peak_resident_bytes=300 * MIB, peak_was_reset=True, device_peak_bytes=None
        )

    def reset_memory(self) -> bool:
        return True

    def release(self, case: str) -> None:
        del self._cases[case]

    def roofline(self, task: Task, duration_s: float, memory_bytes: int) -> Roofline:
        """10 GB/s to copy, 20 GB/s to read, 100 GFLOP/s; the median block takes a quarter longer than the best."""
        self._shop.ask("roofline", task)
        self._shop.clock.sleep(duration_s)
        block_s = (0.1, 0.15, 0.125)
        return Roofline(
            thread_count=task.thread_count,
            synchronisation="none needed: cpu",
            tensor_bytes=500_000_000,
            cache_bytes=1_000_000,
            copy=Ceiling(amount=1_000_000_000, call_count=1, block_s=block_s),
            read=Ceiling(amount=500_000_000, call_count=4, block_s=block_s),
            matmul=(
                Matmul(
                    precision=task.precision,
                    size=1000,
                    ceiling=Ceiling(amount=2_000_000_000, call_count=5, block_s=block_s),
                ),
            ),
        )

    def close(self) -> None:
        self._shop.open_count -= 1

    def _threads(self, case: str) -> int:
        return self._shop.threads_in_force or self._cases[case].thread_count

    def _call(self, case: str) -> float:
        call = self._calls.get(case, 0)
        self._calls[case] = call + 1
        duration_s = self._shop.cost.latency_s(self._cases[case].batch_size, call)
        self._shop.clock.sleep(duration_s)
        return duration_s


@dataclass(slots=True)
class FakeSampler:
    """A step load: idle_w and load_w as they are marked, sampled every period of the fake clock."""

    clock: FakeClock
    description: Description
    idle_w: float = 2.0
    load_w: float = 7.0
    marks: list[tuple[float, float]] = field(default_factory=list)  # from then on so many watts

    def __enter__(self) -> Self:
        self.marks = [(self.clock(), self.idle_w)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.marks.append((self.clock(), 0.0))

    def mark(self, label: str) -> None:
        self.marks.append((self.clock(), self.load_w if label == "load" else self.idle_w))

    def check(self) -> None:
        return None

    def collect(self) -> PowerTrace:
        start_s, period_s = self.marks[0][0], self.description.period_s
        count = int((self.clock() - start_s) / period_s) + 1
        time_s = [start_s + number * period_s for number in range(count)]
        power_w = [next(watts for since_s, watts in reversed(self.marks) if since_s <= at_s) for at_s in time_s]
        return PowerTrace(rails=("total",), time_s=tuple(time_s), power_w=(tuple(power_w),))


def fake_meter(clock: FakeClock) -> Meter:
    """A meter of 2 W idle and 7 W under load, whose windows last 2 s."""
    description = Description(
        scope="fake",
        rails=("total",),
        quantity="power",
        period_s=0.05,
        minimum_window_s=1.0,
        resolution=0.0,
        gain_error=0.0,
    )
    return Meter(
        source="fake",
        options={},
        description=description,
        rule=WindowRule(min_window_s=2.0, min_period_count=1, min_call_count=1),
        start=lambda _source, _options: FakeSampler(clock, description),
        clock=clock,
        sleep=clock.sleep,
    )


class NoEngine(Engine):
    def facts(self) -> EngineFacts:
        raise EngineError("no Docker engine answers; start it")

    def image(self, name: str) -> ImageFacts:
        raise EngineError("no Docker engine answers; start it")


def fake_tools(
    plans: Path,
    workers: FakeWorkers,
    meter: Callable[[str], Meter | NotMeasured] = lambda _: NO_SENSOR,
    survey: Sequence[Surveyed] = (),
) -> Tools:
    """The command line's tools with nothing real in them; `plans` holds the shipped plans."""
    clock = workers.clock
    return Tools(
        workers=lambda _: workers.open,
        select_meter=meter,
        survey=lambda _: tuple(survey),
        observe=Observe(clock=clock, utc_now=clock.utc, state=clock.state),
        facts=lambda _: FACTS,
        surroundings=lambda: Surroundings(plans=plans, models=MODELS, cpu_count=2, devices=lambda: ("cpu",)),
        engine=NoEngine,
    )
