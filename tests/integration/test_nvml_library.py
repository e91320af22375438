"""The source nvml through the whole pipeline, on a compiled stand-in for NVIDIA's library; alone and beside RAPL."""

from __future__ import annotations

import math
import shutil
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from suite.power.choice import select
from suite.power.meter import Meter, WindowRule
from suite.power.sources.nvml.library import LIBRARY, Library, NvmlError
from tests.simulator import Board, Scene, constant, energy_j

SOURCE = Path(__file__).parents[1] / "data" / "nvml" / "nvml.c"
STEP_S = 0.1
RULE = WindowRule(min_window_s=5.0, min_period_count=1, min_call_count=1)
CALL_S = 0.05
RAPL_IDLE_W, RAPL_LOAD_W = 5.0, 20.0
GPU_IDLE_W, GPU_LOAD_W = 30.0, 150.0


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("the stand-in for NVIDIA's library needs a C compiler: install gcc")
    built = tmp_path_factory.mktemp("nvml") / LIBRARY
    subprocess.run([compiler, "-shared", "-fPIC", "-Wall", "-Werror", "-o", built, SOURCE], check=True)
    return built


@pytest.fixture
def root(library, tmp_path, monkeypatch):
    """A root with the library, whose GPUs show what `show` wrote last."""
    (tmp_path / "usr/lib").mkdir(parents=True)
    shutil.copy(library, tmp_path / "usr/lib" / LIBRARY)
    monkeypatch.setenv("FAKE_NVML", str(tmp_path / "gpus"))
    return tmp_path


def show(root, *gpus):
    """Each GPU as (energy in J, power in W, name); None: not supported."""
    lines = [
        f"{-1 if joules is None else round(joules * 1000)} {-1 if watts is None else round(watts * 1000)} {name}\n"
        for joules, watts, name in gpus
    ]
    fresh = root / "gpus.new"
    fresh.write_text("".join(lines))
    fresh.replace(root / "gpus")


@contextmanager
def running(root, power, shares=(1.0,)):
    """GPUs that share the power; their counters move every STEP_S, as a driver's do."""
    began_s, ended = time.monotonic(), threading.Event()

    def step():
        step_s = began_s + math.floor((time.monotonic() - began_s) / STEP_S) * STEP_S
        joules = 1000.0 + energy_j(power, began_s, step_s)
        show(root, *((share * joules, share * power(step_s), f"Board {place}") for place, share in enumerate(shares)))

    def run():
        while not ended.wait(STEP_S - (time.monotonic() - began_s) % STEP_S):
            step()

    step()
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class Load:
    """Switches each scene to its load while calls run."""

    def __init__(self, *scenes):
        self.scenes = scenes

    def __call__(self, duration_s):
        for scene, _, load_w in self.scenes:
            scene.switch(constant(load_w))
        started_s, call_count = time.monotonic(), 0
        while time.monotonic() < started_s + duration_s:
            time.sleep(CALL_S)
            call_count += 1
        ended_s = time.monotonic()
        for scene, idle_w, _ in self.scenes:
            scene.switch(constant(idle_w))
        return started_s, ended_s, call_count


def assert_true(reading, power, relative):
    truths_j = [energy_j(power, window.start_s, window.end_s) for window in reading.windows]
    assert [window.energy_j for window in reading.windows] == pytest.approx(truths_j, rel=relative)


def test_the_counters_joules_are_the_drivers(root):
    scene = Scene(constant(GPU_IDLE_W))
    with running(root, scene, shares=(0.75, 0.25)):
        meter = select(f"nvml:root={root}", rule=RULE)
        assert isinstance(meter, Meter), meter
        reading = meter.measure(Load((scene, GPU_IDLE_W, GPU_LOAD_W)), 2, 5.0, 5.0)
    assert reading.method == "counter"
    assert (reading.source, reading.part) == ("nvml", "gpu board")
    assert "2 GPU boards" in reading.scope
    assert "Board 0, Board 1" in reading.scope
    assert reading.trace.rails == ("gpu0", "gpu1")
    assert reading.sample_period_s == pytest.approx(STEP_S, rel=0.2)
    assert_true(reading, scene, relative=0.01)
    assert reading.idle_before_w == pytest.approx(GPU_IDLE_W, rel=0.02)


def test_by_itself_auto_takes_the_package_and_puts_the_gpu_beside_it(root):
    package, gpu = Scene(constant(RAPL_IDLE_W)), Scene(constant(GPU_IDLE_W))
    board = Board(root, "intel", update_s=0.02)
    with board.drive(package), running(root, gpu):
        meter = select(f"auto:root={root}", rule=RULE)
        assert [gauge.source for gauge in meter.gauges] == ["rapl", "nvml"]
        load = Load((package, RAPL_IDLE_W, RAPL_LOAD_W), (gpu, GPU_IDLE_W, GPU_LOAD_W))
        cpu_reading, gpu_reading = meter.measure_all(load, 1, 5.0, 5.0)
    assert_true(cpu_reading, package, relative=0.01)
    assert_true(gpu_reading, gpu, relative=0.01)
    assert (cpu_reading.part, gpu_reading.part) == ("cpu package", "gpu board")


def test_without_a_counter_its_power_is_integrated(root):
    show(root, (None, 80.0, "Old Board"))
    meter = select(f"nvml:root={root}", rule=RULE)
    assert (meter.description.quantity, meter.description.rails) == ("power", ("gpu0",))


def test_a_jetsons_library_has_no_power(root):
    show(root, (None, None, "Orin (nvgpu)"))
    absent = select(f"nvml:root={root}")
    assert absent.code == "NVML_UNSUPPORTED"
    assert "does not support" in absent.reason


def test_without_a_driver_it_says_so(root):
    assert "driver is not loaded" in select(f"nvml:root={root}").reason


def test_the_librarys_answers_are_in_si_units(root, library):
    show(root, (12.5, 60.25, "Board A"), (3.0, 7.0, "Board B"))
    gpus = Library(str(library))
    assert gpus.count() == 2
    assert [gpus.name(index) for index in (0, 1)] == ["Board A", "Board B"]
    assert gpus.energy_j(0) == pytest.approx(12.5)
    assert gpus.power_w(1) == pytest.approx(7.0)
    with pytest.raises(NvmlError, match="error 2"):
        gpus.energy_j(5)
    gpus.close()
