"""Tells a leak: memory that grows from block to block, and goes on growing when the allocator has long settled."""

from typing import List, NamedTuple, Optional

_LEAST_BYTES = 8e6  # in all: below that, allocators settle
_LEAST_BLOCK_COUNT = 4


class Growth(NamedTuple):
    total_bytes: int
    call_count: int
    bytes_per_call: float  # over the later half of the blocks


class Ledger:
    """What memory grew by in each block of calls, in order."""

    def __init__(self) -> None:
        self._grown_bytes: List[int] = []
        self._call_counts: List[int] = []

    def add(self, call_count: int, grown_bytes: int) -> None:
        self._call_counts.append(call_count)
        self._grown_bytes.append(grown_bytes)

    def leak(self) -> Optional[Growth]:
        """None unless both halves of the blocks grew alike: each has a quarter of the whole at least, by its calls."""
        if len(self._call_counts) < _LEAST_BLOCK_COUNT:
            return None
        middle = len(self._call_counts) // 2
        total_bytes, call_count = sum(self._grown_bytes), sum(self._call_counts)
        late_bytes, late_count = sum(self._grown_bytes[middle:]), sum(self._call_counts[middle:])
        grew = sum(grown > 0 for grown in self._grown_bytes[middle:])
        steady = late_bytes / late_count >= 0.5 * total_bytes / call_count
        if total_bytes < _LEAST_BYTES or late_bytes <= 0 or not steady or 2 * grew < len(self._grown_bytes) - middle:
            return None
        return Growth(total_bytes, call_count, late_bytes / late_count)
