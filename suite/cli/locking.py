"""`suite models lock`: writes models.lock anew from what the models are here, or holds them against it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from suite.cli.answer import Answer, Row
from suite.errors import UsageError
from suite.pinned import lock as models_lock
from suite.pinned import relock
from suite.pinned.relock import Made
from suite.report.content import content
from suite.report.table import table
from suite.tools import Tools


def write(tools: Tools, *, path: Path | None = None) -> Answer:
    """The path of the lock. Raises WorkerError where this torch can't count."""
    path = path or models_lock.PATH
    open_worker = tools.workers(Path(os.devnull))
    around = tools.surroundings()
    print(f"counting and hashing {', '.join(around.models)}: about a minute", file=sys.stderr)
    counted = relock.generate(tuple(around.models.values()), lambda: open_worker(around.thread_count))
    found = relock.keeping_pins(counted, models_lock.load(path))
    relock.write(found, path)
    rows: list[Row] = [
        {
            "model": name,
            "parameters_unique_count": model.unique_parameter_count,
            "weights_sha256": model.weights_sha256,
            "inputs_sha256": model.inputs_sha256,
        }
        for name, model in found.models.items()
    ]
    return Answer(shown=content(str(path)), rows={"models": rows}, data=asdict(found))


def check(tools: Tools, names: Sequence[str], *, path: Path | None = None) -> Answer:
    """Exit status 1 where a model comes out otherwise than the lock says. Without names, every model that is locked."""
    path = path or models_lock.PATH
    locked = models_lock.load(path).models
    unknown = [name for name in names if name not in locked]
    if unknown:
        raise UsageError(f"--model {unknown[0]}: {path} locks no such model; it has {', '.join(locked)}")
    absent = [name for name in (names or locked) if name not in tools.surroundings().models]
    if absent:
        raise UsageError(f"{path}: locks {absent[0]}, and there is no such model here; leave it out with --model")
    made = {name: _made(tools, name) for name in (names or locked)}
    differing = {name: found.differences(locked[name]) for name, found in made.items()}
    shown = [
        (name, f"{found.unique_parameter_count:,}", *_hashes(found), ", ".join(differing[name]) or "as locked")
        for name, found in made.items()
    ]
    rows: list[Row] = [
        {
            "model": name,
            "parameters_unique_count": found.unique_parameter_count,
            "weights_sha256": found.weights_sha256,
            "inputs_sha256": found.inputs_sha256,
            "differences": " ".join(differing[name]) or None,
        }
        for name, found in made.items()
    ]
    return Answer(
        shown=content(table(("model", "parameters", "weights", "inputs", "models.lock"), shown)),
        rows={"models": rows},
        data={name: {**asdict(found), "differences": differing[name]} for name, found in made.items()},
        status=1 if any(differing.values()) else 0,
    )


def _made(tools: Tools, name: str) -> Made:
    print(f"making {name}", file=sys.stderr)
    around = tools.surroundings()
    worker = tools.workers(Path(os.devnull))(around.thread_count)
    try:
        return relock.make(around.models[name], worker)
    finally:
        worker.close()


def _hashes(made: Made) -> tuple[str, str]:
    return made.weights_sha256[:12], made.inputs_sha256[:12]
