"""A step load of given watts: its truth is known, so every joule that is computed from it can be checked."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import ClassVar

from suite.errors import UsageError
from suite.power.base import Description, Options, Sample, Source
from suite.records import NotMeasured

DEFAULTS = {"idle_w": 2.0, "load_w": 7.0, "period_s": 0.05}
PERIOD_LIMITS_S = (0.001, 10.0)


class Simulated(Source):
    """idle_w until mark("load"), load_w until mark("idle"), and so on: no ramp, no noise."""

    name = "simulated"
    summary = "a step load of given watts, to try the energy pipeline; measures nothing"
    automatic = False
    rank = 1000
    options: ClassVar[Mapping[str, str]] = {
        "idle_w": f"watts while idle ({DEFAULTS['idle_w']:g})",
        "load_w": f"watts under load ({DEFAULTS['load_w']:g})",
        "period_s": f"seconds between samples ({DEFAULTS['period_s']:g})",
    }

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._power_w = {"idle": DEFAULTS["idle_w"], "load": DEFAULTS["load_w"]}
        self._label = "idle"

    def check(self, options: Options) -> None:
        _settings(options)

    def available(self, options: Options) -> NotMeasured | None:
        return None

    def open(self, options: Options) -> Description:
        settings = _settings(options)
        self._power_w = {"idle": settings["idle_w"], "load": settings["load_w"]}
        self._label = "idle"
        return Description(
            scope="simulated, not a measurement",
            rails=("simulated",),
            quantity="power",
            period_s=settings["period_s"],
            minimum_window_s=settings["period_s"],
            resolution=0.0,
            gain_error=0.0,
        )

    def read(self) -> Sample:
        return Sample(time_s=self._clock(), values=(self._power_w[self._label],))

    def mark(self, label: str) -> None:
        self._label = label


def _settings(options: Options) -> dict[str, float]:
    """Every option as a number. Raises UsageError naming the option and what is allowed."""
    settings = DEFAULTS | {name: _number(name, text) for name, text in options.items() if name in DEFAULTS}
    for name in ("idle_w", "load_w"):
        if not 0 <= settings[name] < math.inf:
            raise UsageError(
                f"--power simulated: {name} must be a number of watts, zero or more, got {options[name]!r}"
            )
    low_s, high_s = PERIOD_LIMITS_S
    if not low_s <= settings["period_s"] <= high_s:
        raise UsageError(
            f"--power simulated: period_s must lie in {low_s:g}..{high_s:g} seconds, got {options['period_s']!r}"
        )
    return settings


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as exc:
        raise UsageError(f"--power simulated: {name} must be a number, got {text!r}") from exc


PLUGIN = Simulated()
