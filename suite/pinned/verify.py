"""What lies in the folder against models.lock: each byte is read again."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from suite.pinned.convert import read_receipt
from suite.pinned.fetch import sha256_of
from suite.pinned.lock import CONVERTED_NAME, UNRESOLVED, Pinned
from suite.records import record

State = Literal["verified", "unresolved", "wrong", "absent"]


@record
class Verdict:
    """`state` unresolved: it is what was fetched, and models.lock has no hash yet to hold that against."""

    name: str
    state: State
    reason: str
    publishable: bool

    @property
    def ok(self) -> bool:
        return self.state == "verified"


def place(name: str, pinned: Pinned, folder: Path) -> Path:
    """The folder of one pin."""
    return folder / name / pinned.revision


def verify(name: str, pinned: Pinned, folder: Path) -> Verdict:
    own = place(name, pinned, folder)
    state, reason = _files(pinned, own) if pinned.converted_sha256 is None else _converted(pinned, own)
    return Verdict(name=name, state=state, reason=reason, publishable=pinned.publishable)


def _files(pinned: Pinned, own: Path) -> tuple[State, str]:
    for file in pinned.files:
        path = own / file.path
        if not path.is_file():
            return "absent", f"{path} is not there"
        found = sha256_of(path)
        if file.resolved and found != file.sha256:
            return "wrong", f"{path} has SHA-256 {found}, and models.lock pins {file.sha256}"
        if not file.resolved:
            return "unresolved", f"{path} has SHA-256 {found}, and models.lock has none"
    return "verified", f"{len(pinned.files)} files, hashes as pinned"


def _converted(pinned: Pinned, own: Path) -> tuple[State, str]:
    path, receipt = own / CONVERTED_NAME, read_receipt(own)
    if not path.is_file():
        return "absent", f"{path} is not there"
    if receipt is None:
        return "wrong", f"{path} has no receipt of what it was made from"
    found = sha256_of(path)
    if found != receipt.converted_sha256 or pinned.converted_sha256 not in (UNRESOLVED, found):
        return "wrong", f"{path} has SHA-256 {found}, which is not the one that conversion gave"
    resolved = [file for file in pinned.files if file.resolved]
    if any(file.sha256 not in {made.sha256 for made in receipt.files} for file in resolved):
        return "wrong", f"{path} was made from other files than those pinned"
    if len(resolved) < len(pinned.files):
        return "unresolved", f"{path} is as converted, and models.lock has no hash of what it was made from"
    return "verified", f"converted from the pinned files, SHA-256 {found}"
