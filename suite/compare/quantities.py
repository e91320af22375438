"""The quantities of a comparison, in the order of its tables. A further one is one more entry in QUANTITIES."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from suite.compare import figures
from suite.compare.figures import Found
from suite.records import EnergyReading, NotMeasured, RunRecord, Test

Better: TypeAlias = Literal["less", "more", "neither"]
Part: TypeAlias = str  # of the machine, for energy; "" else
MODEL_FACTS = ("weights", "network")
TIMED_FACTS = (
    "weights", "network", "inputs", "runtime", "precision", "device", "threads", "threads in force", "torch",
    "libraries", "machine", "accelerators", "driver", "CPU quota", "power mode", "governor", "power supply",
    "rule for disturbed blocks", "emulation",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """read: of a record of one of `tests`, (part of the machine, figure) pairs. facts: what two figures must share.

    less, more: the words of a verdict. column: of a CSV, its unit in its name. per_model: it has one figure a model,
    whatever the input's size.
    """

    name: str
    title: str
    unit: str
    column: str
    tests: tuple[Test, ...]
    read: Callable[[RunRecord], Iterator[tuple[Part, Found]]]
    facts: tuple[str, ...] = TIMED_FACTS
    less: str = "LESS"
    more: str = "MORE"
    better: Better = "less"
    per_model: bool = False
    timed: bool = False  # the machine's own speed is in it
    in_summary: bool = False


def _one(read: Callable[[RunRecord], Found]) -> Callable[[RunRecord], Iterator[tuple[Part, Found]]]:
    def parts(record: RunRecord) -> Iterator[tuple[Part, Found]]:
        yield "", read(record)

    return parts


def _by_evaluation(record: RunRecord) -> Iterator[tuple[Part, Found]]:
    assert record.task.evaluation is not None
    yield record.task.evaluation.name, figures.score(record)


def _by_part(
    read: Callable[[RunRecord, EnergyReading], Found],
) -> Callable[[RunRecord], Iterator[tuple[Part, Found]]]:
    """A figure for each part of the machine that a source told of; where none did, why."""

    def parts(record: RunRecord) -> Iterator[tuple[Part, Found]]:
        told = False
        for reading in (record.energy, *record.energy_beside):
            if isinstance(reading, EnergyReading):
                told = True
                yield reading.part, read(record, reading)
        if not told and isinstance(record.energy, NotMeasured):
            yield "", record.energy

    return parts


QUANTITIES: tuple[Quantity, ...] = (
    Quantity(
        name="latency", title="Latency", unit="s", column="latency_median_s", tests=("latency",),
        read=_one(figures.latency),
        less="FASTER", more="SLOWER", in_summary=True, timed=True,
    ),
    Quantity(
        name="memory", title="Peak memory", unit="B", column="peak_resident_bytes", tests=("latency",),
        read=_one(figures.peak_memory), in_summary=True,
    ),
    Quantity(
        name="device_memory", title="Peak memory of the device", unit="B", column="device_peak_bytes",
        tests=("latency",), read=_one(figures.device_memory),
    ),
    Quantity(
        name="energy", title="Energy per inference, gross", unit="J", column="energy_gross_j", tests=("energy",),
        read=_by_part(figures.gross_energy), in_summary=True, timed=True,
    ),
    Quantity(
        name="energy_net", title="Energy per inference, idle taken off", unit="J", column="energy_net_j",
        tests=("energy",), read=_by_part(figures.net_energy), timed=True,
    ),
    Quantity(
        name="accuracy", title="Score", unit="", column="score", tests=("accuracy",), read=_by_evaluation,
        facts=(*MODEL_FACTS, "runtime", "precision", "torch", "libraries"), less="WORSE", more="BETTER",
        better="more", per_model=True, in_summary=True,
    ),
    Quantity(
        name="cold_start", title="Cold start, to the first answer", unit="s", column="cold_start_s",
        tests=("latency",), read=_one(figures.cold_start), less="FASTER", more="SLOWER", per_model=True,
        timed=True,
    ),
    Quantity(
        name="parameters", title="Parameters", unit="", column="parameters_unique_count", tests=("params",),
        read=_one(figures.parameters), facts=MODEL_FACTS, better="neither", per_model=True, in_summary=True,
    ),
    Quantity(
        name="flops", title="FLOPs of a call", unit="FLOP", column="flop_count", tests=("flops",),
        read=_one(figures.flops), facts=MODEL_FACTS, better="neither",
    ),
)  # fmt: skip
