"""A run that is cut off, by whatever and wherever, keeps what it has and is finished by --resume, nothing twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from suite.errors import WorkerError
from suite.records import NotMeasured, store
from tests.cli.conftest import CommandLine
from tests.fakes import Asked, Fault, Script, died, no_fault

ASKED = ("all", "--model", "reader", "--batch-size", "1,2", "--out", "run")  # params, 3 of flops, 4 of latency
TASK_COUNT = 8


class Killed(BaseException):
    """What nothing catches, as nothing catches SIGKILL."""


def killed_after(records: int, kind: type[BaseException]) -> Script:
    """A script that ends everything at the first request once so many records are stored."""

    def script(_: Asked) -> Fault:
        path = Path("run/records.jsonl")
        stored = path.read_bytes().count(b"\n") if path.exists() else 0
        return kind() if stored >= records else None

    return script


def assert_finished_once(run: Path) -> None:
    found = store.load(run)
    assert found.missing() == ()
    assert Counter(record.task.key for record in found.records) == Counter(task.key for task in found.manifest.tasks)


@pytest.mark.parametrize("records", range(TASK_COUNT))
def test_killed_after_any_record_resume_does_the_rest_and_nothing_twice(suite: CommandLine, records: int) -> None:
    suite.workers.script = killed_after(records, Killed)
    with pytest.raises(Killed):
        suite(*ASKED)
    kept = suite.lines()
    assert len(kept) >= records
    suite.workers.script = no_fault
    assert suite("all", "--resume", "--out", "run").status == 0
    assert suite.lines()[: len(kept)] == kept
    assert_finished_once(Path("run"))


@pytest.mark.parametrize("records", [0, 1, 4, 5])
def test_ctrl_c_leaves_a_run_that_says_how_to_go_on(suite: CommandLine, records: int) -> None:
    suite.workers.script = killed_after(records, KeyboardInterrupt)
    result = suite(*ASKED)
    left = TASK_COUNT - len(suite.lines())
    assert (result.status, result.out) == (130, "")
    assert result.err.splitlines()[-1] == (f"interrupted, {left} tasks left; go on with: suite all --resume --out run")
    assert suite.workers.open_count == 0
    suite.workers.script = no_fault
    assert suite("all", "--resume", "--out", "run").out == "run/report.md\n"
    assert_finished_once(Path("run"))


def test_a_finished_run_resumed_measures_nothing(suite: CommandLine) -> None:
    suite(*ASKED)
    suite.workers.asked.clear()
    assert suite("all", "--resume", "--out", "run").status == 0
    assert suite.workers.asked == []
    assert_finished_once(Path("run"))


def test_a_torn_last_line_is_kept_aside_and_measured_again(suite: CommandLine) -> None:
    suite(*ASKED)
    path = Path("run/records.jsonl")
    content = path.read_bytes()
    path.write_bytes(content[:-100])
    assert suite("all", "--resume", "--out", "run").status == 0
    assert_finished_once(Path("run"))
    last = content[content[:-1].rindex(b"\n") + 1 :]
    assert Path("run/records.jsonl.torn").read_bytes() == last[:-100]


def test_resume_with_the_same_options_is_the_same_run(suite: CommandLine) -> None:
    suite(*ASKED)
    assert suite(*ASKED, "--resume").status == 0


def test_resume_with_other_options_names_the_difference(suite: CommandLine) -> None:
    suite(*ASKED)
    result = suite("all", "--resume", "--out", "run", "--model", "reader", "--batch-size", "1,2", "--seed", "5")
    assert result.status == 2
    assert result.error.startswith("run: --seed was 0 and is 5 now; leave the options out to go on with it")


def test_resume_without_a_folder_names_the_latest_run(suite: CommandLine) -> None:
    suite("params")
    assert suite("all", "--resume").error == (
        "--resume: name the folder of the run to go on with by --out; the latest is results/20261123T180000Z-params"
    )


def latency_outcomes(run: Path) -> dict[int, object]:
    return {found.task.batch_size: found.latency for found in store.load(run).records if found.task.test == "latency"}


FATAL = [
    died(),
    WorkerError("OUT_OF_MEMORY", "the worker was killed for memory", "use a smaller batch", fatal=True),
    WorkerError("WORKER_HUNG", "no answer within 60 s", "see the log", fatal=True),
]


@pytest.mark.parametrize("fault", FATAL, ids=[fault.code for fault in FATAL])
def test_a_worker_that_is_lost_at_one_size_is_an_outcome_and_the_others_go_on(
    suite: CommandLine, fault: WorkerError
) -> None:
    def script(asked: Asked) -> Fault:
        at_4 = asked.operation == "time" and asked.task is not None and asked.task.batch_size == 4
        return fault if at_4 else None

    suite.workers.script = script
    result = suite("latency", "--model", "reader", "--batch-size", "1,2,4,8", "--out", "run")
    assert result.status == 1
    outcomes = latency_outcomes(Path("run"))
    lost = outcomes.pop(4)
    assert lost == NotMeasured(code=fault.code, reason=fault.reason, remedy=fault.remedy)
    assert set(outcomes) == {1, 2, 8}
    assert not any(isinstance(outcome, NotMeasured) for outcome in outcomes.values())
    assert len(suite.workers.started) == 3  # one told its devices, one was lost, a new one took its place
    assert suite.workers.open_count == 0


def test_a_model_that_can_not_be_loaded_is_an_outcome_of_each_of_its_tasks(suite: CommandLine) -> None:
    def script(asked: Asked) -> Fault:
        failed = asked.operation == "load" and asked.task is not None and asked.task.model == "reader"
        return WorkerError("NO_PACKAGE", "transformers is not installed", "install it") if failed else None

    suite.workers.script = script
    result = suite("latency", "--batch-size", "1,2", "--out", "run")
    assert result.status == 1
    codes = {
        (found.task.model, found.task.batch_size): getattr(found.latency, "code", "measured")
        for found in store.load(Path("run")).records
    }
    assert codes == {
        ("reader", 1): "NO_PACKAGE",
        ("reader", 2): "NO_PACKAGE",
        ("walker", 1): "measured",
        ("walker", 2): "measured",
    }


KILL = """
import os, signal, sys
from pathlib import Path
from suite.cli import main
from tests.fakes import FakeClock, FakeWorkers, fake_tools

def script(asked):
    path = Path("run/records.jsonl")
    if path.exists() and path.read_bytes().count(b"\\n") >= int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)

main(sys.argv[2:], fake_tools(Path("plans"), FakeWorkers(FakeClock(), script=script)))
"""


def test_sigkill_loses_nothing_that_was_stored(suite: CommandLine) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", KILL, "5", *ASKED], capture_output=True, check=False, env={"PYTHONPATH": str(root)}
    )
    assert done.returncode == -signal.SIGKILL
    kept = suite.lines()
    assert len(kept) >= 5
    assert suite("all", "--resume", "--out", "run").status == 0
    assert suite.lines()[: len(kept)] == kept
    assert_finished_once(Path("run"))


@pytest.mark.parametrize(
    "moment",
    ["suite.cli.app", "suite.cli.declared", "suite.cli.listing", "suite.report.table"],
    ids=["before anything", "while the commands are read", "as a command begins", "within a command"],
)
def test_ctrl_c_outside_a_battery_is_silent(moment: str) -> None:
    """Sent by the program itself as it imports that module, so that the moment is exact."""
    script = (
        "import os, signal, sys\n"
        "from suite.__main__ import main\n"
        "moment = sys.argv.pop(1)\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        return os.kill(os.getpid(), signal.SIGINT) if name == moment else None\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "sys.exit(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, moment, "list", "plans"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
