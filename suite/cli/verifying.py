"""`suite verify`: a verdict, and what was found, one line each."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from suite.cli.answer import Answer
from suite.compare import archive
from suite.compare.verify import Verification, verify
from suite.outside import one_line
from suite.report.content import Content, content, table
from suite.units import counted

VERIFIED, OTHERWISE = 0, 1
MAX_TOLD = 40
_MARKS = {"wrong": "✗", "unknown": "?"}
_LIMIT = "A chain and a manifest without a signature: whoever wrote all of them anew is not found by them."


def show(source: Path) -> Answer:
    with archive.opened(source) as folder:
        found = verify(folder)
    return Answer(
        shown=_shown(source, found),
        rows={"findings": [asdict(finding) for finding in found.findings]},
        data={"run": str(source), "verdict": found.verdict, **asdict(found)},
        status=VERIFIED if found.verdict == "VERIFIED" else OTHERWISE,
    )


def _shown(source: Path, found: Verification) -> Content:
    seen = f"{counted(found.record_count, 'record')} in {counted(found.line_count, 'line')}"
    chained = "each names the one before" if found.chained_count == found.line_count else "not all name the one before"
    rows = [
        (f"{_MARKS[finding.grade]} {finding.grade}", finding.code, one_line(f"{finding.where}: {finding.text}"))
        for finding in found.findings[:MAX_TOLD]
    ]
    more = len(found.findings) - MAX_TOLD
    return content(
        f"{found.verdict}: {one_line(str(source))}",
        f"{seen}, {chained}; {'with' if found.sealed else 'without'} a manifest",
        table(("finding", "code", "where and what"), rows, left=3) if rows else None,
        f"{more} more findings: -o json has all" if more > 0 else None,
        _LIMIT,
    )
