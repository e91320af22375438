"""zeus-apple-silicon as a way to read an Apple chip: cumulative energy in millijoules, without root.

Source: the documentation of the package (github.com/ml-energy/zeus-apple-silicon).
"""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from suite.errors import SensorError
from suite.power.sources.apple.common import RAILS, Piece, frozen

POLL_S = 0.1  # how well the moment is known at which a lump was published
FIELDS = {"cpu": "cpu_total_mj", "gpu": "gpu_mj", "ane": "ane_mj"}


class ZeusApple:
    """A back end."""

    name = "zeus-apple-silicon"

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, module: Callable[[str], Any] = importlib.import_module
    ) -> None:
        self._clock = clock
        self._module = module
        self._closing = threading.Event()

    def pieces(self) -> Iterator[Piece]:
        monitor = self._monitor()
        before = self._energies_mj(monitor)
        stamp_s = self._clock()
        while not self._closing.is_set():
            now = self._energies_mj(monitor)
            if set(now) != set(before):
                raise frozen(self.name, f"tells {', '.join(now)}, where it told {', '.join(before)} before")
            grown = {rail: now[rail] - before[rail] for rail in before}
            if min(grown.values()) < 0:
                raise frozen(self.name, "counts backwards")
            yield Piece(stamp_s, {rail: energy_mj * 1e-3 for rail, energy_mj in grown.items()}, tuple(now.items()))
            before = now
            self._closing.wait(POLL_S)
            stamp_s = self._clock()

    def close(self) -> None:
        self._closing.set()

    def _monitor(self) -> Any:
        try:
            return self._module("zeus_apple_silicon").AppleEnergyMonitor()
        except ImportError as exc:
            raise SensorError(
                "MAC_TOOL_ABSENT", "zeus-apple-silicon is not installed", "pip install zeus-apple-silicon"
            ) from exc
        except RuntimeError as exc:
            raise frozen(self.name, f"finds no counters: {exc}") from exc

    def _energies_mj(self, monitor: Any) -> Mapping[str, int]:
        metrics = monitor.get_cumulative_energy()
        found = {rail: getattr(metrics, FIELDS[rail], None) for rail in RAILS}
        if found["cpu"] is None:
            raise frozen(self.name, "shows no energy of the CPU")
        return {rail: energy_mj for rail, energy_mj in found.items() if energy_mj is not None}
