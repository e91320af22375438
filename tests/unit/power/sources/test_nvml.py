"""The source nvml on a faked library and clock: every joule and every refusal is known."""

from __future__ import annotations

import math

import pytest

from suite.errors import SensorError, UsageError
from suite.power.sources.nvml.library import FOLDERS, LIBRARY, Library, NvmlError, find
from suite.power.sources.nvml.source import Nvml

STEP_S = 0.1
WATTS = (50.0, 200.0)


class FakeGpus:
    """Boards that draw WATTS; their counters move every STEP_S, 0.03 s after its multiples."""

    def __init__(self, *, counter=True, watts=WATTS, failure=None):
        self.now_s = 100.0
        self.counter, self.watts, self.failure = counter, watts, failure
        self.stopped_s = None
        self.closed = 0

    def load(self, _path):
        if isinstance(self.failure, Exception):
            raise self.failure
        return self

    def source(self):
        return Nvml(load=self.load, clock=lambda: self.now_s, sleep=self.sleep)

    def sleep(self, duration_s):
        self.now_s += duration_s

    def count(self):
        return len(self.watts)

    def name(self, index):
        return f"board {index}"

    def energy_j(self, index):
        if not self.counter:
            raise NvmlError(3, "it does not support that")
        at_s = min(self.now_s, self.stopped_s or math.inf)
        return round(math.floor((at_s - 0.03) / STEP_S) * STEP_S * self.watts[index], 3)

    def power_w(self, index):
        if self.watts[index] is None:
            raise NvmlError(3, "it does not support that")
        return self.watts[index]

    def close(self):
        self.closed += 1


def test_a_reading_of_the_counter_lies_on_its_step():
    gpus = FakeGpus()
    source = gpus.source()
    described = source.open({})
    assert (described.quantity, described.rails, described.part) == ("counter", ("gpu0", "gpu1"), "gpu board")
    assert described.scope == "2 GPU boards, beside the CPU's package, never instead of it (board 0, board 1)"
    assert described.minimum_window_s == 5.0
    samples = []
    for _ in range(20):
        gpus.now_s += 0.07  # less than a step: it waits
        samples.append(source.read())
    for sample in samples:
        assert 0 <= (sample.time_s - 0.03) % STEP_S < 0.006
    first, last = samples[0], samples[-1]
    spent_j = [b - a for a, b in zip(first.values, last.values, strict=True)]
    assert spent_j == pytest.approx([watts * (last.time_s - first.time_s) for watts in WATTS], rel=0.004)


def test_without_a_new_step_the_last_stamp_is_given_again():
    gpus = FakeGpus()
    source = gpus.source()
    source.open({})
    last = source.read()
    gpus.stopped_s = gpus.now_s
    assert source.read() == last


def test_a_counter_that_stops_is_frozen():
    gpus = FakeGpus()
    source = gpus.source()
    source.open({})
    gpus.stopped_s = gpus.now_s
    gpus.now_s += 4.0
    with pytest.raises(SensorError, match="stood still") as caught:
        source.read()
    assert caught.value.code == "SENSOR_FROZEN"


def test_a_board_without_a_counter_is_read_by_its_power():
    source = FakeGpus(counter=False, watts=(70.0,)).source()
    described = source.open({})
    assert (described.quantity, described.rails, described.settle_s) == ("power", ("gpu0",), 2.0)
    assert described.scope == (
        "GPU board, beside the CPU's package, never instead of it "
        "(board 0; by power readings, since there is no energy counter)"
    )
    assert source.read().values == (70.0,)


def test_a_counter_that_never_moves_is_none():
    gpus = FakeGpus()
    gpus.stopped_s = 100.0
    assert gpus.source().open({}).quantity == "power"


def test_on_a_jetson_the_library_loads_and_has_no_power():
    gpus = FakeGpus(counter=False, watts=(None,))
    absent = gpus.source().available({})
    assert absent.code == "NVML_UNSUPPORTED"
    assert "does not support" in absent.reason
    assert "ina3221" in absent.remedy
    assert gpus.closed == 1


@pytest.mark.parametrize(
    ("gpus", "reason"),
    [
        (FakeGpus(failure=NvmlError(None, "its library can't be loaded (x)")), "library can't be loaded"),
        (FakeGpus(failure=NvmlError(9, "the NVIDIA driver is not loaded")), "driver is not loaded"),
        (FakeGpus(watts=()), "it shows no GPU"),
        (FakeGpus(counter=False, watts=(0.0,)), "it shows 0 W"),
    ],
    ids=["no library", "no driver", "no GPU", "0 W"],
)
def test_what_gives_no_real_sample_is_not_used(gpus, reason):
    absent = gpus.source().available({})
    assert absent.code == "NVML_UNSUPPORTED"
    assert reason in absent.reason
    assert "--gpus all" in absent.remedy


@pytest.mark.parametrize(("asked", "rails"), [("0", ("gpu0",)), ("1", ("gpu1",)), ("1+0", ("gpu1", "gpu0"))])
def test_the_gpus_asked_for_are_the_rails(asked, rails):
    assert FakeGpus().source().open({"gpu": asked}).rails == rails


def test_a_gpu_that_is_not_there_is_named():
    with pytest.raises(SensorError, match="there is no GPU 7, only 0, 1"):
        FakeGpus().source().open({"gpu": "7"})


@pytest.mark.parametrize("text", ["x", "0-1", "0+0", "-1", ""])
def test_a_wrong_number_is_wrong_use(text):
    with pytest.raises(UsageError, match="--power nvml: gpu "):
        Nvml().check({"gpu": text})


def test_a_gpu_that_is_lost_ends_the_source_alone():
    gpus = FakeGpus()
    source = gpus.source()
    source.open({})
    gpus.counter = False
    with pytest.raises(SensorError, match="gave readings and then none") as caught:
        source.read()
    assert caught.value.code == "SENSOR_LOST"


def test_the_library_is_loaded_once_for_the_look_and_the_reading():
    gpus = FakeGpus()
    source = gpus.source()
    assert source.available({}) is None
    source.open({})
    source.close()
    source.close()
    assert gpus.closed == 1


def test_under_another_root_only_its_own_library_counts(tmp_path):
    assert find(tmp_path) == str(tmp_path / FOLDERS[0] / LIBRARY)
    with pytest.raises(NvmlError, match="can't be loaded"):
        Library(find(tmp_path))
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "usr/lib" / LIBRARY).touch()
    assert find(tmp_path) == str(tmp_path / "usr/lib" / LIBRARY)


def test_a_gpu_that_gives_nothing_is_named_and_costs_the_others_nothing():
    described = FakeGpus(counter=False, watts=(70.0, None, 0.0)).source().open({})
    assert described.rails == ("gpu0",)
    assert "; without GPU 1: it does not support that; without GPU 2: it shows 0 W" in described.scope


def test_a_gpu_that_was_asked_for_and_gives_nothing_is_refused():
    absent = FakeGpus(counter=False, watts=(70.0, None)).source().available({"gpu": "0+1"})
    assert absent.code == "NVML_UNSUPPORTED"


@pytest.mark.parametrize("watts", [4294967.295, 1e9, -5.0])
def test_a_power_that_no_board_draws_is_none(watts):
    absent = FakeGpus(counter=False, watts=(watts,)).source().available({})
    assert absent.code == "NVML_UNSUPPORTED"
    gpus = FakeGpus(counter=False, watts=(70.0,))
    source = gpus.source()
    source.open({})
    gpus.watts = (watts,)
    with pytest.raises(SensorError, match="which no board draws") as caught:
        source.read()
    assert caught.value.code == "SENSOR_LOST"


def test_a_second_counter_that_stands_still_is_no_energy_of_zero():
    class Half(FakeGpus):
        def energy_j(self, index):
            return 77.0 if index == 1 and self.now_s > 110.0 else super().energy_j(index)

    gpus = Half()
    source = gpus.source()
    source.open({})
    gpus.now_s = 110.0
    source.read()

    def on(count):
        for _ in range(count):
            gpus.now_s += 0.1
            source.read()

    with pytest.raises(SensorError) as caught:
        on(60)
    assert caught.value.code in ("COUNTER_FROZEN", "COUNTER_RESET")


def test_a_second_counter_that_never_moves_is_none():
    class Half(FakeGpus):
        def energy_j(self, index):
            return 77.0 if index == 1 else super().energy_j(index)

    assert Half().source().open({}).quantity == "power"


@pytest.mark.parametrize(("jump_j", "code"), [(-1000.0, "COUNTER_RESET"), (1e9, "COUNTER_RESET")])
def test_a_counter_that_jumps_is_refused(jump_j, code):
    gpus = FakeGpus(watts=(50.0,))
    source = gpus.source()
    source.open({})
    steady = gpus.energy_j
    gpus.energy_j = lambda index: steady(index) + jump_j
    gpus.now_s += 0.1
    with pytest.raises(SensorError) as caught:
        source.read()
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("code", "remedy"), [(18, "restart the machine"), (4, "--gpus all"), (15, "Xid"), (9, "install its")]
)
def test_the_remedy_fits_what_the_library_answered(code, remedy):
    absent = FakeGpus(failure=NvmlError(code, "it said why")).source().available({})
    assert absent.code == "NVML_UNSUPPORTED"
    assert remedy in absent.remedy
