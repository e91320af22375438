"""Seeded weights and inputs that are the same bytes on every platform and every torch, and their digests.

The generator is counter-based and works on 32-bit integers alone: element i of a stream is a mixing hash of i and the
stream's key. A float is a 24-bit integer, which float32 holds exactly, times one float32 constant: a single rounding,
defined by IEEE 754. Bytes are hashed as they lie in memory, on little-endian machines.
"""

import ctypes
import hashlib
import math
import struct
from typing import Any, Dict, Iterator, Sequence, Tuple

from suite.worker import tensors
from suite.worker.brought.artefact import Artefact
from suite.worker.outcome import WorkerFault

CHUNK_ELEMENT_COUNT = 1 << 15  # the most that torch works on in one thread: barriers cost more than they bring
_HALF_RANGE_COUNT = 1 << 23
_PARAMETRISED = "parametrizations."  # as torch.nn.utils.parametrize names what it computes a weight from
_MULTIPLIER_1 = 0x7FEB352D
_MULTIPLIER_2 = 0x846CA68B - (1 << 32)


class Stream:
    """A reproducible sequence of numbers, known by seed and name; each call continues it.

    Source: mixing steps of lowbias32 (C. Wellons, "Prospecting for Hash Functions", 2018), one half of the key before
    the first multiplication and the other between the two, so that streams don't overlap at a shift.
    """

    def __init__(self, seed: int, name: str) -> None:
        self.seed = seed
        self.name = name
        key = hashlib.sha256("{}:{}".format(seed, name).encode()).digest()
        self._keys: Tuple[int, ...] = struct.unpack("<ii", key[:8])
        self._position = 0
        self._scratch: Any = None

    def child(self, name: str) -> "Stream":
        """A stream of its own: what is drawn from it doesn't depend on what was drawn elsewhere."""
        return Stream(self.seed, "{}/{}".format(self.name, name))

    def uniform(self, shape: Sequence[int], half_range: float = 1.0) -> Any:
        """float32 tensor of values in [-half_range, half_range)."""
        import torch

        return self.fill_uniform(torch.empty(tuple(shape), dtype=torch.float32, device="cpu"), half_range)

    def fractions(self, shape: Sequence[int]) -> Any:
        """float32 tensor of values in [0, 1]."""
        return self.uniform(shape).abs_()

    def fill_uniform(self, tensor: Any, half_range: float) -> Any:
        """Writes values in [-half_range, half_range) into a floating-point or complex tensor, in place; returns it.

        One that is not contiguous float32 on the CPU takes the same values, rounded to its own type.
        """
        import torch

        if tensor.is_complex():
            self.fill_uniform(torch.view_as_real(tensor), half_range)
            return tensor
        lies_plainly = tensor.device.type == "cpu" and tensor.is_contiguous()
        step = _float32(half_range / _HALF_RANGE_COUNT)
        if lies_plainly and tensor.dtype == torch.float32:
            for part, numbers in self._parts(tensor.view(-1)):
                part.copy_(numbers).mul_(step)
        elif lies_plainly and tensor.dtype in (torch.float16, torch.bfloat16):  # rounded as it is made, piece by piece
            scratch = torch.empty(min(tensor.numel(), CHUNK_ELEMENT_COUNT), dtype=torch.float32, device="cpu")
            for part, numbers in self._parts(tensor.view(-1)):
                part.copy_(scratch[: len(part)].copy_(numbers).mul_(step))
        else:
            tensor.copy_(self.uniform(tensor.shape, half_range))
        return tensor

    def integers(self, shape: Sequence[int], low: int, high: int) -> Any:
        """int64 tensor of values in [low, high); high - low is at most 2**24."""
        import torch

        tensor = torch.empty(tuple(shape), dtype=torch.int64, device="cpu")
        for part, numbers in self._parts(tensor.view(-1)):
            part.copy_(numbers.bitwise_and_(0xFFFFFF))
            part.mul_(high - low).copy_(torch.bitwise_right_shift(part, 24)).add_(low)
        return tensor

    def full(self, shape: Sequence[int], value: int) -> Any:
        """int64 tensor of one value: a mask, a length, a type."""
        import torch

        return torch.full(tuple(shape), value, dtype=torch.int64, device="cpu")

    def _parts(self, flat: Any) -> Iterator[Tuple[Any, Any]]:
        """Pieces of a flat tensor, each with as many signed 24-bit integers, in int32 scratch memory."""
        import torch

        if self._scratch is None or len(self._scratch[0]) < min(len(flat), CHUNK_ELEMENT_COUNT):
            count = min(len(flat), CHUNK_ELEMENT_COUNT)
            counter = torch.arange(count, dtype=torch.int32, device="cpu")
            self._scratch = (counter, torch.empty_like(counter), torch.empty_like(counter))
        for start in range(0, len(flat), CHUNK_ELEMENT_COUNT):
            part = flat[start : start + CHUNK_ELEMENT_COUNT]
            counter, numbers, spare = (tensor[: len(part)] for tensor in self._scratch)
            torch.add(counter, _int32(self._position + self._keys[0]), out=numbers)
            self._position += len(part)
            self._mix(numbers, spare)
            yield part, torch.bitwise_right_shift(numbers, 8, out=numbers)

    def _mix(self, numbers: Any, spare: Any) -> None:
        _xor_shifted(numbers, 16, spare)
        numbers.mul_(_MULTIPLIER_1).add_(self._keys[1])
        _xor_shifted(numbers, 15, spare)
        numbers.mul_(_MULTIPLIER_2)
        _xor_shifted(numbers, 16, spare)


def _xor_shifted(numbers: Any, bit_count: int, spare: Any) -> None:
    """numbers ^= numbers >> bit_count, the shift being logical: int32 shifts drag the sign along, the mask cuts it."""
    import torch

    torch.bitwise_right_shift(numbers, bit_count, out=spare)
    numbers.bitwise_xor_(spare.bitwise_and_((1 << (32 - bit_count)) - 1))


def _int32(value: int) -> int:
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)


def _float32(value: float) -> float:
    """The nearest float32, as a Python float."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def place(model: Any, module: Any, options: Dict[str, Any], seed: int) -> str:
    """Gives the module its weights in place: the user's checkpoint, the published ones, shipped ones, or seeded ones.

    Returns the source's name.
    """
    if model.own_weights:
        return "brought"
    checkpoint, published = options.get("checkpoint"), options.get("pinned")
    if checkpoint is not None:
        model.load_checkpoint(module, checkpoint)
        return "checkpoint"
    if published is not None or model.shipped_weights:
        from suite.worker import pinned

        pinned.load_into(module, published or model.shipped_weights)
        return "pinned" if published else "shipped"
    fill(module, seed)
    return "seeded"


def fill(module: Any, seed: int) -> None:
    """Fills the parameters of a module in place, each from a stream under its first registered name.

    Two dimensions and more: uniform with the variance 1 / fan-in, which keeps activations near unit variance from layer
    to layer. One dimension: biases 0, other weights (normalisation scales) 1. Left as `build` made them, from seeded
    values too: integers, and parts that a parametrisation computes a weight from, which must fit its buffers.
    Raises WorkerFault BAD_PLUGIN where a parameter has no memory.
    """
    import torch

    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.device.type == "meta":
                raise WorkerFault(
                    "BAD_PLUGIN",
                    "the parameter {} has no memory: it is on the meta device".format(name),
                    "let `build` make the module on the CPU",
                )
            if not (parameter.is_floating_point() or parameter.is_complex()) or not parameter.numel():
                continue
            if is_parametrised(name):
                continue
            if parameter.dim() >= 2:
                fan_in = parameter.numel() // parameter.shape[0]
                Stream(seed, "weights/" + name).fill_uniform(parameter, math.sqrt(3.0 / fan_in))
            elif parameter.dtype in (torch.float32, torch.float64):
                parameter.fill_(0.0 if name.endswith("bias") else 1.0)
            else:  # not every type can be filled
                parameter.copy_(torch.full(parameter.shape, 0.0 if name.endswith("bias") else 1.0))


def is_parametrised(name: str) -> bool:
    """Whether a parameter is a part from which torch.nn.utils.parametrize computes a weight."""
    return _PARAMETRISED in name


def digest(module: Any) -> str:
    """SHA-256 over a module's weights: every parameter, the floating-point buffers of its state, and packed weights.

    Integer buffers (position numbers, batch counters) are left out: they are no weights, and transformers 4 keeps some
    in the state that transformers 5 does not. A tensor with several names is taken once, under the first.
    """
    if isinstance(module, Artefact):
        return module.weights_sha256()
    named = dict(module.named_parameters())
    persistent = module.state_dict(keep_vars=True)
    named.update(
        (name, buffer)
        for name, buffer in module.named_buffers()
        if name in persistent and buffer.dtype.is_floating_point
    )
    named.update(packed(module))
    return digest_tensors(named)


def packed(module: Any) -> Dict[str, Any]:
    """Weights that a module keeps in its state and not as parameters: those of quantised layers, by name."""
    import torch

    return {
        path: tensor
        for name, value in module.state_dict(keep_vars=True).items()
        if not isinstance(value, torch.Tensor)
        for path, tensor in tensors.leaves(value, name)
    }


def digest_tensors(named: Dict[str, Any], beside: str = "") -> str:
    """SHA-256 over names, element types, shapes and bytes, in the order of the names, and over a text beside them.

    Nothing contiguous on the CPU is copied.
    """
    import torch

    total = hashlib.sha256()
    for name in sorted(named):
        tensor = named[name]
        tensor = (tensor if tensor.layout == torch.strided else tensor.to_dense()).detach().cpu().contiguous()
        dtype = str(tensor.dtype).replace("torch.", "")
        total.update("{}\0{}\0{}\0".format(name, dtype, list(tensor.shape)).encode())
        byte_count = tensor.numel() * tensor.element_size()
        if byte_count:
            total.update((ctypes.c_ubyte * byte_count).from_address(tensor.data_ptr()))
    total.update(beside.encode("utf-8", "surrogatepass"))
    return total.hexdigest()
