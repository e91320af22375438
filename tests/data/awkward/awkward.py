"""Models that go wrong in ways that people's models do, each as a function that `--model awkward:NAME` names."""

import ctypes
import dataclasses
import os
import subprocess
import sys
import time

import torch
from torch import nn


def of(forward, **parts):
    """A module of these parts that computes `forward(module, x)`, and its inputs: 4 numbers an item."""

    class Awkward(nn.Module):
        def __init__(self):
            super().__init__()
            for name, part in parts.items():
                setattr(self, name, part)

        def forward(self, x):
            return forward(self, x)

    return Awkward(), lambda batch_size: {"x": torch.rand(batch_size, 4)}


def linear(change=lambda _, y: y):
    """A linear layer, after or around which something awkward happens."""
    return of(lambda module, x: change(module, module.layer(x)), layer=nn.Linear(4, 3))


def lazy():
    return of(lambda module, x: module.layer(x), layer=nn.LazyLinear(3))


def tied():
    module, inputs = of(lambda m, x: m.second(m.first(x)), first=nn.Linear(4, 4), second=nn.Linear(4, 4))
    module.second.weight = module.first.weight
    return module, inputs


def quantised():
    module, inputs = linear()
    return torch.ao.quantization.quantize_dynamic(module, {nn.Linear}, dtype=torch.qint8), inputs


def integer_parameters():
    table = nn.Parameter(torch.arange(12, dtype=torch.int8).reshape(4, 3), requires_grad=False)
    return of(lambda module, x: x @ module.table.float(), table=table)


def parameter_list():
    weights = nn.ParameterList([nn.Parameter(torch.rand(4, 4)) for _ in range(2)])
    return of(lambda module, x: x @ module.weights[0] @ module.weights[1], weights=weights)


def parametrised():
    return of(lambda module, x: module.layer(x), layer=nn.utils.parametrizations.spectral_norm(nn.Linear(4, 3)))


def complex_numbers():
    weight = nn.Parameter(torch.rand(4, 3, dtype=torch.complex64))
    module, _ = of(lambda module, x: x @ module.weight, weight=weight)
    return module, lambda batch_size: {"x": torch.rand(batch_size, 4, dtype=torch.complex64)}


def gives_dict():
    return linear(lambda _, y: {"scores": y, "step": 3})


def gives_tuple():
    return linear(lambda _, y: (y, None, [y + 1]))


@dataclasses.dataclass
class Output:
    scores: torch.Tensor
    note: str = "as of a library"


def gives_dataclass():
    return linear(lambda _, y: Output(y))


def gives_none():
    return linear(lambda _module, _y: None)


def training_left_on():
    module, inputs = of(lambda m, x: m.drop(m.layer(x)), layer=nn.Linear(4, 3), drop=nn.Dropout(0.5))
    return module.train(), inputs


def random_output():
    return linear(lambda _, y: y + torch.rand_like(y))


def prints():
    def change(_, y):
        print("said by Python")
        os.write(1, b"said by a system call\n")
        libc = ctypes.CDLL(None)
        libc.puts(b"said by C")
        libc.fflush(None)
        return y

    return linear(change)


def reads_stdin():
    return linear(lambda _, y: y + len(sys.stdin.read()))


def forks():
    def change(_, y):
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        subprocess.run([sys.executable, "-S", "-c", "print('from a child')"], check=True)
        return y

    return linear(change)


def changes_threads():
    def change(_, y):
        torch.set_num_threads(2)
        return y

    return linear(change)


def exits():
    return linear(lambda _module, _y: sys.exit(0))


def exits_at_once():
    return linear(lambda _module, _y: os._exit(0))


def exits_while_made():
    sys.exit("this program needs arguments")


def fails_at_batch_3():
    def change(_, y):
        if y.shape[0] == 3:
            raise ValueError("no three")
        return y

    return linear(change)


def leaks():
    kept = []

    def change(_, y):
        kept.append(bytearray(os.urandom(1 << 12) * 512))
        return y

    return linear(change)


def slow():
    def change(_, y):
        time.sleep(0.03)  # a thousandth of half a minute
        return y

    return linear(change)


def fast():
    return of(lambda _module, x: x)


def too_large():
    return of(lambda module, x: x @ module.weight, weight=nn.Parameter(torch.empty(4, 2**44)))


def too_large_to_call():
    return linear(lambda _, y: torch.empty(2**44) + y.sum())


def not_a_module():
    return 7
