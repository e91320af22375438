"""A GPU's counters: NVML by a stand-in, a Jetson's by its files. What NVML refuses is None, never 0."""

import pytest

from suite.worker import gpu_counters
from suite.worker.gpu_counters import Board, Reading, Tegra, between

OWN, OTHER, THIRD = 7, 8, 9
REFUSED = 3  # NVML_ERROR_NOT_SUPPORTED
NOBODY = 6  # NVML_ERROR_NOT_FOUND


class Nvml:
    """samples: (process, time in us, per cent). status: what each call answers, 0 unless named."""

    def __init__(self, samples=(), processes=(OWN, OTHER), bits=0, megahertz=1500, count=1, **status):
        self.samples, self.processes, self.bits, self.megahertz = samples, processes, bits, megahertz
        self.count, self.status, self.asked = count, status, []

    def answer(self, name):
        self.asked.append(name)
        return self.status.get(name, 0)

    def nvmlInit_v2(self):  # noqa: N802 (NVML's names, here and below)
        return self.answer("init")

    def nvmlDeviceGetHandleByPciBusId_v2(self, bus_id, _):  # noqa: N802
        return self.answer("handle " + bus_id.decode())

    def nvmlDeviceGetCount_v2(self, count):  # noqa: N802
        count._obj.value = self.count
        return self.answer("count")

    def nvmlDeviceGetHandleByIndex_v2(self, index, _):  # noqa: N802
        return self.answer(f"handle {index}")

    def nvmlDeviceGetClockInfo(self, _, kind, found):  # noqa: N802
        assert kind == 1  # NVML_CLOCK_SM
        found._obj.value = self.megahertz
        return self.answer("clock")

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, _, found):  # noqa: N802
        found._obj.value = self.bits
        return self.answer("throttle")

    def nvmlDeviceGetComputeRunningProcesses_v2(self, _, count, found):  # noqa: N802
        for place, process_id in enumerate(self.processes):
            found[place].process_id = process_id
        count._obj.value = len(self.processes)
        return self.answer("processes")

    def nvmlDeviceGetProcessUtilization(self, _, found, count, since_us):  # noqa: N802
        self.since_us = since_us.value
        for place, (process_id, time_us, percent) in enumerate(self.samples):
            found[place].process_id, found[place].time_us, found[place].sm_percent = process_id, time_us, percent
        count._obj.value = len(self.samples)
        return self.answer("utilisation")


def block(library):
    """The difference of two readings, at 5 s and at 6 s of the wall clock."""
    times_s = iter((5.0, 6.0))
    board = Board(library, "0000:81:00.0", OWN, lambda: next(times_s))
    return between(board.read(), board.read())


def test_clock_reasons_and_what_others_used_are_read():
    found = block(Nvml(samples=[(OWN, 5100000, 90), (OTHER, 5100000, 25)], bits=0x08 | 0x40))
    assert found == {
        "gpu_clock_hz": 1.5e9,
        "gpu_foreign_share": 0.25,
        "gpu_throttle": ["hardware slowdown", "hardware thermal slowdown"],
    }


@pytest.mark.parametrize(
    ("samples", "share"),
    [
        ([(OWN, 5100000, 90)], 0.0),
        ([(OTHER, 5100000, 25)], 0.25),
        ([(OTHER, 5100000, 20), (OTHER, 5300000, 40)], 0.3),  # the mean of one process's samples
        ([(OWN, 5100000, 50), (OTHER, 5200000, 20), (THIRD, 5300000, 30)], 0.5),  # the sum of several processes'
        ([(OTHER, 5100000, 80), (THIRD, 5100000, 80)], 1.0),
        ([(OWN, 5100000, 50), (OTHER, 4900000, 80)], 0.0),  # before the block
        ([(OTHER, 4900000, 80)], None),
        ([], None),  # no sample fell into the block: unknown, not idle
    ],
)
def test_the_share_of_others_is_of_the_samples_since(samples, share):
    library = Nvml(samples=samples)
    assert block(library)["gpu_foreign_share"] == (share if share is None else pytest.approx(share))
    assert library.since_us == 5000000


def test_nobody_among_the_samples_is_unknown():
    assert block(Nvml(utilisation=NOBODY))["gpu_foreign_share"] is None


def test_in_a_container_that_numbers_processes_otherwise_the_share_is_unknown():
    samples = [(4321, 5100000, 90), (OTHER, 5100000, 25)]
    assert block(Nvml(samples=samples, processes=(4321, OTHER)))["gpu_foreign_share"] is None


def test_who_is_on_the_board_is_asked_until_this_process_was_named():
    library = Nvml(samples=[(OWN, 5100000, 90)])
    board = Board(library, None, OWN, lambda: 5.0)
    for _ in range(4):
        board.read()
    assert library.asked.count("processes") == 1


@pytest.mark.parametrize(
    ("refused", "field"),
    [("clock", "gpu_clock_hz"), ("throttle", "gpu_throttle"), ("utilisation", "gpu_foreign_share")],
)
def test_what_is_refused_is_none_and_the_rest_is_told(refused, field):
    found = block(Nvml(samples=[(OWN, 5100000, 90)], **{refused: REFUSED}))
    assert [name for name, value in found.items() if value is None] == [field]


def test_idleness_and_clocks_that_somebody_set_lower_nothing():
    """0x1 idle, 0x2 application clocks setting; 0x10 and 0x100 are synchronised boards and displays."""
    assert block(Nvml(bits=0x1 | 0x2))["gpu_throttle"] == []
    assert block(Nvml(bits=0x4 | 0x20 | 0x80))["gpu_throttle"] == [
        "hardware power brake",
        "software power cap",
        "software thermal slowdown",
    ]


def test_a_reason_at_either_edge_counts():
    found = between(Reading(1e9, ("software power cap",), None), Reading(1e9, (), None))
    assert found["gpu_throttle"] == ["software power cap"]
    assert between(Reading(1e9, None, None), Reading(1e9, (), None))["gpu_throttle"] is None


@pytest.mark.parametrize(
    ("bus_id", "library"),
    [
        (None, Nvml(init=9)),
        (None, Nvml(count=2)),
        (None, Nvml(**{"handle 0": 15})),
        ("0000:81:00.0", Nvml(**{"handle 0000:81:00.0": 28})),
    ],
)
def test_a_board_that_is_not_surely_the_one_is_not_read(bus_id, library):
    with pytest.raises(LookupError):
        Board(library, bus_id)


class Torch:
    """Stands for torch and torch.cuda, with a device at that address."""

    def __init__(self, **address):
        self.cuda, self.address = self, address

    def get_device_properties(self, _):
        properties = type("Properties", (), self.address)
        return properties()


ADDRESS = {"pci_domain_id": 0, "pci_bus_id": 0x81, "pci_device_id": 2}


def test_the_board_is_found_by_its_address_on_the_bus(tmp_path, monkeypatch):
    library = Nvml()
    monkeypatch.setattr(gpu_counters.ctypes, "CDLL", lambda _: library)
    assert isinstance(gpu_counters.find(Torch(**ADDRESS), "cuda:0", str(tmp_path)), Board)
    assert library.asked == ["init", "handle 0000:81:02.0"]


def test_a_torch_that_tells_no_address_finds_the_only_board(tmp_path, monkeypatch):
    library = Nvml()
    monkeypatch.setattr(gpu_counters.ctypes, "CDLL", lambda _: library)
    assert isinstance(gpu_counters.find(Torch(), "cuda:0", str(tmp_path)), Board)
    assert library.asked == ["init", "count", "handle 0"]


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_no_other_device_is_read(device, tmp_path):
    assert gpu_counters.find(None, device, str(tmp_path)) is None


def test_without_nvidia_s_library_nothing_is_read(tmp_path, monkeypatch):
    def absent(_):
        raise OSError("no such library")

    monkeypatch.setattr(gpu_counters.ctypes, "CDLL", absent)
    assert gpu_counters.find(Torch(), "cuda:0", str(tmp_path)) is None


@pytest.mark.parametrize("name", ["57000000.gpu", "17000000.gpu", "17000000.ga10b", "17000000.gv11b", "gpu-gpc-0"])
def test_a_jetson_tells_its_clock_and_neither_who_uses_it_nor_why_it_is_low(tmp_path, name):
    folder = tmp_path / "sys/class/devfreq" / name
    folder.mkdir(parents=True)
    (folder / "cur_freq").write_text("921600000\n")
    source = gpu_counters.find(None, "cuda:0", str(tmp_path))
    assert isinstance(source, Tegra)
    assert between(source.read(), source.read()) == {
        "gpu_clock_hz": 921.6e6,
        "gpu_foreign_share": None,
        "gpu_throttle": None,
    }


@pytest.mark.parametrize("text", [None, "", "fast\n"])
def test_a_jetson_s_clock_that_cannot_be_read_is_none(tmp_path, text):
    folder = tmp_path / "sys/class/devfreq/17000000.gpu"
    folder.mkdir(parents=True)
    if text is not None:
        (folder / "cur_freq").write_text(text)
    assert gpu_counters.find(None, "cuda:0", str(tmp_path)).read() == (None, None, None)


def test_what_the_driver_books_on_this_process_is_told_of_this_process_alone():
    assert Board(Booked({OWN: 5000, OTHER: 7000}), None, own_id=OWN).own_bytes() == 5000
    assert Board(Booked({OTHER: 7000}), None, own_id=OWN).own_bytes() is None  # in a container it has another number
    assert Board(Booked({OWN: 2**64 - 1}), None, own_id=OWN).own_bytes() is None  # not to be told on this system
    refusing = Booked({OWN: 5000})
    refusing.status["processes"] = REFUSED
    assert Board(refusing, None, own_id=OWN).own_bytes() is None


class Booked(Nvml):
    def __init__(self, used):
        super().__init__(processes=tuple(used))
        self.used = used

    def nvmlDeviceGetComputeRunningProcesses_v2(self, handle, count, found):  # noqa: N802
        for place, used_bytes in enumerate(self.used.values()):
            found[place].used_bytes = used_bytes
        return super().nvmlDeviceGetComputeRunningProcesses_v2(handle, count, found)
