"""Why torch can't use the GPU that a machine has, as far as files can tell."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from suite.records import HostFacts

# Through which every program on a Jetson reaches its GPU, on older boards and newer ones.
DEVICE_FILES = ("dev/nvmap", "dev/nvhost-ctrl-gpu", "dev/nvgpu/igpu0/ctrl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    reason: str
    remedy: str


MayUse = Callable[[Path], bool]  # whether this user may open a device file


def _may_use(path: Path) -> bool:
    return os.access(path, os.R_OK | os.W_OK)


def unused(
    facts: HostFacts, devices: Sequence[str], root: Path = Path("/"), may_use: MayUse = _may_use
) -> Absence | None:
    """Why torch can't use this machine's GPU; None where it can, or where there is no GPU that it could ever use.

    devices: those that torch has, ("cpu", "cuda:0"); none at all where there is no torch to ask.
    """
    if not devices or any(device != "cpu" for device in devices):
        return None
    if facts.l4t is not None:
        return _tegra(root, may_use)
    if (facts.driver or "").startswith("NVIDIA") and facts.accelerators:
        return _discrete(facts, root)
    if facts.os.startswith("macOS") and facts.accelerators:
        return Absence(
            reason="torch shows no MPS on this Mac",
            remedy="macOS 12.3 or newer with a Python and a torch for arm64, not ones that Rosetta translates",
        )
    return None


def _is_container(root: Path) -> bool:
    return (root / ".dockerenv").exists() or (root / "run/.containerenv").exists()


def _discrete(facts: HostFacts, root: Path) -> Absence:
    torch = dict(facts.versions).get("torch", "")
    if torch.endswith("+cpu"):
        return Absence(
            reason=f"torch {torch} is a build without CUDA",
            remedy="a CUDA build of torch for the worker's Python, which SUITE_WORKER_PYTHON names",
        )
    if not (root / "dev/nvidiactl").exists():
        return Absence(
            reason=f"{root / 'dev/nvidiactl'} is not there",
            remedy="start the container with its GPUs: docker run --gpus all"
            if _is_container(root)
            else "load the driver: nvidia-smi, as root, makes its device files",
        )
    return Absence(
        reason=f"torch {torch} shows no CUDA with driver {facts.driver}",
        remedy="a torch built for a CUDA of this driver's; `python -c 'import torch; torch.cuda.init()'` says more",
    )


def _tegra(root: Path, may_use: MayUse) -> Absence:
    inside = _is_container(root)
    found = [root / name for name in DEVICE_FILES if (root / name).exists()]
    if not found:
        return Absence(
            reason=f"{root / DEVICE_FILES[0]} is not there",
            remedy="start the container with NVIDIA's runtime: make env && make bench-jetson"
            if inside
            else "this system has not the driver of its GPU: flash the board with NVIDIA's JetPack",
        )
    refused = [path for path in found if not may_use(path)]
    if refused:
        status = refused[0].stat()
        owner = f"{status.st_uid}:{status.st_gid}, mode {status.st_mode & 0o777:o}"
        return Absence(
            reason=f"{refused[0]} belongs to {owner}, and user {os.geteuid()} in groups "
            f"{', '.join(map(str, sorted({os.getegid(), *os.getgroups()})))} may not open it",
            remedy=f"SUITE_VIDEO_GID={status.st_gid} make bench-jetson, or as root, where that group may not either: "
            "SUITE_UID=0 SUITE_GID=0 make bench-jetson"
            if inside
            else f"sudo usermod -aG $(stat -c %G {refused[0]}) $USER, and log in again",
        )
    return Absence(
        reason="its device files can be opened, so torch is a build without CUDA, or misses a library of it",
        remedy="the image of this board's JetPack: make build-jetson"
        if inside
        else "NVIDIA's own torch for this JetPack, not that of the package index; SUITE_WORKER_PYTHON names its Python",
    )
