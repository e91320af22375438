"""Wrong use gets one line that says where, what and the remedy, ends in status 2, and loses nothing."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from suite.errors import WorkerError
from suite.records import store
from suite.tools import real_workers
from tests.cli.conftest import CommandLine
from tests.fakes import Asked, Fault, fake_tools

REFUSED = [
    ("latancy", "No such command 'latancy'. Did you mean 'latency'?"),
    ("latency --modle reader", "No such option: --modle (Possible options: --model)"),
    ("latency --seed x", "Invalid value for '--seed': Input should be a valid integer"),
    ("latency --model raeder", "--model: unknown model 'raeder': did you mean 'reader'? There is reader, walker"),
    ("all --test latencie", "--test: unknown test 'latencie': did you mean 'latency'? There is params, flops,"),
    (
        "all --plan standart",
        "unknown plan 'standart': did you mean 'standard'? There is quick, standard, or",
    ),
    ("all --plan quick --quick", "--quick is short for --plan quick: give one of the two"),
    ("all --plan bad.toml", "bad.toml: batch_size[0]: input should be greater than or equal to 1, got -1"),
    ("all --plan key.toml", "key.toml: unknown key 'modles': did you mean 'models'?"),
    ("all --plan type.toml", "type.toml: tests: input should be a valid list, got 'latency'"),
    ("latency --batch-size 0", "--batch-size: input should be greater than or equal to 1, got 0"),
    ("latency --batch-size -4", "--batch-size: input should be greater than or equal to 1, got -4"),
    ("latency --batch-size 1,x", "--batch-size: '1,x' is not a list of whole numbers; write it as 1,2,4"),
    ("latency --axis text_tokens=600", "--axis: text_tokens: reader takes 2 to 512 text tokens, got 600"),
    ("latency --axis text_tokens=-1", "--axis: input should be greater than or equal to 1, got -1"),
    ("latency --axis text_token=8", "--axis: unknown axis 'text_token': did you mean 'text_tokens'?"),
    ("latency --axis text_tokens", "--axis: 'text_tokens' has no sizes; write each axis once, as text_tokens=8,16"),
    ("latency --threads 0", "--threads: must be 'all' or a number from 1 up, got 0"),
    ("latency --time-limit 0", "--time-limit: time_limit_s must be positive and finite, got 0.0"),
    ("latency --device cuda", "--device: cuda can't be used here; there is cpu"),
    ("latency --device tpu", "--device: must be auto, cpu, mps, cuda or cuda:<number>, got 'tpu'"),
    ("latency --checkpoint no.pth", "--checkpoint: no.pth is not a file; give the path of the checkpoint"),
    ("latency --trajectory no", "--trajectory: no is not a folder; give one that holds traj_data.json"),
    ("latency --out file/run", "file/run: not a directory; choose a folder that can be written with --out"),
    ("latency --out full", "full: holds other files (thesis.tex); choose an empty or a new folder with --out"),
    ("latency --out old", "old: holds a run already; go on with it by --resume, or choose another folder with --out"),
    ("all --resume --out full", "full: holds no run (no run.json); name the folder of a run"),
    ("all --resume", "--resume: name the folder of the run to go on with by --out"),
    ("all --resume --out old --plan quick", "old: the run follows plan 'params', not 'quick'; leave the options out"),
    ("report full", "full: holds no run (no run.json); name the folder of a run"),
    ("report nowhere", "nowhere: holds no run (no run.json); name the folder of a run"),
    (
        "list modles",
        "unknown list 'modles': did you mean 'models'? There is models, runtimes, evaluations, power, plans",
    ),
]


@pytest.fixture
def prepared(suite: CommandLine) -> CommandLine:
    """With plans that are wrong, a file, a folder of somebody's, and a run."""
    standard = Path("plans/standard.toml").read_text()
    without_batch = standard.replace("batch_size = [1, 2, 4]\n", "")
    Path("bad.toml").write_text("batch_size = [-1]\n" + without_batch)
    Path("key.toml").write_text("modles = []\n" + standard)
    Path("type.toml").write_text(standard.replace('["params", "flops", "latency"]', '"latency"'))
    Path("file").touch()
    Path("full").mkdir()
    Path("full/thesis.tex").touch()
    assert suite("params", "--out", "old").status == 0
    return suite


@pytest.mark.parametrize(("command", "message"), REFUSED, ids=[command for command, _ in REFUSED])
def test_one_line_says_where_what_and_the_remedy(prepared: CommandLine, command: str, message: str) -> None:
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    result = prepared(*command.split())
    assert (result.status, result.out) == (2, "")
    assert result.error.startswith(message)
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


def test_an_axis_of_no_chosen_model_is_refused(suite: CommandLine) -> None:
    result = suite("latency", "--model", "reader", "--axis", "frames=3")
    assert result.error == "--axis: unknown axis 'frames': There is text_tokens, image_regions"


def test_a_checkpoint_of_the_wrong_shape_ends_the_run_with_what_was_stored_intact(suite: CommandLine) -> None:
    def script(asked: Asked) -> Fault:
        wrong = asked.operation == "load" and asked.task is not None and asked.task.checkpoint is not None
        text = "brought.pth: embs_ann has 7 rows of 64 numbers, not of 768"
        return WorkerError("CHECKPOINT_SHAPE", text, "bring the checkpoint of this model") if wrong else None

    suite.workers.script = script
    Path("brought.pth").touch()
    result = suite("all", "--model", "walker", "--checkpoint", "brought.pth", "--out", "run")
    assert result.status == 2
    assert result.err.splitlines()[-1] == (
        "suite: error: brought.pth: embs_ann has 7 rows of 64 numbers, not of 768; bring the checkpoint of this model"
    )
    assert {line["task"]["test"] for line in suite.lines()} == {"params", "flops"}
    assert suite.workers.open_count == 0


DAMAGES = [
    (lambda content: content[:-30], "run/records.jsonl:2: the last line was cut off; `suite all --resume --out run`"),
    (lambda content: content + b"hello\n", "run/records.jsonl:3: this is not JSON"),
    (lambda content: content + b'{"id": 7}\n', "run/records.jsonl:3: this was not written by suite"),
    (
        lambda content: content.replace(b'"schema_version":3', b'"schema_version":4'),
        "run/records.jsonl:1: written by a newer suite (schema version 4, this suite reads up to 3); update suite",
    ),
    (lambda content: content.replace(b'"wall_s"', b'"wall"'), "run/records.jsonl:1: "),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGES, ids=[message for _, message in DAMAGES])
def test_a_damaged_records_file_is_named_by_its_line(suite: CommandLine, damage: object, message: str) -> None:
    suite("params", "--out", "run")
    path = Path("run/records.jsonl")
    assert callable(damage)
    path.write_bytes(damage(path.read_bytes()))
    content = path.read_bytes()
    result = suite("report", "run")
    assert (result.status, result.out) == (1, "run/report.md\n")  # the other lines are reported
    assert result.err.splitlines()[0].startswith(f"suite: error: {message}")
    assert path.read_bytes() == content


def test_a_full_disk_ends_the_run_and_resume_does_the_rest(suite: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write

    def write_two(descriptor: int, content: bytes) -> int:
        if len(suite_lines()) < 2:
            return write(descriptor, content)
        if content.startswith(b'{"schema_version"'):
            return write(descriptor, content[:50])  # as much as there was room for
        raise OSError(errno.ENOSPC, "No space left on device")

    def suite_lines() -> list[str]:
        path = Path("run/records.jsonl")
        return path.read_text().splitlines() if path.exists() else []

    with monkeypatch.context() as patched:
        patched.setattr(store.os, "write", write_two)
        result = suite("all", "--out", "run")
    assert result.status == 2
    assert result.err.splitlines()[-1].startswith(
        "suite: error: run/records.jsonl: no space left on device; what was stored before is intact"
    )
    assert len(suite.lines()) == 2
    assert suite("all", "--resume", "--out", "run").status == 0
    assert store.load(Path("run")).missing() == ()


def test_verbose_adds_the_causes_but_no_trace(prepared: CommandLine) -> None:
    lines = prepared("latency", "--out", "file/run", "-v").err.splitlines()
    assert lines[0].startswith("suite: error: file/run: not a directory")
    assert lines[1].startswith("suite: because: NotADirectoryError: ")
    assert len(lines) == 2


def test_verbose_puts_the_trace_of_a_run_s_error_into_its_log(suite: CommandLine) -> None:
    def script(asked: Asked) -> Fault:
        return WorkerError("TRAJECTORY_MISSING", "no frames", "bring them") if asked.operation == "prepare" else None

    suite.workers.script = script
    result = suite("latency", "--model", "walker", "--out", "run", "-v")
    assert result.status == 2
    assert "Traceback" not in result.err
    assert "TRAJECTORY_MISSING" not in result.out
    assert "UsageError: no frames; bring them" in Path("run/log.txt").read_text()


def test_an_error_is_no_json(suite: CommandLine) -> None:
    result = suite("latency", "--model", "raeder", "--json")
    with pytest.raises(json.JSONDecodeError):
        json.loads(result.out)
    assert result.error


def test_an_interpreter_that_is_not_there_is_refused_before_a_folder_is_made(
    suite: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUITE_WORKER_PYTHON", "/nowhere/python3.6")
    suite.tools = replace(fake_tools(suite.folder / "plans", suite.workers), workers=real_workers)
    result = suite("latency", "--model", "reader")
    assert result.status == 2
    assert result.error.startswith("SUITE_WORKER_PYTHON=/nowhere/python3.6: no such program; name a Python >= 3.6")
    assert not (suite.folder / "results").exists()
