"""The import rules of docs/architecture.md as functions from imports to the list of what breaks them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from tests.contract.source import Import, is_under

# From the bottom up. A module belongs to the longest name that it lies under; `suite` itself stands for its __init__
# alone. A module may import from its own layer and from those above it in this list.
LAYERS: Mapping[str, tuple[str, ...]] = {
    "words": ("suite.errors", "suite.units", "suite.limits", "suite.outside", "suite.codes"),
    "types": ("suite.records",),
    "bases": ("suite.power.base", "suite.client.replies", "suite.worker"),
    "services": (
        "suite.client",
        "suite.registry",
        "suite.stats",
        "suite.records.chain",
        "suite.records.journal",
        "suite.records.lines",
        "suite.records.schema",
        "suite.records.seal",
        "suite.records.store",
        "suite.host",
        "suite.pinned",
        "suite.fleet",
        "suite.power",
        "suite.report",
        "suite.compare",
    ),
    "plug-ins": ("suite.power.sources", "suite.report.sections", "suite.host.probes"),
    "drivers": ("suite.compare", "suite.measure", "suite.plan", "suite.report.page"),
    "conductor": ("suite.tools", "suite.request", "suite.battery"),
    "command line": ("suite.cli", "suite.__main__"),
}

PLUGIN_PACKAGES = (
    "suite.worker.models",
    "suite.worker.runtimes",
    "suite.worker.evaluations",
    "suite.power.sources",
    "suite.report.sections",
    "suite.host.probes",
)
WORKER_PACKAGES = ("torch", "transformers", "onnx", "onnxruntime")
# What the controller may read of the worker: declarations and the wire, never what runs there.
WORKER_CONTRACTS = (
    "suite.worker.model",
    "suite.worker.runtime",
    "suite.worker.evaluation",
    "suite.worker.outcome",
    "suite.worker.protocol",
    "suite.worker.plugins",
    "suite.worker.declarations",
    "suite.worker.brought.words",
)
MEASURING = ("suite.client", "suite.measure", "suite.power", "suite.host")


def layer_of(module: str) -> str | None:
    """The layer's name; None for a module that has no place yet."""
    if module == "suite":
        return next(iter(LAYERS))
    matches = [
        (len(member), layer) for layer, members in LAYERS.items() for member in members if is_under(module, member)
    ]
    return max(matches)[1] if matches else None


def upward(imports: Iterable[Import]) -> Iterator[str]:
    order = list(LAYERS)
    for found in _inside(imports):
        importer, imported = layer_of(found.importer), layer_of(found.imported)
        if importer and imported and order.index(importer) < order.index(imported):
            yield found.breaks(f"imports point down only, and {imported!r} lies above {importer!r}")


def cycle(imports: Iterable[Import]) -> list[str]:
    """The modules of one import cycle, or an empty list."""
    graph: dict[str, set[str]] = {}
    for found in _inside(imports):
        if found.imported != found.importer and not is_under(found.importer, found.imported):
            graph.setdefault(found.importer, set()).add(found.imported)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as exc:
        return list(exc.args[1])
    return []


def plugins_meeting(imports: Iterable[Import]) -> Iterator[str]:
    for found in _inside(imports):
        for package in PLUGIN_PACKAGES:
            if not is_under(found.imported, package) or found.imported == package:
                continue
            plugin = ".".join(found.imported.split(".")[: package.count(".") + 2])
            if is_under(found.importer, plugin) or is_private_helper(found.imported):
                continue  # a plug-in that is a folder imports its own helpers
            yield found.breaks("a plug-in is found by discovery; nothing imports one, least of all another plug-in")


def is_private_helper(module: str) -> bool:
    """Modules and packages whose names begin with an underscore are no plug-ins."""
    return any(part.startswith("_") for part in module.split("."))


def torch_outside_worker(imports: Iterable[Import]) -> Iterator[str]:
    for found in imports:
        if not is_under(found.importer, "suite.worker") and found.imported.split(".")[0] in WORKER_PACKAGES:
            yield found.breaks("nothing outside suite.worker imports torch and what builds on it")


def worker_reaching_out(imports: Iterable[Import]) -> Iterator[str]:
    for found in _inside(imports):
        if is_under(found.importer, "suite.worker") and not is_under(found.imported, "suite.worker"):
            yield found.breaks("the worker imports nothing of suite outside suite.worker: it runs on Python 3.6")


def controller_reaching_in(imports: Iterable[Import], contracts: Sequence[str] = WORKER_CONTRACTS) -> Iterator[str]:
    for found in _inside(imports):
        reaches_in = is_under(found.imported, "suite.worker") and not is_under(found.importer, "suite.worker")
        if reaches_in and found.imported not in contracts:
            yield found.breaks("the controller reads the worker's declarations and protocol alone")


def runner_meeting_report(imports: Iterable[Import]) -> Iterator[str]:
    for found in _inside(imports):
        sides = {_side(found.importer), _side(found.imported)}
        if sides == {"measuring", "report"}:
            yield found.breaks("what measures and what reports never meet: a run's files lie between them")


def client_knowing_what_is_pinned(imports: Iterable[Import]) -> Iterator[str]:
    for found in _inside(imports):
        if is_under(found.importer, "suite.client") and is_under(found.imported, "suite.pinned"):
            yield found.breaks("the client is handed paths and expectations by its caller, who knows models.lock")


def _side(module: str) -> str | None:
    if is_under(module, "suite.report") or is_under(module, "suite.compare"):
        return "report"
    return "measuring" if any(is_under(module, name) for name in MEASURING) else None


def _inside(imports: Iterable[Import]) -> Iterator[Import]:
    return (found for found in imports if is_under(found.imported, "suite"))
