"""NVIDIA Jetson: L4T release, power mode, integrated GPU, over-current throttling."""

from __future__ import annotations

import re

from suite.host.system import Facts, Probe, State, System

_GPUS = {
    "nvidia,tegra210": "NVIDIA GM20B (Maxwell, integrated)",
    "nvidia,tegra186": "NVIDIA GP10B (Pascal, integrated)",
    "nvidia,tegra194": "NVIDIA GV11B (Volta, integrated)",
    "nvidia,tegra234": "NVIDIA GA10B (Ampere, integrated)",
    "nvidia,tegra264": "NVIDIA GB10B (Blackwell, integrated)",
}


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
        }


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
