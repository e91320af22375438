"""How long `suite report` takes to render a run; it works on a copy.

.venv/bin/python benchmarks/report_time.py results/RUN
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from goal import SUITE, at_most, median_wall_s

GOAL_S = 3.0
RUN_COUNT = 3


def main(run: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / run.name
        shutil.copytree(run, copy)
        median_s, spread = median_wall_s([SUITE, "report", str(copy)], RUN_COUNT)
    print(at_most(f"suite report {run.name}, median ({spread})", median_s, GOAL_S, "s"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
