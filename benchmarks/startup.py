"""How long `suite --help` takes: nobody waits for torch, SciPy or matplotlib to be told what to type.

.venv/bin/python benchmarks/startup.py
"""

from __future__ import annotations

from goal import SUITE, at_most, median_wall_s

GOAL_S = 0.3
RUN_COUNT = 9

if __name__ == "__main__":
    median_s, spread = median_wall_s([SUITE, "--help"], RUN_COUNT)
    print(at_most(f"suite --help, median ({spread})", median_s, GOAL_S, "s"))
