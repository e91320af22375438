"""Streams that are closed, full or gone cost nothing but what would have been said."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TextIO, cast

import pytest

from suite.cli.streams import Forgiving
from tests.contract.source import REPOSITORY

COMMAND = f'exec "{sys.executable}" -m suite list plans'


def run(redirection: str) -> subprocess.CompletedProcess[str]:
    command = ["sh", "-c", f"{COMMAND} {redirection}"]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "<&-", "<&- 2>&-"])
def test_the_answer_comes_where_nobody_hears_the_rest(redirection: str) -> None:
    done = run(redirection)
    assert (done.returncode, "standard" in done.stdout) == (0, True)


def test_without_a_stdout_the_command_still_does_its_work() -> None:
    assert run(">&-").returncode == 0


def test_an_answer_that_can_t_be_written_is_told_in_one_line() -> None:
    done = run(">/dev/full")
    assert done.returncode == 3
    assert done.stderr == (
        "suite: error: stdout: the answer can't be written (No space left on device); what was measured is stored\n"
    )


def test_a_stream_that_has_failed_is_written_to_no_more() -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        stream = Forgiving(full)
        assert stream.write("x" * 100_000) == 100_000
        stream.flush()
        print("more", file=cast(TextIO, stream), flush=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_closed_terminal_ends_a_command_as_ctrl_c_does_unless_it_is_ignored(number: signal.Signals) -> None:
    code = (
        "import os, signal, sys\nfrom suite.cli import app\n"
        f"number = signal.Signals({int(number)})\n"
        "app.app = lambda **_: os.kill(os.getpid(), number) or 0\n"
        "print(app.main([]))\n"
        "signal.signal(number, signal.SIG_IGN)\n"
        "print(app.main([]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert (done.stdout.split(), done.stderr) == (["130", "0"], "")


def test_a_file_never_gets_the_number_of_a_closed_stream(tmp_path: Path) -> None:
    code = (
        "import os, sys\nfrom suite.cli.streams import occupy\noccupy()\n"
        f"print(os.open({str(tmp_path / 'x')!r}, os.O_CREAT | os.O_WRONLY) > 2)\n"
    )
    done = subprocess.run(
        ["sh", "-c", f'exec "{sys.executable}" -c "$1" <&- 2>&-', "sh", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
    )
    assert done.stdout == "True\n"
