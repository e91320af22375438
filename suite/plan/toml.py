"""TOML within limits: its parser takes time and memory with the square of the depth, and gives up at a great one."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from suite.errors import PlanError
from suite.limits import MAX_PLAN_BYTES, MAX_PLAN_DEPTH
from suite.outside import one_line

_STRING = re.compile(r"""\"(?:[^"\\]|\\.)*+(?:\"|$)|'[^']*+(?:'|$)""")  # an open one reaches to the end
_LONG_QUOTES = re.compile(r"""\"{3}|'{3}""")
_KEY = re.compile(r"[\w.-]+")


def toml(text: str, path: Path) -> dict[str, Any]:
    """Raises PlanError: not TOML, or larger or deeper than a plan can be."""
    if len(text.encode()) > MAX_PLAN_BYTES:
        raise PlanError(f"{path}: has more than {MAX_PLAN_BYTES} bytes; a plan is a small TOML file")
    for number, line in enumerate(text.split("\n"), 1):
        if _depth(line) > MAX_PLAN_DEPTH:
            raise PlanError(f"{path}:{number}: a key or a list of more than {MAX_PLAN_DEPTH} levels; a plan has four")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise PlanError(f"{path}: lists or tables in one another without end; a plan has four levels") from error
    except ValueError as error:  # a number of thousands of digits too, not TOMLDecodeError alone
        raise PlanError(f"{path}: this is not TOML: {one_line(str(error), 200)}; correct that line") from error


def _depth(line: str) -> int:
    """Levels that a line can open: the parts of its longest key. Text of several lines may look like one."""
    bare = _STRING.sub("", _LONG_QUOTES.sub("", line)).partition("#")[0]
    keys = _KEY.findall("".join(bare.split()))
    return max((key.count(".") + 1 for key in keys), default=0)
