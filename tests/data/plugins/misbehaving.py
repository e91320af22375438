"""A model for tests: one linear layer, and a scenario for every way in which a model can misbehave."""

import ctypes
import os
import signal
import time

from suite.worker.model import Axis, Model


class Misbehaving(Model):
    name = "misbehaving"
    title = "Misbehaving"
    axes = (Axis("width", "width", default=4, minimum=1, maximum=64),)
    scenarios = (
        "forward",
        "raise",
        "exit",
        "segfault",
        "sleep",
        "hoard_bytes",
        "hoard_tensors",
        "chatter",
        "forge",
        "reach_over",
        "die_behind_a_child",
        "print_much",
        "take_one_thread",
    )

    def build(self, options):
        import torch

        return torch.nn.Linear(4, 2)

    def inputs(self, batch_size, axes, source):
        return {"input": source.uniform((batch_size, 4))}

    def bind(self, module, inputs, scenario):
        if scenario == "forward":
            return (lambda: module(inputs["input"])), 1
        return globals()[scenario + "_"], 1


def raise_():
    raise ValueError("the second line\nis for the traceback")


def exit_():
    os._exit(3)


def segfault_():
    os.kill(os.getpid(), signal.SIGSEGV)


def sleep_():
    time.sleep(3600)


def hoard_bytes_():
    kept = []
    while True:
        kept.append(bytes(64 * 2**20))  # untouched pages: the limit on addresses is reached, not that on memory


def hoard_tensors_():
    import torch

    kept = []
    while True:
        kept.append(torch.empty(16 * 2**20))


def chatter_():
    print('{"id": 1, "result": {}} said Python')
    libc = ctypes.CDLL(None)
    libc.puts(b"said C")
    libc.fflush(None)
    os.write(1, b"said a descriptor\n")


def forge_():
    """Writes to the wire itself: nothing but the wire is a pipe open for writing in a worker."""
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, b"a line of somebody else's\n")
        except OSError:
            continue


def reach_over_():
    import suite.records  # noqa: F401


def die_behind_a_child_():
    """The child holds the wire open after its parent's end."""
    if os.fork() == 0:
        time.sleep(40)
    os._exit(5)


def print_much_():
    print("x" * 100_000)


def take_one_thread_():
    import torch

    torch.set_num_threads(1)


PLUGIN = Misbehaving()
