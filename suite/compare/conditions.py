"""Under which conditions a figure was measured, and in which of them two figures differ.

What differs is named; what one of two doesn't tell is named too; and where other work was done, or the machine was in
another state, there is no verdict. Source: docs/compare.md.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from suite import units
from suite.records import HostFacts, LatencySamples, QuietRule, RunRecord

Weight: TypeAlias = Literal["refused", "named"]
UNKNOWN = None
OWN_WEIGHT: Mapping[str, Weight] = {"network": "refused", "emulation": "refused"}  # all others are named
SAME_STATE = 0.03  # relative: so far apart two paces (or clocks) are those of one state
MAX_CHANGE = QuietRule().max_clock_change


@dataclass(frozen=True, slots=True)
class Conditions:
    """facts by name: "" means that there is none (no quota), None that nobody knows.

    pace_s, clock_hz, gpu_clock_hz: medians of the blocks that count; None where the machine doesn't tell.
    """

    facts: Mapping[str, str | None]
    pace_s: float | None = None
    clock_hz: float | None = None
    gpu_clock_hz: float | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """text: in words that stand alone. refused: no ratio says anything."""

    text: str
    refused: bool = False


def conditions_of(record: RunRecord) -> Conditions:
    task, host, origin = record.task, record.host, record.provenance
    facts = dict(_facts_of(host))
    facts |= {
        "weights": f"{origin.weights_source}, {origin.weights_sha256[:12]}" if origin else UNKNOWN,
        "network": "; ".join(origin.configuration) if origin else UNKNOWN,
        "inputs": f"{origin.inputs_source}, {origin.inputs_sha256[:12]}" if origin else UNKNOWN,
        "runtime": task.runtime,
        "precision": task.precision,
        "device": task.device,
        "threads": str(task.thread_count),
        "threads in force": _in_force(record),
        "power mode": _both(record.before.power_mode, record.after.power_mode),
        "governor": _both(", ".join(record.before.governors) or None, ", ".join(record.after.governors) or None),
        "power supply": _both(_supply(record.before.on_battery), _supply(record.after.on_battery)),
        "rule for disturbed blocks": _rule(task.quiet),
        "emulation": next((flag.code for flag in record.flags if flag.code == "EMULATED"), ""),
    }
    if not isinstance(record.latency, LatencySamples):
        return Conditions(facts)
    seen = [block.interference for block in record.latency.counted_blocks if block.interference is not None]
    return Conditions(
        facts,
        pace_s=_median([each.pace_s for each in seen]),
        clock_hz=_median([each.clock_hz for each in seen]),
        gpu_clock_hz=_median([each.gpu_clock_hz for each in seen]),
    )


_LAST: list[tuple[HostFacts, Mapping[str, str | None]]] = []


def _facts_of(host: HostFacts) -> Mapping[str, str | None]:
    """The records of a run share what is said of their machine, so the last one's facts are asked for again."""
    if not _LAST or _LAST[0][0] is not host:
        _LAST[:] = [(host, _host_facts(host))]
    return _LAST[0][1]


def _host_facts(host: HostFacts) -> Mapping[str, str | None]:
    versions = dict(host.versions)
    others = [f"{name} {version}" for name, version in host.versions if name != "torch"]
    machine = [host.board, host.soc, host.cpu_model, units.counted(host.cpu_count, "CPU"), host.architecture]
    return {
        "torch": versions.get("torch"),
        "libraries": ", ".join(others) or UNKNOWN,
        "machine": ", ".join(part for part in machine if part),
        "accelerators": ", ".join(host.accelerators),
        "driver": host.driver if host.driver is not None or host.accelerators else "",
        "CPU quota": "" if host.cpu_quota is None else f"{host.cpu_quota:g} CPUs",
    }


def _in_force(record: RunRecord) -> str | None:
    samples = record.latency
    if not isinstance(samples, LatencySamples):
        return ""
    return " or ".join(map(str, samples.thread_counts)) or UNKNOWN


def _both(before: str | None, after: str | None) -> str | None:
    return before if before == after else f"{before or 'unknown'}, then {after or 'unknown'}"


def _supply(on_battery: bool | None) -> str | None:
    return UNKNOWN if on_battery is None else "battery" if on_battery else "mains"


def _rule(rule: QuietRule | None) -> str:
    if rule is None:
        return "none"
    shares = (rule.max_foreign_share, rule.max_stolen_share, rule.max_clock_change)
    return "at most " + ", ".join(f"{share * 100:g} %" for share in shares)


def _median(values: Sequence[float | None]) -> float | None:
    """None unless every block tells."""
    known = [value for value in values if value is not None and value > 0]
    return statistics.median(known) if known and len(known) == len(values) else None


def differences(first: Conditions, second: Conditions, names: Sequence[str]) -> Iterator[Difference]:
    """What of these facts isn't the same in both, or is known of one alone."""
    for name in names:
        one, other = first.facts.get(name), second.facts.get(name)
        if one == other:
            continue
        text = f"{name}: {_told(one)} against {_told(other)}"
        known = one is not None and other is not None
        yield Difference(text, refused=known and OWN_WEIGHT.get(name) == "refused")


def unknown(first: Conditions, second: Conditions, names: Sequence[str]) -> Iterator[str]:
    """Facts that neither of the two tells."""
    for name in names:
        if first.facts.get(name) is None and second.facts.get(name) is None:
            yield name


def _told(value: str | None) -> str:
    return "unknown" if value is None else value or "none"


@dataclass(frozen=True, slots=True)
class State:
    """How the machine's own speed compares: the log of the factor by which its state alone may have slowed the second.

    None: it can't be told. text: what was read, in words.
    """

    log_factor: float | None
    text: str


OF_STATE = ("machine", "power mode", "governor", "power supply")  # where one differs, that is the difference


def state(first: Conditions, second: Conditions) -> State | None:
    """By the clock where both told one, else by the pace, a fixed piece of arithmetic of the same threads.

    None where the two ran on other machines, or in other modes of one: that is a difference of its own.
    """
    if any(first.facts[name] != second.facts[name] for name in OF_STATE):
        return None
    told = list(_speeds(first, second))
    if not told:
        return State(None, "whether the machine was in one state can't be told: no clock and no pace for both")
    return max(told, key=lambda each: abs(each.log_factor or 0.0))


def _speeds(first: Conditions, second: Conditions) -> Iterator[State]:
    for name, what in (("clock_hz", "the processor's clock"), ("gpu_clock_hz", "the GPU's clock")):
        one, other = getattr(first, name), getattr(second, name)
        if one and other:
            words = f"{what} was {units.show(one, 'Hz')} against {units.show(other, 'Hz')}"
            yield State(math.log(one / other), words)
    alike = all(first.facts[name] == second.facts[name] for name in ("threads", "threads in force", "torch"))
    if first.pace_s and second.pace_s and alike:
        paces = f"{units.show(first.pace_s, 's')} against {units.show(second.pace_s, 's')}"
        yield State(math.log(second.pace_s / first.pace_s), f"a fixed piece of arithmetic took {paces}")
