"""A run as one archive, described as an RO-Crate 1.2 with the profile of a workflow's run.

The plan that was followed (run.json) is the workflow, the suite ran it, the records are its result. Bytes depend on the
run's files alone: times are those of the records.
Source: RO-Crate 1.2; Workflow Run Crate 0.5 (w3id.org/ro/wfrun/workflow/0.5).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from suite.compare import archive
from suite.errors import StoreError
from suite.outside import one_line
from suite.records import Run, seal, store
from suite.records.chain import sha256
from suite.records.folder import Folder, words_of
from suite.records.lines import MANIFEST_NAME, RECORDS_NAME
from suite.records.seal import LOG_NAME, SEAL_NAME

CRATE_NAME = "ro-crate-metadata.json"
CRATE = "https://w3id.org/ro/crate/1.2"
PROFILES = (
    ("https://w3id.org/ro/wfrun/process/0.5", "Process Run Crate", "0.5"),
    ("https://w3id.org/ro/wfrun/workflow/0.5", "Workflow Run Crate", "0.5"),
    ("https://w3id.org/workflowhub/workflow-ro-crate/1.0", "Workflow RO-Crate", "1.0"),
)
LICENSE = "#licence"
KINDS = {
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".txt": "text/plain",
    ".md": "text/markdown",
    ".html": "text/html",
    ".png": "image/png",
    ".csv": "text/csv",
    ".svg": "image/svg+xml",
}
TITLES = {
    MANIFEST_NAME: "What was asked for: the plan's tasks",
    RECORDS_NAME: "What was measured: one record a task, each naming the one before",
    SEAL_NAME: "SHA-256 of the run's files and of each line of its records",
    LOG_NAME: "What the worker said",
}

Entity = dict[str, Any]


def bundle(out: Path, target: Path) -> None:
    """Raises StoreError."""
    run = store.load(out)
    files = _files(out)
    files[CRATE_NAME] = crate(run, files)
    try:
        archive.write(target, files)
    except ValueError as error:
        raise StoreError(f"{out}: {error}; take that file away, or rename it") from error


def _files(out: Path) -> dict[str, bytes]:
    """Everything that a run consists of; whatever else lies in its folder stays there."""
    found: dict[str, bytes] = {}
    try:
        with Folder(out) as folder:
            names = folder.names()
            own = [*seal.MEASURED_NAMES, SEAL_NAME]
            listed = [*own, *(name for name in sorted(names) if name.startswith(seal.REPORT_STEM))]
            for name in listed:
                if name in names and not name.endswith(".part"):
                    found[name] = _content(folder, name)
            for inner_name in sorted(names & set(seal.REPORT_FOLDERS)):
                with folder.inner(inner_name) as inner:
                    found |= {f"{inner_name}/{name}": _content(inner, name) for name in sorted(inner.names())}
    except OSError as error:
        raise StoreError(f"{out}: {words_of(error)}; name the folder of a run that can be read") from error
    return found


def _content(folder: Folder, name: str) -> bytes:
    seal.require_size(folder.path / name, folder.size_bytes(name))
    with folder.reader(name) as file:
        return file.read()


def crate(run: Run, files: Mapping[str, bytes]) -> bytes:
    """ro-crate-metadata.json of these files."""
    parts = [{"@id": name} for name in sorted(files)]
    graph = [
        _descriptor(),
        _root(run, parts),
        *({"@id": uri, "@type": "CreativeWork", "name": name, "version": version} for uri, name, version in PROFILES),
        {"@id": LICENSE, "@type": "CreativeWork", "name": "Not chosen here: ask whoever gave you this archive"},
        *(_file(name, files[name]) for name in sorted(files)),
        {
            "@id": "#plan",
            "@type": "ComputerLanguage",
            "name": "plans of suite, as tasks in JSON",
            "alternateName": "suite plan",
        },
        *_actions(run, parts),
    ]
    context = [f"{CRATE}/context", "https://w3id.org/ro/terms/workflow-run/context"]
    return json.dumps({"@context": context, "@graph": graph}, indent=1, ensure_ascii=False).encode() + b"\n"


def _descriptor() -> Entity:
    conforms = [{"@id": CRATE}, {"@id": PROFILES[2][0]}]
    return {"@id": CRATE_NAME, "@type": "CreativeWork", "about": {"@id": "./"}, "conformsTo": conforms}


def _root(run: Run, parts: Sequence[Entity]) -> Entity:
    models = sorted({task.model for task in run.manifest.tasks if not task.is_of_the_machine})
    boards = sorted({_machine(record.host.board, record.host.cpu_model) for record in run.records})
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": f"Run of plan {run.manifest.plan}: {', '.join(models) or 'the machine'}",
        "description": f"Measured on {', '.join(boards) or 'nothing yet'}. {one_line(run.manifest.plan_description)}",
        "datePublished": ended_utc(run),
        "license": {"@id": LICENSE},
        "conformsTo": [{"@id": uri} for uri, _, _ in PROFILES],
        "mainEntity": {"@id": MANIFEST_NAME},
        "mentions": [{"@id": "#run"}],
        "hasPart": list(parts),
    }


def _machine(board: str | None, cpu_model: str | None) -> str:
    return one_line(board or cpu_model or "a machine that does not say what it is", 200)


def _file(name: str, content: bytes) -> Entity:
    kind = KINDS.get(Path(name).suffix, "application/octet-stream")
    entity: Entity = {"@id": name, "@type": "File", "encodingFormat": kind, "contentSize": str(len(content))}
    entity["sha256"] = sha256(content)
    entity["name"] = TITLES.get(name, f"The report: {name}")
    if name == MANIFEST_NAME:
        entity["@type"] = ["File", "SoftwareSourceCode", "ComputationalWorkflow"]
        entity["programmingLanguage"] = {"@id": "#plan"}
        entity["softwareRequirements"] = {"@id": "#suite"}
    return entity


def _actions(run: Run, parts: Sequence[Entity]) -> list[Entity]:
    """The run, and what ran it: the suite, by its version, commit and image where these are known."""
    hosts = list(dict.fromkeys(record.host for record in run.records))
    commits = sorted({host.git_commit for host in hosts if host.git_commit})
    digests = sorted({host.container_image_digest for host in hosts if host.container_image_digest})
    engine: Entity = {
        "@id": "#suite",
        "@type": "SoftwareApplication",
        "name": "suite",
        "softwareVersion": one_line(run.manifest.suite_version, 100),
    }
    if commits:
        engine["identifier"] = [f"git commit {one_line(commit, 100)}" for commit in commits]
    action: Entity = {
        "@id": "#run",
        "@type": "CreateAction",
        "name": f"Run of plan {run.manifest.plan}",
        "startTime": run.manifest.started_utc,
        "endTime": ended_utc(run),
        "instrument": {"@id": MANIFEST_NAME},
        "object": [{"@id": MANIFEST_NAME}],
        "result": [part for part in parts if part["@id"] != MANIFEST_NAME],
        "actionStatus": "http://schema.org/" + ("FailedActionStatus" if run.missing() else "CompletedActionStatus"),
    }
    images = [
        {"@id": f"#image-{place}", "@type": "ContainerImage", "name": one_line(digest, 300), **_sha256(digest)}
        for place, digest in enumerate(digests)
    ]
    if images:
        action["containerImage"] = [{"@id": image["@id"]} for image in images]
    return [engine, action, *images]


def _sha256(digest: str) -> Entity:
    _, found, value = digest.partition("@sha256:")
    return {"sha256": value} if found else {}


def ended_utc(run: Run) -> str:
    """When the last task ended, to the second."""
    ends = []
    for record in run.records:
        try:
            ends.append(datetime.fromisoformat(record.started_utc) + timedelta(seconds=int(record.wall_s)))
        except (ValueError, OverflowError):
            continue
    try:
        return max(ends).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, TypeError):
        return run.manifest.started_utc
