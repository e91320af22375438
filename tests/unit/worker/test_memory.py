"""Memory as the system's files say it, read from trees that the tests make."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from suite.worker import memory
from suite.worker.outcome import WorkerFault

STATUS = "Name:\tpython\nVmPeak:\t  900000 kB\nVmHWM:\t  300000 kB\nVmRSS:\t  200000 kB\nThreads:\t2\n"


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "proc" / "self"
    folder.mkdir(parents=True)
    (folder / "status").write_text(STATUS)
    (folder / "clear_refs").write_text("")
    return tmp_path


def test_a_kilobyte_of_the_kernel_has_1024_bytes(root):
    assert memory.process_memory(str(root), "linux") == (204_800_000, 307_200_000)


def test_the_peak_is_reset_by_writing_5(root):
    assert memory.reset_peak(str(root))
    assert (root / "proc" / "self" / "clear_refs").read_text() == "5"


def test_where_nothing_can_be_reset_the_answer_says_so(tmp_path):
    assert not memory.reset_peak(str(tmp_path))


@pytest.mark.parametrize("content", [None, "Name:\tpython\n"])
def test_memory_that_cannot_be_read_is_a_fault_and_no_zero(tmp_path, content):
    if content is not None:
        (tmp_path / "proc" / "self").mkdir(parents=True)
        (tmp_path / "proc" / "self" / "status").write_text(content)
    with pytest.raises(WorkerFault) as caught:
        memory.process_memory(str(tmp_path), "linux")
    assert caught.value.code == "MEMORY_UNREADABLE"


def test_this_process_holds_what_it_was_given():
    before = memory.process_memory().resident_bytes
    block = bytearray(b"x" * 128_000_000)  # too large for memory that was freed before
    after = memory.process_memory()
    assert after.resident_bytes - before > 0.9 * len(block)
    assert after.peak_resident_bytes >= after.resident_bytes


class Backend:
    """Stands for torch.cuda and torch.mps."""

    def __init__(self):
        self.calls = []

    def max_memory_allocated(self, device):
        self.calls.append(("max_memory_allocated", device))
        return 1000

    def reset_peak_memory_stats(self, device):
        self.calls.append(("reset_peak_memory_stats", device))

    def memory_allocated(self, device):
        return 700

    def driver_allocated_memory(self):
        return 2000

    def empty_cache(self):
        self.calls.append(("empty_cache",))


class Torch:
    def __init__(self):
        self.cuda, self.mps = Backend(), Backend()


def test_the_cpu_has_no_device_memory():
    torch = Torch()
    memory.reset_device_peak(torch, "cpu")
    memory.give_back(torch, "cpu")
    assert memory.device_peak_bytes(torch, "cpu") is None
    assert torch.cuda.calls == torch.mps.calls == []


def test_a_cuda_device_keeps_its_own_peak():
    torch = Torch()
    memory.reset_device_peak(torch, "cuda:1")
    memory.give_back(torch, "cuda:1")
    assert memory.device_peak_bytes(torch, "cuda:1") == 1000
    assert torch.cuda.calls == [
        ("reset_peak_memory_stats", "cuda:1"),
        ("empty_cache",),
        ("max_memory_allocated", "cuda:1"),
    ]


def test_mps_says_what_its_driver_holds():
    assert memory.device_peak_bytes(Torch(), "mps") == 2000


# setuid leaves a process whose /proc is the superuser's; in an ordinary user's, `exec` has undone that.
AS_ORDINARY_USER = """
import ctypes, os, sys
sys.path.insert(0, sys.argv[1])
from suite.worker import memory
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE <sys/prctl.h>
block = bytearray(b"x" * 128_000_000)
del block
before = memory.process_memory()
was_reset = memory.reset_peak()
after = memory.process_memory()
print(os.getuid() != 0, was_reset, before.peak_resident_bytes - after.peak_resident_bytes > 100_000_000)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="this system can't start a new peak")
def test_an_ordinary_user_s_peak_is_reset_on_the_real_file():
    repository = str(Path(__file__).resolve().parents[3])
    done = subprocess.run(
        [sys.executable, "-c", AS_ORDINARY_USER, repository],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.stdout.decode().split() == ["True"] * 3


def test_what_is_held_is_read_in_pages(tmp_path):
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "statm").write_text("900 250 30 1 0 400 0\n")
    assert memory.held_bytes(Torch(), "cpu", str(tmp_path), "linux") == 250 * os.sysconf("SC_PAGE_SIZE")
    assert memory.held_bytes(Torch(), "cpu") > 1_000_000
    assert memory.held_bytes(Torch(), "cpu", platform="darwin") > 1_000
    assert memory.held_bytes(Torch(), "cuda:0", str(tmp_path / "none"), "linux") == 700


class Gpu:
    """Stands for torch with a CUDA device; `info` None: a torch before 1.11."""

    def __init__(self, info=(3000, 8000), is_integrated=False):
        self.cuda = Namespace(
            memory_reserved=lambda _: 1200,
            max_memory_reserved=lambda _: 1500,
            get_device_properties=lambda _: Namespace(**({} if is_integrated is None else self.told)),
        )
        self.told = {"is_integrated": is_integrated}
        if info is not None:
            self.cuda.mem_get_info = lambda _: info


class Namespace:
    def __init__(self, **values):
        self.__dict__.update(values)


def account(**told):
    return {**dict.fromkeys(memory.ACCOUNT), **told}


def test_what_the_driver_books_beyond_the_pool_is_context():
    assert memory.device_account(Gpu(), "cuda:0", own_bytes=1800) == account(
        device_free_bytes=3000,
        device_total_bytes=8000,
        device_reserved_peak_bytes=1500,
        device_context_bytes=600,
        device_is_unified=False,
    )


@pytest.mark.parametrize("own_bytes", [None, 1000])  # less than the pool is of another moment, or another process
def test_a_context_that_can_t_be_is_not_known(own_bytes):
    assert memory.device_account(Gpu(), "cuda:0", own_bytes)["device_context_bytes"] is None


def test_an_old_torch_tells_less_and_not_nothing():
    found = memory.device_account(Gpu(info=None, is_integrated=None), "cuda:0")
    assert found == account(device_reserved_peak_bytes=1500)


def test_a_jetson_shares_its_memory():
    assert memory.device_account(Gpu(is_integrated=1), "cuda:0")["device_is_unified"] is True


def test_mps_shares_the_machine_s_memory():
    mps = Namespace(recommended_max_memory=lambda: 9000, driver_allocated_memory=lambda: 2000)
    told = account(device_is_unified=True, device_total_bytes=9000, device_free_bytes=7000)
    assert memory.device_account(Namespace(mps=mps), "mps") == told
    assert memory.device_account(Namespace(mps=Namespace()), "mps") == account(device_is_unified=True)


def test_the_cpu_has_no_account_of_a_device():
    assert memory.device_account(None, "cpu") == account()


def test_what_can_still_be_taken_of_the_machine_is_the_kernel_s_word(tmp_path):
    assert memory.available_bytes(str(tmp_path)) is None
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:    4000 kB\n")
    assert memory.available_bytes(str(tmp_path)) == 4_096_000
    (tmp_path / "proc" / "meminfo").write_text("MemTotal: 9 kB\n")
    assert memory.available_bytes(str(tmp_path)) is None
