"""Whether a laptop runs on its battery, and its platform profile (balanced, performance, low-power)."""

from __future__ import annotations

from suite.host.system import Probe, State, System

_SUPPLIES = "sys/class/power_supply"


class PowerSupply(Probe):
    name = "power_supply"

    def state(self, system: System) -> State:
        return {"on_battery": _on_battery(system), "power_mode": system.text("sys/firmware/acpi/platform_profile")}


def _on_battery(system: System) -> bool | None:
    """None on a machine without a battery. The battery of a mouse (scope Device) is none of the machine's."""
    folders = [path for path in system.paths(f"{_SUPPLIES}/*") if system.text(f"{path}/scope") != "Device"]
    kinds = {path: system.text(f"{path}/type") for path in folders}
    bays = [path for path, kind in kinds.items() if kind == "Battery"]
    batteries = [path for path in bays if system.text(f"{path}/present") != "0"]
    if not batteries:
        return None
    if any(system.number(f"{path}/online") for path in folders if path not in bays):  # 2: agreed upon (USB PD)
        return False
    return any(system.text(f"{path}/status") == "Discharging" for path in batteries)


PLUGIN = PowerSupply()
