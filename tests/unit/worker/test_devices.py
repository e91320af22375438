"""Devices as a torch says it has them; every torch here is a fake."""

import pytest

from suite.worker import devices
from suite.worker.outcome import WorkerFault


class Namespace:
    def __init__(self, **values):
        self.__dict__.update(values)


class Torch:
    """A torch with so many CUDA devices, and MPS or none, or (mps None) too old to know of it."""

    __version__ = "9.9"

    def __init__(self, cuda_count=0, mps=None):
        self.waited = []
        self.thread_count = 4
        self.cuda = Namespace(
            is_available=lambda: cuda_count > 0, device_count=lambda: cuda_count, synchronize=self.waited.append
        )
        self.mps = Namespace(synchronize=lambda: self.waited.append("mps"))
        self.backends = Namespace()
        if mps is not None:
            self.backends.mps = Namespace(is_available=lambda: mps)

    def get_num_threads(self):
        return self.thread_count

    def set_num_threads(self, thread_count):
        self.thread_count = min(thread_count, 8)


@pytest.mark.parametrize(
    ("torch", "expected"),
    [
        (Torch(), ["cpu"]),
        (Torch(mps=False), ["cpu"]),
        (Torch(cuda_count=2), ["cpu", "cuda:0", "cuda:1"]),
        (Torch(mps=True), ["cpu", "mps"]),
    ],
)
def test_the_devices_of_a_torch_begin_with_the_cpu(torch, expected):
    assert devices.available_devices(torch) == expected


def test_cuda_alone_is_its_first_device():
    assert devices.check_device(Torch(cuda_count=1), "cuda") == "cuda:0"


@pytest.mark.parametrize("name", ["cuda", "cuda:2", "mps", "tpu", ""])
def test_a_device_that_is_not_here_is_refused_with_those_that_are(name):
    with pytest.raises(WorkerFault) as caught:
        devices.check_device(Torch(), name)
    assert caught.value.code == "UNSUPPORTED_DEVICE"
    assert caught.value.remedy.startswith("Use one of cpu,")


def test_each_device_is_waited_for_in_its_own_way():
    torch = Torch(cuda_count=2, mps=True)
    assert devices.synchronisation(torch, "cpu") == ("none needed: cpu", None)
    for name in ("cuda:1", "mps"):
        devices.synchronisation(torch, name).call()
    assert torch.waited == ["cuda:1", "mps"]


def test_the_thread_count_in_force_is_told_not_the_one_asked_for():
    assert devices.set_threads(Torch(), 2) == 2
    assert devices.set_threads(Torch(), 64) == 8
