"""The secret of the helper and its client: where it lies, and how each shows the other that it knows it.

The token itself is never sent. Each side sends a random challenge and answers the other's with an HMAC over both; the
two answers differ by a word, so that neither can be sent back as the other.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
from pathlib import Path
from typing import Literal

from suite.errors import UsageError

TOKEN_BYTES = 32
MAX_FILE_BYTES = 4096
Side = Literal["helper", "client"]
_CHALLENGE = re.compile(r"[0-9a-f]{64}")


def new() -> str:
    """A token, or a challenge: 256 random bits."""
    return secrets.token_hex(TOKEN_BYTES)


def is_challenge(value: object) -> bool:
    return isinstance(value, str) and _CHALLENGE.fullmatch(value) is not None


def proof(token: str, side: Side, clients: str, helpers: str) -> str:
    """What that side answers to the two challenges."""
    text = f"suite power {side} {clients} {helpers}"
    return hmac.new(token.encode(errors="replace"), text.encode(), hashlib.sha256).hexdigest()


def is_proof(value: object, token: str, side: Side, clients: str, helpers: str) -> bool:
    """Compared in constant time, and as bytes: a text with other letters than ASCII would be an error."""
    told = value.encode(errors="replace") if isinstance(value, str) else b""
    return hmac.compare_digest(told, proof(token, side, clients, helpers).encode())


def write(token: str, path: Path) -> None:
    """Into a regular file that its owner alone can read; under sudo that is the person who typed it.

    Nothing is done to what lies there already unless it is such a file and belongs to this user. In place, since a
    container may have it mounted. Raises UsageError.
    """
    try:
        descriptor = _opened(path)
        with os.fdopen(descriptor, "w") as file:
            _refuse_foreign(os.fstat(descriptor), path)
            os.fchmod(descriptor, 0o600)  # it may have been there, readable by all
            if os.geteuid() == 0 and (person := _person()) is not None:
                os.fchown(descriptor, *person)
            file.truncate(0)  # not before nobody else can read it
            file.write(token + "\n")
    except OSError as exc:
        raise _refused(path, exc.strerror or str(exc)) from exc


def read(path: Path) -> str | None:
    """The token in a file; None where there is no such file, or it holds none. Never waits, as a pipe would."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            text = file.read(MAX_FILE_BYTES + 1)
    except OSError:
        return None
    token = text.strip()
    return token.decode() if len(text) <= MAX_FILE_BYTES and re.fullmatch(rb"[!-~]+", token) else None


def _opened(path: Path) -> int:
    """A file that is there is looked at before it is opened: opening a device can do something to it."""
    flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        _refuse_foreign(os.lstat(path), path)
    except FileNotFoundError:
        return os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    return os.open(path, flags)


def _refuse_foreign(found: os.stat_result, path: Path) -> None:
    """Raises UsageError for what is no file, and for one that somebody else could read or be reading."""
    if not stat.S_ISREG(found.st_mode):
        raise _refused(path, "it is no regular file")
    person = _person() if os.geteuid() == 0 else None
    if found.st_uid not in (os.geteuid(), *(person[:1] if person else ())):
        raise _refused(path, f"it belongs to another user, of the number {found.st_uid}")
    if found.st_nlink != 1:
        raise _refused(path, "it has another name as well")


def _person() -> tuple[int, int] | None:
    """Who typed sudo, by the numbers of user and group."""
    user, group = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    return (int(user), int(group) if group.isdecimal() else -1) if user.isdecimal() else None


def _refused(path: Path, why: str) -> UsageError:
    return UsageError(f"{path}: the token can't be written ({why}); name a file of your own with --token-file")
