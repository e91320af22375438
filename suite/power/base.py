"""What a power source is: one file in suite/power/sources/ that ends in `PLUGIN = <Source>()`.

The controller reads the declarations and calls `check`. Everything that touches the sensor (`available`, `open`,
`read`, `mark`, `close`) happens in the sampler's process, under a deadline: a vendor library is imported there alone,
and one that blocks for ever costs its own outcome and nothing else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from suite.records import NotMeasured, Part, record, require, require_non_negative, require_positive

Options = Mapping[str, str]  # what stands behind the colon of --power NAME:key=value,key=value


@record
class Sample:
    """One reading. A power source gives watts per rail, a counter source gives joules since some zero per rail."""

    time_s: float  # system-wide monotonic clock; a stamp that was given before means "nothing new"
    values: tuple[float, ...]  # in the order of Description.rails; W, or J for a counter


@record
class CounterTrace:
    """Energy counters over time per rail: `energy_j[i][j]` is rail i at `time_s[j]`, as read (they may wrap)."""

    rails: tuple[str, ...]
    time_s: tuple[float, ...]
    energy_j: tuple[tuple[float, ...], ...]
    range_j: float | None  # where a counter starts again from zero

    def __post_init__(self) -> None:
        require(len(self.rails) == len(self.energy_j), "one series per rail")
        require(all(len(series) == len(self.time_s) for series in self.energy_j), "one value per stamp in each series")
        require(all(a < b for a, b in zip(self.time_s, self.time_s[1:], strict=False)), "time_s must increase")


@record
class Description:
    """What one source measures here, and how well."""

    scope: str  # in words: "module, not carrier board"
    rails: tuple[str, ...]  # disjoint: their sum is the total
    quantity: Literal["power", "counter"]
    period_s: float  # between two readings that can differ
    minimum_window_s: float  # below it a figure is refused: TOO_SHORT
    resolution: float  # one count of one rail, in the unit of `quantity`
    gain_error: float  # relative, 95 %
    settle_s: float = 0.0  # from a change of load until the readings show all of it
    counter_range_j: float | None = None  # where a counter wraps
    clock_uncertainty_s: float = 0.0  # of the stamps, where another machine's clock makes them
    part: Part = "whole"  # of the machine: figures of disjoint parts may stand beside each other and be added

    def __post_init__(self) -> None:
        require(len(self.rails) > 0, "a power source has at least one rail")
        require_positive("period_s", self.period_s)
        require_non_negative("minimum_window_s", self.minimum_window_s)
        require_non_negative("resolution, gain_error, settle_s", self.resolution, self.gain_error, self.settle_s)
        require_non_negative("clock_uncertainty_s", self.clock_uncertainty_s)


class Source(ABC):
    """Declarations and `check` are for the controller; the rest happens in the sampler's process."""

    name: str
    summary: str
    automatic: bool = True  # whether `--power auto` may choose it
    rank: int = 100  # lower is tried first
    codes_elsewhere: ClassVar[frozenset[str]] = frozenset()  # its codes that say: this machine is of another kind
    machine: ClassVar[str] = "any"  # which machine it is for, in words
    part: Part = "whole"  # what it usually measures; `--power auto` puts sources of disjoint parts beside each other
    options: ClassVar[Mapping[str, str]] = {}  # name -> what it means and its default; no other name is let through

    def check(self, options: Options) -> None:
        """Raises UsageError naming the option and what is allowed. Reads no sensor. Names were checked before."""

    @abstractmethod
    def available(self, options: Options) -> NotMeasured | None:
        """None if this machine has what the source reads; else code, reason and remedy.

        The sampler demands one real sample besides, so this need not read one.
        """

    @abstractmethod
    def open(self, options: Options) -> Description:
        """Makes ready to read. Raises SensorError."""

    @abstractmethod
    def read(self) -> Sample:
        """One reading, stamped. Raises SensorError."""

    def readings(self) -> Sequence[Sample]:
        """What is new since the last call, in order of time; for a source whose sensor hands over several at once."""
        return (self.read(),)

    def clock_uncertainty_s(self) -> float:
        """Of the stamps so far: asked when they are collected. Not 0 where another machine's clock makes them."""
        return 0.0

    def mark(self, label: str) -> None:
        """Told when a stretch begins ("idle", "load"): a simulated source switches its load on it."""

    def close(self) -> None:
        """Gives back what open took; also called where open failed or was never called."""
