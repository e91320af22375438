"""Which of the rails that a board's monitors show are added up, or why none can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from suite.power.base import Options
from suite.power.jetson.boards import Board, Place, Sensor
from suite.records import NotMeasured, record

RAILS_OPTION = "rails that add up to the total and share nothing, as A+B (those of the board's row in the table)"
CHOOSE = "find in the board's manual which of them share nothing, and name those with --rails A+B"


@record
class Total:
    """Rails that share nothing, and in words what their sum covers."""

    rails: tuple[str, ...]
    scope: str


def total(found: Sequence[str], place: Place, options: Options, sensor: Sensor | None = None) -> Total | NotMeasured:
    """found: the names of all rails. The option `rails` (A+B) overrules the table of boards; nothing else is added.

    sensor: the monitor that shows them, where it is known; the board's total may be another one's.
    """
    asked = tuple(name.strip() for name in options["rails"].split("+")) if "rails" in options else ()
    board = place.board
    if not asked and board is not None and sensor is not None and board.sensor != sensor:
        return _other_monitor(found, board, place, sensor)
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
        return _unknown(f"the rail {missing[0]}, {what}, {times}; the rails found are: {names}", CHOOSE)
    if repeated:
        return _unknown(f"the rail {repeated[0]} is named twice; the rails found are: {names}", CHOOSE)
    return _unknown_board(names, place)


def _unknown_board(names: str, place: Place) -> NotMeasured:
    if place.is_hidden:
        return _unknown(
            "the device tree, which names the board, is not to be seen here, so that nobody can tell which of these "
            f"rails share nothing: {names}",
            "in a container, mount it: -v /sys/firmware/devicetree/base:/host/device-tree:ro; or name rails that share "
            "nothing with --rails A+B",
        )
    if not place.model:
        return _unknown(
            "the device tree gives this board no model, and names no module that is in the table of boards; its rails "
            f"may overlap: {names}",
            CHOOSE,
        )
    return _unknown(
        f"this board, {place.model}, is not in the table of boards, and its rails may overlap: {names}", CHOOSE
    )


def _other_monitor(found: Sequence[str], board: Board, place: Place, sensor: Sensor) -> NotMeasured:
    """The rails of this monitor are parts of what the other one measures as a whole."""
    if board.sensor in place.sensors:
        return NotMeasured(
            code=f"NO_{sensor.upper()}",
            reason=f"the {board.name} is measured by the source {board.sensor}; this monitor shows parts of it",
            remedy=f"nothing is missing: the source {board.sensor} serves this board",
        )
    monitor = (board.sensor or "power monitor").upper()
    return _unknown(
        f"the total of a {board.name} is shown by its {monitor}, which is not to be seen here, and these rails are "
        f"parts that may overlap: {', '.join(found)}",
        "use NVIDIA's kernel and, in a container, mount the whole of /sys; or name rails that share nothing with "
        "--rails A+B",
    )


def _unknown(reason: str, remedy: str) -> NotMeasured:
    return NotMeasured(code="UNKNOWN_RAILS", reason=reason, remedy=remedy)
