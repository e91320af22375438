"""The machine, its state while the run lasted, versions, what was computed on, and doubts."""

from __future__ import annotations

from collections.abc import Iterable

from suite import units
from suite.records import HostFacts, HostState, Provenance
from suite.report.overview import hosts, other_threads
from suite.report.plots import Plots
from suite.report.points import point_of
from suite.report.section import Section, paragraphs
from suite.report.table import Cell, table
from suite.report.view import RunView

UNKNOWN = "not told by the machine"


def render(view: RunView, _plots: Plots) -> str:
    found = hosts(view)
    if not found:
        return ""
    machines = [
        paragraphs(f"### Machine {number} of {len(found)}" if len(found) > 1 else "", _facts(host))
        for number, host in enumerate(found, start=1)
    ]
    return paragraphs(*machines, _state(view), _provenance(view), _flags(view))


def _facts(host: HostFacts) -> str:
    rows: list[tuple[str, str | None]] = [
        ("Board", host.board),
        ("SoC", host.soc),
        ("CPU", host.cpu_model),
        ("Logical CPUs", str(host.cpu_count)),
        *((("CPU quota (cgroup)", f"{host.cpu_quota:g} CPUs' time"),) if host.cpu_quota else ()),
        ("Architecture", host.architecture),
        ("Accelerators", ", ".join(host.accelerators) or "none"),
        ("Accelerator driver", host.driver),
        ("Memory", units.show(host.memory_total_bytes, "B") if host.memory_total_bytes else None),
        ("Memory limit (cgroup)", units.show(host.memory_limit_bytes, "B") if host.memory_limit_bytes else None),
        ("Operating system", host.os),
        ("Kernel", host.kernel),
        ("L4T", host.l4t),
        ("Virtualisation", host.virtualization),
        ("Container image", host.container_image_digest),
        ("Suite", host.suite_version),
        ("Commit", host.git_commit),
        ("SHA-256 of the lock file", host.lock_sha256),
        *((f"Version of {name}", version) for name, version in host.versions),
    ]
    known = [(name, value) for name, value in rows if value]
    unknown = [name for name, value in rows if not value]
    missing = f"Without, or not told by the machine: {', '.join(unknown)}." if unknown else ""
    return paragraphs(table(("Fact", "Value"), known, left=2).markdown(), missing)


def _state(view: RunView) -> str:
    states = [state for record in view.run.records for state in (record.before, record.after)]
    rows: list[list[Cell]] = [
        ["Threads", _threads(view)],
        ["Power mode", _words(state.power_mode for state in states)],
        ["Governor", _words(governor for state in states for governor in state.governors)],
        ["CPU clock", _range((hz for state in states for hz in state.cpu_frequency_hz), "Hz")],
        *_temperature_rows(states),
        ["Load (1 minute)", _range((state.load_1min for state in states), "")],
        ["Memory available", _range((state.memory_available_bytes for state in states), "B")],
        ["Throttle events", _throttles(states)],
        *_quota_row(states),
        ["On battery", _words({True: "yes", False: "no", None: None}[state.on_battery] for state in states)],
    ]
    return paragraphs(
        "### State before and after the tasks",
        "Lowest to highest over the run.",
        table(("What", "Seen"), rows, left=2).markdown(),
    )


def _temperature_rows(states: list[HostState]) -> list[list[Cell]]:
    found: dict[str, list[float]] = {}
    for state in states:
        for name, value in state.temperature_c:
            found.setdefault(name, []).append(value)
    return [[f"Temperature {name}", _range(values, "°C")] for name, values in found.items()]


def _throttles(states: list[HostState]) -> str:
    counts = [state.throttle_count for state in states if state.throttle_count is not None]
    return f"{max(counts) - min(counts)} during the run" if counts else UNKNOWN


def _quota_row(states: list[HostState]) -> list[list[Cell]]:
    counts = [state.quota_throttle_count for state in states if state.quota_throttle_count is not None]
    return [["Periods without CPU time (cgroup)", f"{max(counts) - min(counts)} during the run"]] if counts else []


def _threads(view: RunView) -> str:
    """As asked for, and as they were in force after the calls where that differs."""
    found: dict[str, None] = {}
    for task in view.tasks:
        if task.test in ("latency", "energy"):
            found[f"{task.thread_count}"] = None
    for record in view.run.records:
        found |= {f"{record.task.thread_count} asked for, {used} in force": None for used in other_threads(record)}
    return _words(found)


def _words(values: Iterable[str | None]) -> str:
    return ", ".join(dict.fromkeys(value for value in values if value)) or UNKNOWN


def _range(values: Iterable[float | None], unit: str) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return UNKNOWN
    low, high = (units.show(value, unit) for value in (min(known), max(known)))
    return low if low == high else f"{low} to {high}"


def _provenance(view: RunView) -> str:
    """Hashes of weights per model, and of every input that was computed on."""
    weights: dict[tuple[str, str, str], None] = {}
    inputs: dict[tuple[str, str], list[str]] = {}
    for record in view.run.records:
        found = record.provenance
        if found is None:
            continue
        weights[view.title(record.task.model), _source(found), found.weights_sha256] = None
        inputs.setdefault((view.title(record.task.model), found.inputs_source), []).append(found.inputs_sha256)
    if not weights:
        return ""
    return paragraphs(
        "### Weights and inputs",
        table(("Model", "Weights", "SHA-256 of the weights"), [list(key) for key in weights], left=3).markdown(),
        "Efficiency does not depend on the values of the weights: seeded ones serve, and say nothing about accuracy.",
        _checked_inputs(view),
        table(
            ("Model", "Inputs", "Distinct inputs", "SHA-256, first 12 digits"),
            [
                [title, source, str(len(set(hashes))), ", ".join(dict.fromkeys(value[:12] for value in hashes))]
                for (title, source), hashes in inputs.items()
            ],
            left=2,
            wordy=("SHA-256, first 12 digits",),
        ).markdown(),
    )


def _checked_inputs(view: RunView) -> str:
    checked: dict[str, dict[str, None]] = {}
    for record in view.run.records:
        if record.provenance and record.provenance.inputs_checked:
            names = dict.fromkeys(record.provenance.inputs_checked)
            checked.setdefault(view.title(record.task.model), {}).update(names)
    told = "; ".join(f"{title}: {', '.join(f'`{name}`' for name in names)}" for title, names in checked.items())
    return f"Inputs that were shown to change the output: {told}." if told else ""


def _source(found: Provenance) -> str:
    return f"{found.weights_source}, {'equal to models.lock' if found.weights_verified else 'not in models.lock'}"


def _flags(view: RunView) -> str:
    rows = [
        [flag.code, flag.text, f"{record.task.test}: {view.title(record.task.model)}, {_sizes(view, record.task.key)}"]
        for record in view.run.records
        for flag in record.flags
    ]
    if not rows:
        return "No doubt was flagged on any record."
    return paragraphs(
        "### Doubts",
        "Figures that were flagged, and kept.",
        table(("Flag", "What was seen", "Where"), rows, left=3).markdown(),
    )


def _sizes(view: RunView, key: str) -> str:
    return view.describe(next(point_of(task) for task in view.tasks if task.key == key))


PLUGIN = Section(name="environment", order=90, title="Environment", render=render)
