"""NVIDIA Jetson: L4T release, power mode, integrated GPU, over-current throttling."""

from __future__ import annotations

import re

from suite.host.system import Facts, Probe, State, System
from suite.records import GpuState

_GPUS = {
    "nvidia,tegra210": "NVIDIA GM20B (Maxwell, integrated)",
    "nvidia,tegra186": "NVIDIA GP10B (Pascal, integrated)",
    "nvidia,tegra194": "NVIDIA GV11B (Volta, integrated)",
    "nvidia,tegra234": "NVIDIA GA10B (Ampere, integrated)",
    "nvidia,tegra264": "NVIDIA GB10B (Blackwell, integrated)",
}

_CLOCKS = (
    "sys/class/devfreq/*gpu*",
    "sys/class/devfreq/*.gv11b",
    "sys/class/devfreq/*.ga10b",
    "sys/class/devfreq/*.gp10b",
)
_COLDEST_C = -40.0  # a zone that is powered off reads -256 °C


class Jetson(Probe):
    name = "jetson"
    rank = 10

    def facts(self, system: System) -> Facts:
        compatible = (system.device_tree("compatible") or "").split("\0")
        return {"l4t": _l4t(system), "accelerators": tuple(_GPUS[name] for name in compatible if name in _GPUS)}

    def state(self, system: System) -> State:
        # hwmon of JetPack 5 and later; older ones count nothing
        counts = [system.number(path) for path in system.paths("sys/class/hwmon/hwmon*/oc[0-9]*_event_cnt")]
        return {
            "power_mode": _power_mode(system),
            "throttle_count": sum(count or 0 for count in counts) if counts else None,
            "gpus": _gpus(system),
        }


def _gpus(system: System) -> tuple[GpuState, ...]:
    """The integrated GPU by its clock's files and its thermal zone; what lowers the clock nothing tells."""
    compatible = (system.device_tree("compatible") or "").split("\0")
    name = next((_GPUS[each] for each in compatible if each in _GPUS), None)
    folder = next((path for pattern in _CLOCKS for path in system.paths(pattern)), None)
    if name is None or folder is None:
        return ()
    clock_hz, limit_hz = system.number(f"{folder}/cur_freq"), system.number(f"{folder}/max_freq")
    zones = [path for path in system.paths("sys/class/thermal/thermal_zone*") if _is_gpu(system.text(f"{path}/type"))]
    temperature_mc = system.number(f"{zones[0]}/temp") if zones else None
    is_off = temperature_mc is not None and temperature_mc * 1e-3 < _COLDEST_C
    return (
        GpuState(
            name=name,
            clock_hz=None if clock_hz is None else float(clock_hz),
            clock_limit_hz=None if limit_hz is None else float(limit_hz),
            temperature_c=None if temperature_mc is None or is_off else temperature_mc * 1e-3,
            governor=system.text(f"{folder}/governor"),
        ),
    )


def _is_gpu(zone: str | None) -> bool:
    return zone is not None and zone.lower().startswith("gpu")


def _l4t(system: System) -> str | None:
    """ "# R32 (release), REVISION: 7.1, GCID: ..." as "R32.7.1"."""
    found = re.match(r"# (R\d+) \(release\), REVISION: ([\d.]+)", system.text("etc/nv_tegra_release") or "")
    return f"{found[1]}.{found[2]}" if found else None


def _power_mode(system: System) -> str | None:
    """nvpmodel's number with the name that its configuration gives it: "MAXN (mode 0)"."""
    status = re.search(r"pmode:(\d+)", system.text("var/lib/nvpmodel/status") or "")
    if status is None:
        return None
    mode = int(status[1])
    modes = re.findall(r"POWER_MODEL\s+ID=(\d+)\s+NAME=(\S+)", system.text("etc/nvpmodel.conf") or "")
    names = {int(number): name for number, name in modes}
    return f"{names[mode]} (mode {mode})" if mode in names else f"mode {mode}"


PLUGIN = Jetson()
