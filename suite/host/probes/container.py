"""Whether this is a container, a virtual machine, or both, and which image."""

from __future__ import annotations

import re

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


class Container(Probe):
    name = "container"

    def facts(self, system: System) -> Facts:
        return {
            "virtualization": _virtualization(system),
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
