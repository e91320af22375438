"""`suite rerun`: measures again what a run's records say, and holds the two against each other."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from suite import battery
from suite.battery import Changes, Request
from suite.cli import running
from suite.cli.session import Session
from suite.compare import archive
from suite.compare import rerun as judging
from suite.compare.rerun import Judgement, Quantity
from suite.compare.verify import altered_tasks, verify
from suite.outside import one_line
from suite.records import store
from suite.units import counted

REPRODUCED, OTHERWISE, INTERRUPTED = 0, 1, 130
_MARKS = {"REPRODUCED": "✓", "NOT REPRODUCED": "✗", "INCOMPARABLE": "?"}
_MOST_CAUSES = 12


def run(  # noqa: PLR0913 (what a person may say)
    source: Path,
    changes: Changes,
    request: Request,
    session: Session,
    *,
    against: Path | None,
    margin: float,
    as_json: bool,
) -> int:
    """against: a second run that is there already; None: it is measured now."""
    with archive.opened(source) as folder:
        first = store.load(folder)
        found = verify(folder)
        altered = altered_tasks(folder, found) if found.altered_lines else {}
    if against is None:
        begun = battery.again(first, changes, request, session.tools)
        if not running.measured(begun, session):
            return INTERRUPTED
        battery.report(begun.out)
        then, out = begun.run(), begun.out
    else:
        with archive.opened(against) as folder:
            then, out = store.load(folder), against
    judgement = judging.judge(first, then, margin, altered)
    print(_json(source, out, judgement) if as_json else text(source, out, judgement, margin))
    return REPRODUCED if judgement.verdict == "REPRODUCED" else OTHERWISE


def _json(source: Path, out: Path, judgement: Judgement) -> str:
    answer = {"run": str(source), "rerun": str(out), "verdict": judgement.verdict, **asdict(judgement)}
    return json.dumps(answer, indent=1, allow_nan=False)


def text(source: Path, out: Path, judgement: Judgement, margin: float) -> str:
    """The verdict, the quantities that say why, and what differs between the two."""
    board = {True: "the same board", False: "another board", None: "nothing in common"}[judgement.same_board]
    lines = [
        f"{judgement.verdict}: {one_line(str(source))}",
        f"held against {one_line(str(out))} ({board}; latencies within {margin * 100:.0f} %)",
    ]
    for name in dict.fromkeys(found.quantity for found in judgement.quantities):
        lines += _told([found for found in judgement.quantities if found.quantity == name])
    if judgement.left_out:
        lines.append(f"{counted(judgement.left_out, 'record')} of the first run has no partner, and is not judged")
    lines += _causes(judgement)
    return "\n".join(lines)


def _told(found: list[Quantity]) -> list[str]:
    """One line for all of a quantity that was reproduced, one for each that was not."""
    good = [each for each in found if each.verdict == "REPRODUCED"]
    lines = []
    if good:
        which = good[0].subject if len(good) == 1 else f"{len(good)} of {len(found)}"
        why = good[0].reason if len({each.reason for each in good}) == 1 or len(good) == 1 else _span(good)
        lines.append(f"  {_MARKS['REPRODUCED']} {good[0].quantity:<11} {which}: {why}")
    for each in found:
        if each.verdict != "REPRODUCED":
            lines.append(f"  {_MARKS[each.verdict]} {each.quantity:<11} {each.subject}: {each.reason}")
    return lines


def _span(found: list[Quantity]) -> str:
    ratios = [each.ratio for each in found if each.ratio is not None]
    return f"{min(ratios):.3g} to {max(ratios):.3g} times" if ratios else "within what their precision allows"


def _causes(judgement: Judgement) -> list[str]:
    if not judgement.causes:
        return ["nothing that was recorded differs between the two surroundings"]
    deviates = [each for each in judgement.quantities if each.verdict != "REPRODUCED"]
    heading = "what differs, the likeliest cause first:" if deviates else "what differs, and changed no verdict:"
    lines = [f"    {place}. {one_line(cause.text)}" for place, cause in enumerate(judgement.causes[:_MOST_CAUSES], 1)]
    return [heading, *lines]
