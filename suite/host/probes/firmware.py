"""Board and SoC as the firmware names them: the device tree of a board, the DMI tables of a PC. No serial numbers."""

from __future__ import annotations

from suite.host.system import Facts, Probe, System

_PLACEHOLDERS = {"", "to be filled by o.e.m.", "system product name", "system manufacturer", "default string", "none"}


class Firmware(Probe):
    name = "firmware"

    def facts(self, system: System) -> Facts:
        return {"board": system.device_tree("model") or _dmi_board(system), "soc": _soc(system)}


def _soc(system: System) -> str | None:
    """The device tree lists what it is compatible with from the board down to the SoC: "nvidia,tegra210"."""
    compatible = (system.device_tree("compatible") or "").split("\0")[-1]
    return compatible if compatible not in ("", "linux,dummy-virt") else None


def _dmi_board(system: System) -> str | None:
    for maker, product, version in (
        ("sys_vendor", "product_name", "product_version"),
        ("board_vendor", "board_name", "board_version"),
    ):
        name = _dmi(system, product)
        if name:
            detail = _dmi(system, version)
            words = " ".join(word for word in (_dmi(system, maker), name) if word)
            return f"{words} ({detail})" if detail else words
    return None


def _dmi(system: System, field: str) -> str:
    text = (system.text(f"sys/class/dmi/id/{field}") or "").strip()
    return "" if text.lower() in _PLACEHOLDERS else text


PLUGIN = Firmware()
