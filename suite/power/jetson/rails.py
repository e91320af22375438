"""Which of the rails that a board's monitors show are added up, or why none can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from suite.power.base import Options
from suite.power.jetson.boards import Board
from suite.records import NotMeasured, record

RAILS_OPTION = "rails that add up to the total and share nothing, as A+B (those of the board's row in the table)"


@record
class Total:
    """Rails that share nothing, and in words what their sum covers."""

    rails: tuple[str, ...]
    scope: str


def total(found: Sequence[str], board: Board | None, options: Options) -> Total | NotMeasured:
    """found: the names of all rails. The option `rails` (A+B) overrules the table of boards; nothing else is added."""
    asked = tuple(name.strip() for name in options["rails"].split("+")) if "rails" in options else ()
    rails = asked or (board.total if board else ())
    seen = Counter(found)
    missing = [name for name in rails if seen[name] != 1]
    repeated = [name for name, times in Counter(rails).items() if times > 1]
    if rails and not missing and not repeated:
        if asked:
            return Total(rails=rails, scope=f"the rails {' + '.join(rails)} alone, as chosen with --rails")
        return Total(rails=rails, scope=board.scope if board else "")
    names = ", ".join(found) or "none"
    if missing:
        what = "asked for" if asked else f"needed for the total of a {board.name if board else 'board'}"
        times = f"is there {seen[missing[0]]} times" if seen[missing[0]] else "is not there"
        reason = f"the rail {missing[0]}, {what}, {times}; the rails found are: {names}"
    elif repeated:
        reason = f"the rail {repeated[0]} is named twice; the rails found are: {names}"
    else:
        reason = f"this board is not in the table of boards, and its rails may overlap: {names}"
    return NotMeasured(
        code="UNKNOWN_RAILS",
        reason=reason,
        remedy="find in the board's manual which of them share nothing, and name those with --rails A+B",
    )
