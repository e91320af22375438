"""How long a worker may take to answer."""

from __future__ import annotations

from collections.abc import Mapping

# Seconds that an operation may take on the slowest board with a cold SD card; only a hang lasts longer.
DEADLINES_S: Mapping[str, float] = {
    "hello": 180,
    "introduce": 60,
    "import": 600,
    "count_parameters": 300,
    "count_flops": 300,
    "runtimes": 180,
    "build": 3600,
    "load": 900,
    "in_force": 60,
    "write_outputs": 900,
    "compare_outputs": 900,
    "prepare": 300,
    "check_inputs": 900,
    "fingerprint": 60,
    "evaluate": 3600,
    "memory": 60,
    "reset_memory": 60,
    "release": 60,
    "watch": 60,
    "convert": 1800,
    "roofline": 300,
}
