"""Each line names the one before; what was begun, cut off, gone on with or amended stays one chain."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from suite.records import store
from suite.records.store import RunStore
from tests.unit.samples import latency_record, manifest, tasks


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def links(out: Path) -> list[str | None]:
    return [json.loads(line)["previous_sha256"] for line in lines(out)]


def lines(out: Path) -> list[bytes]:
    return (out / "records.jsonl").read_bytes().splitlines(keepends=True)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A run of three tasks, of which two are done."""
    asked = tasks(3)
    with RunStore.create(tmp_path / "run", manifest(asked)) as run_store:
        for task in asked[:2]:
            run_store.append(latency_record(task))
    return tmp_path / "run"


def test_the_first_line_names_run_json_and_each_other_the_line_before(out: Path) -> None:
    assert links(out) == [sha256((out / "run.json").read_bytes()), sha256(lines(out)[0])]


def test_a_resumed_run_goes_on_with_the_chain(out: Path) -> None:
    with RunStore.resume(out) as run_store:
        run_store.append(latency_record(tasks(3)[2]))
    assert links(out)[2] == sha256(lines(out)[1])


def test_a_line_that_was_cut_off_is_no_part_of_the_chain(out: Path) -> None:
    with (out / "records.jsonl").open("ab") as file:
        file.write(b'{"schema_version":3,"ta')
    with RunStore.resume(out) as run_store:
        run_store.append(latency_record(tasks(3)[2]))
    assert links(out)[2] == sha256(lines(out)[1])


def test_a_run_cut_off_before_its_first_line_begins_at_run_json(tmp_path: Path) -> None:
    RunStore.create(tmp_path / "run", manifest(tasks(1))).close()
    with RunStore.resume(tmp_path / "run") as run_store:
        run_store.append(latency_record(tasks(1)[0]))
    assert links(tmp_path / "run") == [sha256((tmp_path / "run/run.json").read_bytes())]


def test_lines_without_a_link_are_read_and_followed(out: Path) -> None:
    old = [{**json.loads(line), "previous_sha256": None} for line in lines(out)]
    for line in old:
        del line["previous_sha256"]
    (out / "records.jsonl").write_text("".join(json.dumps(line) + "\n" for line in old))
    assert [found.previous_sha256 for found in store.load(out).records] == [None, None]
    with RunStore.resume(out) as run_store:
        run_store.append(latency_record(tasks(3)[2]))
    assert store.load(out).records[2].previous_sha256 == sha256(lines(out)[1])


def test_amended_records_are_one_chain_again(out: Path) -> None:
    store.amend(out, [latency_record(tasks(3)[0], (0.7, 0.8))])
    assert links(out) == [sha256((out / "run.json").read_bytes()), sha256(lines(out)[0])]


def test_a_record_is_the_same_whatever_it_follows(out: Path) -> None:
    assert store.load(out).records == tuple(latency_record(task) for task in tasks(2))
