"""NVIDIA's driver and its discrete GPUs, from its proc files: no library is loaded."""

from __future__ import annotations

import re

from suite.host.system import Facts, Probe, System


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


PLUGIN = Nvidia()
