"""The Jetson image on a stand-in of its base, emulated where the machine is another, with an emulated board mounted."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from suite.pinned import lock as models_lock
from suite.records import store
from tests.environments import environment
from tests.images.conftest import PERSON, Image, compose, mount, older_jetson, output, run, settings
from tests.jtop_board import GROUP_ID, emulated, service
from tests.simulator import Board, noisy

pytestmark = pytest.mark.images
FILES = ("compose.yaml", "docker/compose.jetson.yaml")
RELEASE = "# R36 (release), REVISION: 4.0, GCID: 0, BOARD: generic, EABI: aarch64, DATE: Mon Jan 1 2026\n"
RUNC = {"SUITE_RUNTIME": "runc"}  # NVIDIA's runtime is on boards alone
POWER_W, HORIZON_S = 7.0, 900.0
PLAN = """
name = "board"
description = "what a board has beside a processor"
models = ["null"]
tests = ["params", "latency", "energy"]
[repetition]
min_call_count = 10
max_call_count = 10
[energy]
window_count = 2
window_s = 5.0
idle_s = 2.0
"""
# What NVIDIA's bases have for the worker, and what their stand-ins have.
OLDER = {4: ("3.6", "1.10.1", "4.18.0", "R32.7.1"), 5: ("3.8", "2.0.1", "4.46.3", "R35.2.1")}
# Of the quick plan: one model with transformers, and one without where torch is fast enough for two cores.
SELECTED = {4: ("lxmert",), 5: ("lxmert", "et-human")}


def steady():
    """As a load does, with enough noise that the sensor moves."""
    now_s = time.monotonic()
    return noisy(POWER_W, 0.05, seed=1, start_s=now_s - 1, end_s=now_s + HORIZON_S)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Of a board: what `make` and Compose look for on one. A simulated board adds its /sys."""
    folder = tmp_path / "board"
    (folder / "etc").mkdir(parents=True)
    (folder / "etc/nv_tegra_release").write_text(RELEASE)
    (folder / "sys/firmware/devicetree").mkdir(parents=True)
    (folder / "sys/firmware/devicetree/base").symlink_to(folder / "proc/device-tree")
    (folder / "proc/device-tree").mkdir(parents=True)
    return folder


def test_the_image_holds_two_pythons_and_the_client_of_the_boards_service(jetson):
    assert jetson.labels["org.suite.platform"] == "jetson6"
    assert jetson.labels["org.suite.jtop"] == "4.3"
    assert jetson.platform == "linux/arm64"
    told = jetson.shell(
        "/opt/suite/bin/python -c 'import sys, jtop, numpy; print(sys.base_prefix, jtop.__version__)'; "
        "/opt/suite/bin/python -c 'import torch' 2>&1 | tail -n 1; "
        "$SUITE_WORKER_PYTHON -c 'import sys, torch, transformers; print(sys.base_prefix, transformers.__version__)'; "
        "id -u; command -v gcc cc make"
        "; true"
    )
    assert told.splitlines() == [
        "/opt/python 4.3.2",
        "ModuleNotFoundError: No module named 'torch'",
        "/usr 4.57.6",
        "10001",
    ]


def test_the_weights_of_a_boards_worker_are_those_of_every_machine(jetson, results, root):
    names = ("lxmert", "et-human")
    options = [word for name in names for word in ("--model", name)]
    done = compose(
        results, jetson.name, "models", "lock", "--check", *options, files=FILES, SUITE_ROOT=str(root), **RUNC
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("as locked") == len(names)


@pytest.mark.parametrize("jetpack", OLDER)
def test_the_image_of_an_older_jetpack_is_built_and_its_worker_has_that_ones_python(jetpack):
    python, torch, transformers, _ = OLDER[jetpack]
    image = older_jetson(jetpack)
    assert image.labels["org.suite.platform"] == f"jetson{jetpack}"
    told = image.shell(
        "/opt/suite/bin/python -c 'import sys, jtop; print(\"%d.%d\" % sys.version_info[:2], jtop.__version__)'; "
        '$SUITE_WORKER_PYTHON -c \'import sys, torch, transformers; print("%d.%d" % sys.version_info[:2], '
        'torch.__version__.split("+")[0], transformers.__version__)\''
    )
    assert told.splitlines() == ["3.11 4.3.2", f"{python} {torch} {transformers}"]


@pytest.mark.parametrize("jetpack", OLDER)
def test_the_quick_battery_runs_on_an_older_jetpack_and_computes_the_same(jetpack, results, root):
    _, torch, _, l4t = OLDER[jetpack]
    names = SELECTED[jetpack]
    image = older_jetson(jetpack)
    major, minor = l4t[1:].split(".", 1)
    release = RELEASE.replace("R36", f"R{major}").replace("REVISION: 4.0", f"REVISION: {minor}")
    (root / "etc/nv_tegra_release").write_text(release)
    done = battery(image, results, root, *(word for name in names for word in ("--model", name)))
    assert done.returncode in (0, 1), done.stdout + done.stderr  # 1: energy can't be measured here
    loaded = store.load(results / "run")
    assert loaded.missing() == ()
    lock = models_lock.load().models
    for record in loaded.records:
        assert {name for name in record.not_measured() if name != "energy"} == set(), record.task
        assert dict(record.host.versions)["torch"].split("+")[0] == torch
        assert record.host.l4t == l4t
    counted = {r.task.model: r.parameters.unique_count for r in loaded.records if r.task.test == "params"}
    assert counted == {name: lock[name].unique_parameter_count for name in names}
    weights = {r.task.model: r.provenance.weights_sha256 for r in loaded.records if r.task.test == "latency"}
    assert weights == {name: lock[name].weights_sha256 for name in names}


def test_the_locks_of_jetpack_6_serve_its_own_python():
    """In an image without torch: the stand-in that runs the battery has another Python than JetPack 6."""
    base = os.environ.get("JETSON6_PYTHON310_BASE") or pytest.skip("no base with Python 3.10")
    image = Image("suite:test-jetson6")
    native = {name: os.environ[f"JETSON5_{name}"] for name in ("CONTROLLER_PYTHON", "CONTROLLER_PYTHON_SHA256")}
    native |= {"BASE": base, "BOARD_MACHINE": "x86_64", "WORKER_VERSION": "3.10", "TORCH_LOCK": "jetson6.txt"}
    try:
        output(["docker/build", "jetson6", "--load", "--tag", image.name], **native)
        told = image.shell(
            "$SUITE_WORKER_PYTHON -W ignore -c 'import sys, numpy, sympy, transformers.models.lxmert; "
            'print("%d.%d" % sys.version_info[:2], numpy.__version__, transformers.__version__)\' 2>/dev/null'
        )
        assert told == "3.10 1.26.4 4.57.6\n"
    finally:
        run(["docker", "image", "rm", "--force", image.name])


def battery(image: Image, results: Path, root: Path, *options: str):
    """The quick plan on an emulated board, in the image's own architecture, which is not a board's for a stand-in."""
    file = results.parent / "compose.json"
    content = json.loads(file.read_text())
    content["services"]["suite"]["platform"] = image.platform
    file.write_text(json.dumps(content))
    words = ("all", "--quick", "--out", "results/run", *options)
    return compose(results, image.name, *words, files=FILES, SUITE_ROOT=str(root), **RUNC)


def test_make_bench_jetson_measures_the_rails_of_the_board(jetson, results, root, tmp_path, dot_env):
    board = Board(root, "orin-nano")
    mount(tmp_path, root, "/board", read_only=True)
    (results / "board.toml").write_text(PLAN)
    arguments = "--plan results/board.toml --out results/run --sysfs-root /board --power ina3221"
    # The files of this test beside those that `make env` finds; the image must be that of this build.
    wanted = settings(results, jetson.name, FILES) | {"COMPOSE_DISABLE_ENV_FILE": "0"}
    with board.drive(steady()):
        done = run(["make", "bench-jetson", f"ROOT={root}", f"ARGS={arguments}", "SUITE_RUNTIME=runc"], **wanted)
    assert done.returncode == 0, done.stdout + done.stderr

    told = dict(line.split("=", 1) for line in dot_env.read_text().splitlines() if not line.startswith("#"))
    assert (told["SUITE_PLATFORM"], told["JETPACK"]) == ("jetson6", "6")
    loaded = store.load(results / "run")
    assert loaded.missing() == ()
    assert {path.stat().st_uid for path in (results / "run").rglob("*")} == {PERSON}
    record = next(record for record in loaded.records if record.task.test == "energy")
    assert (record.host.board, record.host.l4t) == ("NVIDIA Jetson Orin Nano Developer Kit", "R36.4.0")
    assert record.host.lock_sha256 == jetson.labels["org.suite.lock.sha256"]
    assert record.host.container_image_digest == jetson.digest
    reading = record.energy
    assert (reading.source, reading.trace.rails) == ("ina3221", ("VDD_IN",))
    for window in reading.windows:
        assert window.energy_j / (window.end_s - window.start_s) == pytest.approx(POWER_W, rel=0.02)
    assert "Jetson Orin Nano" in (results / "run" / "report.md").read_text().splitlines()[0]


def test_the_client_in_the_image_hears_the_real_service_of_the_board(jetson, results, root, tmp_path):
    jetson_stats = environment("jetson-stats==4.3.2")
    with emulated(root, "orin-nano") as board, board.drive(steady()), service(jetson_stats, tmp_path):
        (results / "board.toml").write_text(PLAN.replace('"params", "latency", "energy"', '"energy"'))
        done = compose(
            results,
            jetson.name,
            *("all", "--plan", "results/board.toml", "--out", "results/run", "--power", "jtop"),
            files=(*FILES, "docker/compose.jtop.yaml"),
            SUITE_ROOT=str(root),
            SUITE_JTOP_GID=str(GROUP_ID),
            **RUNC,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    (record,) = store.load(results / "run").records
    reading = record.energy
    assert record.host.board == "NVIDIA Jetson Orin Nano Developer Kit"  # by the device tree that Compose mounts
    assert (reading.source, reading.trace.rails) == ("jtop", ("VDD_IN",))
    for window in reading.windows:
        assert window.energy_j / (window.end_s - window.start_s) == pytest.approx(POWER_W, rel=0.05)


def test_bench_jetson_says_on_another_machine_what_it_is_for(tmp_path):
    done = run(["make", "bench-jetson", f"ROOT={tmp_path}"])
    assert done.returncode == 2
    assert done.stdout.startswith(
        f"make: this is no Jetson board: there is no {tmp_path}/etc/nv_tegra_release; make build-"
    )


def test_bench_jetson_says_that_nvidias_runtime_is_not_there(root):
    if "nvidia" in json.loads(run(["docker", "info", "--format", "{{json .Runtimes}}"]).stdout):
        pytest.skip("this engine has NVIDIA's runtime")
    done = run(["make", "bench-jetson", f"ROOT={root}"])
    assert done.returncode == 2
    assert "the engine lacks NVIDIA's runtime, without which there is no CUDA in a container" in done.stdout
