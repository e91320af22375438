"""Which version of the suite ran: the commit of the checkout that holds it, and the lock it was installed from."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

from suite.host.system import System

GIT_DEADLINE_S = 10


def git_commit(checkout: Path, system: System | None = None) -> str | None:
    """SUITE_GIT_COMMIT where an image set it; else the commit of the checkout.

    "-dirty" stands behind it where a tracked file was changed or the package has a file of its own.

    None where the folder is no checkout, or git is absent or refuses (a folder of another owner).
    """
    if given := (system or System()).environ.get("SUITE_GIT_COMMIT"):
        return given
    if not (checkout / ".git").exists():  # a folder above may be a checkout of something else
        return None
    commit = _git(checkout, "rev-parse", "HEAD")
    changes = _git(checkout, "status", "--porcelain")
    if commit is None or changes is None:
        return None
    # A new file beside the package changes nothing; inside it, it may be a plug-in.
    dirty = any(not line.startswith("?? ") or line.startswith("?? suite/") for line in changes.splitlines())
    return commit.strip() + ("-dirty" if dirty else "")


def lock_sha256(checkout: Path, system: System | None = None) -> str | None:
    """SUITE_LOCK_SHA256 where an image set it; else the hash of the lock files of this platform, one after the other.

    Those are locks/<platform>.txt and locks/torch-<platform>.txt, which `make setup` installs from. None without them.
    """
    system = system or System()
    if given := system.environ.get("SUITE_LOCK_SHA256"):
        return given
    return locks_sha256(checkout, _platform(system))


def locks_sha256(checkout: Path, platform: str) -> str | None:
    """Of the lock files of a platform as the Makefile names it: x86, arm64, jetson4, macos. None where it has none.

    A Jetson's controller and worker have different Pythons, so a lock each; torch has one where the base has none.
    """
    names = (*(["jetson"] if platform.startswith("jetson") else []), platform, f"torch-{platform}")
    content = b"".join(path.read_bytes() for name in names if (path := checkout / "locks" / f"{name}.txt").is_file())
    return hashlib.sha256(content).hexdigest() if (checkout / "locks" / f"{platform}.txt").is_file() else None


def _platform(system: System) -> str:
    """As the Makefile names it."""
    if system.kind == "Darwin":
        return "macos"
    return {"x86_64": "x86", "aarch64": "arm64", "arm64": "arm64"}.get(system.architecture, system.architecture)


def _git(checkout: Path, *arguments: str) -> str | None:
    environ = os.environ | {"GIT_OPTIONAL_LOCKS": "0"}  # status would write to the index otherwise
    try:
        done = subprocess.run(
            ["git", "-C", str(checkout), *arguments],
            capture_output=True,
            text=True,
            errors="replace",  # names of files may be no text
            timeout=GIT_DEADLINE_S,
            check=False,
            env=environ,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
