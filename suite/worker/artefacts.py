"""Built files by what they were built of: found again only where all of it is the same, and trusted only where whole.

A folder of builds holds a folder for each key: the files, and build.json with their hashes, written last. Whoever finds
one that is not what it says builds it anew. The controller keeps the folder within its bound.
"""

import contextlib
import hashlib
import json
import os
import shutil
from typing import Any, Dict, Iterator, Optional

from suite.worker.outcome import WorkerFault

DESCRIPTION = "build.json"
_FORMAT = 1  # of build.json and of what the runtimes write: another one is another key
_PIECE_BYTES = 1 << 20


def key_of(content: Dict[str, Any]) -> str:
    """32 hex digits over everything that the files depend on."""
    text = json.dumps(dict(content, format=_FORMAT), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def found(folder: str, key: str) -> Optional[Dict[str, Any]]:
    """build.json of a whole artefact, whose use is noted; None where there is none, or it is broken."""
    place = os.path.join(folder, key)
    try:
        with open(os.path.join(place, DESCRIPTION)) as file:
            description = json.load(file)
        for name, sha256 in description["files"].items():
            if os.path.basename(name.replace("\\", "/")) == DESCRIPTION or _sha256(os.path.join(place, name)) != sha256:
                return None
        os.utime(place, None)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return dict(description, folder=place)


def opened(place: str) -> Dict[str, Any]:
    """build.json of an artefact that was just looked at. Raises WorkerFault BUILD_FAILED."""
    try:
        with open(os.path.join(place, DESCRIPTION)) as file:
            return dict(json.load(file), folder=place)
    except (OSError, ValueError, TypeError) as error:
        raise WorkerFault("BUILD_FAILED", "{} can't be read: {}".format(place, error), "Run it again") from error


@contextlib.contextmanager
def being_built(folder: str, key: str) -> Iterator[str]:
    """An empty folder to write into, which is gone afterwards unless `keep` moved it to its place.

    Raises WorkerFault BUILDS_UNWRITABLE.
    """
    part = os.path.join(folder, ".part-{}-{}".format(key, os.getpid()))
    try:
        os.makedirs(part)
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        yield part
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def keep(folder: str, key: str, part: str, description: Dict[str, Any]) -> Dict[str, Any]:
    """Hashes what was written and moves it to its place, in one step; what lay there is replaced."""
    names = [os.path.relpath(os.path.join(at, name), part) for at, _, files in os.walk(part) for name in files]
    files = {name: _sha256(os.path.join(part, name)) for name in sorted(names)}
    size_bytes = sum(os.path.getsize(os.path.join(part, name)) for name in names)
    description = dict(description, files=files, size_bytes=size_bytes)
    with open(os.path.join(part, DESCRIPTION), "w") as file:
        json.dump(description, file, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    place = os.path.join(folder, key)
    shutil.rmtree(place, ignore_errors=True)
    os.rename(part, place)
    return dict(description, folder=place)


def _sha256(path: str) -> str:
    total = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(_PIECE_BYTES), b""):
            total.update(piece)
    return total.hexdigest()


def _unwritable(folder: str, error: OSError) -> WorkerFault:
    return WorkerFault(
        "BUILDS_UNWRITABLE",
        "{}: a build can't be written there ({})".format(folder, error.strerror or error),
        "Make room, or name another folder in SUITE_BUILDS",
    )
