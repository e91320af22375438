"""`suite models lock`: writes models.lock anew from what the models are here."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from suite import models_lock
from suite.cli.tools import Tools


def write(tools: Tools, *, as_json: bool, path: Path | None = None) -> int:
    """Prints the path of the lock. Raises WorkerError where this torch can't count."""
    path = path or models_lock.PATH
    open_worker = tools.workers(Path(os.devnull))
    around = tools.surroundings()
    print(f"counting and hashing {', '.join(around.models)}: about a minute", file=sys.stderr)
    counted = models_lock.generate(tuple(around.models.values()), lambda: open_worker(around.cpu_count))
    found = models_lock.keeping_pins(counted, models_lock.load(path))
    models_lock.write(found, path)
    print(json.dumps(asdict(found), indent=1) if as_json else path)
    return 0
