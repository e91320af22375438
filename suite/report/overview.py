"""The head of the report: what was run, on which machine, and one row per model."""

from __future__ import annotations

from suite import units
from suite.records import EnergyReading, FlopCount, HostFacts, MemoryUse, NotMeasured, ParameterCount, Summary
from suite.report.energies import inference_energy
from suite.report.points import Point
from suite.report.quantities import mean_and_std, median
from suite.report.section import paragraphs
from suite.report.table import Cell, Table, table
from suite.report.view import RunView

# Doubts of the machine itself (suite/host/flags.py, standing), which hold for a whole run.
STANDING = ("EMULATED", "GPU_UNUSED")


def render(view: RunView) -> str:
    """Title, one sentence on the run, the summary table."""
    manifest = view.manifest
    done, asked = len(view.tasks) - len(view.run.missing()), len(view.tasks)
    about = (
        f"Plan `{manifest.plan}` ({manifest.plan_description.rstrip('.')}), started {manifest.started_utc}, "
        f"suite {manifest.suite_version}: {done} of {asked} tasks have a record."
    )
    return paragraphs(
        f"# Inference benchmark on {machine(view)}",
        about,
        machine_sentence(view),
        _standing_doubts(view),
        summary_table(view).markdown(),
        _sizes(view),
    )


def _standing_doubts(view: RunView) -> str:
    """What holds for every figure below, and would change what a reader makes of them."""
    found = {flag.code: flag.text for record in view.run.records for flag in record.flags if flag.code in STANDING}
    return "\n\n".join(f"**{code}: {text}.**" for code, text in found.items())


def _sizes(view: RunView) -> str:
    """At which sizes the table's figures hold."""
    told: dict[str, list[str]] = {}
    for subject in view.subjects:
        if base := view.base(subject):
            told.setdefault(view.describe(base), []).append(view.label(subject))
    if not told:
        return ""
    sizes = "; ".join(f"{', '.join(labels)}: {size}" for size, labels in told.items())
    return f"Latency, memory and energy are those of one call at the usual input, energy per inference ({sizes})."


def hosts(view: RunView) -> tuple[HostFacts, ...]:
    """The machines of the run's records: more than one where a run was resumed elsewhere."""
    return tuple(dict.fromkeys(record.host for record in view.run.records))


def machine(view: RunView) -> str:
    """The machine's name in a few words."""
    found = hosts(view)
    if not found:
        return "a machine without records"
    host = found[0]
    return host.board or host.soc or host.cpu_model or host.architecture


def machine_sentence(view: RunView) -> str:
    found = hosts(view)
    if not found:
        return ""
    host = found[0]
    parts = [
        host.cpu_model or host.architecture,
        f"{host.cpu_count} logical CPUs",
        f"{units.show(host.memory_total_bytes, 'B')} of memory" if host.memory_total_bytes else "",
        ", ".join(host.accelerators) if host.accelerators else "no accelerator",
        host.os,
        ", ".join(f"{name} {version}" for name, version in host.versions),
    ]
    devices = sorted({f"{subject.device}, {subject.thread_count} threads" for subject in view.subjects})
    used = f" Timed on {'; '.join(devices)}." if devices else ""
    other = " **The records come from more than one machine.**" if len(found) > 1 else ""
    return f"Machine: {'; '.join(part for part in parts if part)}.{used}{other}"


def summary_table(view: RunView) -> Table:
    """One row per subject at its base point (batch 1, usual input)."""
    rows = [(subject.model, view.label(subject), view.base(subject)) for subject in view.subjects]
    timed = {model for model, _, _ in rows}
    rows += [(model, view.title(model), None) for model in view.models if model not in timed]
    rows.sort(key=lambda row: view.models.index(row[0]))
    latencies = [view.summary(base) if base else None for _, _, base in rows]
    energies = [_energy(view, base) for _, _, base in rows]
    time = units.scale_of((value.median for value in latencies if isinstance(value, Summary)), "s")
    joule = units.scale_of((value[0] for value in energies if isinstance(value, tuple)), "J")
    headers = (
        "Model",
        "Parameters (unique)",
        "GFLOP per inference",
        f"Latency, mean ± std ({time.symbol})",
        f"Latency, median ({time.symbol})",
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
                mean_and_std(latency, time) if isinstance(latency, Summary) else latency,
                median(latency, time) if isinstance(latency, Summary) else latency,
                _peak(view.memory(base) if base else None),
                joule.spread(*energy) if isinstance(energy, tuple) else energy,
            ]
        )
    return table(headers, body)


def _parameters(value: ParameterCount | NotMeasured | None) -> Cell:
    return units.show_count(value.unique_count) if isinstance(value, ParameterCount) else value


def _gflop(value: FlopCount | NotMeasured | None) -> Cell:
    return f"{value.flop_count / 1e9:,.2f}" if isinstance(value, FlopCount) else value


def _peak(value: MemoryUse | NotMeasured | None) -> Cell:
    return f"{value.peak_resident_bytes / 2**20:,.0f}" if isinstance(value, MemoryUse) else value


def _energy(view: RunView, base: Point | None) -> tuple[float, float] | NotMeasured | None:
    value = view.energy(base) if base else None
    if not isinstance(value, EnergyReading) or base is None:
        return value if isinstance(value, NotMeasured) else None
    figure = inference_energy(value, base.batch_size)
    return figure.gross_j, figure.error_j
