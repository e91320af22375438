"""What a power source is: one file in suite/power/sources/ that ends in `PLUGIN = <Source>()`.

A source is chosen by the controller (`available`) and read in the sampler's process (`open`, `read`): vendor
libraries are imported there alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Literal

from suite.records import NotMeasured, record

Options = Mapping[str, str]  # what stands behind the colon of --power NAME:key=value,key=value


@record
class Sample:
    """One reading. A power source gives watts per rail, a counter source gives joules since some zero per rail."""

    time_s: float  # system-wide monotonic clock
    values: tuple[float, ...]  # in the order of Description.rails; W, or J for a counter


@record
class Description:
    """What one source measures here, and how well."""

    scope: str  # in words: "module, not carrier board"
    rails: tuple[str, ...]  # disjoint: their sum is the total
    quantity: Literal["power", "counter"]
    period_s: float  # between two readings that can differ
    minimum_window_s: float  # below it a figure is refused: TOO_SHORT
    resolution: float  # one count, in the unit of `quantity`
    gain_error: float  # relative, 95 %
    counter_range_j: float | None = None  # where a counter wraps


class Source(ABC):
    """Declarations and `available` are for the controller; `open` and `read` happen in the sampler's process."""

    name: str
    summary: str
    automatic: bool = True  # whether `--power auto` may choose it
    rank: int = 100  # lower is tried first

    @abstractmethod
    def available(self, options: Options) -> NotMeasured | None:
        """None after one real sample was read; else code, reason and remedy."""

    @abstractmethod
    def open(self, options: Options) -> Description:
        """Makes ready to read. Raises SensorError."""

    @abstractmethod
    def read(self) -> Sample:
        """One reading, stamped. Raises SensorError."""

    def mark(self, label: str) -> None:
        """Told when a stretch begins ("idle", "load"): a simulated source switches its load on it."""

    def close(self) -> None:
        """Gives back what open took."""
