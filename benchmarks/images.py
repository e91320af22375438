"""Size of the images and how long a rebuild and a start take. Needs a Docker engine and `make build-x86`.

    .venv/bin/python benchmarks/images.py [VARIABLE=VALUE for make ...]

The goals are for x86; other images of the suite that this engine has are told beside it.

The rebuild follows a change to the suite's own source: a file that is added for it and removed after it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from goal import at_most, median_wall_s

REPOSITORY = Path(__file__).parents[1]
IMAGE = "suite:x86"
SIZE_GOAL_GB, REBUILD_GOAL_S, HELP_GOAL_S = 1.4, 15, 1.5
RUN_COUNT = 5


def size_gb(image: str = IMAGE) -> float:
    command = ["docker", "image", "inspect", "--format", "{{.Size}}", image]
    return int(subprocess.check_output(command, text=True)) * 1e-9


def other_images() -> list[str]:
    command = ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "suite"]
    return sorted(set(subprocess.check_output(command, text=True).split()) - {IMAGE})


def rebuild_s(settings: list[str]) -> float:
    changed = REPOSITORY / "suite" / "changed_for_a_benchmark.py"
    changed.write_text(f"CHANGED = {time.time_ns()}\n")
    try:
        start_s = time.monotonic()
        subprocess.run(["make", "build-x86", *settings], cwd=REPOSITORY, check=True, capture_output=True)
        return time.monotonic() - start_s
    finally:
        changed.unlink()
        subprocess.run(["make", "build-x86", *settings], cwd=REPOSITORY, check=True, capture_output=True)


if __name__ == "__main__":
    print(at_most("x86 image, unpacked, seeded models", size_gb(), SIZE_GOAL_GB, "GB"))
    for image in other_images():
        print(f"{image}, unpacked: {size_gb(image):.2f} GB")
    help_s, spread = median_wall_s(["docker", "compose", "run", "--rm", "suite", "--help"], RUN_COUNT)
    print(at_most(f"docker compose run --rm suite --help, median ({spread})", help_s, HELP_GOAL_S, "s"))
    print(at_most("rebuild after a change to the suite's source", rebuild_s(sys.argv[1:]), REBUILD_GOAL_S, "s"))
