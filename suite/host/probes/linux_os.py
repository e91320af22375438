"""Distribution, kernel and load of a Linux."""

from __future__ import annotations

from suite.host.system import Facts, Probe, State, System


class LinuxOs(Probe):
    name = "linux_os"

    def facts(self, system: System) -> Facts:
        return {"os": _pretty_name(system), "kernel": system.text("proc/sys/kernel/osrelease")}

    def state(self, system: System) -> State:
        text = system.text("proc/loadavg")
        return {"load_1min": float(text.split()[0]) if text else None}


def _pretty_name(system: System) -> str | None:
    release = system.text("etc/os-release") or system.text("usr/lib/os-release") or ""
    for line in release.splitlines():
        key, _, value = line.partition("=")
        if key == "PRETTY_NAME":
            return value.strip("\"'")
    return None


PLUGIN = LinuxOs()
