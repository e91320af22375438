"""A folder whose files are opened by their own names: no link is followed, and what is no regular file is refused.

A run may come from anywhere. A link in it would send what is written to another file; a FIFO or a device in the place
of a file would hang, or never end.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from suite.errors import StoreError

_ALWAYS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO that slips in between is opened without waiting
_KINDS = (
    (stat.S_ISLNK, "a link"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class Folder:
    """Held open, so that it stays the same one whatever happens to its path. Methods raise OSError and StoreError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def open(self, name: str, flags: int) -> int:
        """A descriptor of the regular file of that name. Raises StoreError for anything else, and to write to a file
        that has a second name."""
        with suppress(FileNotFoundError):  # looked at before it is opened: to open a device may already do something
            _require_file(self.path / name, self._stat(name), flags)
        descriptor = os.open(name, flags | _ALWAYS, 0o644, dir_fd=self._descriptor)
        try:
            _require_file(self.path / name, os.fstat(descriptor), flags)
        except StoreError:
            os.close(descriptor)
            raise
        return descriptor

    def reader(self, name: str) -> IO[bytes]:
        return os.fdopen(self.open(name, os.O_RDONLY), "rb")

    def names(self) -> set[str]:
        with os.scandir(self._descriptor) as entries:
            return {entry.name for entry in entries}

    def size_bytes(self, name: str) -> int:
        return self._stat(name).st_size

    def holds(self, name: str, descriptor: int) -> bool:
        """Whether the name still leads to the file that is open."""
        try:
            found = self._stat(name)
        except FileNotFoundError:
            return False
        return os.path.samestat(found, os.fstat(descriptor))

    def write_whole(self, name: str, content: bytes, *, durable: bool = True) -> None:
        """The file with all of its content or not at all, in the place of one of that name."""
        part = f"{name}.part"
        for there in (name, part):
            with suppress(FileNotFoundError):
                _require_file(self.path / there, self._stat(there), os.O_RDONLY)
        with suppress(FileNotFoundError):  # of a start that was killed
            os.unlink(part, dir_fd=self._descriptor)
        descriptor = self.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            write_all(descriptor, content)
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(part, name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
        if durable:
            os.fsync(self._descriptor)

    @contextmanager
    def inner(self, name: str) -> Iterator[Folder]:
        """A folder in it, made where it is not there. Raises StoreError where something else has its name."""
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=self._descriptor)
        found = self._stat(name)
        if not stat.S_ISDIR(found.st_mode):
            raise StoreError(f"{self.path / name}: it is {_kind(found)}, not a folder; take it away")
        inner = Folder.__new__(Folder)
        inner.path = self.path / name
        inner._descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | _ALWAYS, dir_fd=self._descriptor)
        with inner:
            yield inner

    def close(self) -> None:
        """Closing twice is harmless."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _stat(self, name: str) -> os.stat_result:
        return os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)


def appended(path: Path) -> IO[bytes]:
    """A log, open at its end and made where it is not there; or the null device, where nothing is to be kept.

    Raises StoreError for a link or anything else that is no regular file, OSError where it can't be opened.
    """
    if path == Path(os.devnull):
        return path.open("ab")
    with Folder(path.parent) as folder:
        return os.fdopen(folder.open(path.name, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "ab")


def write_all(descriptor: int, content: bytes) -> None:
    """One write in the ordinary case; a short write is continued, so that its reason comes to light."""
    written = os.write(descriptor, content)
    while written < len(content):
        written += os.write(descriptor, content[written:])


def words_of(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _require_file(path: Path, found: os.stat_result, flags: int) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise StoreError(
            f"{path}: it is {_kind(found)}, and a run is read and written in files of its own; take it away"
        )
    writes = flags & (os.O_WRONLY | os.O_RDWR)
    if writes and found.st_nlink > 1:
        raise StoreError(
            f"{path}: it is another file's second name (a hard link), and both would be written; copy the folder first"
        )


def _kind(found: os.stat_result) -> str:
    return next((words for test, words in _KINDS if test(found.st_mode)), "no file")
