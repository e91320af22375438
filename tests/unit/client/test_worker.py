"""The client against programs that only pretend to be workers, and against real ones with a model that misbehaves.

The real ones run on SUITE_WORKER_PYTHON where it is set, so that the same tests show the wall with another interpreter.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from suite.client import interpreter, wire
from suite.client.replies import Checked
from suite.client.worker import Worker
from suite.errors import UsageError, WorkerError
from suite.records import Task

PLUGINS = Path(__file__).parents[2] / "data" / "plugins"
ENVIRONMENT = {**os.environ, "SUITE_MODELS_PATH": str(PLUGINS)}
PATIENCE_S = 120.0  # a deadline that is not under test
NOW = f"$({sys.executable} -c 'import time; print(time.monotonic())')"
HELLO = (
    '{"id": 1, "result": {"protocol": 4, "process_started_s": NOW, "versions": {"python": "3.6.15"}, '
    '"devices": ["cpu"], "clock": "c"}}'
)

UNTIL_QUIT = "while read line; do case $line in *quit*) exit;; esac; done"

Program = Callable[[str], Path]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Makes a program that takes the place of the worker's interpreter."""

    def make(script: str) -> Path:
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\n{script}\n".replace("NOW", f"'\"{NOW}\"'"))
        path.chmod(0o755)
        return path

    return make


def start(python: Path | None, tmp_path: Path, hello_deadline_s: float = PATIENCE_S) -> Worker:
    return Worker.start(
        log=tmp_path / "worker.log",
        thread_count=1,
        python=python,
        environment=ENVIRONMENT,
        deadlines_s={"hello": hello_deadline_s, "memory": PATIENCE_S},
    )


# --- programs that pretend -------------------------------------------------------------------------------------------


def test_the_hello_of_a_worker_is_typed(program: Program, tmp_path: Path) -> None:
    with start(program(f"echo '{HELLO}'; {UNTIL_QUIT}"), tmp_path) as worker:
        assert worker.hello.versions == (("python", "3.6.15"),)
        assert worker.hello.devices == ("cpu",)
        assert worker.hello.process_s > 0


def test_an_interpreter_that_does_not_exist_is_wrong_use() -> None:
    with pytest.raises(UsageError, match=r"^SUITE_WORKER_PYTHON=/no/such/python: no such program; name a Python"):
        interpreter.interpreter({"SUITE_WORKER_PYTHON": "/no/such/python"})


def test_the_interpreter_is_the_controller_s_own_unless_named(program: Program) -> None:
    named = program("exit 0")
    assert interpreter.interpreter({}) == Path(sys.executable)
    assert interpreter.interpreter({"SUITE_WORKER_PYTHON": str(named)}) == named


def test_a_file_that_is_no_program_is_wrong_use(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_bytes(b"\x7fnonsense")
    python.chmod(0o755)
    with pytest.raises(UsageError, match="can't start a worker"):
        start(python, tmp_path)


def test_an_interpreter_that_cannot_run_the_worker_is_wrong_use_with_its_last_line(
    program: Program, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="status 1 during hello; its log ends: SyntaxError: invalid syntax"):
        start(program("echo 'SyntaxError: invalid syntax' >&2; exit 1"), tmp_path)


@pytest.mark.parametrize(
    "answer",
    [
        "hello there",
        "[]",
        '{"id": 2, "result": {}}',
        '{"id": 1}',
        '{"id": 1, "result": {"protocol": 99}}',
        '{"id": 1, "result": {"protocol": 4}}',
        HELLO.replace("NOW", '"now"'),
        HELLO.replace("NOW", "1e308"),
        HELLO.replace("NOW", "Infinity"),
    ],
)
def test_a_foreign_answer_or_another_version_ends_the_worker(program: Program, tmp_path: Path, answer: str) -> None:
    with pytest.raises(WorkerError) as caught:
        start(program(f"echo '{answer}'; exec cat > /dev/null"), tmp_path)
    assert (caught.value.code, caught.value.fatal) == ("PROTOCOL", True)


def test_silence_is_a_hang_and_everything_it_started_is_killed(program: Program, tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match=r"gave no answer to hello within 1 s") as caught:
        start(program(f"sleep 3600 & echo $! > {tmp_path}/pid; wait"), tmp_path, hello_deadline_s=1.0)
    assert (caught.value.code, caught.value.fatal) == ("HUNG", True)
    assert_gone(int((tmp_path / "pid").read_text()))


def test_an_error_reply_keeps_the_worker_and_its_traceback(program: Program, tmp_path: Path) -> None:
    error = '{"id": 2, "error": {"code": "FAILED", "reason": "r", "remedy": "m", "traceback": "t"}}'
    memory = (
        '{"id": 3, "result": {"resident_bytes": 5, "peak_resident_bytes": 6, "peak_was_reset": true, '
        '"device_peak_bytes": null, "device_free_bytes": null, "device_total_bytes": null, '
        '"device_reserved_peak_bytes": null, "device_context_bytes": null, "device_is_unified": null, '
        '"machine_taken_bytes": null}}'
    )
    with start(program(f"echo '{HELLO}'; echo '{error}'; echo '{memory}'; {UNTIL_QUIT}"), tmp_path) as worker:
        with pytest.raises(WorkerError) as caught:
            worker.release("a")
        assert (caught.value.code, caught.value.fatal, caught.value.traceback) == ("FAILED", False, "t")
        assert worker.memory().peak_resident_bytes == 6


def test_a_worker_that_refuses_to_say_hello_is_ended(program: Program, tmp_path: Path) -> None:
    error = '{"id": 1, "error": {"code": "FAILED", "reason": "OSError: libcudart", "remedy": "m", "traceback": "t"}}'
    with pytest.raises(WorkerError, match="OSError: libcudart"):
        start(program(f"echo $$ > {tmp_path}/pid; echo '{error}'; exec cat > /dev/null"), tmp_path)
    assert_gone(int((tmp_path / "pid").read_text()))


def test_a_duration_that_cannot_be_is_a_foreign_answer(program: Program, tmp_path: Path) -> None:
    timed = '{"id": 2, "result": {"started_s": 1.0, "latency_s": [1e-5, -1e-5]}}'
    with start(program(f"echo '{HELLO}'; echo '{timed}'; {UNTIL_QUIT}"), tmp_path) as worker:
        with pytest.raises(WorkerError, match=r"latency_s is -1e-05, which is not in") as caught:
            worker.time("a", 2, PATIENCE_S)
        assert caught.value.code == "PROTOCOL"


def test_after_its_death_a_worker_refuses_and_closes_again_without_harm(program: Program, tmp_path: Path) -> None:
    worker = start(program(f"echo '{HELLO}'; read line; exit 7"), tmp_path)
    for reason in ("ended with status 7 during memory", "the worker is gone"):
        with pytest.raises(WorkerError, match=reason) as caught:
            worker.memory()
        assert (caught.value.code, caught.value.fatal) == ("CRASHED", True)
    worker.close()
    worker.close()


def test_a_worker_that_does_not_quit_is_made_to(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "_GRACE_S", 0.2)
    worker = start(
        program(f"echo '{HELLO}'; echo $$ > {tmp_path}/pid; trap '' TERM; while :; do sleep 1; done"), tmp_path
    )
    worker.close()
    assert_gone(int((tmp_path / "pid").read_text()))


def test_the_worker_inherits_threads_and_no_python_path() -> None:
    base = {"PATH": "/bin", "PYTHONPATH": "/mine", "SUITE_MODELS_PATH": "models", "OMP_NUM_THREADS": "64"}
    made = interpreter.worker_environment(base, 3)
    assert "PYTHONPATH" not in made
    assert made["SUITE_MODELS_PATH"] == str(Path("models").absolute())
    assert [made[name] for name in ("PATH", "OMP_NUM_THREADS", "MKL_NUM_THREADS")] == ["/bin", "3", "3"]
    assert made["HF_HUB_OFFLINE"] == made["TRANSFORMERS_OFFLINE"] == "1"


# --- real workers ----------------------------------------------------------------------------------------------------


def load(worker: Worker, scenario: str) -> None:
    """Loads the model that misbehaves, with a case named after its scenario."""
    task = Task(test="latency", model="misbehaving", scenario=scenario, axes=(("width", 4),), seed=1)
    worker.load(task)
    worker.prepare(scenario, task)


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with start(None, tmp_path_factory.mktemp("worker")) as started:
        yield started


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Worker]:
    """A worker of the test's own, which it may kill."""
    with start(None, tmp_path) as started:
        yield started


def test_a_real_worker_measures_a_model(worker: Worker) -> None:
    task = Task(test="latency", model="misbehaving", batch_size=2, axes=(("width", 4),), thread_count=1)
    assert worker.import_model("misbehaving").import_s > 0
    assert worker.count_parameters("misbehaving", None).unique_count == 4 * 2 + 2
    loaded = worker.load(task)
    assert (loaded.weight_bytes, loaded.weights_source, loaded.thread_count) == (40, "seeded", 1)
    assert loaded.synchronisation == "none needed: cpu"
    prepared = worker.prepare("a", task)
    assert (prepared.inputs_source, prepared.step_count) == ("seeded", 1)
    assert worker.check_inputs("a") == Checked(changed=("input",))
    timed = worker.time("a", 7, PATIENCE_S)
    assert len(timed.latency_s) == 7
    assert timed.started_s < time.monotonic()
    window = worker.time_for("a", 0.01, 2, PATIENCE_S)
    assert window.call_count == len(window.latency_s) >= 2
    assert window.ended_s - window.started_s >= 0.01
    seen_s = [each.interference.wall_s for each in (timed, window) if each.interference is not None]
    assert seen_s[0] >= sum(timed.latency_s)
    assert seen_s[1] >= window.ended_s - window.started_s
    assert worker.memory().peak_resident_bytes >= worker.memory().resident_bytes
    worker.release("a")
    with pytest.raises(WorkerError, match="there is no case 'a'"):
        worker.time("a", 1, PATIENCE_S)


def test_a_real_worker_watches_while_it_sleeps(worker: Worker) -> None:
    found = worker.watch(0.05)
    assert found.wall_s >= 0.05
    with pytest.raises(WorkerError, match="duration_s is -1; Ask for 0 to 30 seconds") as caught:
        worker.watch(-1)
    assert (caught.value.code, caught.value.fatal) == ("BAD_REQUEST", False)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_child_of_the_controller_s_is_ours_on_a_real_machine(worker: Worker) -> None:
    """Exact on made-up trees in tests/unit/worker; here that a real /proc tells who is who."""
    spinner = subprocess.Popen([sys.executable, "-c", "while True: pass"])  # as the power sampler is one
    try:
        give_up_s, ours_s = time.monotonic() + PATIENCE_S, 0.0
        while ours_s < 0.1 and time.monotonic() < give_up_s:  # this process sleeps meanwhile
            ours_s += worker.watch(0.1).ours_s or 0.0
    finally:
        spinner.kill()
        spinner.wait()
    assert ours_s >= 0.1


def test_the_same_seed_gives_the_same_weights_and_inputs(worker: Worker) -> None:
    def hashes(seed: int) -> tuple[str, str]:
        task = Task(test="latency", model="misbehaving", axes=(("width", 4),), seed=seed)
        return worker.load(task).weights_sha256, worker.prepare("a", task).inputs_sha256

    first, again, other = hashes(1), hashes(1), hashes(2)
    assert first == again
    assert set(first).isdisjoint(other)


def test_the_first_line_of_an_exception_is_the_reason_and_its_traceback_is_kept(worker: Worker) -> None:
    load(worker, "raise")
    with pytest.raises(WorkerError) as caught:
        worker.time("raise", 1, PATIENCE_S)
    assert (caught.value.code, caught.value.reason) == ("FAILED", "ValueError: the second line")
    assert caught.value.traceback is not None
    assert "in raise_" in caught.value.traceback


def test_a_model_cannot_import_the_controller(worker: Worker) -> None:
    load(worker, "reach_over")
    with pytest.raises(WorkerError, match=r"No module named 'suite\.records'"):
        worker.time("reach_over", 1, PATIENCE_S)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"device": "tpu"}, "UNSUPPORTED_DEVICE"),
        ({"runtime": "telepathy"}, "UNKNOWN_PLUGIN"),
        ({"model": "lxmart"}, "UNKNOWN_PLUGIN"),
    ],
)
def test_what_the_worker_does_not_have_it_refuses_by_code(worker: Worker, change: dict[str, str], code: str) -> None:
    with pytest.raises(WorkerError) as caught:
        worker.load(Task(test="latency", **{"model": "misbehaving", **change}))
    assert (caught.value.code, caught.value.fatal) == (code, False)


def test_prints_of_python_and_c_end_in_the_log_and_the_wire_stays_clean(mortal: Worker, tmp_path: Path) -> None:
    load(mortal, "chatter")
    assert len(mortal.time("chatter", 2, PATIENCE_S).latency_s) == 2
    mortal.close()
    log = (tmp_path / "worker.log").read_text()
    assert [log.count(f"said {who}") for who in ("Python", "C", "a descriptor")] == [2, 2, 2]


def test_who_writes_to_the_wire_itself_is_found_out(mortal: Worker) -> None:
    load(mortal, "forge")
    with pytest.raises(WorkerError, match="a line of somebody else's") as caught:
        mortal.time("forge", 1, PATIENCE_S)
    assert (caught.value.code, caught.value.fatal) == ("PROTOCOL", True)


@pytest.mark.parametrize(
    ("scenario", "reason"),
    [
        ("exit", "the worker ended with status 3 during time"),
        ("segfault", "ended by SIGSEGV during time; its log ends: Fatal Python error: Segmentation fault"),
    ],
)
def test_a_worker_that_ends_in_a_call_is_a_crash_with_its_cause(mortal: Worker, scenario: str, reason: str) -> None:
    load(mortal, scenario)
    with pytest.raises(WorkerError, match=reason) as caught:
        mortal.time(scenario, 1, PATIENCE_S)
    assert (caught.value.code, caught.value.fatal) == ("CRASHED", True)


def test_a_call_that_never_ends_is_a_hang(mortal: Worker) -> None:
    load(mortal, "sleep")
    with pytest.raises(WorkerError, match=r"gave no answer to time within 0\.3 s") as caught:
        mortal.time("sleep", 1, 0.3)
    assert (caught.value.code, caught.value.fatal) == ("HUNG", True)


def test_a_worker_that_somebody_kills_is_fatal_with_a_cause(mortal: Worker) -> None:
    load(mortal, "sleep")
    os.kill(mortal.process_id, signal.SIGKILL)
    with pytest.raises(WorkerError) as caught:
        mortal.time("sleep", 1, PATIENCE_S)
    assert caught.value.fatal
    assert caught.value.code in ("KILLED", "KILLED_FOR_MEMORY")  # the second where the kernel does not count


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux enforces a limit on addresses")
def test_memory_without_end_is_out_of_memory_and_the_worker_goes_on(program: Program, tmp_path: Path) -> None:
    python = program(f'ulimit -v {6 * 2**20}; exec "{interpreter.interpreter(os.environ)}" "$@"')
    with start(python, tmp_path) as limited:
        for scenario in ("hoard_bytes", "hoard_tensors"):
            load(limited, scenario)
            with pytest.raises(WorkerError) as caught:
                limited.time(scenario, 1, PATIENCE_S)
            assert (caught.value.code, caught.value.fatal) == ("OUT_OF_MEMORY", False)
        load(limited, "forward")
        assert len(limited.time("forward", 1, PATIENCE_S).latency_s) == 1


def test_ctrl_c_is_the_controller_s_affair(worker: Worker) -> None:
    os.kill(worker.process_id, signal.SIGINT)
    assert worker.memory().resident_bytes > 0


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a worker ends with its call, not in the midst of it")
def test_a_worker_in_the_midst_of_a_call_dies_with_its_controller(tmp_path: Path) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path; from test_worker import load, start, PATIENCE_S\n"
        "worker = start(None, Path(sys.argv[2])); load(worker, 'sleep')\n"
        "print(worker.process_id, flush=True); worker.time('sleep', 1, PATIENCE_S)\n"
    )
    command = [sys.executable, "-c", script, str(Path(__file__).parent), str(tmp_path)]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}  # what a killed controller leaves behind is cleared away
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as controller:
        assert controller.stdout is not None
        worker_id = int(controller.stdout.readline())
        controller.kill()
    assert_gone(worker_id)


def test_a_dead_worker_is_told_at_once_though_a_child_of_its_own_holds_the_pipe(mortal: Worker) -> None:
    load(mortal, "die_behind_a_child")
    with pytest.raises(WorkerError, match="ended with status 5 during time") as caught:
        mortal.time("die_behind_a_child", 1, 30.0)  # the child lives for 40 s
    assert (caught.value.code, caught.value.fatal) == ("CRASHED", True)


@pytest.mark.parametrize("wakes", [True, False], ids=["pidfd", "polled"])
def test_an_answer_that_came_before_the_end_is_taken(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wakes: bool
) -> None:
    if not wakes:
        monkeypatch.setattr(wire, "_end_of", lambda _: None)
        monkeypatch.setattr(wire, "_WATCH_PROCESS_S", 0.05)
    worker = start(program(f"echo '{HELLO}'; sleep 40 & exit 4"), tmp_path)
    assert worker.hello.devices == ("cpu",)
    with pytest.raises(WorkerError, match=r"ended with status 4 during memory|the worker is gone"):
        worker.memory()


def test_the_threads_in_force_are_read_after_the_calls(worker: Worker) -> None:
    load(worker, "take_one_thread")
    worker.load(Task(test="latency", model="misbehaving", thread_count=2))
    worker.prepare("a", Task(test="latency", model="misbehaving", scenario="forward", axes=(("width", 4),)))
    worker.prepare("b", Task(test="latency", model="misbehaving", scenario="take_one_thread", axes=(("width", 4),)))
    assert worker.time("a", 1, PATIENCE_S).thread_count == 2
    assert worker.time("b", 1, PATIENCE_S).thread_count == 1
    assert worker.time_for("b", 0.01, 1, PATIENCE_S).thread_count == 1


def test_what_a_model_prints_is_kept_to_a_size_with_its_first_and_its_last_words(
    mortal: Worker, tmp_path: Path
) -> None:
    load(mortal, "print_much")
    for _ in range(5):
        mortal.time("print_much", 20, PATIENCE_S)
    load(mortal, "chatter")
    mortal.time("chatter", 1, PATIENCE_S)
    mortal.close()
    text = (tmp_path / "worker.log").read_bytes()
    assert len(text) < 3 * 2**20  # of 10 MB
    assert text.startswith(b"xxx")
    assert b"bytes of this worker's words were left out here]" in text
    assert b"said Python" in text[-1000:]


def test_a_worker_needs_no_folder_of_its_own(tmp_path: Path) -> None:
    """So none is left behind where it and its controller are killed."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {**ENVIRONMENT, "TMPDIR": str(temporary)}
    with Worker.start(log=tmp_path / "log", thread_count=1, environment=environment) as worker:
        load(worker, "forward")
        os.kill(worker.process_id, signal.SIGKILL)
    assert list(temporary.iterdir()) == []


def assert_gone(process_id: int) -> None:
    """Waits until the process is dead (a zombie that nobody has reaped yet is)."""
    ends_s = time.monotonic() + 30
    while time.monotonic() < ends_s:
        try:
            os.kill(process_id, 0)
        except ProcessLookupError:
            return
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(process_id)], capture_output=True, text=True, check=False
        )
        if state.stdout.strip().startswith("Z"):
            return
        time.sleep(0.05)
    pytest.fail(f"process {process_id} lives on")
