"""Variants of a model against the first one: ratio, interval and verdict, from rounds in which they took turns."""

from __future__ import annotations

from suite.report import variants
from suite.report.content import Content, Heading, content
from suite.report.plots import Plots
from suite.report.section import Section
from suite.report.view import RunView
from suite.stats.verdicts import MARGIN

HOW = (
    "Each ratio is a variant's latency over the first one's, of blocks that took turns: two blocks of one round share "
    "the machine's state, so that a drift of the machine reaches both. Disturbed blocks don't count, nor do rounds in "
    f"which one of the two has none. SAME: the interval lies within {100 * MARGIN:g} %. FASTER, SLOWER: it lies on one "
    "side of 1. UNRESOLVED: neither. The intervals are of 95 % each; a verdict also holds beside the others of its "
    "table (Holm)."
)


def render(view: RunView, _plots: Plots) -> Content:
    found = variants.groups(view)
    if not found:
        return ()
    parts: list[Content] = []
    for group in found:
        heading = Heading(view.title(group.model)) if len(found) > 1 else None
        parts.append(content(heading, variants.table_of(view, group)))
    return content(HOW, *parts)


PLUGIN = Section(name="versus", order=35, title="Variants against the first", render=render)
