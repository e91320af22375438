"""How much memory a worker takes beyond its weights and what importing torch and transformers costs.

.venv/bin/python benchmarks/memory.py results/RUN

Read from the records of the latency tasks up to batch 8; the largest one of each model is shown.
"""

from __future__ import annotations

import sys
from pathlib import Path

from goal import at_most

from suite.records import MemoryUse, RunRecord, store
from suite.units import show

GOAL_BYTES = 120e6
MAX_BATCH_SIZE = 8


def beyond_bytes(use: MemoryUse) -> int:
    return use.peak_resident_bytes - use.weight_bytes - use.import_resident_bytes


def largest(records: tuple[RunRecord, ...]) -> dict[str, tuple[MemoryUse, RunRecord]]:
    """Per model the record with the most memory beyond weights and imports."""
    found: dict[str, tuple[MemoryUse, RunRecord]] = {}
    for record in records:
        use, model = record.memory, record.task.model
        if not isinstance(use, MemoryUse) or record.task.batch_size > MAX_BATCH_SIZE:
            continue
        if model not in found or beyond_bytes(use) > beyond_bytes(found[model][0]):
            found[model] = use, record
    return found


def main(run: Path) -> None:
    for model, (use, record) in largest(store.load(run).records).items():
        parts = (use.peak_resident_bytes, use.weight_bytes, use.import_resident_bytes)
        peak, weights, imports = (show(part, "B") for part in parts)
        sizes = ", ".join([f"batch {record.task.batch_size}", *(f"{size} {name}" for name, size in record.task.axes)])
        what = (
            f"{model} ({record.task.scenario}, {sizes}): peak {peak} = weights {weights} + imports {imports} + the rest"
        )
        print(at_most(what, beyond_bytes(use), GOAL_BYTES, "B"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
