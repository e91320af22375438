"""An evaluation's answers on disk, batch by batch: what is cut off, damaged or of other weights is asked again."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.errors import StoreError
from suite.records import EvaluatedBatch, EvaluationRule, RealCalls, Task
from suite.records.journal import FileJournal

TASK = Task(test="accuracy", model="m", evaluation=EvaluationRule(name="e"))


def batch(first: int) -> EvaluatedBatch:
    calls = RealCalls(example_counts=(2,), padded_lengths=(5,), latency_s=(0.5,))
    none = RealCalls(example_counts=(), padded_lengths=(), latency_s=())
    return EvaluatedBatch(
        row_count=2,
        examples_sha256="ab" * 32,
        values=((1.0, 0.0),),
        weights=(),
        groups=(first, first + 1),
        lengths=(5, 4),
        padded=calls,
        alone=none,
    )


def test_what_is_appended_is_there_in_the_next_session(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path, TASK)
    assert journal.begin("weights") == ()
    journal.append(batch(0))
    journal.append(batch(2))
    assert FileJournal(tmp_path, TASK).begin("weights") == (batch(0), batch(2))
    assert FileJournal(tmp_path, TASK).begin("weights") == (batch(0), batch(2))


def test_answers_of_other_weights_are_dropped(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path, TASK)
    journal.begin("weights")
    journal.append(batch(0))
    assert FileJournal(tmp_path, TASK).begin("others") == ()
    assert FileJournal(tmp_path, TASK).begin("weights") == ()


@pytest.mark.parametrize("damage", [b'{"row_count": 2, "exa', b'{"row_count": -1}\n', b"\xff\n", b"[]\n"])
def test_a_damaged_end_costs_its_own_batches(tmp_path: Path, damage: bytes) -> None:
    journal = FileJournal(tmp_path, TASK)
    journal.begin("weights")
    journal.append(batch(0))
    with (tmp_path / journal.name).open("ab") as file:
        file.write(damage)
    again = FileJournal(tmp_path, TASK)
    assert again.begin("weights") == (batch(0),)
    again.append(batch(2))
    assert FileJournal(tmp_path, TASK).begin("weights") == (batch(0), batch(2))


def test_it_goes_when_the_task_has_its_record(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path, TASK)
    journal.begin("weights")
    journal.end()
    journal.end()
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    journal, other = FileJournal(tmp_path, TASK), tmp_path / "other"
    other.write_text("mine")
    (tmp_path / journal.name).symlink_to(other)
    with pytest.raises(StoreError, match="it is a link"):
        journal.begin("weights")
    assert other.read_text() == "mine"


def test_a_folder_that_is_gone_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="go on with --resume"):
        FileJournal(tmp_path / "gone", TASK).begin("weights")
