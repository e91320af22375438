"""Which device is measured: the best one by default, several side by side, and never a fall back in silence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from suite.client.replies import WorkerLike
from suite.errors import WorkerError
from suite.records import store
from tests.cli.conftest import CommandLine
from tests.fakes import fake_tools


def measured_on(run: str = "run") -> list[str]:
    tasks = [found.task for found in store.load(Path(run)).records]
    return [task.device for task in tasks if task.test == "latency"]


def test_the_best_device_is_measured_by_default(suite: CommandLine) -> None:
    suite.workers.devices = ("cpu", "cuda:0")
    assert suite("latency", "--model", "reader", "--out", "run").status == 0
    assert measured_on() == ["cuda"]


def test_without_an_accelerator_it_is_the_processor(suite: CommandLine) -> None:
    assert suite("latency", "--model", "reader", "--out", "run").status == 0
    assert measured_on() == ["cpu"]


def test_several_devices_are_measured_side_by_side(suite: CommandLine) -> None:
    suite.workers.devices = ("cpu", "cuda:0")
    suite("latency", "--model", "reader", "--device", "auto,cpu", "--out", "run")
    run = store.load(Path("run"))
    assert [task.device for task in run.manifest.tasks] == ["cuda", "cpu"]
    assert sorted(measured_on()) == ["cpu", "cuda"]  # they take turns: whichever is done first is stored first
    assert len({record.turns for record in run.records}) == 1
    suite("report", "run")
    page = Path("run/report.md").read_text()
    assert "| reader (cuda) |" in page
    assert "| reader (cpu)  |" in page


def test_counting_asks_no_worker_for_its_devices(suite: CommandLine) -> None:
    suite("params", "--model", "reader", "--out", "run")
    assert suite.workers.started == [1]


def test_a_worker_that_does_not_start_is_each_task_s_outcome_and_no_lost_run(suite: CommandLine) -> None:
    def fails(_: int) -> WorkerLike:
        raise WorkerError("CRASHED", "the worker ended with signal 11", "see the log", fatal=True)

    suite.tools = replace(fake_tools(suite.folder / "plans", suite.workers), workers=lambda _: fails)
    assert suite("latency", "--model", "reader", "--out", "run").status == 1
    (record,) = store.load(Path("run")).records
    assert record.not_measured()["latency"].code == "CRASHED"


def test_a_run_begun_with_auto_goes_on_with_auto(suite: CommandLine) -> None:
    suite.workers.devices = ("cpu", "cuda:0")
    suite("all", "--model", "reader", "--test", "latency", "--out", "run")
    assert suite("all", "--resume", "--device", "auto", "--out", "run").status == 0
    told = suite("all", "--resume", "--device", "auto,cpu", "--out", "run")
    assert told.error.startswith("run: --device was cuda and is cpu, cuda now")


def test_a_plan_that_says_it_twice_is_refused(suite: CommandLine) -> None:
    plan = 'name = "mine"\ndescription = "d"\nmodels = ["reader"]\ntests = ["latency"]\n'
    Path("mine.toml").write_text(f'{plan}device = "cpu"\ndevices = ["cpu"]\n')
    assert suite("all", "--plan", "mine.toml").error == (
        "mine.toml: device and devices are two names of one thing; keep one of them"
    )
    assert suite("all", "--plan", "mine.toml", "--device", "auto", "--out", "run").status == 0


def test_the_doctor_says_which_device_auto_is(suite: CommandLine) -> None:
    def devices() -> str:
        (told,) = (entry for entry in suite("doctor", "--json").answer if entry["what"] == "devices")
        return str(told["found"])

    assert devices() == "cpu; auto is cpu, torch has no other here"
    suite.workers.devices = ("cpu", "cuda:0")
    assert devices() == "cpu, cuda:0; auto is cuda, the first accelerator that torch has"
