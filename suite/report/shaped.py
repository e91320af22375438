"""Series that a median doesn't describe: what `suite.stats.shapes` finds in them, for the report."""

from __future__ import annotations

from suite.report.content import Content, Heading, content, folded, table
from suite.report.escape import words
from suite.report.points import point_of
from suite.report.view import RunView
from suite.stats import shapes


def told(view: RunView) -> Content:
    """A table of the series with two modes, a drift or a step; empty where there is none."""
    rows = [
        [
            words(flag.code),
            view.label(point_of(record.task).subject),
            view.describe(point_of(record.task)),
            words(flag.text),
        ]
        for record in view.run.records
        for flag in shapes.doubts(record)
    ]
    if not rows:
        return ()
    return content(
        Heading("Series that a median does not describe"),
        "Found in the undisturbed blocks, by tests that name a shape in at most one of a hundred series without it. "
        "BIMODAL: two speeds in turn. DRIFT, STEP: the machine changed while it was measured.",
        folded("Series one by one", table(("Shape", "Model", "Input", "What was seen"), rows, left=4), "doubts.csv"),
    )
