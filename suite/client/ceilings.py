"""A worker's answer on what its device can do, as the record of it; ValueError says what is not as it must be."""

from __future__ import annotations

import math

from suite.client.decode import MOST_THREADS, Span, interference
from suite.client.fields import Fields
from suite.records import Ceiling, Matmul, Roofline

_TINY_S = 1e-9  # no block is over sooner


def roofline(data: object, precisions: tuple[str, ...], memory_bytes: int, span: Span) -> Roofline:
    """precisions, memory_bytes: as they were asked for."""
    fields = Fields(data)
    tensor_bytes = fields.whole("tensor_bytes", 1, max(memory_bytes, 1))
    products = tuple(_matmul(Fields(item), span) for item in fields.items("matmul"))
    beside = fields.optional_part("interference")
    told = tuple(found.precision for found in products)
    if told != precisions:
        raise ValueError(f"matmul is of {', '.join(told) or 'nothing'}, and {', '.join(precisions)} was asked for")
    found = Roofline(
        thread_count=fields.whole("thread_count", 1, MOST_THREADS),
        synchronisation=fields.text("synchronisation"),
        tensor_bytes=tensor_bytes,
        cache_bytes=fields.optional_whole("cache_bytes"),
        copy=_ceiling("copy", fields.part("copy"), 2 * tensor_bytes, span),
        read=_ceiling("read", fields.part("read"), tensor_bytes, span),
        matmul=products,
        interference=None if beside is None else interference(beside, span),
    )
    blocks = (found.copy, found.read, *(product.ceiling for product in products))
    spent_s = math.fsum(value for ceiling in blocks for value in ceiling.block_s)
    if spent_s > span.length_s:
        raise ValueError(f"the blocks come to {spent_s:.6g} s, and only {span.length_s:.6g} s have passed")
    return found


def _matmul(fields: Fields, span: Span) -> Matmul:
    size = fields.whole("size", 1, 10**6)
    return Matmul(precision=fields.text("precision"), size=size, ceiling=_ceiling("matmul", fields, 2 * size**3, span))


def _ceiling(name: str, fields: Fields, amount: int, span: Span) -> Ceiling:
    told = fields.whole("amount", 1)
    if told != amount:
        raise ValueError(f"{name}: amount is {told:,}, and its size makes it {amount:,}")
    return Ceiling(
        amount=told,
        call_count=fields.whole("call_count", 1, 10**6),
        block_s=fields.numbers("block_s", _TINY_S, span.length_s),
    )
