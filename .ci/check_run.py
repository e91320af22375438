"""Fails unless every latency, parameter and FLOP task of a run was measured.

.venv/bin/python .ci/check_run.py RUN [--torch VERSION]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from suite.records import Run, store


def faults(run: Run, torch: str | None) -> list[str]:
    found = [f"{task.test} {task.model}: no record" for task in run.missing()]
    for record in run.records:
        absent = {name: why for name, why in record.not_measured().items() if name != "energy"}
        found += [f"{record.task.test} {record.task.model}: no {name}: {why.reason}" for name, why in absent.items()]
        used = dict(record.host.versions).get("torch", "none")
        if torch is not None and used.split("+")[0] != torch:
            found.append(f"{record.task.test} {record.task.model}: measured with torch {used}, not {torch}")
    return found if run.records else ["no records"]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("--torch", help="the version that the worker must have used")
    options = parser.parse_args()
    run = store.load(options.run)
    found = faults(run, options.torch)
    print("\n".join(found) or f"{options.run.name}: {len(run.records)} records, everything measured")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
