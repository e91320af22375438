"""Ceilings of calls whose cost is known, on a clock that only they move; and of this machine's own torch."""

import pytest

from suite.worker import interference, roofline, timing
from suite.worker.outcome import WorkerFault

MIB = 2**20


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


class Work:
    """A call that takes seconds of the clock, the next of its costs each time."""

    def __init__(self, clock, *cost_s):
        self.clock, self.cost_s, self.count = clock, cost_s, 0

    def __call__(self):
        self.clock.now_s += self.cost_s[self.count % len(self.cost_s)]
        self.count += 1


@pytest.fixture
def device():
    return roofline.Device(None, "cpu", None, Clock())


def test_a_block_has_as_many_calls_as_fill_it_and_blocks_fill_the_budget(device):
    work = Work(device.clock, 0.015625)
    found = roofline.ceiling(work, 1000, device, 1.0)
    assert (found.amount, found.call_count) == (1000, 3)
    assert found.block_s == [0.046875] * 22  # the one that is begun is ended
    assert work.count == 2 + 3 * 22


def test_a_slow_device_makes_the_least_number_of_blocks_of_one_call(device):
    work = Work(device.clock, 2.0)
    found = roofline.ceiling(work, 1000, device, 1.0)
    assert (found.call_count, found.block_s) == (1, [2.0] * roofline.MIN_BLOCK_COUNT)


def test_blocks_are_bounded_where_the_clock_hardly_moves(device):
    found = roofline.ceiling(Work(device.clock, 0.0), 1000, device, 1.0)
    assert (found.call_count, len(found.block_s)) == (100000, roofline.MAX_BLOCK_COUNT)


def test_the_device_is_waited_for_at_both_edges_of_a_block():
    told = []
    clock = Clock()
    device = roofline.Device(None, "cuda:0", lambda: told.append("wait"), clock)
    device.block(lambda: told.append("call"), 2)
    assert told == ["wait", "call", "call", "wait"]


def test_of_all_sizes_the_one_with_the_highest_rate_is_taken(device):
    seconds = {128: 0.001, 256: 0.004, 512: 0.02, 1024: 0.2}  # rates 1, 2, 3.2, 2.56; the next would take 1.6 s
    tried = []

    def product(size):
        tried.append(size)
        return Work(device.clock, seconds[size])

    assert roofline.best_size(product, device, bool) == 512
    assert tried == [128, 256, 512, 1024]


def test_no_size_is_tried_that_memory_or_time_do_not_allow(device):
    tried = []

    def product(size):
        tried.append(size)
        return Work(device.clock, 1e-6)

    roofline.best_size(product, device, lambda size: size <= 256)
    assert tried == [128, 256]
    tried.clear()
    assert roofline.best_size(lambda size: tried.append(size) or Work(device.clock, 9.0), device, bool) == 128
    assert tried == [128]


@pytest.mark.parametrize(
    ("caches", "wanted"), [(None, 256 * MIB), (MIB, 64 * MIB), (36 * MIB, 288 * MIB), (512 * MIB, 1024 * MIB)]
)
def test_tensors_are_far_larger_than_the_caches_within_limits(caches, wanted):
    assert roofline.wanted_bytes(caches) == wanted


def cache(root, place, **told):
    folder = root / "sys/devices/system/cpu" / place
    folder.mkdir(parents=True)
    for name, value in told.items():
        if value is not None:
            (folder / name).write_text(f"{value}\n")


def two_cores(root, size="32M"):
    for cpu in (0, 1):
        place = f"cpu{cpu}/cache/index"
        cache(root, place + "0", level=1, type="Data", shared_cpu_list=cpu, size="32K")
        cache(root, place + "1", level=1, type="Instruction", shared_cpu_list=cpu, size="32K")
        cache(root, place + "2", level=2, type="Unified", shared_cpu_list=cpu, size="1024K")
        cache(root, place + "3", level=3, type="Unified", shared_cpu_list="0-1", size=size)


def test_caches_are_counted_once_from_the_second_level_on(tmp_path):
    two_cores(tmp_path)
    assert roofline.cpu_cache_bytes(str(tmp_path), {0, 1}) == 34 * MIB
    assert roofline.cpu_cache_bytes(str(tmp_path), None) == 34 * MIB
    assert roofline.cpu_cache_bytes(str(tmp_path), {1}) == 33 * MIB


@pytest.mark.parametrize("size", [None, "", "large", "-1K"])
def test_a_cache_that_is_not_told_makes_all_of_them_unknown(tmp_path, size):
    two_cores(tmp_path, size)
    assert roofline.cpu_cache_bytes(str(tmp_path), {0, 1}) is None


def test_a_machine_without_the_folder_has_no_known_caches(tmp_path):
    assert roofline.cpu_cache_bytes(str(tmp_path), {0}) is None


class Cuda:
    """Stands for torch and torch.cuda of a board with 8 GiB of which 6 are free; an old torch tells neither."""

    def __init__(self, tells):
        self.cuda = self
        if tells:
            self.mem_get_info = lambda _device: (6144 * MIB, 8192 * MIB)
            self.L2_cache_size = 50 * MIB

    def get_device_properties(self, _device):
        return self


def test_a_gpu_tells_its_cache_and_what_it_has_free():
    device = roofline.Device(Cuda(tells=True), "cuda:0", None, Clock())
    assert roofline.cache_bytes(device.torch, "cuda:0") == 50 * MIB
    assert roofline._free_on(device, 1) == 1536 * MIB


def test_what_an_old_torch_does_not_tell_of_a_gpu_is_unknown():
    device = roofline.Device(Cuda(tells=False), "cuda:0", None, Clock())
    assert roofline.cache_bytes(device.torch, "cuda:0") is None
    assert roofline._free_on(device, 77) == 77


def test_an_apple_device_tells_no_cache_and_shares_the_machine_s_memory():
    device = roofline.Device(Cuda(tells=True), "mps", None, Clock())
    assert roofline.cache_bytes(device.torch, "mps") is None
    assert roofline._free_on(device, 77) == 77


def answer(clock, **changes):
    asked = {"device": "cpu", "thread_count": 1, "precisions": ["fp32"], "duration_s": 0.02, "memory_bytes": 8 * MIB}
    return roofline.answer(clock, interference.Meter(clock, interference.Machine()), **dict(asked, **changes))


def test_this_machine_has_ceilings_within_the_memory_that_it_may_take():
    found = answer(timing.system_clock())
    assert found["thread_count"] == 1
    assert found["synchronisation"] == "none needed: cpu"
    assert found["tensor_bytes"] <= 4 * MIB
    assert found["copy"]["amount"] == 2 * found["tensor_bytes"]
    assert found["read"]["amount"] == found["tensor_bytes"]
    (product,) = found["matmul"]
    assert product["precision"] == "fp32"
    assert product["amount"] == 2 * product["size"] ** 3
    assert 3 * 4 * product["size"] ** 2 <= 8 * MIB
    for blocks in (found["copy"], found["read"], product):
        assert len(blocks["block_s"]) >= roofline.MIN_BLOCK_COUNT
        assert min(blocks["block_s"]) > 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"precisions": ["fp8"]}, "UNSUPPORTED_PRECISION"), ({"device": "cuda:77"}, "UNSUPPORTED_DEVICE")],
)
def test_what_is_not_there_is_refused(changes, code):
    with pytest.raises(WorkerFault) as caught:
        answer(Clock(), **changes)
    assert caught.value.code == code
