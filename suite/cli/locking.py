"""`suite models lock`: writes models.lock anew from what the models are here, or holds them against it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from suite.errors import UsageError
from suite.pinned import lock as models_lock
from suite.pinned import relock
from suite.pinned.relock import Made
from suite.report.table import table
from suite.tools import Tools


def write(tools: Tools, *, as_json: bool, path: Path | None = None) -> int:
    """Prints the path of the lock. Raises WorkerError where this torch can't count."""
    path = path or models_lock.PATH
    open_worker = tools.workers(Path(os.devnull))
    around = tools.surroundings()
    print(f"counting and hashing {', '.join(around.models)}: about a minute", file=sys.stderr)
    counted = relock.generate(tuple(around.models.values()), lambda: open_worker(around.cpu_count))
    found = relock.keeping_pins(counted, models_lock.load(path))
    relock.write(found, path)
    print(json.dumps(asdict(found), indent=1) if as_json else path)
    return 0


def check(tools: Tools, names: Sequence[str], *, as_json: bool, path: Path | None = None) -> int:
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
    if as_json:
        answer = {name: {**asdict(found), "differences": differing[name]} for name, found in made.items()}
        print(json.dumps(answer, indent=1))
    else:
        rows = [
            (name, f"{found.unique_parameter_count:,}", *_hashes(found), ", ".join(differing[name]) or "as locked")
            for name, found in made.items()
        ]
        print(table(("model", "parameters", "weights", "inputs", "models.lock"), rows).text())
    return 1 if any(differing.values()) else 0


def _made(tools: Tools, name: str) -> Made:
    print(f"making {name}", file=sys.stderr)
    around = tools.surroundings()
    worker = tools.workers(Path(os.devnull))(around.cpu_count)
    try:
        return relock.make(around.models[name], worker)
    finally:
        worker.close()


def _hashes(made: Made) -> tuple[str, str]:
    return made.weights_sha256[:12], made.inputs_sha256[:12]
