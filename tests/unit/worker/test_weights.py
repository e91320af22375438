"""The generator against its definition in plain Python integers, the rule for filling, and the digest."""

import hashlib
import struct

import pytest
import torch

from suite.worker import weights
from suite.worker.weights import Stream


def mixed(seed, name, index):
    """Element `index` of a stream as a signed 24-bit integer, by the definition, without torch."""
    key_1, key_2 = struct.unpack("<II", hashlib.sha256(f"{seed}:{name}".encode()).digest()[:8])
    number = (index + key_1) % 2**32
    number ^= number >> 16
    number = (number * 0x7FEB352D + key_2) % 2**32
    number ^= number >> 15
    number = number * 0x846CA68B % 2**32
    number ^= number >> 16
    return (number >> 8) - (2**24 if number >= 2**31 else 0)


def test_uniform_is_the_mixing_hash_of_the_counter_scaled():
    values = Stream(7, "x").uniform((2, 500), 0.5)
    assert values.dtype == torch.float32
    assert values.flatten().tolist() == [mixed(7, "x", i) * 2.0**-24 for i in range(1000)]


def test_integers_are_the_same_hash_folded_into_the_range():
    values = Stream(7, "x").integers((1000,), 3, 30522)
    assert values.dtype == torch.int64
    assert values.tolist() == [3 + ((mixed(7, "x", i) % 2**24) * 30519 >> 24) for i in range(1000)]


def test_the_bytes_are_these_on_every_platform_and_torch():
    assert Stream(0, "a").uniform((4,)).tolist() == [
        0.7938753366470337,
        0.5106309652328491,
        -0.37753331661224365,
        -0.8602467775344849,
    ]
    assert Stream(0, "a").integers((6,), 0, 100).tolist() == [39, 25, 81, 56, 63, 89]
    values = Stream(0, "a").uniform((100003,), 0.3)
    assert (
        weights.digest_tensors({"values": values}) == "b6651755c28d792f5502db1f578a821e49ee8f6af843b9bbf9f2ff22c0701ce6"
    )


def test_a_stream_continues_over_calls_and_over_chunks(monkeypatch):
    whole = Stream(1, "x").uniform((1000,)).tolist()
    monkeypatch.setattr(weights, "CHUNK_ELEMENT_COUNT", 64)
    stream = Stream(1, "x")
    assert stream.uniform((10,)).tolist() + stream.uniform((9, 110)).flatten().tolist() == whole


def test_streams_of_other_names_and_seeds_differ_and_a_child_ignores_what_was_drawn():
    first = Stream(0, "inputs")
    before = first.child("ids").integers((20,), 0, 1000).tolist()
    first.uniform((50,))
    assert first.child("ids").integers((20,), 0, 1000).tolist() == before
    assert Stream(0, "inputs/ids").integers((20,), 0, 1000).tolist() == before
    assert first.child("other").integers((20,), 0, 1000).tolist() != before
    assert Stream(1, "inputs").child("ids").integers((20,), 0, 1000).tolist() != before


def test_uniform_values_fill_their_range_evenly():
    values = Stream(3, "x").uniform((200000,), 2.0).double()
    assert values.min().item() >= -2.0
    assert values.max().item() < 2.0
    assert abs(values.mean().item()) < 0.011  # four standard errors of 2 / sqrt(3 n)
    assert values.var().item() == pytest.approx(4.0 / 3.0, rel=0.01)
    neighbours = (values[1:] * values[:-1]).mean().item()
    assert abs(neighbours) < 4 * (4.0 / 3.0) / 200000**0.5


class Small(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(5, 4)
        self.conv = torch.nn.Conv2d(3, 2, 2)
        self.norm = torch.nn.LayerNorm(4)
        self.batch = torch.nn.BatchNorm1d(4)
        self.again = self.conv
        self.register_buffer("numbers", torch.arange(3))


def test_fill_scales_by_fan_in_and_sets_biases_to_0_and_scales_to_1():
    module = Small()
    weights.fill(module, 5)
    expected = Stream(5, "weights/table.weight").uniform((5, 4), (3.0 / 4) ** 0.5)
    assert torch.equal(module.table.weight, expected)
    expected = Stream(5, "weights/conv.weight").uniform((2, 3, 2, 2), (3.0 / 12) ** 0.5)
    assert torch.equal(module.conv.weight, expected)
    assert module.conv.bias.tolist() == [0.0, 0.0]
    assert module.norm.weight.tolist() == module.batch.weight.tolist() == [1.0] * 4


def test_fill_writes_in_place():
    module = Small()
    places = [parameter.data_ptr() for parameter in module.parameters()]
    weights.fill(module, 0)
    assert [parameter.data_ptr() for parameter in module.parameters()] == places


def filled(seed=0):
    module = Small()
    weights.fill(module, seed)
    return module


def test_the_digest_tells_values_names_shapes_and_types_apart():
    ones = torch.ones(2, 3)
    digest = weights.digest_tensors({"a": ones})
    assert weights.digest_tensors({"a": torch.ones(2, 3)}) == digest
    others = [{"b": ones}, {"a": torch.ones(3, 2)}, {"a": ones.double()}, {"a": ones * 2}, {"a": ones, "b": ones}]
    assert digest not in [weights.digest_tensors(other) for other in others]
    assert weights.digest_tensors({"b": ones, "a": ones}) == weights.digest_tensors({"a": ones, "b": ones})


def test_the_digest_is_sha256_of_heads_and_bytes():
    content = b"a\0float32\0[2]\0" + struct.pack("<2f", 1.0, 2.0) + b"b\0int64\0[0]\0"
    tensors = {"a": torch.tensor([1.0, 2.0]), "b": torch.zeros(0, dtype=torch.int64)}
    assert weights.digest_tensors(tensors) == hashlib.sha256(content).hexdigest()


def test_the_digest_reads_a_transposed_tensor_in_its_own_order():
    values = torch.arange(6.0).view(2, 3)
    assert weights.digest_tensors({"a": values.t()}) == weights.digest_tensors({"a": values.t().contiguous()})


def test_a_modules_digest_covers_parameters_and_statistics_but_no_integer_buffer():
    digest = weights.digest(filled())
    assert weights.digest(filled()) == digest
    assert weights.digest(filled(1)) != digest
    module = filled()
    module.numbers.add_(1)
    module.batch.num_batches_tracked.add_(1)
    assert weights.digest(module) == digest
    module.batch.running_mean.add_(1)
    assert weights.digest(module) != digest


class Plugin:
    own_weights = False
    shipped_weights = ""

    def __init__(self):
        self.loaded = None

    def load_checkpoint(self, module, path):
        self.loaded = (module, path)


def test_place_fills_by_the_seed_unless_there_is_a_checkpoint():
    plugin, module = Plugin(), Small()
    assert weights.place(plugin, module, {"checkpoint": None}, 0) == "seeded"
    assert weights.digest(module) == weights.digest(filled(0))
    assert plugin.loaded is None
    assert weights.place(plugin, module, {"checkpoint": "et.pth"}, 0) == "checkpoint"
    assert plugin.loaded == (module, "et.pth")
