"""The boards of NVIDIA's discrete GPUs through NVML: the energy counter where there is one, else power.

The counter moves in steps, of 100 ms on recent boards. A reading waits for the next step and is stamped with it, so
that a window's energy does not depend on where in a step its edges lie.
Source: "Part-time Power Measurements: nvidia-smi's Lack of Attention", arXiv 2312.02741.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from suite.errors import SensorError, UsageError
from suite.power.base import Description, Options, Sample, Source
from suite.power.sources.nvml.library import Gpus, Library, NvmlError, find
from suite.records import NotMeasured, Part

PERIOD_S = 0.1
POLL_S = 0.005  # while it waits for the counter's next step
STEP_LIMIT_S = 0.15  # a longer wait for a step gives nothing new
FIRST_STEP_S = 2.0  # a counter that stands still so long from the start is none
FROZEN_S = 3.0  # and one that stands still so long later has stopped: a GPU that idles draws power, too
MINIMUM_WINDOW_S = 5.0
GAIN_ERROR = 0.05  # as NVIDIA states it for power
COUNT = 1e-3  # mJ, mW
POWER_SETTLE_S = 2.0  # on most boards power is a mean over the last second
SCOPE = "beside the CPU's package, never instead of it"


class Nvml(Source):
    name = "nvml"
    summary = "the boards of NVIDIA GPUs, through the driver's library NVML"
    machine = "NVIDIA GPU"
    rank = 50
    codes_elsewhere = frozenset({"NVML_UNSUPPORTED"})
    part: Part = "gpu board"
    options: ClassVar[Mapping[str, str]] = {"gpu": "which GPUs, by NVML's numbers, as 0 or 0+1 (all)"}

    def __init__(
        self,
        load: Callable[[str], Gpus] = Library,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._load, self._clock, self._sleep = load, clock, sleep
        self._gpus: Gpus | None = None
        self._indices: tuple[int, ...] = ()
        self._counts = False
        self._last: Sample | None = None

    def check(self, options: Options) -> None:
        _asked(options)

    def available(self, options: Options) -> NotMeasured | None:
        try:
            self._connect(options)
        except SensorError as error:
            return NotMeasured(code=error.code, reason=error.reason, remedy=error.remedy)
        return None

    def open(self, options: Options) -> Description:
        self._connect(options)
        boards = "GPU board" if len(self._indices) == 1 else f"{len(self._indices)} GPU boards"
        how = "" if self._counts else "; by power readings, since there is no energy counter"
        return Description(
            scope=f"{boards}, {SCOPE} ({self._names()}{how})",
            part=self.part,
            rails=tuple(f"gpu{index}" for index in self._indices),
            quantity="counter" if self._counts else "power",
            period_s=PERIOD_S,
            minimum_window_s=MINIMUM_WINDOW_S,
            resolution=COUNT,
            gain_error=GAIN_ERROR,
            settle_s=0.0 if self._counts else POWER_SETTLE_S,
        )

    def read(self) -> Sample:
        """One reading; of a counter, stamped when the first GPU's moved, or the last one again where it did not."""
        try:
            if not self._counts:
                time_s = self._clock()
                return Sample(time_s=time_s, values=tuple(self._gpu.power_w(index) for index in self._indices))
            return self._step(STEP_LIMIT_S)
        except NvmlError as exc:
            raise SensorError(
                "SENSOR_LOST",
                f"NVML gave readings and then none: {exc}",
                "look for Xid errors in the output of `dmesg`, then run again",
            ) from exc

    def close(self) -> None:
        if self._gpus is not None:
            with suppress(NvmlError):  # the driver may be gone
                self._gpus.close()
            self._gpus = None

    @property
    def _gpu(self) -> Gpus:
        assert self._gpus is not None  # _connect came first
        return self._gpus

    def _connect(self, options: Options) -> None:
        """Loads the library once and reads a real sample: on a Jetson it loads and has no power. Raises SensorError."""
        if self._gpus is not None:
            return
        try:
            self._gpus = self._load(find(Path(options.get("root", "/"))))
            self._indices = self._chosen(options)
            self._last = None
            self._counts = self._has_counter()
            if not (self._counts or all(self._gpu.power_w(index) > 0 for index in self._indices)):
                raise NvmlError(None, "it shows 0 W")
        except NvmlError as exc:
            self.close()
            raise _unsupported(str(exc)) from exc

    def _names(self) -> str:
        try:
            return ", ".join(dict.fromkeys(self._gpu.name(index) for index in self._indices))
        except NvmlError:
            return "no name known"

    def _chosen(self, options: Options) -> tuple[int, ...]:
        there = tuple(range(self._gpu.count()))
        chosen = _asked(options) or there
        if not there:
            raise NvmlError(None, "it shows no GPU")
        if not set(chosen) <= set(there):
            raise NvmlError(None, f"there is no GPU {max(chosen)}, only {', '.join(map(str, there))}")
        return chosen

    def _has_counter(self) -> bool:
        """Whether every GPU has an energy counter and the first one's moves."""
        try:
            if not all(self._gpu.energy_j(index) > 0 for index in self._indices):
                return False
            self._last = started = self._now()
            return self._step(FIRST_STEP_S) is not started
        except NvmlError:
            return False

    def _step(self, limit_s: float) -> Sample:
        """Waits until the first GPU's counter moves; the last sample again where it does not within limit_s."""
        last, due_s = self._last, self._clock() + limit_s
        assert last is not None  # _has_counter took the first
        while self._gpu.energy_j(self._indices[0]) == last.values[0]:
            if self._clock() - last.time_s > FROZEN_S:
                raise SensorError(
                    "SENSOR_FROZEN",
                    f"the GPU's energy counter has stood still for {self._clock() - last.time_s:.3g} s",
                    "look for Xid errors in the output of `dmesg`, restart the machine, then run again",
                )
            if self._clock() >= due_s:
                return last
            self._sleep(POLL_S)
        self._last = self._now()
        return self._last

    def _now(self) -> Sample:
        time_s = self._clock()
        return Sample(time_s=time_s, values=tuple(self._gpu.energy_j(index) for index in self._indices))


def _asked(options: Options) -> tuple[int, ...]:
    """The GPUs by number; none: all there are. Raises UsageError."""
    text = options.get("gpu", "all")
    if text == "all":
        return ()
    if not re.fullmatch(r"\d+(\+\d+)*", text):
        raise UsageError(f"--power nvml: gpu must be all, or numbers as in 0 or 0+1, got {text!r}")
    numbers = tuple(int(number) for number in text.split("+"))
    if len(set(numbers)) < len(numbers):
        raise UsageError(f"--power nvml: gpu names one twice: {text!r}")
    return numbers


def _unsupported(why: str) -> SensorError:
    return SensorError(
        "NVML_UNSUPPORTED",
        f"NVIDIA's NVML gives no power here: {why}",
        "with a discrete NVIDIA GPU, install its driver and, in a container, pass --gpus all; on a Jetson, use --power "
        "ina3221 or --power jtop",
    )


PLUGIN = Nvml()
