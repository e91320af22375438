"""`suite verify`: a verdict, and what was found, one line each."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from suite.compare import archive
from suite.compare.verify import Verification, verify
from suite.outside import one_line
from suite.units import counted

VERIFIED, OTHERWISE = 0, 1
MAX_TOLD = 40
_MARKS = {"wrong": "✗", "unknown": "?"}
_LIMIT = "A chain and a manifest without a signature: whoever wrote all of them anew is not found by them."


def show(source: Path, *, as_json: bool) -> int:
    with archive.opened(source) as folder:
        found = verify(folder)
    print(_json(source, found) if as_json else _text(source, found))
    return VERIFIED if found.verdict == "VERIFIED" else OTHERWISE


def _json(source: Path, found: Verification) -> str:
    answer = {"run": str(source), "verdict": found.verdict, **asdict(found)}
    return json.dumps(answer, indent=1, allow_nan=False)


def _text(source: Path, found: Verification) -> str:
    lines = [f"{found.verdict}: {one_line(str(source))}"]
    seen = f"{counted(found.record_count, 'record')} in {counted(found.line_count, 'line')}"
    chained = "each names the one before" if found.chained_count == found.line_count else "not all name the one before"
    lines.append(f"{seen}, {chained}; {'with' if found.sealed else 'without'} a manifest")
    for finding in found.findings[:MAX_TOLD]:
        text = one_line(f"{finding.where}: {finding.text}")
        lines.append(f"  {_MARKS[finding.grade]} {finding.code:<20} {text}")
    if len(found.findings) > MAX_TOLD:
        lines.append(f"  and {len(found.findings) - MAX_TOLD} more (--json has all)")
    return "\n".join([*lines, _LIMIT])
