"""A Mac, through sysctl. Clocks, temperatures and power mode are not to be had without root."""

from __future__ import annotations

from collections.abc import Mapping

from suite.host.system import Facts, Probe, State, System

_FACTS = ("hw.model", "machdep.cpu.brand_string", "hw.memsize", "kern.osproductversion", "kern.hv_vmm_present")
_STATE = ("vm.loadavg", "hw.memsize", "kern.memorystatus_level")


class Apple(Probe):
    name = "apple"

    def facts(self, system: System) -> Facts:
        if system.kind != "Darwin":
            return {}
        values = system.sysctl(_FACTS)
        chip = values.get("machdep.cpu.brand_string")
        is_apple_silicon = chip is not None and chip.startswith("Apple")
        version = values.get("kern.osproductversion")
        is_virtual = values.get("kern.hv_vmm_present")
        return {
            "board": values.get("hw.model"),
            "soc": chip if is_apple_silicon else None,
            "cpu_model": chip,
            "os": f"macOS {version}" if version else None,
            "virtualization": None if is_virtual is None else "virtual machine" if is_virtual == "1" else "none",
            "memory_total_bytes": int(values["hw.memsize"]) if "hw.memsize" in values else None,
            "accelerators": (f"{chip} GPU (integrated)",) if is_apple_silicon else (),
        }

    def state(self, system: System) -> State:
        if system.kind != "Darwin":
            return {}
        values = system.sysctl(_STATE)
        load = values.get("vm.loadavg", "").strip("{ }").split()  # "{ 1.52 1.60 1.71 }"
        return {
            "load_1min": float(load[0].replace(",", ".")) if load else None,
            "memory_available_bytes": _available_bytes(values),
        }


def _available_bytes(values: Mapping[str, str]) -> int | None:
    """From the percentage of memory that the kernel could still give out, as memory_pressure shows it."""
    size, percent = values.get("hw.memsize"), values.get("kern.memorystatus_level")
    return int(size) * int(percent) // 100 if size and percent else None


PLUGIN = Apple()
