"""Whether a run's files are what was measured: schema, completeness, hashes, and what can't be otherwise.

The chain of lines and manifest.json show what was changed since, by accident or by a hand that did not rewrite them
too. Neither is signed: whoever writes all of it anew leaves nothing to find but figures that can't be.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Literal

from suite.compare import ceilings, plausible
from suite.compare.findings import Finding, Grade, Line
from suite.errors import StoreError
from suite.outside import one_line
from suite.records import Damage, Manifest, RunRecord, Task, record, seal
from suite.records.folder import Folder, words_of
from suite.records.lines import MANIFEST_NAME, RECORDS_NAME, records_of, require_a_run
from suite.records.schema import MANIFEST, UPGRADES, read
from suite.records.seal import SEAL_NAME, FileHash, Seal
from suite.units import counted

Verdict = Literal["VERIFIED", "NOT VERIFIED", "WRONG"]
MAX_TOLD = 1000  # findings of one check; that there are more is told


@record
class Verification:
    """WRONG: something can't be as it stands. NOT VERIFIED: nothing is known to be wrong, and not all could be told."""

    record_count: int
    line_count: int
    chained_count: int  # lines that name what they follow
    sealed: bool  # whether there is a manifest.json
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        grades = {finding.grade for finding in self.findings}
        return "WRONG" if "wrong" in grades else "NOT VERIFIED" if grades else "VERIFIED"

    @property
    def altered_lines(self) -> frozenset[int]:
        """Lines of records.jsonl with something wrong in them."""
        return frozenset(
            finding.line_number
            for finding in self.findings
            if finding.grade == "wrong" and finding.line_number is not None
        )


def verify(out: Path) -> Verification:
    """Raises StoreError where there is no run at all, or one that no suite has written."""
    try:
        with Folder(out) as folder:
            return _verified(folder)
    except OSError as error:
        raise StoreError(f"{out}: {words_of(error)}; name the folder of a run, or its archive") from error


def altered_tasks(out: Path, found: Verification) -> Mapping[Task, Finding]:
    """The tasks whose lines hold something wrong, each with the first of it."""
    with Folder(out) as folder:
        manifest = _manifest(folder)[0]
        first = {finding.line_number: finding for finding in reversed(found.findings) if finding.grade == "wrong"}
        records = enumerate(records_of(folder, manifest, UPGRADES), 1)
        return {each.task: first[number] for number, each in records if number in first and isinstance(each, RunRecord)}


def _manifest(folder: Folder) -> tuple[Manifest, str]:
    """What was asked for, and the SHA-256 of the file that says so."""
    path = folder.path / MANIFEST_NAME
    try:
        with folder.reader(MANIFEST_NAME) as file:
            content = file.read()
    except FileNotFoundError as error:
        raise StoreError(f"{folder.path}: holds no run (no {MANIFEST_NAME}); name the folder of a run") from error
    return read(MANIFEST, content, str(path)), hashlib.sha256(content).hexdigest()


def _verified(folder: Folder) -> Verification:
    manifest, start_sha256 = _manifest(folder)
    lines: list[Line] = []
    damaged: list[Damage] = []
    for number, found in enumerate(records_of(folder, manifest, UPGRADES), 1):
        if isinstance(found, Damage):
            damaged.append(found)
            require_a_run(folder, damaged)
        else:
            lines.append(Line(number=number, record=found))
    hashes = [hashlib.sha256(line).hexdigest() for line in seal.raw_lines(folder)]
    latest = {line.record.task: line for line in lines}
    ordered = tuple(latest.values())
    findings = [
        *_damage(damaged),
        *_missing(manifest, latest),
        *_hashes(folder, lines, hashes, start_sha256),
        *_bounded(plausible.findings(ordered)),
        *_bounded(ceilings.findings(ordered)),
    ]
    return Verification(
        record_count=len(latest),
        line_count=len(hashes),
        chained_count=sum(line.record.previous_sha256 is not None for line in lines),
        sealed=SEAL_NAME in folder.names(),
        findings=tuple(findings),
    )


def _bounded(findings: Iterator[Finding]) -> Iterator[Finding]:
    for count, finding in enumerate(findings):
        if count == MAX_TOLD:
            text = f"more than {MAX_TOLD} findings of one kind of check: the others are not told"
            yield Finding(grade="unknown", code="MORE", where=RECORDS_NAME, text=text)
            return
        yield finding


def _damage(damaged: Sequence[Damage]) -> Iterator[Finding]:
    for each in damaged:
        where = f"{RECORDS_NAME}:{each.line_number}"
        text = one_line(each.text, 300)
        yield Finding(grade="wrong", code="UNREADABLE", where=where, text=text, line_number=each.line_number)


def _missing(manifest: Manifest, latest: Mapping[Task, Line]) -> Iterator[Finding]:
    left = [task for task in manifest.tasks if task not in latest]
    if left:
        first = f"{left[0].test} of {left[0].model}, batch size {left[0].batch_size}"
        text = f"{counted(len(left), 'task')} of {len(manifest.tasks)} without a record that can be read ({first}, ...)"
        yield Finding(grade="unknown", code="INCOMPLETE", where=RECORDS_NAME, text=text)
    for line in latest.values():
        if line.record.cut_short:
            where = f"{RECORDS_NAME}:{line.number}"
            text = "its worker was lost midway: the calls until then are there"
            yield Finding(grade="unknown", code="CUT_SHORT", where=where, text=text, line_number=line.number)


def _hashes(folder: Folder, lines: Sequence[Line], hashes: Sequence[str], start_sha256: str) -> Iterator[Finding]:
    try:
        sealed = seal.read(folder.path)
    except StoreError as error:
        yield Finding(grade="wrong", code="MANIFEST_BROKEN", where=SEAL_NAME, text=one_line(str(error), 300))
        return
    altered = list(_altered(folder, sealed, hashes)) if sealed else []
    yield from altered
    yield from _chain(lines, hashes, start_sha256, {finding.line_number for finding in altered})
    if sealed is None:
        text = "there is none: the run was cut off, or it is older than manifests; edits of its last line can't be told"
        yield Finding(grade="unknown", code="NO_MANIFEST", where=SEAL_NAME, text=text)
        return
    yield from _files(folder, sealed, changed_lines=bool(altered))


def _chain(lines: Sequence[Line], hashes: Sequence[str], start_sha256: str, told: set[int | None]) -> Iterator[Finding]:
    """Each line against the one before it. told: lines of which something is known to be amiss already."""
    loose = [line.number for line in lines if line.record.previous_sha256 is None]
    if loose:
        text = f"{counted(len(loose), 'line')} without a link to the one before (as {loose[0]}): of an older suite"
        yield Finding(grade="unknown", code="NOT_CHAINED", where=RECORDS_NAME, text=text)
    for line in lines:
        said, number = line.record.previous_sha256, line.number
        before = hashes[number - 2] if number > 1 else start_sha256
        if said is None or said == before or told & {number, number - 1}:
            continue
        where = MANIFEST_NAME if number == 1 else f"{RECORDS_NAME}:{number - 1}"
        text = (
            f"line {number} follows another text: this was changed, or a line was taken out or put in before {number}"
        )
        broken = number - 1 or None
        yield Finding(grade="wrong", code="CHAIN_BROKEN", where=where, text=text, line_number=broken)


def _altered(folder: Folder, sealed: Seal, hashes: Sequence[str]) -> Iterator[Finding]:
    """Lines that are not as the manifest has them, each with the fields that differ where these can be told."""
    known = [line.sha256 for line in sealed.lines]
    if known == list(hashes):
        return
    raw: list[bytes] | None = None
    for kind, start, end, at, upto in SequenceMatcher(None, known, hashes, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        shared = min(end - start, upto - at)
        for offset in range(shared):
            raw = list(seal.raw_lines(folder)) if raw is None else raw
            yield _changed(at + offset + 1, sealed.lines[start + offset].parts, raw[at + offset])
        if end - start > shared:
            text = f"{counted(end - start - shared, 'line')} that stood before line {upto + 1} was taken out"
            yield Finding(grade="wrong", code="LINES_REMOVED", where=f"{RECORDS_NAME}:{upto + 1}", text=text)
        if upto - at > shared:
            yield _added(at + shared + 1, upto, is_last=upto == len(hashes))


def _added(first: int, last: int, *, is_last: bool) -> Finding:
    where, count = f"{RECORDS_NAME}:{first}", counted(last - first + 1, "line")
    if is_last:
        text = f"{count} came after the manifest: the run went on, and did not end as one does"
        return Finding(grade="unknown", code="LINES_AFTER", where=where, text=text)
    return Finding(grade="wrong", code="LINES_ADDED", where=where, text=f"{count} was put in", line_number=first)


def _changed(number: int, told: str, line: bytes) -> Finding:
    before = dict(pair.partition(":")[::2] for pair in told.split())
    now = seal.parts(line)
    fields = [name for name in sorted(before.keys() | now.keys()) if before.get(name) != now.get(name)]
    fields = [name for name in fields if name != "previous_sha256"] or fields
    where = f"{RECORDS_NAME}:{number}" + (f" {', '.join(fields[:6])}" if now and fields else "")
    if not now:
        text = "it was changed after it was written, and is no JSON now"
    elif fields:
        text = "it was changed after it was written" + (f" ({len(fields)} fields)" if len(fields) > 6 else "")
    else:
        text = "it was written anew with the same values in another form"
    return Finding(grade="wrong", code="LINE_CHANGED", where=where, text=text, line_number=number)


def _files(folder: Folder, sealed: Seal, *, changed_lines: bool) -> Iterator[Finding]:
    for told in sealed.files:
        if told.name == RECORDS_NAME and changed_lines:
            continue
        yield from _file(folder, told, "it is not as it was when measuring ended")
    for told in sealed.report:
        yield from _file(folder, told, "it is not as the report was written; `suite report` writes it anew")
    listed = {told.name for told in (*sealed.files, *sealed.report)}
    for told in seal.report_files(folder):
        if told.name not in listed:
            yield _unlisted(told.name)


def _unlisted(name: str) -> Finding:
    text = f"{SEAL_NAME} does not know it; `suite report` writes both anew"
    return Finding(grade="unknown", code="FILE_UNLISTED", where=name, text=text)


def _file(folder: Folder, told: FileHash, text: str) -> Iterator[Finding]:
    grade: Grade = "wrong"
    inner, _, name = told.name.rpartition("/")
    try:
        if inner and inner not in folder.names():
            raise FileNotFoundError
        if inner:
            with folder.inner(inner) as part:
                found = seal.file_hash(part, name, told.name)
        else:
            found = seal.file_hash(folder, name)
    except FileNotFoundError:
        yield Finding(grade=grade, code="FILE_MISSING", where=told.name, text="it is not there any more")
        return
    except (OSError, StoreError) as error:
        yield Finding(grade=grade, code="FILE_UNREADABLE", where=told.name, text=one_line(str(error), 200))
        return
    if found != told:
        yield Finding(grade=grade, code="FILE_CHANGED", where=told.name, text=text)
