"""The real service of jetson-stats on a board that is emulated: its tree and its socket, and everything put back after.

The service reads /fake_sys where JTOP_TESTING is set, and its socket is always /run/jtop.sock, so one board can be
emulated at a time. What else it wants of a machine (a group, DMI files) it gets in a mount namespace of its own.
"""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.simulator import Board

FAKE_SYS = Path("/fake_sys")
SOCKET = Path("/run/jtop.sock")
GROUP_ID = 64231  # of the group jtop, where this machine has none
START_DEADLINE_S = 30.0
CORES = 4
# $1: a file that will be /etc/group; $2: the command jtop
SETTING = """
set -e
virtual=/sys/devices/virtual
[ -d $virtual/dmi/id ] || { mount -t tmpfs none $virtual; mkdir -p $virtual/dmi/id; }
mount --bind "$1" /etc/group
exec "$2" --force
"""


def skip_where_it_cannot_run() -> None:
    if platform.system() != "Linux" or os.geteuid() != 0:
        pytest.skip("the service of jetson-stats needs Linux and root: run these tests with sudo, or let CI do it")
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-m", "true"], check=False).returncode != 0:
        pytest.skip("the emulated board needs the command unshare and the right to use it (CAP_SYS_ADMIN)")


@contextmanager
def emulated(root: Path, kind: str, update_s: float = 0.02) -> Iterator[Board]:
    """A board whose /sys the service reads, and under whose root the suite finds the socket."""
    skip_where_it_cannot_run()
    with (Path(tempfile.gettempdir()) / "suite-jtop-board.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if FAKE_SYS.exists() or SOCKET.exists():
            pytest.skip(f"{FAKE_SYS} or {SOCKET} is there already: a service of jetson-stats runs on this machine")
        board = Board(root, kind, update_s=update_s)
        _add_what_the_service_reads(board)
        (root / "run").mkdir()
        (root / "run/jtop.sock").symlink_to(SOCKET)
        FAKE_SYS.symlink_to(root / "sys")
        try:
            yield board
        finally:
            FAKE_SYS.unlink()
            _remove_socket()


def _add_what_the_service_reads(board: Board) -> None:
    board.put("sys/stat", "cpu  100 0 100 1000 0 0 0 0 0 0\ncpu0 100 0 100 1000 0 0 0 0 0 0\n")
    for core in range(CORES):
        folder = f"sys/devices/system/cpu/cpu{core}/cpufreq"
        board.put(f"{folder}/scaling_governor", "schedutil\n")
        for limit in ("min", "max", "cur"):
            board.put(f"{folder}/scaling_{limit}_freq", "1479000\n")
            board.put(f"{folder}/cpuinfo_{limit}_freq", "1479000\n")
    (board.root / "sys/class/power_supply").mkdir(parents=True, exist_ok=True)


class Service:
    """A running service with all its processes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def kill(self) -> None:
        """At one stroke, as out-of-memory does: nothing is put away, and the socket stays behind."""
        self.signal(signal.SIGKILL)
        self._process.wait()


@contextmanager
def service(environment: Path, folder: Path) -> Iterator[Service]:
    """The service of the jetson-stats in that environment, ready for clients. Its log lies in the folder."""
    groups = folder / "group"
    lines = [line for line in Path("/etc/group").read_text().splitlines() if not line.startswith("jtop:")]
    groups.write_text("\n".join([*lines, f"jtop:x:{GROUP_ID}:"]) + "\n")
    log = folder / "jtop.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", SETTING, "setting", groups, environment / "bin" / "jtop"],
            env={**os.environ, "JTOP_TESTING": "1", "JTOP_SERVICE": "True"},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    running = Service(process)
    try:
        _await_ready(process, log)
        yield running
    finally:
        running.signal(signal.SIGCONT)
        running.kill()
        _remove_socket()


def _await_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    due_s = time.monotonic() + START_DEADLINE_S
    while "service ready" not in log.read_text():
        if process.poll() is not None or time.monotonic() > due_s:
            pytest.fail(f"the service of jetson-stats did not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.1)


def _remove_socket() -> None:
    if SOCKET.is_dir() and not SOCKET.is_symlink():
        SOCKET.rmdir()
    else:
        SOCKET.unlink(missing_ok=True)
