"""Model, governors, clocks and thermal throttling of a Linux machine's CPU."""

from __future__ import annotations

from collections.abc import Iterator

from suite.host.system import Facts, Probe, State, System

_CPU = "sys/devices/system/cpu"

# Source: MIDR_EL1 values as in Linux, arch/arm64/include/asm/cputype.h
_ARM_CORES = {
    ("0x41", "0xd03"): "ARM Cortex-A53",
    ("0x41", "0xd05"): "ARM Cortex-A55",
    ("0x41", "0xd07"): "ARM Cortex-A57",
    ("0x41", "0xd08"): "ARM Cortex-A72",
    ("0x41", "0xd09"): "ARM Cortex-A73",
    ("0x41", "0xd0a"): "ARM Cortex-A75",
    ("0x41", "0xd0b"): "ARM Cortex-A76",
    ("0x41", "0xd0c"): "ARM Neoverse-N1",
    ("0x41", "0xd40"): "ARM Neoverse-V1",
    ("0x41", "0xd41"): "ARM Cortex-A78",
    ("0x41", "0xd42"): "ARM Cortex-A78AE",
    ("0x41", "0xd49"): "ARM Neoverse-N2",
    ("0x41", "0xd4f"): "ARM Neoverse-V2",
    ("0x4e", "0x003"): "NVIDIA Denver 2",
    ("0x4e", "0x004"): "NVIDIA Carmel",
    ("0x61", "0x000"): "Apple silicon",
}


class Cpu(Probe):
    name = "cpu"

    def facts(self, system: System) -> Facts:
        fields = list(_cpuinfo(system))
        names = [value for key, value in fields if key == "model name"]
        return {"cpu_model": _arm_cores(fields) or next(iter(names), None)}

    def state(self, system: System) -> State:
        folders = system.paths(f"{_CPU}/cpufreq/policy*") or system.paths(f"{_CPU}/cpu[0-9]*/cpufreq")
        governors = {system.text(f"{folder}/scaling_governor") for folder in folders}
        clocks_khz = [system.number(f"{folder}/scaling_cur_freq") for folder in folders]
        frequency_hz = tuple(value * 1e3 for value in clocks_khz if value is not None)
        return {
            "governors": tuple(sorted(governor for governor in governors if governor)),
            "cpu_frequency_hz": frequency_hz or _frequency_hz_of_cpuinfo(system),
            "throttle_count": _throttle_count(system),
        }


def _cpuinfo(system: System) -> Iterator[tuple[str, str]]:
    for line in (system.text("proc/cpuinfo") or "").splitlines():
        key, separator, value = line.partition(":")
        if separator:
            yield key.strip(), value.strip()


def _arm_cores(fields: list[tuple[str, str]]) -> str | None:
    """The kinds of core that an ARM machine has, in the order of its cores; None for another architecture."""
    implementers = [value for key, value in fields if key == "CPU implementer"]
    parts = [value for key, value in fields if key == "CPU part"]
    kinds = dict.fromkeys(zip(implementers, parts, strict=False))
    names = [_ARM_CORES.get(kind, f"ARM implementer {kind[0]} part {kind[1]}") for kind in kinds]
    return " + ".join(names) or None


def _frequency_hz_of_cpuinfo(system: System) -> tuple[float, ...]:
    """Where the kernel governs no clocks, as in a virtual machine, x86 still reports them."""
    return tuple(float(value) * 1e6 for key, value in _cpuinfo(system) if key == "cpu MHz")


def _throttle_count(system: System) -> int | None:
    """Throttle events since boot: the cores' per logical CPU, and the package's, which every CPU repeats."""
    cores = [system.number(path) for path in system.paths(f"{_CPU}/cpu[0-9]*/thermal_throttle/core_throttle_count")]
    packages = [
        system.number(path) for path in system.paths(f"{_CPU}/cpu[0-9]*/thermal_throttle/package_throttle_count")
    ]
    if not cores and not packages:
        return None
    return sum(count or 0 for count in cores) + max((count or 0 for count in packages), default=0)


PLUGIN = Cpu()
