"""`suite doctor`: what this machine can measure, what it can't, and how to fix the rest."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from suite.cli import image
from suite.cli.tools import Tools
from suite.engine import Engine
from suite.errors import EngineError, SuiteError
from suite.records import HostFacts, HostState, NotMeasured, record
from suite.replies import Hello
from suite.report.table import table
from suite.units import show as show_quantity

DISK_BYTES = 200e6  # a standard run with its report, and room to spare
MEMORY_BYTES = 1.5e9  # what a worker with the largest model peaks at


@record
class Finding:
    """One thing looked at. `remedy` is empty where nothing is to be done."""

    what: str
    found: str
    ok: bool
    remedy: str = ""


def show(tools: Tools, *, as_json: bool) -> int:
    """Prints the findings. Exit status 1 if no model can be measured here."""
    hello = _hello(tools)
    versions = hello.versions if isinstance(hello, Hello) else ()
    findings = [
        *_worker(hello),
        *_models(tools, hello),
        *_power(tools),
        *_machine(tools.facts(versions), tools.observe().state),
        _disk(Path.cwd()),
        *_engine(tools.engine()),
    ]
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        rows = [("ok" if finding.ok else "--", finding.what, finding.found) for finding in findings]
        print(table(("", "what", "found"), rows, left=3).text())
        remedies = [f"{finding.what}: {finding.remedy}" for finding in findings if finding.remedy]
        print("\n".join(["", "To do:", *remedies] if remedies else ["", "Everything can be measured here."]))
    return 0 if isinstance(hello, Hello) and hello.devices else 1


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
    yield Finding(what="devices", found=", ".join(hello.devices) or "none", ok=bool(hello.devices))


def _models(tools: Tools, hello: Hello | SuiteError) -> Iterator[Finding]:
    """A model can be measured where the worker's interpreter has its packages."""
    versions = dict(hello.versions) if isinstance(hello, Hello) else {}
    for model in tools.surroundings().models.values():
        missing = [name for name in model.packages if name not in versions]
        found = f"needs {', '.join(missing)}" if missing else "can be measured"
        yield Finding(what=f"model {model.name}", found=found, ok=not missing)


def _power(tools: Tools) -> Iterator[Finding]:
    """Energy can be measured if a source is there that `--power auto` may choose; the others are told beside it."""
    chosen = tools.select_meter("auto")
    if isinstance(chosen, NotMeasured):
        yield Finding(what="energy", found=f"{chosen.code}: {chosen.reason}", ok=False, remedy=chosen.remedy)
    else:
        yield Finding(what="energy", found=f"by {chosen.source}: {chosen.description.scope}", ok=True)
    for name, summary, absence in tools.survey():
        found = summary if absence is None else f"{absence.code}: {absence.reason}"
        remedy = "" if absence is None else absence.remedy
        yield Finding(what=f"power {name}", found=found, ok=absence is None, remedy=remedy)


def _machine(facts: HostFacts, state: HostState) -> Iterator[Finding]:
    told = [facts.board, facts.cpu_model, f"{facts.cpu_count} cores", facts.os]
    yield Finding(what="machine", found=", ".join(part for part in told if part), ok=True)
    governors = ", ".join(state.governors)
    steady = state.governors in ((), ("performance",))
    remedy = "for steadier latency: sudo cpupower frequency-set -g performance"
    yield Finding(
        what="governor", found=governors or "the machine does not say", ok=steady, remedy="" if steady else remedy
    )
    available = state.memory_available_bytes
    if available is not None:
        enough = available >= MEMORY_BYTES
        remedy = f"close other programs: the largest model's worker takes about {show_quantity(MEMORY_BYTES, 'B')}"
        found = f"{show_quantity(available, 'B')} available"
        yield Finding(what="memory", found=found, ok=enough, remedy="" if enough else remedy)


def _engine(engine: Engine) -> Iterator[Finding]:
    """Containers are one way to run the suite, not the only one: their absence is told, and nothing depends on it."""
    try:
        facts = engine.facts()
        images = engine.images()
    except EngineError as error:
        reason, _, remedy = str(error).partition("; ")
        yield Finding(what="containers", found=reason, ok=False, remedy=remedy)
        return
    finally:
        engine.close()
    nvidia = "with" if facts.has_nvidia else "without"
    found = f"Docker {facts.version} on {facts.operating_system}, {facts.native}, {nvidia} the NVIDIA runtime"
    yield Finding(what="containers", found=found, ok=True)
    if not images:
        yield Finding(what="image", found="none of the suite in this engine", ok=True)
    here = image.checkout()
    for candidate in images:
        doubts = image.doubts_of(candidate, facts, here)
        yield Finding(
            what=f"image {candidate.name}",
            found="; ".join(doubts) or f"fits this checkout, {show_quantity(candidate.size_bytes, 'B')}",
            ok=not doubts,
            remedy="build it again with make, or check out the commit that it was built from" if doubts else "",
        )


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    enough = free >= DISK_BYTES
    remedy = "make room, or write to another disk with --out"
    return Finding(
        what="disk", found=f"{show_quantity(free, 'B')} free in {folder}", ok=enough, remedy="" if enough else remedy
    )
