"""`suite bundle`: a run's files and its report as one archive; and the report of an archive."""

from __future__ import annotations

import sys
from pathlib import Path

from suite import battery
from suite.cli.answer import Answer, Value
from suite.compare import archive
from suite.compare.bundle import bundle
from suite.compare.verify import verify
from suite.errors import StoreError
from suite.records.chain import sha256
from suite.report.content import content
from suite.units import show

REPORT_NAME = "report.md"


def pack(run: Path, target: Path | None) -> Answer:
    """The archive's path and hash. A run without a report gets one first."""
    if run.is_file():
        raise StoreError(f"{run}: this is a file; name the folder of a run")
    target = target or run.resolve().with_name(run.resolve().name + archive.SUFFIX)
    if target.suffix != archive.SUFFIX or target.is_dir():
        raise StoreError(f"{target}: an archive is a file that ends in {archive.SUFFIX}; name one with --out")
    found = verify(run)
    if not (run / REPORT_NAME).exists():
        battery.report(run)
    bundle(run, target)
    packed = target.read_bytes()
    facts: dict[str, Value] = {
        "archive": str(target),
        "size_bytes": len(packed),
        "sha256": sha256(packed),
        "verdict": found.verdict,
    }
    if found.verdict != "VERIFIED":
        print(f"suite: {run}: it is packed, and the run is {found.verdict}: suite verify says why", file=sys.stderr)
    return Answer(
        shown=content(
            f"{found.verdict}: packed into {target} ({show(len(packed), 'B')})", f"SHA-256 {facts['sha256']}"
        ),
        rows={"bundle": [facts]},
        data=facts,
        status=0 if found.verdict == "VERIFIED" else 1,
        piped=str(target),
    )


def unpacked(source: Path) -> Path:
    """The folder to render a report in: a run's own, or one beside its archive, which is made. Raises StoreError."""
    if not source.is_file():
        return source
    folder = source.with_name(
        source.name.removesuffix(archive.SUFFIX) + ("" if source.suffix == archive.SUFFIX else ".run")
    )
    try:
        folder.mkdir()
    except FileExistsError as error:
        raise StoreError(f"{folder}: it is there already; name it instead of the archive, or take it away") from error
    except OSError as error:
        raise StoreError(f"{folder}: {(error.strerror or str(error)).lower()}; copy the archive elsewhere") from error
    try:
        archive.unpack(source, folder)
    except StoreError:
        for path in sorted(folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        folder.rmdir()
        raise
    return folder
