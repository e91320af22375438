"""NVIDIA's driver and its discrete GPUs, from its proc files; their state from its management library."""

from __future__ import annotations

import re
from pathlib import Path

from suite.host import nvml
from suite.host.system import Facts, Probe, State, System


class Nvidia(Probe):
    name = "nvidia"

    def facts(self, system: System) -> Facts:
        # The same line names the person and machine that built an open module: take the version alone.
        version = re.search(r"Kernel Module.*?\s(\d+(?:\.\d+)+)\s", system.text("proc/driver/nvidia/version") or "")
        information = [system.text(path) or "" for path in system.paths("proc/driver/nvidia/gpus/*/information")]
        models = (re.search(r"^Model:\s*(.+?)\s*$", text, re.MULTILINE) for text in information)
        return {
            "driver": f"NVIDIA {version[1]}" if version else None,
            "accelerators": tuple(model[1] for model in models if model),
        }

    def state(self, system: System) -> State:
        """Only where the driver's files are: on other machines, and under another root, no library is looked for."""
        find = system.nvml or (nvml.library if system.root == Path("/") else None)
        if find is None or not system.paths("proc/driver/nvidia/gpus/*"):
            return {}
        found = find()
        return {} if found is None else {"gpus": nvml.states(found)}


PLUGIN = Nvidia()
