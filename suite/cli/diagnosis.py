"""`suite doctor`: what this machine can measure, what it can't, and how to fix the rest."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from suite import registry
from suite.cli import image, selftests
from suite.cli.answer import Answer
from suite.cli.finding import Effect, Finding
from suite.client.replies import Hello
from suite.errors import EngineError, SuiteError
from suite.fleet.engine import Engine, emulated
from suite.host import accelerator
from suite.plan import devices
from suite.power import choice, parts
from suite.power.meter import Meter
from suite.records import HostFacts, HostState, NotMeasured
from suite.report.content import bullets, content
from suite.report.table import table
from suite.tools import Tools
from suite.units import counted
from suite.units import show as show_quantity

DISK_BYTES = 200e6  # a standard run with its report, and room to spare
MEMORY_BYTES = 1.5e9  # what a worker with the largest model peaks at


def show(tools: Tools, power: str = "auto", *, self_test_s: float | None = None) -> Answer:
    """The findings. self_test_s: how long A is measured against A; None: no self-tests.

    Exit status 1 if no model can be measured here, or A against A was asked for and was not measured or not the same.
    """
    tools = tools.looking_at(power)
    hello = _hello(tools)
    versions = hello.versions if isinstance(hello, Hello) else ()
    facts = tools.facts(versions)
    findings = [
        *_worker(hello),
        *_devices(hello, facts),
        *_models(tools, hello),
        *_unusable(),
        *_power(tools, power, hello.devices if isinstance(hello, Hello) else ("cpu",)),
        *(selftests.power(tools, power) if self_test_s is not None else ()),
        *(against := _against(tools, hello, self_test_s)),
        *_machine(facts, tools.observe().state),
        _disk(results if (results := Path("results").absolute()).is_dir() else Path.cwd()),
        *_containers(facts, tools.engine()),
    ]
    rows = [("ok" if finding.ok else "--", finding.what, finding.found) for finding in findings]
    can_measure = isinstance(hello, Hello) and bool(hello.devices)
    return Answer(
        shown=content(table(("", "what", "found"), rows, left=3), bullets(_to_do(findings))),
        rows={"findings": [finding.row() for finding in findings]},
        data=[finding.told() for finding in findings],
        status=0 if can_measure and all(finding.ok for finding in against) else 1,
    )


def _to_do(findings: Sequence[Finding]) -> list[str]:
    """What would help here, in the order of its effect; one remedy of several findings stands once."""
    by_remedy: dict[str, list[str]] = {}
    for finding in sorted(findings, key=lambda finding: finding.effect):
        if finding.remedy:
            by_remedy.setdefault(finding.remedy, []).append(finding.what)
    lines = [f"{', '.join(what)}: {remedy}" for remedy, what in by_remedy.items()]
    return ["To do:", *lines] if lines else ["Everything can be measured here."]


def _hello(tools: Tools) -> Hello | SuiteError:
    try:
        worker = tools.workers(Path(os.devnull))(1)
    except SuiteError as error:
        return error
    try:
        return worker.hello
    finally:
        worker.close()


def _worker(hello: Hello | SuiteError) -> Iterator[Finding]:
    if isinstance(hello, SuiteError):
        yield Finding(what="worker", found="does not start", ok=False, remedy=str(hello))
        return
    versions = dict(hello.versions)
    told = ", ".join(f"{name} {version}" for name, version in hello.versions)
    missing = [name for name in ("torch", "transformers") if name not in versions]
    remedy = (
        f"install {' and '.join(missing)} for the worker (make setup), or set SUITE_WORKER_PYTHON to a Python with it"
    )
    yield Finding(what="worker", found=told, ok=not missing, remedy=remedy if missing else "")


def _devices(hello: Hello | SuiteError, facts: HostFacts) -> Iterator[Finding]:
    """Which one `auto` is. A machine whose torch can't use its GPU would be measured on its processor: never fine."""
    if isinstance(hello, SuiteError):
        return
    found = ", ".join(hello.devices) or "none"
    absence = accelerator.unused(facts, hello.devices)
    if absence is not None:
        told = f"{found}: torch can't use this machine's GPU ({absence.reason}), so auto is cpu"
        yield Finding(what="devices", found=told, ok=False, remedy=absence.remedy)
        return
    best = devices.best(hello.devices)
    why = "torch has no other here" if best == "cpu" else "the first accelerator that torch has"
    auto = f"; auto is {best}, {why}" if hello.devices else ""
    yield Finding(what="devices", found=f"{found}{auto}", ok=bool(hello.devices))


def _models(tools: Tools, hello: Hello | SuiteError) -> Iterator[Finding]:
    """A model can be measured where the worker's interpreter has its packages."""
    versions = dict(hello.versions) if isinstance(hello, Hello) else {}
    for model in tools.surroundings().models.values():
        missing = [name for name in model.packages if name not in versions]
        found = f"needs {', '.join(missing)}" if missing else "can be measured"
        remedy = f"install {', '.join(missing)} for the worker (make setup)" if missing and versions else ""
        yield Finding(what=f"model {model.name}", found=found, ok=not missing, remedy=remedy, effect=Effect.A_MODEL)


def _unusable() -> Iterator[Finding]:
    """Plug-ins of others that can't be used; nothing else suffers from them."""
    for family in registry.FAMILIES:
        for entry in registry.broken(family):
            yield Finding(
                what=f"plug-in {entry.origin}",
                found=entry.reason.removeprefix(entry.origin).lstrip(": "),
                ok=False,
                remedy=entry.remedy,
                effect=Effect.A_MODEL,
            )


def _power(tools: Tools, power: str, devices: Sequence[str]) -> Iterator[Finding]:
    """Energy can be measured if a source is there that --power may choose; beside it, what concerns this machine."""
    chosen = tools.select_meter(power)
    if isinstance(chosen, Meter):  # what only reads a part that does no work here measures nothing
        arranged = [parts.for_device(chosen, device) for device in devices]
        missing = [each.missing for each in arranged if each.missing is not None]
        chosen = missing[0] if arranged and len(missing) == len(arranged) else chosen
    if isinstance(chosen, NotMeasured):
        several = chosen.code == "NO_POWER_SOURCE"  # whose reason lists what every source said
        reason = chosen.reason.partition(":")[0].partition(" (")[0] if several else chosen.reason
        found = f"{chosen.code}: {reason}"
        yield Finding(what="energy", found=found, ok=False, remedy=chosen.remedy, effect=Effect.ENERGY)
    else:
        told = [f"{gauge.source}: {gauge.description.scope}" for gauge in chosen.gauges]
        yield Finding(what="energy", found=f"by {'; '.join(told)}", ok=True)
    surveyed = tools.survey(power)
    for source in surveyed:
        if source.concerns:
            yield _source(source)
    if others := sum(not source.concerns for source in surveyed):
        are = "1 source is" if others == 1 else f"{others} sources are"
        found = f"{are} for other machines, or read a file that you name: suite list power"
        yield Finding(what="other power", found=found, ok=True)


def _source(source: choice.Surveyed) -> Finding:
    what = f"power {source.name}"
    if isinstance(source.found, NotMeasured):
        found = f"{source.found.code}: {source.found.reason}"
        return Finding(what=what, found=found, ok=False, remedy=source.found.remedy, effect=Effect.ENERGY)
    now = f", {show_quantity(source.power_w, 'W')} now" if source.power_w is not None else ""
    rails = " + ".join(f"{name} {show_quantity(power_w, 'W')}" for name, power_w in source.rails_w)
    summed = f" ({rails})" if len(source.rails_w) > 1 else ""
    return Finding(what=what, found=f"{source.summary}: {source.found.scope}{now}{summed}", ok=True)


def _against(tools: Tools, hello: Hello | SuiteError, duration_s: float | None) -> tuple[Finding, ...]:
    if duration_s is None or not isinstance(hello, Hello):
        return ()
    return (selftests.latency(tools, hello, duration_s),)


def _machine(facts: HostFacts, state: HostState) -> Iterator[Finding]:
    held = f"a control group holds it to {facts.cpu_quota:g} CPUs' time" if facts.cpu_quota else None
    told = [facts.board, facts.cpu_model, f"{facts.cpu_count} cores", held, facts.os]
    yield Finding(what="machine", found=", ".join(part for part in told if part), ok=True)
    governors = ", ".join(state.governors)
    steady = state.governors in ((), ("performance",))
    remedy = "for steadier latency: sudo cpupower frequency-set -g performance"
    yield Finding(
        what="governor",
        found=governors or "the machine does not say",
        ok=steady,
        remedy="" if steady else remedy,
        effect=Effect.STEADINESS,
    )
    available = state.memory_available_bytes
    if available is not None:
        enough = available >= MEMORY_BYTES
        remedy = f"close other programs: the largest model's worker takes about {show_quantity(MEMORY_BYTES, 'B')}"
        found = f"{show_quantity(available, 'B')} available"
        yield Finding(what="memory", found=found, ok=enough, remedy="" if enough else remedy, effect=Effect.ROOM)


def _containers(host: HostFacts, engine: Engine) -> Iterator[Finding]:
    """Containers are one way to run the suite, not the only one: their absence is told, and nothing depends on it."""
    try:
        facts = engine.facts()
        images = engine.images()
    except EngineError as error:
        yield _without_engine(host, error)
        return
    finally:
        engine.close()
    nvidia = "with" if facts.has_nvidia else "without"
    found = f"Docker {facts.version} on {facts.operating_system}, {facts.native}, {nvidia} the NVIDIA runtime"
    yield Finding(what="containers", found=found, ok=True)
    if not images:
        yield Finding(what="image", found="none of the suite in this engine", ok=True)
    here = image.checkout()
    elsewhere = [candidate for candidate in images if emulated(candidate, facts) is not None]
    if elsewhere:
        found = f"{counted(len(elsewhere), 'image')} of the suite for other machines: suite image info NAME"
        yield Finding(what="other images", found=found, ok=True)
    for candidate in (candidate for candidate in images if candidate not in elsewhere):
        doubts = image.doubts_of(candidate, facts, here)
        yield Finding(
            what=f"image {candidate.name}",
            found="; ".join(doubts) or f"fits this checkout, {show_quantity(candidate.size_bytes, 'B')}",
            ok=not doubts,
            remedy="build it again with make, or check out the commit that it was built from" if doubts else "",
            effect=Effect.CONTAINERS,
        )


def _without_engine(host: HostFacts, error: EngineError) -> Finding:
    """Inside a container there is none as a rule, and none is needed."""
    if (host.virtualization or "").startswith("container"):
        digest = host.container_image_digest or "unknown (SUITE_IMAGE_DIGEST was not given)"
        return Finding(what="containers", found=f"this is one; its image: {digest}", ok=True)
    reason, _, remedy = str(error).partition("; ")
    return Finding(what="containers", found=reason, ok=False, remedy=remedy, effect=Effect.CONTAINERS)


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    enough = free >= DISK_BYTES
    remedy = "make room, or write to another disk with --out"
    found = f"{show_quantity(free, 'B')} free in {folder}"
    return Finding(what="disk", found=found, ok=enough, remedy="" if enough else remedy, effect=Effect.ROOM)
