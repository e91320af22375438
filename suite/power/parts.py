"""Which parts of a machine work for a task: the energy of one that did nothing is no energy of the model.

A task on the CPU leaves a GPU's board idle; one on the GPU is driven by the CPU, whose package stands beside the
board's figure and never in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from suite.power.channel import Gauge
from suite.power.meter import Meter, Refused
from suite.records import NotMeasured, Part

DEVICES: dict[str, tuple[frozenset[Part], frozenset[Part]]] = {  # device -> what does the work, what helps
    "cpu": (frozenset({"whole", "cpu package"}), frozenset()),
    "cuda": (frozenset({"whole", "gpu board"}), frozenset({"cpu package"})),
}
OTHERS: tuple[frozenset[Part], frozenset[Part]] = (frozenset({"whole"}), frozenset({"cpu package"}))


class Arranged(NamedTuple):
    """A meter for one task. `missing` stands in the first figure's place, `absent` beside the others."""

    meter: Meter | None  # None: nothing here measures a part that works for the task
    missing: NotMeasured | None
    absent: tuple[NotMeasured, ...]


def for_device(meter: Meter, device: str) -> Arranged:
    """The gauges of the parts that work on that device ("cpu", "cuda:0"), the one that does the work first."""
    working, helping = DEVICES.get(device.partition(":")[0], OTHERS)
    first = [gauge for gauge in meter.gauges if gauge.description.part in working]
    beside = [gauge for gauge in meter.gauges if gauge.description.part in helping]
    idle = [gauge for gauge in meter.gauges if gauge not in first and gauge not in beside]
    refused = [each for each in meter.refused if meter.is_named or each.part in working | helping]
    missing = None if first else _missing(refused, working, meter, device)
    absent = [each.absence for each in refused if not each.is_elsewhere and each.absence != missing]
    if meter.is_named:  # it was asked for; what --power auto finds besides is simply not used
        absent += [absence for absence in (_idle(gauge, device) for gauge in idle) if absence != missing]
    return Arranged(_with(meter, [*first, *beside]), missing, tuple(dict.fromkeys(absent)))


def _missing(refused: Sequence[Refused], working: frozenset[Part], meter: Meter, device: str) -> NotMeasured:
    """Why no source here measures the part that does the work: what concerns this machine, else what there is."""
    for each in refused:
        if each.part in working and not each.is_elsewhere:
            return each.absence
    for each in refused:
        if each.part in working - {"whole"}:  # the task runs there, so the part exists: its source says what it lacks
            return each.absence
    return _idle(meter.gauges[0], device)


def _idle(gauge: Gauge, device: str) -> NotMeasured:
    part, kind = gauge.description.part, "CPU" if device == "cpu" else "GPU"
    if part == "gpu board":
        reason = f"{gauge.source} measures the GPU's board, which does no work for a task on the {kind}"
        remedy = "name a source of the CPU's package or of the whole machine (suite doctor tells which work here)"
    else:
        reason = f"{gauge.source} measures the CPU's package alone, without the {kind} that this task runs on"
        remedy = "name a source of the GPU or of the whole machine too, as in --power nvml+rapl"
    return NotMeasured(code="PART_IDLE", reason=reason, remedy=remedy)


def _with(meter: Meter, gauges: Sequence[Gauge]) -> Meter | None:
    if not gauges:
        return None
    first, *beside = gauges
    return replace(
        meter, source=first.source, options=first.options, description=first.description, beside=tuple(beside)
    )
