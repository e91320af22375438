"""How long `suite params` takes for all models that come with the suite.

.venv/bin/python benchmarks/params.py
"""

from __future__ import annotations

from goal import SUITE, at_most, median_wall_s

GOAL_S = 10.0
RUN_COUNT = 3

if __name__ == "__main__":
    median_s, spread = median_wall_s([SUITE, "params"], RUN_COUNT)
    print(at_most(f"suite params, median ({spread})", median_s, GOAL_S, "s"))
