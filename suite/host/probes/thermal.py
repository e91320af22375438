"""Temperatures: thermal zones by their type, and the CPU's own chip where no zone shows it."""

from __future__ import annotations

from collections.abc import Iterable

from suite.host.system import Probe, State, System

_CPU_CHIPS = {"coretemp", "k10temp", "zenpower"}
_COLDEST_C = -40.0  # a Jetson's zone that is powered off reads -256 °C


class Thermal(Probe):
    name = "thermal"

    def state(self, system: System) -> State:
        zones = [(folder, system.text(f"{folder}/type")) for folder in system.paths("sys/class/thermal/thermal_zone*")]
        found = [(kind, system.number(f"{folder}/temp")) for folder, kind in zones if kind]
        # "acpitz" is the firmware's, often constant
        if all(kind == "acpitz" for kind, _ in found):
            found += _cpu_chips(system)
        return {"temperature_c": _named(found)}


def _cpu_chips(system: System) -> list[tuple[str, int | None]]:
    found = []
    for folder in system.paths("sys/class/hwmon/hwmon*"):
        chip = system.text(f"{folder}/name")
        if chip in _CPU_CHIPS:
            for path in system.paths(f"{folder}/temp*_input"):
                label = system.text(path.replace("_input", "_label"))
                found.append((f"{chip} {label}" if label else chip, system.number(path)))
    return found


def _named(readings: Iterable[tuple[str, int | None]]) -> tuple[tuple[str, float], ...]:
    """(name, °C) from milli-degrees, without sensors that are off; a name that comes again is numbered."""
    named: dict[str, float] = {}
    for name, temperature_mc in readings:
        if temperature_mc is None or temperature_mc * 1e-3 < _COLDEST_C:
            continue
        same = sum(1 for other in named if other == name or other.startswith(f"{name} #"))
        named[f"{name} #{same + 1}" if same else name] = temperature_mc / 1000
    return tuple(named.items())


PLUGIN = Thermal()
