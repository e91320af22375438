"""The text of a log or a report: a regular file of bounded size, in whatever encoding a meter's program writes."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO

from suite.errors import SensorError

MAX_BYTES = 2 << 30  # 30 million readings with a few columns
MAX_LINE_CHARS = 100_000
PROBE_BYTES = 4096
ARCHIVE = b"PK\x03\x04"
SMALLER = "export it with fewer readings a second, or only the time of the run"


class Text(NamedTuple):
    """A text that can be read from its start more than once, line by line."""

    where: str
    opened: Callable[[], TextIO]

    def lines(self) -> Iterator[str]:
        """Whole lines without their ends: one that lacks its end is still being written. Raises SensorError."""
        with self.opened() as handle:
            number = 0
            while line := handle.readline(MAX_LINE_CHARS):
                number += 1
                if not line.endswith("\n"):
                    if len(line) == MAX_LINE_CHARS:
                        raise refused(
                            f"{self.where}:{number}: a line of over {MAX_LINE_CHARS:,} characters is no reading",
                            "name the CSV that the meter's program exports",
                        )
                    return
                yield line[:-1]


def refused(reason: str, remedy: str) -> SensorError:
    """What is not understood of a log, and what helps."""
    return SensorError("METER_CSV", reason, remedy)


def shown(line: str) -> str:
    """A line as it can stand in a message: in one line, and without what is no character."""
    if line.isprintable():
        return line
    return "".join("\t" if c == "\t" else " " if c.isspace() else c if c.isprintable() else "\ufffd" for c in line)


def of_string(text: str, where: str) -> Text:
    return Text(where, lambda: io.StringIO(text, newline=None))


@contextmanager
def of_file(path: Path, what: str = "the meter's log") -> Iterator[Text]:
    """Raises SensorError: METER_NO_FILE for what is absent, unreadable or no regular file, METER_CSV for a huge one."""
    descriptor = _opened(path, what)
    try:
        size_bytes = os.fstat(descriptor).st_size
        if size_bytes > MAX_BYTES:
            reason = f"{path}: {what} has {size_bytes / 1e9:.3g} GB, more than {MAX_BYTES / 1e9:.3g} GB"
            raise refused(reason, SMALLER)
        if os.pread(descriptor, len(ARCHIVE), 0) == ARCHIVE:
            reason = f"{path}: this is a workbook or an archive (.xlsx, .ods, .ppk2), not the CSV in it"
            raise refused(reason, "export CSV from the program that wrote it")
        encoding = _encoding(descriptor)

        def again() -> TextIO:
            os.lseek(descriptor, 0, os.SEEK_SET)
            return open(descriptor, encoding=encoding, errors="replace", newline=None, closefd=False)

        yield Text(str(path), again)
    finally:
        os.close(descriptor)


def written_s(path: Path) -> float:
    """When the file was last written to, in seconds since 1970. Raises SensorError METER_NO_FILE."""
    try:
        return path.stat().st_mtime
    except OSError as error:
        raise _unreadable(path, "the meter's log", error) from error


def _opened(path: Path, what: str) -> int:
    """A descriptor of a regular file. Without waiting: a FIFO that nobody writes to would block for ever."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        reason, remedy = f"{path}: {what} is not there", f"export {what} to that file"
        raise SensorError("METER_NO_FILE", reason, remedy) from error
    except (OSError, ValueError) as error:
        raise _unreadable(path, what, error) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise SensorError(
            "METER_NO_FILE", f"{path}: this is no regular file", f"export {what} to a file, and name that"
        )
    return descriptor


def _unreadable(path: Path, what: str, error: Exception) -> SensorError:
    cause = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return SensorError(
        "METER_NO_FILE",
        f"{str(path)!r}: {what} can't be read: {cause.lower()}",
        "name a file that this user may read (powertop writes as root: chmod a+r)",
    )


def _encoding(descriptor: int) -> str:
    """UTF-16 by its mark or its zeros, UTF-8 where all of it is, else Windows' Western one (µ and ° are Latin-1's)."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    probe = os.read(descriptor, PROBE_BYTES)
    if probe.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    even, odd = probe[::2].count(0), probe[1::2].count(0)
    if max(even, odd) > len(probe) / 6:  # ASCII text in UTF-16 has a zero in every other byte
        return "utf-16-le" if odd > even else "utf-16-be"
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        with open(descriptor, encoding="utf-8", newline="", closefd=False) as handle:
            while handle.read(1 << 20):
                pass
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"
