"""Plans that nobody means: deep, large, with names that are paths. One line each, before they cost time or memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.errors import PlanError
from suite.plan.load import Options, Surroundings, load
from tests.fakes import MODELS, Reader

AROUND = Surroundings(plans=Path("plans"), models=MODELS, cpu_count=2, devices=lambda: ("cpu",))
HEAD = 'name = "mine"\ndescription = "one"\nmodels = ["reader"]\ntests = ["latency"]\n'


def refusal(path: Path, content: str | bytes, options: Options | None = None) -> str:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(PlanError) as caught:
        load(str(path), options, AROUND)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 1500
    return message


DEEP: dict[str, tuple[str, str]] = {
    "dots": (".".join("a" * 20_000) + " = 1\n", "more than 64 levels"),
    "dots and spaces": (" . ".join("a" * 20_000) + " = 1\n", "more than 64 levels"),
    "a header of dots": ("[" + ".".join("a" * 20_000) + "]\n", "more than 64 levels"),
    "quoted keys": (".".join(['"a"'] * 20_000) + " = 1\n", "more than 64 levels"),
    "dots behind a text of several lines": (
        'x = ["""\n""", {' + ".".join("a" * 20_000) + "=1}]\n",
        "more than 64 levels",
    ),
    "lists": ("x = " + "[" * 100_000, "without end"),
    "tables": ("x = " + "{a=" * 50_000, "without end"),
    "a number of 5,000 digits": ("seed = " + "9" * 5000 + "\n", "this is not TOML: Exceeds the limit"),
    "a number of 5,000 hex digits": ("seed = 0x" + "f" * 5000 + "\n", "seed: "),
    "a file of 1 MiB": ("#" * 2**20, "more than 262144 bytes"),
    "a date": ("seed = 9999-12-31T23:59:59-23:59\n", "seed: "),
    "a date in a list": ("batch_size = [9999-12-31T23:59:59+23:59]\n", "batch_size[0]: "),
    "an unknown key of 100,000 letters": ("k" * 100_000 + " = 1\n", "unknown key 'kkk"),
    "infinity": ("time_budget_s = inf\n", "time_budget_s: "),
    "not a number": ("time_budget_s = nan\n", "time_budget_s: "),
    "1e308 seconds": ("time_budget_s = 1e308\n", "time_budget_s: "),
    "a limit of 1e308 seconds": ("[repetition]\ntime_limit_s = 1e308\n", "time_limit_s must be 1e-12 to 1e+08"),
    "idle for 1e308 seconds": ("[energy]\nidle_s = 1e308\n", "energy.idle_s: "),
    "a million calls of a million": ("[repetition]\nmax_call_count = 100000000000\n", "max_call_count must be at most"),
    "a batch of 10^12": ("batch_size = [1000000000000]\n", "batch_size[0]: "),
    "1,001 sizes": (f"batch_size = {list(range(1, 1002))}\n", "batch_size: must name at most 1000, got 1001"),
    "a million threads": ("threads = 1000000\n", "threads: at most 64 on the 2 processors here, got 1000000"),
    "all but certain": ("[repetition]\nconfidence = 0.9999999999999999\n", "confidence must be 0.01 to 0.9999"),
}


@pytest.mark.parametrize("kind", DEEP)
def test_a_plan_without_bounds_is_refused_in_one_line(tmp_path: Path, kind: str) -> None:
    text, message = DEEP[kind]
    assert message in refusal(tmp_path / "plan.toml", HEAD + text)


@pytest.mark.parametrize(
    "name", ["x/../../T", "/tmp/x", "..", "", " ", "a\\u0000b", "a\\nb", "-x", "n" * 65, "a\\u202eb"]
)
def test_a_plan_s_name_is_a_name(tmp_path: Path, name: str) -> None:
    text = HEAD.replace('"mine"', f'"{name}"')
    assert refusal(tmp_path / "plan.toml", text).startswith(f"{tmp_path}/plan.toml: name: ")


@pytest.mark.parametrize("threads", [65, 10**6, 10**400])
def test_the_option_threads_has_a_limit(tmp_path: Path, threads: int) -> None:
    message = refusal(tmp_path / "plan.toml", HEAD, Options(threads=threads))
    assert message.startswith("--threads: ")
    assert Options(threads=8) == Options(threads=8)


def test_as_many_threads_as_may_help_are_taken(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(HEAD)
    plan = load(str(tmp_path / "plan.toml"), Options(threads=64), AROUND)
    assert {task.thread_count for task in plan.tasks} == {64}


def test_a_path_that_is_no_text_is_refused_where_it_is_given(tmp_path: Path) -> None:
    for option in (
        Options(checkpoint="m\udcff.pth", models=("walker",)),
        Options(checkpoint="x" * 5000, models=("walker",)),
    ):
        message = refusal(tmp_path / "plan.toml", HEAD, option)
        assert message.startswith("--checkpoint: ")
        assert "can't be written down as text" in message


@pytest.mark.parametrize("name", ["mine[/b]", "../x", " ", "n" * 65])
def test_a_model_whose_plug_in_has_no_name_is_refused(tmp_path: Path, name: str) -> None:
    class Odd(Reader):
        pass

    Odd.name = name
    (tmp_path / "plan.toml").write_text(HEAD.replace('"reader"', repr(name)))
    with pytest.raises(PlanError, match=r"models: model .* is no name: .*; correct the model's plug-in"):
        load(str(tmp_path / "plan.toml"), None, replace(AROUND, models={name: Odd()}))


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "/dev/zero", "plans"])
def test_a_plan_that_is_no_file_is_refused(name: str) -> None:
    with pytest.raises(PlanError, match="unknown plan"):
        load(name, None, AROUND)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(
    text=st.text(alphabet="ab\"'=.[]{}#,\n 10-:Tzefx_", max_size=60),
    make=st.sampled_from([lambda text: text, lambda text: HEAD + text, lambda text: HEAD + "[repetition]\n" + text]),
)
def test_any_text_is_a_plan_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str, make: Callable[[str], str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(make(text))
    try:
        plan = load(str(path), None, AROUND)
    except PlanError as error:
        message = str(error)
    else:
        message = plan.name
    assert "\n" not in message


MEMORY = """
import resource, sys
from pathlib import Path
from suite.errors import PlanError
from suite.plan.toml import toml
try:
    toml("\\n".join(".".join(["a"] * 60) + f".b{n} = 1" for n in range(2000)), Path("plan.toml"))
except PlanError as error:
    print(error)
if sys.platform == "linux":  # ru_maxrss begins with what the parent held
    print(1024 * int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0]))
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_the_deepest_plan_that_is_taken_costs_little() -> None:
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert int(done.stdout.splitlines()[-1]) < 300e6
