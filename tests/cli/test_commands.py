"""Every command on fakes: what it prints, what it writes, how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from suite import __version__
from suite.cli import locking
from suite.cli.app import app
from suite.errors import UsageError
from suite.fleet.engine import Engine, EngineFacts, ImageFacts
from suite.pinned import lock as models_lock
from suite.pinned import relock
from suite.power.choice import Surveyed
from suite.records import NotMeasured, store
from suite.report.writers.text import blocks
from tests.cli.conftest import CommandLine
from tests.fakes import fake_meter, fake_tools
from tests.unit.samples import FACTS


class OneImage(Engine):
    def facts(self) -> EngineFacts:
        return EngineFacts(
            version="27.5.1", native="linux/amd64", operating_system="Ubuntu", has_nvidia=True, default_runtime="runc"
        )

    def images(self) -> tuple[ImageFacts, ...]:
        image = ImageFacts(
            name="suite:x86",
            id="sha256:2",
            digest="r/suite@sha256:1",
            platform="linux/amd64",
            size_bytes=10**9,
            created="2026-11-23",
            labels={"org.opencontainers.image.title": "suite", "org.opencontainers.image.version": "0.0.1"},
        )
        return (image,)


COMMANDS = [
    *("all", "params", "flops", "latency", "energy", "sustained", "accuracy", "versus", "profile"),
    *("report", "compare", "recommend", "verify", "bundle", "history", "rerun"),
    *("list", "doctor", "explain"),
]
HEAVY = {"torch", "transformers", "numpy", "scipy", "matplotlib", "pydantic", "rich", "tabulate"} | {
    "docker",
    "requests",
}


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, suite.cli; suite.cli.main(['--help']); print('\\n' + ' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert "typer" in loaded
    assert loaded & HEAVY == set()


GROUPED = [
    "models lock",
    "models fetch",
    "models verify",
    "image info",
    "image digest",
    "image labels",
    "power serve",
    "power import",
]


@pytest.mark.parametrize("command", [*COMMANDS, *GROUPED])
def test_every_command_has_help_with_an_example_and_the_common_options(suite: CommandLine, command: str) -> None:
    result = suite(*command.split(), "--help")
    assert result.status == 0
    assert f"Example: suite {command}" in result.out
    assert "--json" in result.out
    assert "-v, --verbose" in result.out


def test_the_list_of_commands_is_complete() -> None:
    assert [command.name or command.callback.__name__ for command in app.registered_commands] == COMMANDS


def test_params_prints_a_table_and_stores_the_counts(suite: CommandLine) -> None:
    result = suite("params", "--out", "run")
    assert result.status == 0
    table, shared = result.out.split("\n\n")
    assert [line.split() for line in table.splitlines()[2:]] == [
        [model, "1,000,000", "1,200,000", "200,000", "1,000,000", "100,000", "500", "3.815", "MiB"]
        for model in ("reader", "walker")
    ]
    assert shared.splitlines() == [
        f"{model}: a.weight = b.weight, 200,000 parameters that Unique counts once" for model in ("reader", "walker")
    ]
    assert [line["task"]["test"] for line in suite.lines()] == ["params", "params"]


def test_progress_goes_to_stderr_alone(suite: CommandLine) -> None:
    result = suite("params", "--model", "reader", "--out", "run")
    assert result.err.splitlines() == [
        "1 task, estimated at 1 s",
        "counting reader",
        "[1/1] reader params: 1,000,000 parameters",
    ]


def test_flops_grow_with_the_axis_that_an_option_sweeps(suite: CommandLine) -> None:
    result = suite("flops", "--model", "reader", "--axis", "text_tokens=10,40", "--json")
    assert result.status == 0
    found = {entry["task"]["axes"]["text_tokens"]: entry["flops"]["mac_count"] for entry in result.answer["results"]}
    assert found == {20: 56_000_000, 10: 46_000_000, 40: 76_000_000}


def test_latency_follows_the_worker_s_own_durations(suite: CommandLine) -> None:
    result = suite("latency", "--model", "reader", "--batch-size", "1,4", "--json", "--out", "run")
    assert result.status == 0
    medians = {entry["task"]["batch_size"]: entry["latency"]["median"] for entry in result.answer["results"]}
    assert medians == pytest.approx({1: 0.050, 4: 0.110}, rel=1e-9)  # 30 ms + 20 ms an item
    for entry in result.answer["results"]:
        assert entry["latency"]["count"] >= 10
        assert entry["latency"]["resolved"]
        assert entry["latency"]["stop"] == "target"


def test_latency_prints_mean_and_deviation_median_and_interval(suite: CommandLine) -> None:
    result = suite("latency", "--model", "reader")
    headers, row = result.out.splitlines()[0], result.out.splitlines()[2]
    assert "Mean ± std (ms)" in headers
    assert "95 % interval of the median (ms)" in headers
    assert row.startswith("reader")
    assert "batch 1, 20 text_tokens, 36 image_regions" in row.replace("text tokens", "text_tokens").replace(
        "image regions", "image_regions"
    )
    assert "50.0" in row


def test_threads_are_those_of_the_process_unless_told(suite: CommandLine) -> None:
    suite("latency", "--model", "reader", "--out", "a")
    suite("latency", "--model", "reader", "--threads", "1", "--out", "b")
    assert [suite.lines(run)[0]["task"]["thread_count"] for run in "ab"] == [2, 1]


def test_all_prints_the_path_of_its_report_and_nothing_else(suite: CommandLine) -> None:
    result = suite("all", "--out", "run")
    assert (result.status, result.out) == (0, "run/report.md\n")
    made = ["manifest.json", "plots", "records.jsonl", "report.html", "report.md", "run.json", "tables"]
    assert sorted(path.name for path in Path("run").iterdir()) == made
    run = store.load(Path("run"))
    assert run.missing() == ()
    assert suite.workers.open_count == 0


def test_a_run_lies_in_a_folder_named_by_time_and_plan(suite: CommandLine) -> None:
    assert suite("all", "--test", "params").out == "results/20261123T180000Z-standard/report.md\n"
    assert suite("all", "--test", "params").out == "results/20261123T180000Z-standard-2/report.md\n"


def test_quick_is_the_plan_quick(suite: CommandLine) -> None:
    suite("all", "--quick", "--out", "a")
    suite("all", "--plan", "quick", "--out", "b")
    assert store.load(Path("a")).manifest.tasks == store.load(Path("b")).manifest.tasks
    assert store.load(Path("a")).manifest.plan == "quick"


def test_what_could_not_be_measured_ends_in_status_1_with_reason_and_remedy(suite: CommandLine) -> None:
    result = suite("energy", "--model", "reader")
    assert result.status == 1
    assert "NO_POWER_SOURCE: there is no sensor; connect one" in result.out


def test_energy_of_a_known_load_is_exact(suite: CommandLine) -> None:
    meter = fake_meter(suite.workers.clock)
    suite.tools = fake_tools(suite.folder / "plans", suite.workers, lambda _: meter)
    result = suite("energy", "--model", "reader", "--json")
    assert result.status == 0
    (entry,) = result.answer["results"]
    call_s = 0.050  # at 7 W, of which 2 W are idle
    assert entry["energy"]["gross_j"] == pytest.approx(7 * call_s, rel=1e-3)
    assert entry["energy"]["net_j"] == pytest.approx(5 * call_s, rel=1e-3)


def test_report_renders_the_same_bytes_again(suite: CommandLine) -> None:
    suite("all", "--out", "run")
    before = {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    Path("run/report.md").unlink()
    result = suite("report", "run")
    assert (result.status, result.out) == (0, "run/report.md\n")
    assert {path: path.read_bytes() for path in before} == before


def test_report_takes_several_runs_and_answers_in_json(suite: CommandLine) -> None:
    for name in "ab":
        suite("params", "--out", name)
    assert suite("report", "a", "b").out == "a/report.md\nb/report.md\n"
    answer = suite("report", "a", "--json").answer
    assert (answer["report"], answer["missing_count"], len(answer["results"])) == ("a/report.md", 0, 2)


def test_list_names_what_can_be_named(suite: CommandLine) -> None:
    found = suite("list", "--json").answer
    assert list(found) == ["models", "runtimes", "evaluations", "power", "plans"]
    assert {"lxmert", "visualbert", "et-human", "et-human-synthetic"} <= {row["name"] for row in found["models"]}
    assert [row["name"] for row in found["plans"]] == ["lab", "quick", "standard"]
    assert list(json.loads(suite("list", "plans", "--json").out)) == ["plans"]
    assert "visual question answering" in suite("list", "models").out


def test_doctor_says_what_can_be_measured_and_how_to_fix_the_rest(suite: CommandLine) -> None:
    found = {finding["what"]: finding for finding in suite("doctor", "--json").answer}
    assert found["worker"]["found"] == "python 3.11.0, torch 2.0.0, transformers 4.0.0"
    assert found["model reader"]["ok"]
    assert found["energy"] == {
        "what": "energy",
        "found": "NO_POWER_SOURCE: there is no sensor",
        "ok": False,
        "remedy": "connect one",
    }
    text = suite("doctor").out
    assert "energy: connect one" in text.split("To do:")[1]
    assert suite.workers.open_count == 0


def test_doctor_lists_what_would_help_here_in_the_order_of_its_effect(suite: CommandLine) -> None:
    """Sources for other machines are one line; a remedy of several findings stands once."""
    refused = NotMeasured(code="RAPL_PERM", reason="root alone may read it", remedy="allow it")
    away = NotMeasured(code="NOT_A_MAC", reason="this machine is not a Mac", remedy="nothing is missing")
    survey = [
        Surveyed("rapl", "counters", {}, refused),
        Surveyed("perf", "events", {}, refused),
        Surveyed("apple", "a chip", {}, away, concerns=False),
    ]
    fakes = fake_tools(suite.folder / "plans", suite.workers, lambda _: refused, survey)
    slow = replace(fakes.observe, state=lambda: replace(suite.workers.clock.state(), governors=("powersave",)))
    suite.tools = replace(fakes, observe=slow)
    text = suite("doctor").out
    assert "other power" in text
    assert "1 source is for other machines, or read a file that you name: suite list power" in text
    assert "NOT_A_MAC" not in text
    assert text.split("To do:\n")[1].splitlines() == [
        "energy, power rapl, power perf: allow it",
        "governor: for steadier latency: sudo cpupower frequency-set -g performance",
        "containers: start it",
    ]


def test_doctor_tells_of_the_engine_and_whether_its_image_fits_this_checkout(suite: CommandLine) -> None:
    (absent,) = (entry for entry in suite("doctor", "--json").answer if entry["what"] == "containers")
    assert (absent["ok"], absent["found"], absent["remedy"]) == (False, "no Docker engine answers", "start it")
    suite.tools = replace(fake_tools(suite.folder / "plans", suite.workers), engine=OneImage)
    found = {entry["what"]: entry for entry in suite("doctor", "--json").answer}
    assert found["containers"]["found"] == "Docker 27.5.1 on Ubuntu, linux/amd64, with the NVIDIA runtime"
    assert found["image suite:x86"]["found"] == f"version 0.0.1 in the image, {__version__} here"
    assert found["image suite:x86"]["remedy"].startswith("build it again with make")


def test_a_jetson_whose_torch_shows_no_cuda_is_never_fine(suite: CommandLine) -> None:
    board = replace(FACTS, l4t="R32.7.1")
    suite.tools = replace(fake_tools(suite.folder / "plans", suite.workers), facts=lambda _: board)
    (told,) = (entry for entry in suite("doctor", "--json").answer if entry["what"] == "devices")
    assert (told["ok"], told["found"].partition(" (")[0]) == (False, "cpu: torch can't use this machine's GPU")
    assert told["remedy"]
    suite.workers.devices = ("cpu", "cuda:0")
    (told,) = (entry for entry in suite("doctor", "--json").answer if entry["what"] == "devices")
    assert (told["ok"], told["found"]) == (True, "cpu, cuda:0; auto is cuda, the first accelerator that torch has")


def test_doctor_in_a_container_misses_no_engine(suite: CommandLine) -> None:
    inside = replace(FACTS, virtualization="container (docker)", container_image_digest="sha256:12")
    suite.tools = replace(fake_tools(suite.folder / "plans", suite.workers), facts=lambda _: inside)
    (told,) = (entry for entry in suite("doctor", "--json").answer if entry["what"] == "containers")
    assert (told["ok"], told["found"]) == (True, "this is one; its image: sha256:12")


def test_image_commands_take_the_newest_image_of_the_suite(suite: CommandLine) -> None:
    suite.tools = replace(fake_tools(suite.folder / "plans", suite.workers), engine=OneImage)
    info = suite("image", "info", "--json")
    assert (info.status, info.answer["doubts"]) == (1, [f"version 0.0.1 in the image, {__version__} here"])
    assert suite("image", "digest").out == "r/suite@sha256:1\n"
    assert suite("image", "labels", "--json").answer == {
        "org.opencontainers.image.title": "suite",
        "org.opencontainers.image.version": "0.0.1",
    }
    suite.tools = None
    result = suite("image", "info", "suite:x86")
    assert (result.status, result.error) == (3, "no Docker engine answers; start it")


def test_doctor_ends_in_status_1_where_no_model_can_run(suite: CommandLine) -> None:
    suite.workers.devices = ()
    assert suite("doctor").status == 1


def test_verbose_names_the_log(suite: CommandLine) -> None:
    assert suite("params", "-v", "--out", "run").err.splitlines()[0] == "log: run/log.txt"


def test_models_lock_pins_what_the_models_come_to_here(suite: CommandLine) -> None:
    tools = fake_tools(suite.folder / "plans", suite.workers)
    assert locking.write(tools, path=Path("models.lock")).status == 0
    models_lock.load.cache_clear()
    locked = models_lock.load(Path("models.lock")).models
    assert {name: entry.unique_parameter_count for name, entry in locked.items()} == {
        "reader": 1_000_000,
        "walker": 1_000_000,
    }
    assert suite.workers.open_count == 0


def test_models_lock_check_tells_what_comes_out_otherwise_and_writes_nothing(suite: CommandLine) -> None:
    tools, path = fake_tools(suite.folder / "plans", suite.workers), Path("models.lock")
    locking.write(tools, path=path)
    found = locking.check(tools, (), path=path)
    assert (found.status, blocks(found.shown).count("as locked")) == (0, 2)

    locked = models_lock.load(path)
    relock.write(
        replace(locked, models=locked.models | {"walker": replace(locked.models["walker"], inputs_sha256="0" * 64)}),
        path,
    )
    before = path.read_bytes()
    assert locking.check(tools, ("reader",), path=path).status == 0
    found = locking.check(tools, (), path=path)
    assert found.status == 1
    assert {name: entry["differences"] for name, entry in found.data.items()} == {
        "reader": (),
        "walker": ("inputs_sha256",),
    }
    assert path.read_bytes() == before
    with pytest.raises(UsageError, match=r"--model ghost: models.lock locks no such model; it has reader, walker"):
        locking.check(tools, ("ghost",), path=path)
    with_ghost = replace(locked, models=locked.models | {"ghost": locked.models["reader"]})
    relock.write(with_ghost, path)
    with pytest.raises(UsageError, match=r"models.lock: locks ghost, and there is no such model here"):
        locking.check(tools, (), path=path)


@pytest.mark.parametrize("arguments", [(), ("models",), ("image",), ("power",)])
def test_without_a_command_the_help_is_the_answer(suite: CommandLine, arguments: tuple[str, ...]) -> None:
    result = suite(*arguments)
    assert (result.status, result.err) == (0, "")
    assert result.out.startswith("Usage: suite")
    assert "Commands:" in result.out


def test_the_version_is_that_of_the_package(suite: CommandLine) -> None:
    assert suite("--version").out == f"{__version__}\n"
