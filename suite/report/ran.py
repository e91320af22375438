"""What really ran, by subject: which provider and files, and how near the outputs are to eager fp32's."""

from __future__ import annotations

from collections.abc import Iterable

from suite.records import RunRecord, Variant
from suite.report.points import Subject, point_of

DEVIATES = "DEVIATES"  # beside a variant's name: its outputs are not those of eager fp32


def by_subject(records: Iterable[RunRecord]) -> dict[Subject, Variant]:
    """The last record's, or one that compared outputs."""
    found: dict[Subject, Variant] = {}
    for record in records:
        subject = point_of(record.task).subject
        if record.variant is not None and (subject not in found or record.variant.fidelity is not None):
            found[subject] = record.variant
    return found
