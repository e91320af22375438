"""A run as one file: a ZIP archive that is only stored, with a fixed order, and read as what a stranger has made.

What is read must be as `write` writes it: nothing compressed, so that no small file holds a large one; each entry once,
under a plain name, right behind the one before it; no links, no comment, no encryption.
"""

from __future__ import annotations

import os
import re
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from suite.errors import StoreError
from suite.limits import MAX_RECORDS_BYTES
from suite.outside import brief
from suite.records.folder import words_of

SUFFIX = ".zip"
MAX_ENTRY_COUNT = 2000
MAX_BYTES = MAX_RECORDS_BYTES + 256 * 2**20
MAX_DIRECTORY_BYTES = 2**20
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,120}"
_NAME = re.compile(rf"(?:{_PART}/)?{_PART}")
_END = struct.Struct("<4sHHHHIIH")
_HEAD = struct.Struct("<4sHHHHHIIIHH")  # of an entry, before its name
_UTF8 = 0x800
_EPOCH = (1980, 1, 1, 0, 0, 0)  # what every entry says of its time: the run's own times stand in the run
_REMEDY = "ask for it again, made by `suite bundle`, or unpack it and name the folder"


def write(target: Path, files: Mapping[str, bytes]) -> None:
    """The same files give the same bytes on every machine. Raises StoreError, ValueError for a name or a size."""
    part = target.with_name(f"{target.name}.part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED, allowZip64=False) as archive:
            for name in sorted(files):
                if not _NAME.fullmatch(name):
                    raise ValueError(f"{brief(name)} is no name of a file in an archive")
                entry = zipfile.ZipInfo(name, _EPOCH)
                entry.create_system, entry.external_attr = 3, 0o100644 << 16  # a plain file, as Unix says it
                archive.writestr(entry, files[name])
        part.replace(target)
    except OSError as error:
        raise StoreError(f"{target}: {words_of(error)}; name another file with --out") from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def opened(source: Path) -> Iterator[Path]:
    """The folder of a run: the one that is named, or what an archive holds, unpacked until the block ends.

    Raises StoreError for an archive that is not as `write` writes it; nothing but a new temporary folder is touched.
    """
    if not source.is_file():
        yield source
        return
    with tempfile.TemporaryDirectory(prefix="suite-") as place:
        folder = Path(place) / source.name.removesuffix(SUFFIX)
        folder.mkdir()
        unpack(source, folder)
        yield folder


def unpack(source: Path, folder: Path) -> None:
    """Everything in an archive, into an empty folder. Raises StoreError."""
    try:
        with source.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            count = _checked_end(source, size, _tail(file, size))
            with zipfile.ZipFile(file) as archive:
                for entry in _checked(source, archive, count):
                    _unpack(archive, entry, folder)
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, NotImplementedError) as error:
        raise StoreError(f"{source}: this is no archive of a run ({brief(str(error))}); {_REMEDY}") from error
    except (RuntimeError, IndexError, KeyError, OverflowError, MemoryError) as error:
        raise StoreError(f"{source}: this archive can't be read ({type(error).__name__}); {_REMEDY}") from error
    except OSError as error:
        raise StoreError(
            f"{source}: {words_of(error)}; make it readable, and room for it in {folder.parent}"
        ) from error


def _tail(file: IO[bytes], size: int) -> bytes:
    """The last bytes, where the directory's own place is said."""
    file.seek(max(0, size - _END.size))
    return file.read(_END.size)


def _checked_end(source: Path, size: int, tail: bytes) -> int:
    """How many entries there are, by an end that hides nothing behind or before it. Raises StoreError."""
    mark, disk, first, here, count, length, start, comment = _END.unpack(tail)
    if mark != b"PK\5\6" or comment or disk or first or here != count:
        raise _refused(source, "it does not end as one")
    if size > MAX_BYTES or count > MAX_ENTRY_COUNT or length > MAX_DIRECTORY_BYTES:
        raise _refused(source, f"more than {MAX_ENTRY_COUNT} files or {MAX_BYTES} bytes")
    if start + length + _END.size != size:
        raise _refused(source, "bytes that belong to no file")
    return int(count)


def _checked(source: Path, archive: zipfile.ZipFile, count: int) -> list[zipfile.ZipInfo]:
    """The entries, each of which lies right behind the one before it. Raises StoreError."""
    entries, names, folders, place = archive.infolist(), set[str](), set[str](), 0
    if len(entries) != count:
        raise _refused(source, "a directory of other files")
    for entry in entries:
        name = entry.orig_filename
        if not _NAME.fullmatch(name) or name != entry.filename or ".." in name:
            raise _refused(source, f"a file with the name {brief(name)}")
        if name.casefold() in names:
            raise _refused(source, f"{name} twice")
        names.add(name.casefold())
        folders.add(name.rpartition("/")[0].casefold())
        mode = entry.external_attr >> 16
        if entry.create_system != 3 or mode != 0o100644 or entry.external_attr & 0xFFFF:
            raise _refused(source, f"{name}, which is no plain file")
        if entry.flag_bits & ~_UTF8 or entry.compress_type != zipfile.ZIP_STORED or entry.extra or entry.comment:
            raise _refused(source, f"{name}, which is compressed, encrypted or has more to it")
        if entry.compress_size != entry.file_size or entry.header_offset != place:
            raise _refused(source, f"{name}, which does not lie where it should")
        place += _HEAD.size + len(name.encode()) + entry.file_size
    if place != archive.start_dir or names & folders:
        raise _refused(source, "bytes that belong to no file, or a file with a folder's name")
    return entries


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    """Its bytes, and no more than it says; the checksum is held against them at their end."""
    target = folder / entry.filename
    target.parent.mkdir(exist_ok=True)
    with archive.open(entry) as source, target.open("xb") as file:
        while piece := source.read(2**20):
            file.write(piece)


def _refused(source: Path, what: str) -> StoreError:
    return StoreError(f"{source}: this is no archive of a run (it has {what}); {_REMEDY}")
