"""`suite explain`: what a code means, and how to get rid of it."""

from __future__ import annotations

import textwrap

from suite import codes
from suite.cli.answer import Answer
from suite.codes import Explanation
from suite.errors import UsageError
from suite.outside import brief
from suite.report.content import content
from suite.report.table import table

BRIEF = 90  # characters of a meaning in the list of all


def explain(code: str | None) -> Answer:
    """One code, or all. Raises UsageError with the nearest one."""
    if code is None:
        found = list(codes.catalogue().values())
        rows = [(entry.code, entry.group, textwrap.shorten(entry.means, BRIEF, placeholder=" …")) for entry in found]
        shown = content(table(("code", "of", "what it means"), rows, left=3))
    else:
        found = [_known(code)]
        shown = content(
            f"{found[0].code}: {found[0].means}",
            f"What to do: {found[0].remedy}",
            f"More: {found[0].see}" if found[0].see else None,
        )
    told = [
        {"code": entry.code, "group": entry.group, "means": entry.means, "remedy": entry.remedy, "see": entry.see}
        for entry in found
    ]
    return Answer(shown=shown, rows={"codes": told}, data=told if code is None else told[0])


def _known(code: str) -> Explanation:
    found = codes.explanation(code)
    if found is None:
        nearest = codes.nearest(code)
        hint = f"did you mean {nearest}? " if nearest else ""
        raise UsageError(f"unknown code {brief(code)}: {hint}suite explain lists all")
    return found
