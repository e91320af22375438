"""Whether this is a Mac whose chip can be read, a container on one, or neither: each needs another source."""

from __future__ import annotations

from suite.host.system import System
from suite.records import NotMeasured

_HELPER = "start `suite power serve` on the Mac itself and give its token to the container (docs/mac.md)"


def refusal(system: System) -> NotMeasured | None:
    """Why this machine is no Mac whose chip can be read, or None where it is one."""
    if system.kind != "Darwin":
        if in_a_macs_container(system):
            return NotMeasured(
                code="MAC_CONTAINER",
                reason="a container on a Mac runs in a virtual machine, where no power sensor is to be seen",
                remedy=_HELPER,
            )
        return NotMeasured(
            code="NOT_A_MAC",
            reason="this machine is not a Mac",
            remedy="nothing is missing: the other power sources are for it",
        )
    # A Python for Intel Macs runs on an Apple chip too, and then names the wrong architecture.
    if system.architecture == "arm64" or system.sysctl(["hw.optional.arm64"]).get("hw.optional.arm64") == "1":
        return None
    return NotMeasured(
        code="MAC_X86",
        reason="this is an Intel Mac, and only the counters of Apple's own chips are read",
        remedy="measure with an external power meter and --power-csv, or on battery, on another system",
    )


def in_a_macs_container(system: System) -> bool:
    """Whether this Linux runs on an Apple chip without being its first system.

    Source: Arm's list of implementers has 0x61 for Apple; under Rosetta the processor is named VirtualApple.
    """
    cpu = system.text("proc/cpuinfo") or ""
    is_apple_chip = "VirtualApple" in cpu or "CPU implementer\t: 0x61" in cpu
    return is_apple_chip and "apple," not in (system.device_tree("compatible") or "")
