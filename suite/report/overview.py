"""The head of the report: what was run, on which machine, and one row per model."""

from __future__ import annotations

from dataclasses import fields

from suite import units
from suite.records import (
    EnergyReading,
    FlopCount,
    HostFacts,
    LatencySamples,
    MemoryUse,
    NotMeasured,
    ParameterCount,
    RunRecord,
    Summary,
)
from suite.report import findings
from suite.report.content import Cell, Code, Content, Note, Spans, Strong, Table, bullets, content, spans, table
from suite.report.energies import inference_energy
from suite.report.escape import listed, words
from suite.report.points import Point
from suite.report.precision import mean_and_std, median_and_interval
from suite.report.view import RunView

HARDWARE = ("board", "soc", "cpu_model", "cpu_count", "architecture", "memory_total_bytes", "accelerators")
MAX_TOLD = 20
# Doubts of the machine itself (suite/host/flags.py, standing), which hold for a whole run.
STANDING = ("EMULATED", "GPU_UNUSED")


def title(view: RunView) -> str:
    return f"Inference benchmark on {words(machine(view), 200)}"


def render(view: RunView) -> Content:
    """One sentence on the run, the summary table."""
    manifest = view.manifest
    done, asked = len(view.tasks) - len(view.run.missing()), len(view.tasks)
    about = spans(
        "Plan ",
        Code(manifest.plan),
        f" ({words(manifest.plan_description).rstrip('.')}), started {words(manifest.started_utc)}, "
        f"suite {words(manifest.suite_version)}: {done} of {asked} tasks have a record.",
    )
    return content(
        about,
        _damage(view),
        _standing_doubts(view),
        summary_table(view),
        _sizes(view),
        findings.found(view),
        findings.missing(view),
        findings.doubts(view),
        machine_sentence(view),
    )


def _damage(view: RunView) -> Content:
    """Lines of the records' file that can't be read: their tasks count as not measured."""
    damaged = view.run.damaged
    if not damaged:
        return ()
    lines = [f"Line {damage.line_number}: {words(damage.text)}" for damage in damaged[:MAX_TOLD]]
    more = [f"{len(damaged) - MAX_TOLD} more."] if len(damaged) > MAX_TOLD else []
    what = "A line" if len(damaged) == 1 else f"{len(damaged)} lines"
    return content(
        Note("doubt", (Strong(f"{what} of records.jsonl can't be read"), ", and what it held is not in this report:")),
        bullets([*lines, *more]),
    )


def _standing_doubts(view: RunView) -> Content:
    """What holds for every figure below, and would change what a reader makes of them."""
    found = {flag.code: flag.text for record in view.run.records for flag in record.flags if flag.code in STANDING}
    return tuple(Note("doubt", Strong(f"{code}: {words(told)}.")) for code, told in found.items())


def _sizes(view: RunView) -> str:
    """At which sizes the table's figures hold."""
    told: dict[str, list[str]] = {}
    for subject in view.subjects:
        if base := view.base(subject):
            told.setdefault(view.describe(base), []).append(view.label(subject))
    if not told:
        return ""
    sizes = "; ".join(f"{listed(labels)}: {size}" for size, labels in told.items())
    return f"Latency, memory and energy are those of one call at the usual input, energy per inference ({sizes})."


def hosts(view: RunView) -> tuple[HostFacts, ...]:
    """What the run's records say of their machines: several where it was resumed elsewhere, or after an update."""
    return tuple(dict.fromkeys(record.host for record in view.run.records))


def machines(view: RunView) -> list[list[HostFacts]]:
    """The same, machine by machine: another system or another suite on it makes no other machine."""
    found: dict[tuple[object, ...], list[HostFacts]] = {}
    for host in hosts(view):
        found.setdefault(tuple(getattr(host, name) for name in HARDWARE), []).append(host)
    return list(found.values())


def machine(view: RunView) -> str:
    """The machine's name in a few words."""
    found = hosts(view)
    if not found:
        return "a machine without records"
    host = found[0]
    return next((name for name in (host.board, host.soc, host.cpu_model) if name and name.strip()), host.architecture)


def machine_sentence(view: RunView) -> Spans:
    found = hosts(view)
    if not found:
        return ()
    host = found[0]
    parts = [
        host.cpu_model or host.architecture,
        f"{host.cpu_count} logical CPUs",
        f"held to {host.cpu_quota:g} CPUs' time by a control group" if host.cpu_quota else "",
        f"{units.show(host.memory_total_bytes, 'B')} of memory" if host.memory_total_bytes else "",
        ", ".join(host.accelerators) if host.accelerators else "no accelerator",
        host.os,
        ", ".join(f"{name} {version}" for name, version in host.versions),
    ]
    devices = sorted(
        {f"{subject.device}, {units.counted(subject.thread_count, 'thread')}" for subject in view.subjects}
    )
    other = sorted({used for record in view.run.records for used in other_threads(record)})
    if other:
        told = " or ".join(units.counted(used, "thread") for used in other)
        devices.append(f"but with {told} in force after some calls")
    used = f" Timed on {'; '.join(devices)}." if devices else ""
    return spans(f"Machine: {'; '.join(words(part) for part in parts if part)}.{used}", _differences(view))


def other_threads(record: RunRecord) -> tuple[int, ...]:
    """Thread counts that were in force after the record's calls, and were not those asked for."""
    if not isinstance(record.latency, LatencySamples):
        return ()
    return tuple(count for count in record.latency.thread_counts if count != record.task.thread_count)


def _differences(view: RunView) -> Spans:
    """What else than the machine, or the machine itself, is not the same in all records."""
    groups = machines(view)
    if len(groups) > 1:
        return " ", Strong(f"The records come from {len(groups)} machines.")
    (group,) = groups
    names = [field.name for field in fields(HostFacts) if len({getattr(host, field.name) for host in group}) > 1]
    names = [name for name in names if name != "probe_faults"]
    if not names:
        return ()
    told = listed([name.replace("_", " ") for name in names])
    return " ", Strong(f"The records are not all alike in {told}"), ": see Environment."


def summary_table(view: RunView) -> Table:
    """One row per subject at its base point (batch 1, usual input)."""
    rows = [(subject.model, view.label(subject), view.base(subject)) for subject in view.subjects]
    timed = {model for model, _, _ in rows}
    rows += [(model, view.title(model), None) for model in view.models if model not in timed]
    places = {model: place for place, model in enumerate(view.models)}
    rows.sort(key=lambda row: places[row[0]])
    latencies = [view.summary(base) if base else None for _, _, base in rows]
    energies = [_energy(view, base) for _, _, base in rows]
    time = units.scale_of((value.median for value in latencies if isinstance(value, Summary)), "s")
    joule = units.scale_of((value[0] for value in energies if isinstance(value, tuple)), "J")
    headers = (
        "Model",
        "Parameters (unique)",
        "GFLOP per inference",
        f"Latency, median and interval ({time.symbol})",
        f"Latency, mean ± std ({time.symbol})",
        "Peak memory (MiB)",
        f"Energy, gross ({joule.symbol})",
    )
    body: list[list[Cell]] = []
    for (model, label, base), latency, energy in zip(rows, latencies, energies, strict=True):
        body.append(
            [
                label,
                _parameters(view.parameters(model)),
                _gflop(view.flops(model)),
                median_and_interval(latency, time) if isinstance(latency, Summary) else latency,
                mean_and_std(latency, time) if isinstance(latency, Summary) else latency,
                _peak(view.memory(base) if base else None),
                joule.spread(*energy) if isinstance(energy, tuple) else energy,
            ]
        )
    return table(headers, body)


def _parameters(value: ParameterCount | NotMeasured | None) -> Cell:
    return units.show_count(value.unique_count) if isinstance(value, ParameterCount) else value


def _gflop(value: FlopCount | NotMeasured | None) -> Cell:
    return value.sign + units.decimals(value.flop_count / 1e9, 2) if isinstance(value, FlopCount) else value


def _peak(value: MemoryUse | NotMeasured | None) -> Cell:
    return units.decimals(value.peak_resident_bytes / 2**20, 0) if isinstance(value, MemoryUse) else value


def _energy(view: RunView, base: Point | None) -> tuple[float, float] | NotMeasured | None:
    value = view.energy(base) if base else None
    if not isinstance(value, EnergyReading) or base is None:
        return value if isinstance(value, NotMeasured) else None
    figure = inference_energy(value, base.batch_size)
    return figure.gross_j, figure.error_j
