"""The whole command line on fakes: arguments in; exit status, stdout, stderr and files out."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from suite.cli import main
from suite.cli.progress import PlainProgress
from suite.tools import Tools
from tests.fakes import FakeClock, FakeWorkers, fake_tools

STANDARD = """
name = "standard"
description = "for tests"
models = ["reader", "walker"]
tests = ["params", "flops", "latency"]
batch_size = [1, 2, 4]
threads = "all"
[axes]
text_tokens = [10, 40]
frames = [25]
[scenarios.episode]
axes = { frames = 10 }
[repetition]
time_limit_s = 4.0
warmup_max_call_count = 5
"""
QUICK = """
name = "quick"
description = "for tests, and short"
models = ["reader", "walker"]
tests = ["params", "latency", "energy"]
batch_size = [1, 2]
"""


@dataclass(frozen=True, slots=True)
class Result:
    status: int
    out: str
    err: str

    @property
    def answer(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The one line that a refusal is."""
        (line,) = self.err.splitlines()
        assert line.startswith("suite: error: ")
        return line.removeprefix("suite: error: ")


@dataclass(slots=True)
class CommandLine:
    """Runs commands in a folder of its own, on fakes that a test may script."""

    folder: Path
    capture: pytest.CaptureFixture[str]
    workers: FakeWorkers = field(default_factory=lambda: FakeWorkers(FakeClock()))
    tools: Tools | None = None

    def __call__(self, *arguments: object) -> Result:
        tools = self.tools or fake_tools(self.folder / "plans", self.workers)
        clock = self.workers.clock
        status = main([str(argument) for argument in arguments], tools, lambda stream: PlainProgress(stream, clock))
        captured = self.capture.readouterr()
        return Result(status, captured.out, captured.err)

    def lines(self, run: str = "run") -> list[dict[str, Any]]:
        """The stored records of a run, as they lie in the file."""
        return [json.loads(line) for line in (self.folder / run / "records.jsonl").read_text().splitlines()]


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[CommandLine]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans/standard.toml").write_text(STANDARD)
    (tmp_path / "plans/quick.toml").write_text(QUICK)
    before = signal.getsignal(signal.SIGTERM)
    yield CommandLine(tmp_path, capsys)
    signal.signal(signal.SIGTERM, before)
