"""The machine, its state while the run lasted, versions, what was computed on, and doubts."""

from __future__ import annotations

from collections.abc import Iterable

from suite import units
from suite.records import TIMED, HostFacts, HostState, Provenance
from suite.report import roofs
from suite.report.content import (
    Cell,
    Code,
    Content,
    Details,
    Heading,
    Link,
    Spans,
    bullets,
    content,
    folded,
    row,
    spans,
    table,
)
from suite.report.escape import MAX_LISTED, listed, words
from suite.report.overview import machines, other_threads
from suite.report.plots import Plots
from suite.report.section import Section
from suite.report.view import RunView
from suite.stats import shapes

UNKNOWN = "not told by the machine"
# Facts that no figure turns on, unless they changed: folded, and in machine.csv.
REST = ("Kernel", "L4T", "Virtualisation", "Container image", "Suite", "Commit", "SHA-256 of the lock file")
HASH_DIGITS = 12  # the rest is in provenance.csv


def render(view: RunView, _plots: Plots) -> Content:
    groups = machines(view)
    if not groups:
        return _tags(view)
    told = [
        content(Heading(f"Machine {number} of {len(groups)}") if len(groups) > 1 else None, _facts(group))
        for number, group in enumerate(groups[:MAX_LISTED], start=1)
    ]
    more = f"{len(groups) - MAX_LISTED} more machines are not listed." if len(groups) > MAX_LISTED else ""
    return content(
        *_tags(view),
        *(block for part in told for block in part),
        more,
        _probe_faults(view),
        _state(view),
        _provenance(view),
        _flags(view),
    )


def _tags(view: RunView) -> Content:
    """What the person said of the run."""
    rows = [(words(key), words(value)) for key, value in view.manifest.tags]
    return content(table(("Tag", "Value"), rows, left=2)) if rows else ()


def _facts(group: list[HostFacts]) -> Content:
    """Of one machine; where a fact changed while the run lasted, all that it was, in that order."""
    rows: dict[str, dict[str, None]] = {}
    for host in group:
        for name, value in _rows(host):
            rows.setdefault(name, {})[value or ""] = None
    known = {
        name: listed([words(value) if value.strip() else UNKNOWN for value in values], "; then ")
        for name, values in rows.items()
        if any(value.strip() for value in values)
    }
    unknown = [name for name, values in rows.items() if not any(value.strip() for value in values)]
    missing = f"Without, or not told by the machine: {', '.join(unknown)}." if unknown else ""
    first, rest = (
        [(name, told) for name, told in known.items() if (name in REST and len(rows[name]) == 1) is is_rest]
        for is_rest in (False, True)
    )
    headers = ("Fact", "Value")
    more = Details(f"{listed([name for name, _ in rest])}", (table(headers, rest, left=2),), "machine.csv")
    return content(table(headers, first, left=2), more if rest else None, missing)


def _rows(host: HostFacts) -> list[tuple[str, str | None]]:
    return [
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
        ("Versions", ", ".join(f"{words(name)} {words(version)}" for name, version in host.versions) or None),
    ]


def _probe_faults(view: RunView) -> Content:
    """Probes of the machine that failed: what they tell is unknown, and nothing else is touched."""
    found = dict.fromkeys(
        fault
        for record in view.run.records
        for source in (record.host, record.before, record.after)
        for fault in source.probe_faults
    )
    if not found:
        return ()
    return content(
        Heading("PROBE_FAILED"),
        "What these probes tell of the machine is unknown here; report it with the line below.",
        bullets(list(found)[:MAX_LISTED]),
    )


def _state(view: RunView) -> Content:
    states = [state for record in view.run.records for state in (record.before, record.after)]
    rows: list[list[Cell]] = [
        ["Threads", _threads(view)],
        ["Power mode", _words(state.power_mode for state in states)],
        ["Governor", _words(governor for state in states for governor in state.governors)],
        ["CPU clock", _range((hz for state in states for hz in state.cpu_frequency_hz), "Hz")],
        *_temperature_rows(states),
        *_cooling_rows(view),
        ["Load (1 minute)", _range((state.load_1min for state in states), "")],
        ["Memory available", _range((state.memory_available_bytes for state in states), "B")],
        ["Throttle events", _throttles(states)],
        *_quota_row(states),
        ["On battery", _words({True: "yes", False: "no", None: None}[state.on_battery] for state in states)],
    ]
    known = [row for row in rows if row[1] != UNKNOWN]
    untold = [str(row[0]) for row in rows if row[1] == UNKNOWN]
    return content(
        Heading("State before and after the tasks"),
        "Lowest to highest over the run." + (f" Not told by the machine: {', '.join(untold)}." if untold else ""),
        table(("What", "Seen"), known, left=2),
    )


def _cooling_rows(view: RunView) -> list[list[Cell]]:
    """How long was waited for the machine to cool down; nothing where no rule or no sensor asked for it."""
    found = [record.cooling for record in view.run.records if record.cooling is not None]
    pauses = list(dict.fromkeys(pause for cooling in found for pause in cooling.pauses))
    if not found:
        return []
    if not pauses:
        return [["Cooled down", "not needed"]]
    waited = units.show(sum(pause.waited_s for pause in pauses), "s")
    hottest = max(pauses, key=lambda pause: pause.from_c)
    seen = f"{words(hottest.sensor)} from {hottest.from_c:.0f} to {hottest.to_c:.0f} °C"
    return [["Cooled down", f"{waited} in {units.counted(len(pauses), 'pause')}; at the hottest {seen}"]]


def _temperature_rows(states: list[HostState]) -> list[list[Cell]]:
    found: dict[str, list[float]] = {}
    for state in states:
        for name, value in state.temperature_c:
            found.setdefault(name, []).append(value)
    return [[f"Temperature {words(name)}", _range(values, "°C")] for name, values in list(found.items())[:MAX_LISTED]]


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
        if task.test in TIMED:
            found[f"{task.thread_count}"] = None
    for record in view.run.records:
        found |= {f"{record.task.thread_count} asked for, {used} in force": None for used in other_threads(record)}
    return _words(found)


def _words(values: Iterable[str | None]) -> str:
    return listed(list(dict.fromkeys(words(value) for value in values if value))) or UNKNOWN


def _range(values: Iterable[float | None], unit: str) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return UNKNOWN
    low, high = (units.show(value, unit) for value in (min(known), max(known)))
    return low if low == high else f"{low} to {high}"


def _provenance(view: RunView) -> Content:
    """Hashes of weights per model, and how many different inputs were computed on."""
    inputs: dict[tuple[str, str, str, str], set[str]] = {}
    for record in view.run.records:
        if found := record.provenance:
            weights = _source(found), words(found.weights_sha256)[:HASH_DIGITS]
            key = view.title(record.task.model), *weights, found.inputs_source
            inputs.setdefault(key, set()).add(found.inputs_sha256)
    if not inputs:
        return ()
    headers = ("Model", "Weights", f"SHA-256, first {HASH_DIGITS} digits", "Inputs", "Distinct inputs")
    return content(
        Heading("Weights and inputs"),
        table(headers, [[*key, str(len(hashes))] for key, hashes in inputs.items()], left=4),
        (
            "All hashes in full: ",
            Link("tables/provenance.csv", "tables/provenance.csv"),
            ". Efficiency does not depend on the values of the weights: seeded ones serve, and say nothing about "
            "accuracy.",
        ),
        _checked_inputs(view),
    )


def _checked_inputs(view: RunView) -> Spans:
    checked: dict[str, dict[str, None]] = {}
    for record in view.run.records:
        if record.provenance and record.provenance.inputs_checked:
            names = dict.fromkeys(record.provenance.inputs_checked)
            checked.setdefault(view.title(record.task.model), {}).update(names)
    told = row((spans(f"{title}: ", row(map(Code, names))) for title, names in checked.items()), "; ")
    return spans("Inputs that were shown to change the output: ", told, ".") if told else ()


def _source(found: Provenance) -> str:
    if found.weights_precision != "fp32":
        return f"{found.weights_source} in {found.weights_precision}; models.lock has those of fp32"
    return f"{found.weights_source}, {'equal to models.lock' if found.weights_verified else 'not in models.lock'}"


def _flags(view: RunView) -> Content:
    rows = [
        [
            words(flag.code),
            words(flag.text),
            f"{record.task.test}: {roofs.who(view, record.task)}, {roofs.where(view, record.task)}",
        ]
        for record in view.run.records
        for flag in (*record.flags, *shapes.doubts(record))
    ]
    if not rows:
        return content("No doubt was flagged on any record.")
    return content(
        Heading("Doubts"),
        "Figures that were flagged, and kept.",
        folded("Doubts one by one", table(("Flag", "What was seen", "Where"), rows, left=3), "doubts.csv", most=6),
    )


PLUGIN = Section(name="environment", order=90, title="Environment", render=render)
