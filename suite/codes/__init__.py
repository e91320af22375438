"""Every code that a report or an answer can show: what it means, what to do. Others import `explanation`.

The words are data, in the TOML files beside this one: a table for each code. A code without an entry fails
tests/contract/test_codes.py, which says what to add.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
FIELDS = {"means", "remedy", "see"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """means: what was seen, and what follows for the figure. remedy: how to get rid of it. see: a page of docs/."""

    code: str
    group: str  # the file that it stands in: what part of the suite says it
    means: str
    remedy: str
    see: str | None = None


def explanation(code: str) -> Explanation | None:
    """None for a code that nobody says; case, hyphens and blanks don't matter."""
    return catalogue().get(_plain(code))


def nearest(code: str) -> str | None:
    """The code that was probably meant."""
    found = difflib.get_close_matches(_plain(code)[:100], catalogue(), n=1, cutoff=0.5)
    return catalogue()[found[0]].code if found else None


@cache
def catalogue() -> Mapping[str, Explanation]:
    """By code in capitals, file by file. Raises ValueError where two files explain the same one."""
    found: dict[str, Explanation] = {}
    for path in sorted(FOLDER.glob("*.toml")):
        for code, entry in tomllib.loads(path.read_text(encoding="utf-8")).items():
            if not {"means", "remedy"} <= entry.keys() <= FIELDS or _plain(code) in found:
                raise ValueError(f"{path.name}: {code}: must have means and remedy, may have see, and stand once")
            found[_plain(code)] = Explanation(code=code, group=path.stem, **entry)
    return found


def _plain(code: str) -> str:
    return code.strip().upper().replace("-", "_").replace(" ", "_")
