"""`suite rerun`: measures again what a run's records say, and holds the two against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from suite import battery
from suite.battery import Changes, Request
from suite.cli import running
from suite.cli.answer import Answer, Row
from suite.cli.session import Session
from suite.compare import archive
from suite.compare import rerun as judging
from suite.compare.findings import Finding
from suite.compare.rerun import Judgement, Quantity
from suite.compare.verify import altered_tasks, verify
from suite.outside import one_line
from suite.records import Run, Task, store
from suite.report.content import Content, bullets, content, table
from suite.units import counted

REPRODUCED, OTHERWISE = 0, 1
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
) -> Answer:
    """against: a second run that is there already; None: it is measured now."""
    first, altered = _opened(source)
    if against is None:
        begun = battery.again(first, changes, request, session.tools)
        running.measured(begun, session)
        then, out = begun.run(), begun.out
    else:
        then, altered_then = _opened(against)
        out, altered = against, {**altered, **altered_then}
    judgement = judging.judge(first, then, margin, altered)
    return Answer(
        shown=shown(source, out, judgement, margin),
        rows={"quantities": [_row(found) for found in judgement.quantities]},
        data={"run": str(source), "rerun": str(out), "verdict": judgement.verdict, **asdict(judgement)},
        status=REPRODUCED if judgement.verdict == "REPRODUCED" else OTHERWISE,
    )


def _row(found: Quantity) -> Row:
    return {
        "quantity": found.quantity,
        "subject": found.subject,
        "verdict": found.verdict,
        "reason": found.reason,
        "counts": found.counts,
        "ratio": found.ratio,
        "ratio_low": found.interval.low if found.interval else None,
        "ratio_high": found.interval.high if found.interval else None,
    }


def _opened(source: Path) -> tuple[Run, Mapping[Task, Finding]]:
    """A run, and its tasks whose lines were changed."""
    with archive.opened(source) as folder:
        found = verify(folder)
        return store.load(folder), altered_tasks(folder, found) if found.altered_lines else {}


def shown(source: Path, out: Path, judgement: Judgement, margin: float) -> Content:
    """The verdict, the quantities that say why, and what differs between the two."""
    board = {True: "the same board", False: "another board", None: "nothing in common"}[judgement.same_board]
    names = dict.fromkeys(found.quantity for found in judgement.quantities)
    rows = [row for name in names for row in _told([each for each in judgement.quantities if each.quantity == name])]
    left_out = f"{counted(judgement.left_out, 'record')} of the first run has no partner, and is not judged"
    return content(
        f"{judgement.verdict}: {one_line(str(source))}",
        f"held against {one_line(str(out))} ({board}; latencies within {margin * 100:.0f} %)",
        table(("verdict", "quantity", "of", "why"), rows, left=4) if rows else None,
        left_out if judgement.left_out else None,
        *_causes(judgement),
    )


def _told(found: list[Quantity]) -> list[tuple[str, str, str, str]]:
    """One row for all of a quantity that was reproduced, one for each that was not."""
    good = [each for each in found if each.verdict == "REPRODUCED"]
    rows = []
    if good:
        which = good[0].subject if len(good) == 1 else f"{len(good)} of {len(found)}"
        why = good[0].reason if len({each.reason for each in good}) == 1 or len(good) == 1 else _span(good)
        rows.append((f"{_MARKS['REPRODUCED']} REPRODUCED", good[0].quantity, which, one_line(why)))
    return rows + [
        (f"{_MARKS[each.verdict]} {each.verdict}", each.quantity, each.subject, one_line(each.reason))
        for each in found
        if each.verdict != "REPRODUCED"
    ]


def _span(found: list[Quantity]) -> str:
    ratios = [each.ratio for each in found if each.ratio is not None]
    return f"{min(ratios):.3g} to {max(ratios):.3g} times" if ratios else "within what their precision allows"


def _causes(judgement: Judgement) -> Content:
    if not judgement.causes:
        return content("Nothing that was recorded differs between the two surroundings.")
    deviates = any(each.verdict != "REPRODUCED" for each in judgement.quantities)
    heading = "What differs, the likeliest cause first:" if deviates else "What differs, and changed no verdict:"
    told = {True: " (accounts for the latency)", False: " (too little for the latency)", None: ""}
    lines = [
        f"{place}. {one_line(cause.text)}{told[cause.accounts]}"
        for place, cause in enumerate(judgement.causes[:_MOST_CAUSES], 1)
    ]
    return content(heading, *bullets(lines))
