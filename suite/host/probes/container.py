"""Whether this is a container, a virtual machine, or both, and which image; whether its processor is emulated."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from suite.host.flags import EMULATED
from suite.host.system import Facts, Probe, System

_VIRTUAL_PRODUCTS = (
    "qemu",
    "kvm",
    "vmware",
    "virtualbox",
    "virtual machine",
    "apple virtualization",
    "parallels",
    "bochs",
)


# What Linux writes about a processor of each architecture: an emulator shows the file of the machine below.
_CPUINFO = {"x86_64": r"^(vendor_id|cpu family)\s*:", "aarch64": r"^CPU (implementer|part)\s*:"}
_ELF_MACHINES = {b"\x3e\x00": "x86_64", b"\xb7\x00": "aarch64"}  # e_machine, at byte 18


class Container(Probe):
    name = "container"

    def facts(self, system: System) -> Facts:
        emulator = _emulator(system)
        around = _virtualization(system)
        if emulator is not None:
            around = f"{'' if around in (None, 'none') else f'{around}, '}{EMULATED} ({emulator})"
        return {
            "virtualization": around,
            "container_image_digest": _digest(system.environ.get("SUITE_IMAGE_DIGEST", "")),
        }


def _digest(reference: str) -> str | None:
    """The digest at the end of what Compose was told to run; a tag, which may move, names no image."""
    named = re.search(r"sha256:[0-9a-f]+$", reference)
    return named[0] if named else None


def _virtualization(system: System) -> str | None:
    """ "container (docker) in a virtual machine (QEMU)", "none" on bare metal, None where the machine does not say."""
    container, machine = _container(system), _virtual_machine(system)
    if container and machine:
        return f"container ({container}) in a virtual machine ({machine})"
    if container or machine:
        return f"container ({container})" if container else f"virtual machine ({machine})"
    flags_known = "\nflags" in (system.text("proc/cpuinfo") or "")
    return "none" if flags_known or system.device_tree("model") else None


def _container(system: System) -> str | None:
    if (system.root / ".dockerenv").exists():
        return "docker"
    if (system.root / "run/.containerenv").exists():
        return "podman"
    named = re.search(r"docker|kubepods|lxc|podman", system.text("proc/1/cgroup") or "")
    return system.text("run/systemd/container") or (named[0] if named else None)


def _emulator(system: System) -> str | None:
    """What shows that this program's processor is made by software: of a user-mode emulator (qemu-user, Rosetta)."""
    own, here = system.architecture, replace(system, root=system.own_root)
    cpuinfo = here.text("proc/cpuinfo") or ""
    if own not in _CPUINFO:
        return None
    for other, key in _CPUINFO.items():
        if re.search(key, cpuinfo, re.MULTILINE) and not re.search(_CPUINFO[own], cpuinfo, re.MULTILINE):
            return f"/proc/cpuinfo is that of {other}, and this program is for {own}"
    if "VirtualApple" in cpuinfo:
        return "Rosetta"
    if (first := _link(here.root / "proc/1/exe")).startswith("qemu-"):
        return first
    init = _elf_machine(here.root / "sbin/docker-init")  # the engine's own, where Compose says init: true
    return None if init in (None, own) else f"the engine is for {init}, and this program is for {own}"


def _link(path: Path) -> str:
    """The name of the file that a link leads to; empty where that can't be told."""
    try:
        return path.readlink().name
    except OSError:
        return ""


def _elf_machine(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            head = file.read(20)
    except OSError:
        return None
    return _ELF_MACHINES.get(head[18:20]) if head.startswith(b"\x7fELF") else None


def _virtual_machine(system: System) -> str | None:
    """The hypervisor as far as it is known, by firmware tables first: they name it."""
    vendor, product = (system.text(f"sys/class/dmi/id/{field}") or "" for field in ("sys_vendor", "product_name"))
    name = f"{vendor} {product}".strip()
    has_flag = re.search(r"^flags\s*:.*\bhypervisor\b", system.text("proc/cpuinfo") or "", re.MULTILINE)
    if has_flag or any(known in name.lower() for known in _VIRTUAL_PRODUCTS):
        return name or "unknown hypervisor"
    if "linux,dummy-virt" in (system.device_tree("compatible") or ""):
        return "QEMU virt"
    return system.text("sys/hypervisor/type")


PLUGIN = Container()
