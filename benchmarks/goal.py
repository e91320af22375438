"""A figure beside its goal, and the timing of whole commands; shared by the scripts of this folder."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from suite.units import show

SUITE = str(Path(sys.executable).with_name("suite"))


def at_most(what: str, value: float, goal: float, unit: str) -> str:
    verdict = "met" if value <= goal else "MISSED"
    return f"{what}: {show(value, unit)} (goal: at most {show(goal, unit)}): {verdict}"


def at_least(what: str, value: float, goal: float, unit: str) -> str:
    verdict = "met" if value >= goal else "MISSED"
    return f"{what}: {show(value, unit)} (goal: at least {show(goal, unit)}): {verdict}"


def wall_s(command: Sequence[str]) -> float:
    """Seconds from start to end of a command. Raises CalledProcessError unless its status is 0 or 1 (done)."""
    began = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    elapsed_s = time.perf_counter() - began
    if done.returncode not in (0, 1):
        sys.stderr.write(done.stderr)
        raise subprocess.CalledProcessError(done.returncode, command)
    return elapsed_s


def median_wall_s(command: Sequence[str], count: int) -> tuple[float, str]:
    """The median over `count` runs after one that fills the file cache, and the spread in words."""
    wall_s(command)
    walls_s = [wall_s(command) for _ in range(count)]
    return statistics.median(walls_s), f"{count} runs, {show(min(walls_s), 's')} to {show(max(walls_s), 's')}"
