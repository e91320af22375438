"""The processor package's energy through the kernel's perf events: the event energy-pkg of the PMU "power".

The same counter as RAPL's, by another door: the kernel keeps it in 64 bits, so it does not wrap. One event per package,
opened on the CPU that the PMU names for it.
Source: Linux, arch/x86/events/rapl.c; perf_event_open(2).
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import re
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, Protocol

from suite.errors import SensorError
from suite.power.base import Description, Options, Sample, Source
from suite.power.counters import GrowingCounter
from suite.power.sysfs import Tree, tree
from suite.records import NotMeasured, record

PMU = "sys/bus/event_source/devices/power"
EVENT = f"{PMU}/events/energy-pkg"
PERIOD_S = 0.1
MINIMUM_WINDOW_S = 1.0
GAIN_ERROR = 0.05  # as RAPL's
SYSCALL = {"x86_64": 298, "i686": 336, "i386": 336}
ATTRIBUTE_BYTES = 64  # the oldest layout of perf_event_attr
CLOSE_ON_EXEC = 8


class Event(Protocol):
    def read(self) -> int:
        """Counts since it was opened. Raises OSError."""

    def close(self) -> None: ...


Opener = Callable[[int, int, int], Event]  # PMU type, event, CPU. Raises OSError.


class KernelEvent:
    """A counting event of every process on one CPU."""

    def __init__(self, pmu_type: int, event: int, cpu: int) -> None:
        number = SYSCALL.get(platform.machine())
        if number is None:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        attribute = struct.pack("IIQ", pmu_type, ATTRIBUTE_BYTES, event).ljust(ATTRIBUTE_BYTES, b"\0")
        libc = ctypes.CDLL(None, use_errno=True)
        arguments = (ctypes.c_long(value) for value in (-1, cpu, -1, CLOSE_ON_EXEC))  # every process, no group
        self._descriptor = libc.syscall(ctypes.c_long(number), ctypes.c_char_p(attribute), *arguments)
        if self._descriptor < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))

    def read(self) -> int:
        (count,) = struct.unpack("Q", os.read(self._descriptor, 8))
        return int(count)

    def close(self) -> None:
        os.close(self._descriptor)


@record
class Pmu:
    type: int
    event: int
    joules_per_count: float
    cpus: tuple[int, ...]  # one per package


class Perf(Source):
    name = "perf"
    summary = "the energy of an Intel or AMD processor package, as the kernel counts it (perf events)"
    machine = "Intel or AMD processor"
    rank = 40
    codes_elsewhere = frozenset({"NO_RAPL"})
    part = "cpu package"

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        read: Callable[[Path], bytes] = Path.read_bytes,
        opener: Opener = KernelEvent,
    ) -> None:
        self._clock, self._read, self._opener = clock, read, opener
        self._pmu = Pmu(type=0, event=0, joules_per_count=0.0, cpus=())
        self._events: list[Event] = []
        self._counters: tuple[GrowingCounter, ...] = ()

    def available(self, options: Options) -> NotMeasured | None:
        try:
            self.open(options)
            self.read()
        except SensorError as error:
            return NotMeasured(code=error.code, reason=error.reason, remedy=error.remedy)
        finally:
            self.close()
        return None

    def open(self, options: Options) -> Description:
        files = tree(options, self._read)
        self._pmu = _pmu(files)
        try:
            for cpu in self._pmu.cpus:
                self._events.append(self._opener(self._pmu.type, self._pmu.event, cpu))
        except OSError as exc:
            _refuse(exc, files)
        rails = tuple(f"package-{number}" for number in range(len(self._events)))
        self._counters = tuple(GrowingCounter(rail, None) for rail in rails)
        return Description(
            scope="CPU package only" if len(rails) == 1 else f"{len(rails)} CPU packages only",
            rails=rails,
            quantity="counter",
            period_s=PERIOD_S,
            minimum_window_s=MINIMUM_WINDOW_S,
            resolution=self._pmu.joules_per_count,
            gain_error=GAIN_ERROR,
            part="cpu package",
        )

    def read(self) -> Sample:
        time_s = self._clock()
        try:
            raw_j = [event.read() * self._pmu.joules_per_count for event in self._events]
        except OSError as exc:
            raise SensorError(
                "SENSOR_LOST",
                f"the kernel no longer gives the event energy-pkg: {exc.strerror}",
                "run again, and let no CPU be switched off meanwhile",
            ) from exc
        values = [counter.advance(time_s, value) for counter, value in zip(self._counters, raw_j, strict=True)]
        return Sample(time_s=time_s, values=tuple(values))

    def close(self) -> None:
        while self._events:
            self._events.pop().close()


def _pmu(files: Tree) -> Pmu:
    """Raises SensorError: RAPL_VM or NO_RAPL where the kernel has no such event."""
    kind, scale = files.text(f"{PMU}/type"), files.text(f"{EVENT}.scale")
    event = re.fullmatch(r"event=(0x[0-9a-f]+|\d+)", files.text(EVENT) or "")
    if kind is None or scale is None or event is None:
        raise _absent(files, "the kernel has no event energy-pkg")
    return Pmu(
        type=int(kind),
        event=int(event[1], 0),
        joules_per_count=float(scale),
        cpus=_cpus(files.text(f"{PMU}/cpumask") or "0"),
    )


def _cpus(mask: str) -> tuple[int, ...]:
    """ "0,18" or "0-1" as numbers."""
    ends = [[int(end) for end in part.split("-")] for part in mask.split(",")]
    return tuple(cpu for part in ends for cpu in range(part[0], part[-1] + 1))


def _refuse(exc: OSError, files: Tree) -> NoReturn:
    if exc.errno in (errno.EACCES, errno.EPERM):
        raise SensorError(
            "RAPL_PERM",
            "the kernel refused to count the energy of the whole processor (perf_event_open: "
            f"{exc.strerror}; perf_event_paranoid is {files.text('proc/sys/kernel/perf_event_paranoid') or 'unknown'})",
            "run as root, or until the next start `sudo sysctl kernel.perf_event_paranoid=0`; "
            "in a container also `docker run --cap-add PERFMON ...`",
        ) from exc
    raise _absent(files, f"the kernel can't open the event energy-pkg: {exc.strerror}") from exc


def _absent(files: Tree, why: str) -> SensorError:
    if files.in_virtual_machine():
        return SensorError(
            "RAPL_VM",
            f"this is a virtual machine, which has no energy counter of the processor: {why}",
            "run on the machine itself, or connect a meter and give its file with --power-csv",
        )
    return SensorError(
        "NO_RAPL",
        f"this machine has no energy counter of the processor: {why}",
        "on an Intel or AMD processor, load the driver: `sudo modprobe rapl`; elsewhere, use another source",
    )


PLUGIN = Perf()
