"""Boards whose power is known: fake trees of sysfs files that follow it as the real sensors would.

    board = Board(tmp_path, "orin-nano")
    with board.drive(step(2.0, 7.0, at_s=time.monotonic() + 5)):
        ...                                     # a source that reads under tmp_path sees the load
    board.truth_j(start_s, end_s)

`drive` runs a thread in real time. With a faked clock, call `follow(power)` once and `update(at_s)` before each
reading.
Several boards can live in one root: a laptop has RAPL and a battery.
"""

from __future__ import annotations

import math
import os
import random
import re
import shutil
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Protocol

Clock = Callable[[], float]
Power = Callable[[float], float]  # true watts at a time of the clock; with `energy_j`, its integral is exact
QUADRATURE_S = 0.001


class Integrable(Protocol):
    def __call__(self, at_s: float) -> float: ...
    def energy_j(self, start_s: float, end_s: float) -> float: ...


class Profile:
    """Straight lines between points; a step is two points at one time. Before and after, the ends hold on."""

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        self._time_s = [at_s for at_s, _ in points]
        self._power_w = [watts for _, watts in points]
        self._joules = [0.0]
        for (a_s, a_w), (b_s, b_w) in pairwise(points):
            self._joules.append(self._joules[-1] + (b_s - a_s) * (a_w + b_w) / 2)

    def __call__(self, at_s: float) -> float:
        right = bisect_right(self._time_s, at_s)
        if right in (0, len(self._time_s)):
            return self._power_w[0 if right == 0 else -1]
        (a_s, b_s), (a_w, b_w) = self._time_s[right - 1 : right + 1], self._power_w[right - 1 : right + 1]
        return a_w + (b_w - a_w) * (at_s - a_s) / (b_s - a_s)

    def energy_j(self, start_s: float, end_s: float) -> float:
        return self._since_first_j(end_s) - self._since_first_j(start_s)

    def _since_first_j(self, at_s: float) -> float:
        right = bisect_right(self._time_s, at_s)
        if right == 0:
            return (at_s - self._time_s[0]) * self._power_w[0]
        left_s, left_w = self._time_s[right - 1], self._power_w[right - 1]
        return self._joules[right - 1] + (at_s - left_s) * (left_w + self(at_s)) / 2


def constant(power_w: float) -> Profile:
    return Profile([(0.0, power_w)])


def step(before_w: float, after_w: float, *, at_s: float) -> Profile:
    return Profile([(at_s, before_w), (at_s, after_w)])


def ramp(before_w: float, after_w: float, *, start_s: float, end_s: float) -> Profile:
    return Profile([(start_s, before_w), (end_s, after_w)])


def bursty(  # noqa: PLR0913  # by name
    low_w: float, high_w: float, *, seed: int, start_s: float, end_s: float, mean_s: float = 0.5
) -> Profile:
    """Switches between two powers; how long each lasts is drawn, between half and one and a half of mean_s."""
    draw, points, at_s, power_w = random.Random(seed), [], start_s, low_w
    while at_s < end_s:
        points.append((at_s, power_w))
        at_s += mean_s * draw.uniform(0.5, 1.5)
        points.append((at_s, power_w))
        power_w = high_w if power_w == low_w else low_w
    return Profile(points)


def noisy(  # noqa: PLR0913  # by name
    mean_w: float, deviation_w: float, *, seed: int, start_s: float, end_s: float, step_s: float = 0.02
) -> Profile:
    """Normal noise around a mean, drawn every step_s and joined by straight lines; never below zero."""
    draw, count = random.Random(seed), math.ceil((end_s - start_s) / step_s) + 1
    return Profile([(start_s + n * step_s, max(0.0, draw.gauss(mean_w, deviation_w))) for n in range(count)])


class Scene:
    """A power that is switched while it runs: each profile holds from the moment it was switched to."""

    def __init__(self, power: Integrable, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._since: list[tuple[float, Integrable]] = [(-math.inf, power)]

    def switch(self, power: Integrable) -> None:
        self._since.append((self._clock(), power))

    def __call__(self, at_s: float) -> float:
        return next(power(at_s) for since_s, power in reversed(self._since) if since_s <= at_s)

    def energy_j(self, start_s: float, end_s: float) -> float:
        ends = [since_s for since_s, _ in self._since[1:]] + [math.inf]
        pieces = [
            (max(start_s, since_s), min(end_s, until_s), power)
            for (since_s, power), until_s in zip(self._since, ends, strict=True)
        ]
        return math.fsum(power.energy_j(a_s, b_s) for a_s, b_s, power in pieces if a_s < b_s)


def energy_j(power: Power, start_s: float, end_s: float) -> float:
    """Integral of the true power; by midpoints every millisecond where the power can't say it exactly."""
    exact = getattr(power, "energy_j", None)
    if exact is not None:
        return float(exact(start_s, end_s))
    count = max(1, math.ceil((end_s - start_s) / QUADRATURE_S))
    width_s = (end_s - start_s) / count
    return math.fsum(power(start_s + (n + 0.5) * width_s) for n in range(count)) * width_s


@dataclass(frozen=True)
class Rail:
    """One channel of an INA monitor: its share of the total, its voltage and shunt, and where it hangs."""

    name: str
    share: float
    volt: float
    shunt_ohm: float
    chip: str
    channel: int


@dataclass(frozen=True)
class Zone:
    """One RAPL zone: its share of the total and its path under powercap."""

    name: str
    share: float
    path: str
    range_uj: int = 262_143_328_850
    unit_uj: float = 1e6 / 2**14


@dataclass(frozen=True)
class Battery:
    """What one battery publishes: power, or current and voltage. lag_s: it shows the mean of so many seconds."""

    name: str
    publishes: str
    lag_s: float = 0.0
    volt: float = 11.4


@dataclass(frozen=True)
class Kind:
    """How a board looks in its file system."""

    model: str | None = None  # device tree
    compatible: tuple[str, ...] = ()
    layout: str = ""  # "iio", "hwmon", "ina238", "rapl", "battery", or nothing
    update_s: float = 0.05  # from one value of the sensor to the next
    rails: tuple[Rail, ...] = ()
    zones: tuple[Zone, ...] = ()
    batteries: tuple[Battery, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)


def _chip(chip: str, *rails: tuple[str, float, float, float]) -> tuple[Rail, ...]:
    return tuple(Rail(name, share, volt, ohm, chip, n + 1) for n, (name, share, volt, ohm) in enumerate(rails))


PMU = "sys/bus/event_source/devices/power"
PERF_COUNT_J = 2.0**-32
PERF = {
    f"{PMU}/type": "23\n",
    f"{PMU}/events/energy-pkg": "event=0x02\n",
    f"{PMU}/events/energy-pkg.scale": f"{PERF_COUNT_J:.28e}\n",
    f"{PMU}/events/energy-pkg.unit": "Joules\n",
}
INTEL = {"proc/cpuinfo": "processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu msr tsc\n"}
AMD = {"proc/cpuinfo": "processor\t: 0\nvendor_id\t: AuthenticAMD\nflags\t\t: fpu msr tsc\n"}
VIRTUAL = {"proc/cpuinfo": "processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu msr hypervisor\n"}
CONVERSION_S = 0.0066  # three channels, a bus and a shunt conversion of 1.1 ms each

KINDS: Mapping[str, Kind] = {
    "nano": Kind(
        "NVIDIA Jetson Nano Developer Kit",
        ("nvidia,p3449-0000-b00+p3448-0000-b00", "nvidia,jetson-nano", "nvidia,tegra210"),
        "iio",
        CONVERSION_S,
        _chip(
            "6-0040", ("POM_5V_IN", 1.0, 5.0, 0.005), ("POM_5V_GPU", 0.3, 5.0, 0.005), ("POM_5V_CPU", 0.4, 5.0, 0.005)
        ),
    ),
    "nano-2gb": Kind(
        "NVIDIA Jetson Nano 2GB Developer Kit",
        ("nvidia,p3542-0000+p3448-0003", "nvidia,jetson-nano", "nvidia,tegra210"),
    ),
    "xavier-nx": Kind(
        "NVIDIA Jetson Xavier NX Developer Kit",
        ("nvidia,p3449-0000+p3668-0000", "nvidia,p3668-0000", "nvidia,tegra194"),
        "iio",
        CONVERSION_S,
        _chip("7-0040", ("VDD_IN", 1.0, 5.0, 0.005), ("VDD_CPU_GPU_CV", 0.5, 5.0, 0.005), ("VDD_SOC", 0.2, 5.0, 0.005)),
    ),
    "tx2": Kind(
        "quill",
        ("nvidia,quill", "nvidia,p3310", "nvidia,tegra186"),
        "iio",
        CONVERSION_S,
        _chip("0-0041", ("VDD_IN", 0.8, 19.0, 0.005), ("VDD_SYS_CPU", 0.3, 19.0, 0.010))
        + _chip("0-0042", ("VDD_MUX", 0.2, 19.0, 0.020), ("VDD_3V3_SYS", 0.1, 3.3, 0.010)),
    ),
    "agx-xavier": Kind(
        "Jetson-AGX",
        ("nvidia,p2972-0000", "nvidia,tegra194"),
        "iio",
        CONVERSION_S,
        _chip("1-0040", ("GPU", 0.35, 19.0, 0.005), ("CPU", 0.25, 19.0, 0.005), ("SOC", 0.1, 19.0, 0.005))
        + _chip("1-0041", ("CV", 0.05, 19.0, 0.005), ("VDDRQ", 0.1, 19.0, 0.005), ("SYS5V", 0.15, 5.0, 0.005)),
    ),
    "orin-nano": Kind(
        "NVIDIA Jetson Orin Nano Developer Kit",
        ("nvidia,p3768-0000+p3767-0005", "nvidia,p3767-0005", "nvidia,tegra234"),
        "hwmon",
        CONVERSION_S,
        _chip("1-0040", ("VDD_IN", 1.0, 5.0, 0.005), ("VDD_CPU_GPU_CV", 0.5, 5.0, 0.005), ("VDD_SOC", 0.2, 5.0, 0.005)),
    ),
    "agx-orin": Kind(
        "NVIDIA Jetson AGX Orin Developer Kit",
        ("nvidia,p3737-0000+p3701-0000", "nvidia,p3701-0000", "nvidia,tegra234"),
        "hwmon",
        CONVERSION_S,
        _chip(
            "1-0040",
            ("VDD_GPU_SOC", 0.5, 20.0, 0.002),
            ("VDD_CPU_CV", 0.3, 20.0, 0.002),
            ("VIN_SYS_5V0", 0.2, 5.0, 0.002),
        )
        + _chip("1-0041", ("NC", 0.0, 5.0, 0.002), ("VDDQ_VDD2_1V8AO", 0.1, 5.0, 0.002), ("NC", 0.0, 5.0, 0.002)),
    ),
    "thor": Kind(
        "NVIDIA Jetson AGX Thor Developer Kit",
        ("nvidia,p4071-0000+p3834-0008", "nvidia,p3834-0008", "nvidia,tegra264"),
        "ina238",
        CONVERSION_S,
        _chip("2-0044", ("VIN", 1.0, 20.0, 0.002)),
    ),
    "unknown-board": Kind(
        "Example Carrier of Somebody",
        ("example,carrier",),
        "hwmon",
        CONVERSION_S,
        _chip("1-0040", ("VDD_A", 0.7, 5.0, 0.005), ("VDD_B", 0.3, 5.0, 0.005), ("VDD_C", 0.2, 5.0, 0.005)),
    ),
    "intel": Kind(
        layout="rapl",
        update_s=0.001,
        zones=(
            Zone("package-0", 1.0, "intel-rapl/intel-rapl:0"),
            Zone("core", 0.6, "intel-rapl/intel-rapl:0/intel-rapl:0:0"),
            Zone("uncore", 0.1, "intel-rapl/intel-rapl:0/intel-rapl:0:1"),
            Zone("psys", 1.7, "intel-rapl/intel-rapl:1"),
            Zone("package-0", 1.0, "intel-rapl-mmio/intel-rapl-mmio:0"),
        ),
        files=INTEL | PERF | {f"{PMU}/cpumask": "0\n"},
    ),
    "amd": Kind(
        layout="rapl",
        update_s=0.001,
        zones=(
            Zone("package-0", 1.0, "intel-rapl/intel-rapl:0", 65_532_610_987),
            Zone("core", 0.5, "intel-rapl/intel-rapl:0/intel-rapl:0:0", 65_532_610_987),
        ),
        files=AMD,
    ),
    "two-sockets": Kind(
        layout="rapl",
        update_s=0.001,
        zones=(
            Zone("package-0", 0.75, "intel-rapl/intel-rapl:0"),
            Zone("dram", 0.1, "intel-rapl/intel-rapl:0/intel-rapl:0:0", 65_712_999_613),
            Zone("package-1", 0.25, "intel-rapl/intel-rapl:1"),
            Zone("dram", 0.05, "intel-rapl/intel-rapl:1/intel-rapl:1:0", 65_712_999_613),
        ),
        files=INTEL | PERF | {f"{PMU}/cpumask": "0,18\n"},
    ),
    "virtual-machine": Kind(files=VIRTUAL),
    "battery": Kind(layout="battery", update_s=1.0, batteries=(Battery("BAT0", "power"),)),
    "battery-current": Kind(layout="battery", update_s=1.0, batteries=(Battery("BAT1", "current", lag_s=2.0),)),
}


class FileEvent:
    """A perf event of a simulated board: the kernel's call can't be pointed at a tree."""

    def __init__(self, root: Path, cpu: int) -> None:
        self._path = root / f"perf/{cpu}"
        self._first = int(self._path.read_text())

    def read(self) -> int:
        return int(self._path.read_text()) - self._first

    def close(self) -> None:
        pass


class Board:
    """The tree of one kind of board under `root`, written at once, showing 0 W until it follows a power.

    gain: what the sensor shows over what is true. update_s: how often a driven tree changes, where the kind's own
    period would cost a test too much. start_uj: where the RAPL counters stand at first.
    """

    def __init__(  # noqa: PLR0913  # by name
        self,
        root: Path,
        kind: str,
        *,
        clock: Clock = time.monotonic,
        update_s: float | None = None,
        gain: float = 1.0,
        start_uj: int = 123_456_789,
        range_uj: int | None = None,
    ) -> None:
        self.root, self.kind, self.clock, self.gain = root, KINDS[kind], clock, gain
        self.update_s = update_s or self.kind.update_s
        self.lag_s = 0.0  # the longest that a driven tree stood still; a busy machine delays its thread
        self.updated_s: list[float] = []  # when it was updated
        self._start_uj, self._range_uj = start_uj, range_uj
        self._power: Power = constant(0.0)
        self._since_s = clock()
        self._frozen = False
        self._gone: set[str] = set()
        self._write_identity()
        {"iio": self._make_ina, "hwmon": self._make_ina, "ina238": self._make_ina, "rapl": self._make_rapl}.get(
            self.kind.layout, lambda: None
        )()
        self.update(self._since_s)

    def follow(self, power: Power) -> None:
        """From now on the sensors see this power; `update` says when they look."""
        self._power, self._since_s = power, self.clock()

    def update(self, at_s: float) -> None:
        """Writes what the sensors show at that time."""
        if self._frozen:
            return
        {
            "iio": self._update_iio,
            "hwmon": self._update_hwmon,
            "ina238": self._update_ina238,
            "rapl": self._update_rapl,
            "battery": self._update_batteries,
        }.get(self.kind.layout, lambda _: None)(at_s)

    @contextmanager
    def drive(self, power: Power) -> Iterator[None]:
        """A thread updates the tree every update_s of real time, until the block ends."""
        self.follow(power)
        ended = threading.Event()
        thread = threading.Thread(target=self._run, args=(ended,), daemon=True)
        self.update(self.clock())
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def truth_j(self, start_s: float, end_s: float) -> float:
        """The true energy between two times since the board follows its power, in joules."""
        return energy_j(self._power, start_s, end_s)

    def freeze(self) -> None:
        """The sensors go on answering, with what they showed last."""
        self._frozen = True

    def remove(self, path: str) -> None:
        """A file or folder under the root disappears and stays away."""
        self._gone.add(path)
        target = self.root / path
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        else:
            target.unlink()

    def put(self, path: str, text: str) -> None:
        """Writes a file at one stroke, as sysfs answers: a reader sees the old value or the new one."""
        if any(path == gone or path.startswith(f"{gone}/") for gone in self._gone):
            return
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f".{target.name}.new")
        fresh.write_text(text)
        fresh.replace(target)

    def _run(self, ended: threading.Event) -> None:
        last_s = self.clock()
        while not ended.wait(self.update_s):
            now_s = self.clock()
            self.update(now_s)
            last_s, self.lag_s = now_s, max(self.lag_s, now_s - last_s)
            self.updated_s.append(now_s)

    def _link(self, path: str, target: str) -> None:
        link = self.root / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(self.root / target, link.parent))

    def _write_identity(self) -> None:
        if self.kind.model is not None:
            self.put("proc/device-tree/model", f"{self.kind.model}\0")
            self.put("proc/device-tree/compatible", "".join(f"{name}\0" for name in self.kind.compatible))
        for path, text in self.kind.files.items():
            self.put(path, text)

    def _folder(self, rail: Rail) -> str:
        number = sorted({each.chip for each in self.kind.rails}).index(rail.chip)
        inner = f"iio:device{number}" if self.kind.layout == "iio" else f"hwmon/hwmon{number + 1}"
        return f"sys/bus/i2c/devices/{rail.chip}/{inner}"

    def _make_ina(self) -> None:
        driver = {"iio": "ina3221x", "hwmon": "ina3221", "ina238": "ina238"}[self.kind.layout]
        for chip in sorted({rail.chip for rail in self.kind.rails}):
            self.put(f"sys/bus/i2c/devices/{chip}/name", "ina238\n" if driver == "ina238" else "ina3221\n")
            self._link(f"sys/bus/i2c/drivers/{driver}/{chip}", f"sys/bus/i2c/devices/{chip}")
        for rail in self.kind.rails:
            folder = self._folder(rail)
            if self.kind.layout == "iio":
                self.put(f"{folder}/rail_name_{rail.channel - 1}", f"{rail.name}\n")
                continue
            self.put(f"{folder}/name", f"{driver}\n")
            self.put(f"{folder}/in{rail.channel}_label", f"{rail.name}\n")
            if self.kind.layout == "hwmon":
                self.put(f"{folder}/shunt{rail.channel}_resistor", f"{round(rail.shunt_ohm * 1e6)}\n")
                self.put(f"{folder}/in7_label", "sum of shunt voltages\n")

    def _shown(self, rail: Rail, at_s: float) -> tuple[int, int]:
        """mV and mA as an INA3221 counts them: 8 mV, and 40 uV over the shunt."""
        volt = round(rail.volt / 0.008) * 0.008
        count_a = 40e-6 / rail.shunt_ohm
        ampere = round(self._power(at_s) * rail.share * self.gain / rail.volt / count_a) * count_a
        return round(volt * 1000), round(ampere * 1000)

    def _update_iio(self, at_s: float) -> None:
        for rail in self.kind.rails:
            folder, channel = self._folder(rail), rail.channel - 1
            volt_mv, current_ma = self._shown(rail, at_s)
            self.put(f"{folder}/in_voltage{channel}_input", f"{volt_mv}\n")
            self.put(f"{folder}/in_current{channel}_input", f"{current_ma}\n")
            self.put(f"{folder}/in_power{channel}_input", f"{round(volt_mv * current_ma / 1000)}\n")

    def _update_hwmon(self, at_s: float) -> None:
        for rail in self.kind.rails:
            folder, channel = self._folder(rail), rail.channel
            volt_mv, current_ma = self._shown(rail, at_s)
            self.put(f"{folder}/in{channel}_input", f"{volt_mv}\n")
            self.put(f"{folder}/curr{channel}_input", f"{current_ma}\n")
        for folder in {self._folder(rail) for rail in self.kind.rails}:
            self.put(f"{folder}/in7_input", "1\n")

    def _update_ina238(self, at_s: float) -> None:
        for rail in self.kind.rails:
            folder = self._folder(rail)
            volt = round(rail.volt / 3.125e-3) * 3.125e-3
            count_a = 5e-6 / rail.shunt_ohm
            ampere = round(self._power(at_s) * rail.share * self.gain / rail.volt / count_a) * count_a
            self.put(f"{folder}/in1_input", f"{round(volt * 1000)}\n")
            self.put(f"{folder}/curr1_input", f"{round(ampere * 1000)}\n")
            self.put(f"{folder}/power1_input", f"{round(volt * ampere * 1e6)}\n")

    def _make_rapl(self) -> None:
        for zone in self.kind.zones:
            folder = f"sys/devices/virtual/powercap/{zone.path}"
            self.put(f"{folder}/name", f"{zone.name}\n")
            self.put(f"{folder}/max_energy_range_uj", f"{self._range_uj or zone.range_uj}\n")
            self._link(f"sys/class/powercap/{zone.path.rpartition('/')[2]}", folder)
        for control in sorted({zone.path.partition("/")[0] for zone in self.kind.zones}):
            self._link(f"sys/class/powercap/{control}", f"sys/devices/virtual/powercap/{control}")

    def _update_rapl(self, at_s: float) -> None:
        grown_j = energy_j(self._power, self._since_s, at_s) * self.gain if at_s > self._since_s else 0.0
        for zone in self.kind.zones:
            range_uj = self._range_uj or zone.range_uj
            grown_uj = math.floor(grown_j * zone.share * 1e6 / zone.unit_uj) * zone.unit_uj
            counter_uj = round(self._start_uj + grown_uj) % range_uj
            self.put(f"sys/devices/virtual/powercap/{zone.path}/energy_uj", f"{counter_uj}\n")
        packages = [zone for zone in self.kind.zones if re.fullmatch(r"intel-rapl/intel-rapl:\d+", zone.path)]
        for zone, cpu in zip(packages, (0, 18), strict=False):
            self.put(f"perf/{cpu}", f"{math.floor(grown_j * zone.share / PERF_COUNT_J)}\n")

    def _update_batteries(self, at_s: float) -> None:
        self.put("sys/class/power_supply/AC/type", "Mains\n")
        if not (self.root / "sys/class/power_supply/AC/online").exists():
            self.plug(False)
        for battery in self.kind.batteries:
            folder = f"sys/class/power_supply/{battery.name}"
            start_s = max(self._since_s, at_s - battery.lag_s)
            mean_w = energy_j(self._power, start_s, at_s) / (at_s - start_s) if start_s < at_s else self._power(at_s)
            watts = mean_w * self.gain / len(self.kind.batteries)
            self.put(f"{folder}/voltage_now", f"{round(battery.volt * 1e6)}\n")
            if battery.publishes == "power":
                self.put(f"{folder}/power_now", f"{round(watts * 1000) * 1000}\n")
            else:
                self.put(f"{folder}/current_now", f"{round(watts / battery.volt * 1000) * 1000}\n")

    def plug(self, charger: bool) -> None:
        """The charger is put in or pulled out."""
        self.put("sys/class/power_supply/AC/online", f"{int(charger)}\n")
        for battery in self.kind.batteries:
            self.put(f"sys/class/power_supply/{battery.name}/type", "Battery\n")
            self.put(f"sys/class/power_supply/{battery.name}/status", "Charging\n" if charger else "Discharging\n")
