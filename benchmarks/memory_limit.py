"""Runs a command inside a memory cgroup, after showing that the limit binds.

    .venv/bin/python benchmarks/memory_limit.py [--limit-mb 2000] COMMAND [ARGUMENT ...]

The proof: a child that writes to a quarter more memory than the limit must be killed by the kernel. Needs a cgroup
file system (version 1 or 2) that this user may write to, as root in a container usually may. Exit status: that of the
command; 4 where no limit can be set here, or where it does not bind.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

NO_LIMIT_HERE = 4
ROOT = Path("/sys/fs/cgroup")
HOG = "block = bytearray({size}); block[::4096] = b'x' * len(block[::4096])"


class NoLimit(Exception):
    """The reason why memory can't be limited on this machine."""


class Version(NamedTuple):
    """The files of one version of the cgroup interface."""

    limit: str
    swap_limit: str  # v1: of memory and swap together; v2: of swap alone
    peak: str
    kills: str


V1 = Version("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control")
V2 = Version("memory.max", "memory.swap.max", "memory.peak", "memory.events")


def find_parent() -> tuple[Path, Version]:
    """The folder in which a memory cgroup can be made. Raises NoLimit."""
    if (ROOT / "memory" / V1.limit).exists():
        return ROOT / "memory", V1
    controllers = ROOT / "cgroup.controllers"
    if not controllers.exists() or "memory" not in controllers.read_text().split():
        raise NoLimit("there is no memory controller under /sys/fs/cgroup")
    try:
        (ROOT / "cgroup.subtree_control").write_text("+memory")
    except OSError as exc:
        raise NoLimit(f"the memory controller can't be handed down: {exc}") from exc
    return ROOT, V2


@contextmanager
def limited_group(limit_bytes: int) -> Iterator[tuple[Path, Version]]:
    """A memory cgroup of that size without swap, removed at the end. Raises NoLimit."""
    parent, version = find_parent()
    group = parent / f"suite-memory-limit-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as exc:
        raise NoLimit(f"no cgroup can be made: {exc}") from exc
    try:
        (group / version.limit).write_text(str(limit_bytes))
        if (group / version.swap_limit).exists():
            (group / version.swap_limit).write_text("0" if version is V2 else str(limit_bytes))
        yield group, version
    finally:
        group.rmdir()


def run_in(group: Path, command: Sequence[str]) -> int:
    """The command's exit status; the shell joins the group and then becomes the command."""
    join = 'echo $$ > "$0" && exec "$@"'
    return subprocess.run(["/bin/sh", "-c", join, str(group / "cgroup.procs"), *command], check=False).returncode


def prove(group: Path, limit_bytes: int) -> None:
    """Raises NoLimit unless a child that takes more than the limit is killed, and one that takes half of it is not."""
    half = run_in(group, [sys.executable, "-c", HOG.format(size=limit_bytes // 2)])
    if half != 0:
        raise NoLimit(f"a child with half the limit ended with status {half}")
    over = run_in(group, [sys.executable, "-c", HOG.format(size=limit_bytes * 5 // 4)])
    if over != -signal.SIGKILL:
        raise NoLimit(f"the limit does not bind: a child above it ended with status {over} instead of being killed")


def describe(group: Path, version: Version, limit_mb: int) -> str:
    events = dict(line.split() for line in (group / version.kills).read_text().splitlines())
    peak = group / version.peak
    peak_text = f"{int(peak.read_text()) / 1e6:.0f} MB, page cache included" if peak.exists() else "not recorded"
    kills_text = events.get("oom_kill", "not recorded")
    return f"memory limit: {limit_mb} MB; peak: {peak_text}; processes killed for memory: {kills_text}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Runs a command inside a memory cgroup that is shown to bind.")
    parser.add_argument("--limit-mb", type=int, default=2000, help="of a million bytes (default: 2000)")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if not options.command:
        parser.error("a command is needed")
    limit_bytes = options.limit_mb * 1_000_000
    try:
        with limited_group(limit_bytes) as (group, _):
            prove(group, limit_bytes)
        print(f"memory limit: {options.limit_mb} MB binds: a child above it was killed", file=sys.stderr)
        with limited_group(limit_bytes) as (group, version):  # a new one: its peak knows nothing of the proof
            status = run_in(group, options.command)
            print(describe(group, version, options.limit_mb), file=sys.stderr)
    except NoLimit as exc:
        print(f"MEMORY LIMIT NOT TESTED: {exc}", file=sys.stderr)
        return NO_LIMIT_HERE
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
