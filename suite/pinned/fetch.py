"""Every file of a pin: fetched, hashed, and put in place only where the hash is the pinned one."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from suite.errors import FetchError, StoreError
from suite.pinned.hub import Hub, Remote, Tell
from suite.pinned.lock import UNRESOLVED, Pinned, PinnedFile
from suite.records import record
from suite.units import show

_ROOM_BYTES = 64e6  # beside what is fetched


@record
class Fetched:
    """A file in place. `file` is its pin, with the hash and size that were found where they were unresolved."""

    file: PinnedFile
    path: Path


def fetch(pinned: Pinned, folder: Path, hub: Hub, tell: Tell, *, record_hashes: bool = False) -> tuple[Fetched, ...]:
    """Brings the files of a pin into a folder of their own. What is there already, and right, is not fetched again.

    record_hashes: trust an unresolved file on this first use, because a person said so. Raises FetchError for any other
    byte than those pinned, StoreError for a disk that is full or can't be written.
    """
    with _alone_in(folder):
        return tuple(_fetch(remote, folder, hub, tell, record_hashes) for remote in Remote.each(pinned))


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Two that write to one partial file would spoil it. The system takes the lock back from whoever ends."""
    _make(folder)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        os.close(descriptor)
        raise StoreError(f"{folder}: another fetch is under way there; wait for it") from exc
    try:
        yield
    finally:
        os.close(descriptor)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise StoreError(f"{folder}: {exc.strerror}; choose another folder with --to") from exc


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch(remote: Remote, folder: Path, hub: Hub, tell: Tell, record_hashes: bool) -> Fetched:
    path = folder / remote.file.path
    part = path.with_name(path.name + ".part")
    if path.is_file() and remote.file.resolved and sha256_of(path) == remote.file.sha256:
        return Fetched(file=remote.file, path=path)
    _make(part.parent)
    _check_room(remote, part)
    hub.download(remote, part, tell)
    found = PinnedFile(path=remote.file.path, size_bytes=part.stat().st_size, sha256=sha256_of(part))
    _check(remote, found, part, record_hashes)
    part.replace(path)
    return Fetched(file=found, path=path)


def _check_room(remote: Remote, part: Path) -> None:
    if remote.file.size_bytes is None:
        return
    have = part.stat().st_size if part.exists() else 0
    needed, free = remote.file.size_bytes - have + _ROOM_BYTES, shutil.disk_usage(part.parent).free
    if free < needed:
        raise StoreError(
            f"{part.parent}: {show(free, 'B')} are free, and {remote.file.path} takes {show(needed, 'B')}; make room, "
            "or choose another folder with --to"
        )


def _check(remote: Remote, found: PinnedFile, part: Path, record_hashes: bool) -> None:
    """Raises FetchError; what is wrong is set aside under a name that nothing reads."""
    if remote.file.sha256 == UNRESOLVED:
        if not record_hashes:
            raise FetchError(
                f"{remote}: models.lock has no hash of it yet; this copy has {found.size_bytes:,} bytes and "
                f"SHA-256 {found.sha256}: compare it with a copy that you trust, then run this again with --record, "
                "which takes it on trust and writes it down"
            )
        return
    if found.sha256 != remote.file.sha256:
        refused = part.with_name(part.name.removesuffix(".part") + ".refused")
        part.replace(refused)
        raise FetchError(
            f"{remote}: SHA-256 is {found.sha256}, and models.lock pins {remote.file.sha256}; the file is set aside as "
            f"{refused}: run this again for a fresh copy, or name another hub with --hub"
        )
