"""Why torch shows no CUDA on a Jetson, as far as files can tell."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# Through which every program on a Jetson reaches its GPU, on older boards and newer ones.
DEVICE_FILES = ("dev/nvmap", "dev/nvhost-ctrl-gpu", "dev/nvgpu/igpu0/ctrl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    reason: str
    remedy: str


def why_absent(
    root: Path = Path("/"), may_use: Callable[[Path], bool] = lambda path: os.access(path, os.R_OK | os.W_OK)
) -> Absence:
    """may_use: whether this user may open a device file."""
    inside = (root / ".dockerenv").exists() or (root / "run/.containerenv").exists()
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
