"""The doubts that a run shows, in plain words: where a click on a code leads in report.html, as in `suite explain`."""

from __future__ import annotations

from collections.abc import Iterator

from suite.codes import explanation
from suite.report.content import Chapter, Content, Heading, content
from suite.report.view import RunView
from suite.stats import shapes


def chapter(view: RunView) -> Chapter:
    entries = tuple(block for code in sorted(set(_seen(view))) for block in _entry(code))
    return Chapter(name="codes", title="What the codes mean", content=entries, numbered=False)


def _entry(code: str) -> Content:
    """Nothing for a code of others' plug-ins, which explain it themselves."""
    found = explanation(code)
    if found is None:
        return ()
    see = f"More: {found.see}" if found.see else None
    return content(Heading(found.code), found.means, f"What to do: {found.remedy}", see)


def _seen(view: RunView) -> Iterator[str]:
    """Codes of flags: what was not measured has entries of its own, with the remedies of this run."""
    for record in view.run.records:
        yield from (flag.code for flag in (*record.flags, *shapes.doubts(record)))
