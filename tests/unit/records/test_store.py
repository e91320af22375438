"""A run on disk: what was stored stays and is read back exactly; every damage is named with its line and its remedy."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from suite.errors import StoreError
from suite.records import Run, RunRecord, Task, store
from suite.records.store import RunStore
from tests.unit.samples import ABSENT, latency_record, manifest, tasks

THREE = tasks(3)


def filled(out: Path, count: int = 2) -> list[RunRecord]:
    """A run of three tasks, of which the first `count` are done."""
    records = [latency_record(task) for task in THREE[:count]]
    with RunStore.create(out, manifest(THREE)) as run_store:
        for record in records:
            run_store.append(record)
    return records


@contextmanager
def refused(*parts: str) -> Iterator[None]:
    """The block raises a StoreError of one line with all of those parts."""
    with pytest.raises(StoreError) as caught:
        yield
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


def load_whole(out: Path) -> Run:
    """The run, of which every line must be readable: the first that is not is raised as `resume` raises it."""
    run = store.load(out)
    for damage in run.damaged:
        raise StoreError(f"{out / 'records.jsonl'}:{damage.line_number}: {damage.text}")
    return run


def test_what_was_stored_is_read_back_to_the_last_bit(tmp_path: Path) -> None:
    records = filled(tmp_path / "run")
    run = store.load(tmp_path / "run")
    assert run.manifest == manifest(THREE)
    assert run.records == tuple(records)
    assert run.missing() == THREE[2:]


def test_an_absent_quantity_comes_back_as_such(tmp_path: Path) -> None:
    record = replace(latency_record(THREE[0]), latency=None, energy=ABSENT)
    with RunStore.create(tmp_path / "run", manifest(THREE)) as run_store:
        run_store.append(record)
    (found,) = store.load(tmp_path / "run").records
    assert found.energy == ABSENT
    assert found.latency is None


def test_each_record_is_one_line_that_is_there_when_append_returns(tmp_path: Path) -> None:
    with RunStore.create(tmp_path / "run", manifest(THREE)) as run_store:
        for count, task in enumerate(THREE, start=1):
            run_store.append(latency_record(task))
            assert (tmp_path / "run/records.jsonl").read_bytes().count(b"\n") == count


@pytest.mark.parametrize("count", range(4))
def test_a_run_cut_off_at_any_record_is_resumed_where_it_ended(tmp_path: Path, count: int) -> None:
    records = filled(tmp_path, count)
    with RunStore.resume(tmp_path) as run_store:
        assert run_store.missing() == THREE[count:]
        for task in run_store.missing():
            run_store.append(latency_record(task))
    run = store.load(tmp_path)
    assert run.missing() == ()
    assert run.records[:count] == tuple(records)
    assert [record.task for record in run.records] == list(THREE)


def test_a_run_cut_off_at_any_byte_of_a_record_keeps_the_whole_ones_and_measures_that_one_again(tmp_path: Path) -> None:
    records = filled(tmp_path)
    path = tmp_path / "records.jsonl"
    content = path.read_bytes()
    first = content.index(b"\n") + 1
    for end in range(first + 1, len(content), 97):
        path.write_bytes(content[:end])
        with RunStore.resume(tmp_path) as run_store:
            assert run_store.missing() == THREE[1:]
        assert path.read_bytes() == content[:first]
        assert (tmp_path / "records.jsonl.torn").read_bytes() == content[first:end]
    assert store.load(tmp_path).records == (records[0],)


def test_a_report_names_a_line_that_was_cut_off_and_says_how_to_mend_it(tmp_path: Path) -> None:
    records = filled(tmp_path)
    path = tmp_path / "records.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    run = store.load(tmp_path)
    assert run.records == (records[0],)
    assert run.missing() == THREE[1:]
    with refused("records.jsonl:2: the last line was cut off", "--resume"):
        load_whole(tmp_path)


def test_the_same_task_is_never_stored_twice(tmp_path: Path) -> None:
    with RunStore.create(tmp_path, manifest(THREE)) as run_store:
        run_store.append(latency_record(THREE[0]))
        with pytest.raises(ValueError, match="not waited for"):
            run_store.append(latency_record(THREE[0]))
    assert len(store.load(tmp_path).records) == 1


def test_nan_is_refused_and_leaves_no_trace(tmp_path: Path) -> None:
    with (
        RunStore.create(tmp_path, manifest(THREE)) as run_store,
        pytest.raises(ValueError, match="NaN is no measured value"),
    ):
        run_store.append(replace(latency_record(THREE[0]), wall_s=float("nan")))
    assert store.load(tmp_path).records == ()


def test_a_folder_with_a_run_is_not_written_over(tmp_path: Path) -> None:
    filled(tmp_path)
    with refused(f"{tmp_path}: holds a run already", "--resume", "--out"):
        RunStore.create(tmp_path, manifest(THREE))
    assert len(store.load(tmp_path).records) == 2


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("dear reader")
    with refused(f"{tmp_path}: holds other files (thesis.tex)", "--out"):
        RunStore.create(tmp_path, manifest(THREE))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_start_that_was_killed_before_the_manifest_was_there_can_be_started_again(tmp_path: Path) -> None:
    (tmp_path / "records.jsonl").touch()
    (tmp_path / "run.json.part").write_text('{"schema_ver')
    RunStore.create(tmp_path, manifest(THREE)).close()
    assert store.load(tmp_path).missing() == THREE


def test_a_folder_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with refused(f"{tmp_path}/file/run: not a directory", "--out"):
        RunStore.create(tmp_path / "file" / "run", manifest(THREE))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with refused("permission denied", "--out"):
        RunStore.create(tmp_path, manifest(THREE))


def test_a_permission_that_the_system_denies_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(store.os, "open", deny)
    with refused(f"{tmp_path}: permission denied", "--out"):
        RunStore.create(tmp_path, manifest(THREE))


def test_only_one_process_writes_to_a_run(tmp_path: Path) -> None:
    with RunStore.create(tmp_path, manifest(THREE)), refused("another suite is writing to this run"):
        RunStore.resume(tmp_path)
    RunStore.resume(tmp_path).close()


def test_there_must_be_a_run_to_go_on_with(tmp_path: Path) -> None:
    with refused(f"{tmp_path}: holds no run (no run.json)"):
        RunStore.resume(tmp_path)


FOREIGN = [
    (b"not json\n", "this is not JSON"),
    (b"[1, 2]\n", "this was not written by suite (it has no schema_version)"),
    (b'{"a": 1}\n', "this was not written by suite (it has no schema_version)"),
    (b'{"schema_version": true}\n', "this was not written by suite (it has no schema_version)"),
    (b'{"schema_version": 1}\n', "task is missing"),
    (
        b'{"schema_version": 99}\n',
        "written by a newer suite (schema version 99, this suite reads up to 3); update suite",
    ),
    (b'{"schema_version": 0}\n', "schema version 0 is none that suite has written"),
    (b"\x00\x00\x00\x00\n", "this is not JSON"),
    (b"\xff\xfe\n", "this is not JSON"),
    (b"\n", "this is not JSON"),
]


@pytest.mark.parametrize(("line", "message"), FOREIGN, ids=[message for _, message in FOREIGN])
def test_a_foreign_line_is_named_by_its_number(tmp_path: Path, line: bytes, message: str) -> None:
    filled(tmp_path)
    path = tmp_path / "records.jsonl"
    path.write_bytes(path.read_bytes() + line)
    for read in (load_whole, RunStore.resume):
        with refused(f"{path}:3: {message}"):
            read(tmp_path)
    assert path.read_bytes().endswith(line)  # nothing was mended behind anybody's back


def changed(path: Path, **changes: object) -> None:
    """Puts other values into the first record."""
    first, *rest = path.read_text().splitlines()
    data = {**json.loads(first), **changes}
    path.write_text("\n".join([json.dumps(data), *rest]) + "\n")


def test_an_unknown_key_and_a_wrong_type_are_named(tmp_path: Path) -> None:
    filled(tmp_path)
    path = tmp_path / "records.jsonl"
    changed(path, energie=1)
    with refused("records.jsonl:1: unknown key energie"):
        load_whole(tmp_path)


def test_a_number_as_text_is_refused(tmp_path: Path) -> None:
    filled(tmp_path)
    changed(tmp_path / "records.jsonl", wall_s="1.5")
    with refused("records.jsonl:1: wall_s: Input should be a valid number"):
        load_whole(tmp_path)


def test_nonsense_that_has_the_right_type_is_refused_by_the_record_itself(tmp_path: Path) -> None:
    filled(tmp_path)
    path = tmp_path / "records.jsonl"
    path.write_text(path.read_text().replace('"batch_size":1', '"batch_size":-1', 1))
    with refused("records.jsonl:1: task: batch_size must be at least 1, got -1"):
        load_whole(tmp_path)


def test_nan_in_a_file_is_refused(tmp_path: Path) -> None:
    filled(tmp_path)
    changed(tmp_path / "records.jsonl", wall_s=float("nan"))
    with refused("records.jsonl:1: this is not JSON (NaN is no measured value)"):
        load_whole(tmp_path)


def test_a_record_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    path = tmp_path / "records.jsonl"
    path.write_bytes(path.read_bytes() * 2)
    with refused("records.jsonl:2: latency of null is stored twice"):
        load_whole(tmp_path)


def test_a_records_file_that_is_gone_is_named(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / "records.jsonl").unlink()
    with refused("records.jsonl: no such file or directory"):
        store.load(tmp_path)


def test_a_full_disk_takes_the_partial_line_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    room = [40]

    def write_until_full(descriptor: int, content: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = write(descriptor, content[: room[0]])
        room[0] -= written
        return written

    with RunStore.create(tmp_path, manifest(THREE)) as run_store:
        run_store.append(latency_record(THREE[0]))
        before = (tmp_path / "records.jsonl").read_bytes()
        with monkeypatch.context() as patched:
            patched.setattr(store.os, "write", write_until_full)
            with refused("records.jsonl: no space left on device", "intact", f"--resume --out {tmp_path}"):
                run_store.append(latency_record(THREE[1]))
        assert (tmp_path / "records.jsonl").read_bytes() == before
        run_store.append(latency_record(THREE[1]))  # there is room again
    assert [record.task for record in store.load(tmp_path).records] == list(THREE[:2])


FILE_LIMIT = """
import resource, sys
from pathlib import Path
from suite.errors import StoreError
from suite.records.store import RunStore
from tests.unit.samples import latency_record
with RunStore.resume(Path(sys.argv[1])) as run_store:
    size = (run_store.out / "records.jsonl").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, resource.RLIM_INFINITY))
    try:
        run_store.append(latency_record(run_store.missing()[0]))
    except StoreError as error:
        print(error)
"""


def test_a_limit_that_the_kernel_sets_takes_the_partial_line_back(tmp_path: Path) -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    records = filled(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", FILE_LIMIT, str(tmp_path)], capture_output=True, text=True, check=True, cwd=Path.cwd()
    )
    assert "records.jsonl: file too large; what was stored before is intact" in done.stdout
    assert store.load(tmp_path).records == tuple(records)


def test_amended_records_take_the_place_of_the_old_ones_and_the_rest_stays(tmp_path: Path) -> None:
    records = filled(tmp_path / "run")
    amended = replace(records[1], energy=ABSENT)
    store.amend(tmp_path / "run", [amended])
    assert store.load(tmp_path / "run").records == (records[0], amended)
    with RunStore.resume(tmp_path / "run") as run_store:
        run_store.append(latency_record(THREE[2]))
    assert store.load(tmp_path / "run").missing() == ()


def test_a_record_that_is_not_there_yet_can_not_be_amended(tmp_path: Path) -> None:
    records = filled(tmp_path / "run")
    before = (tmp_path / "run/records.jsonl").read_bytes()
    with pytest.raises(ValueError, match="has no records of"):
        store.amend(tmp_path / "run", [records[0], latency_record(THREE[2])])
    assert (tmp_path / "run/records.jsonl").read_bytes() == before


def test_a_run_that_is_being_written_can_not_be_amended(tmp_path: Path) -> None:
    records = filled(tmp_path / "run")
    with RunStore.resume(tmp_path / "run"), refused("another suite is writing to this run"):
        store.amend(tmp_path / "run", records)


def test_a_later_line_takes_the_place_of_its_task_s_earlier_one_only_where_it_says_so(tmp_path: Path) -> None:
    short, other = (latency_record(Task(test="latency", model="lxmert", batch_size=size)) for size in (1, 2))
    longer = replace(short, wall_s=9.0, supersedes=True)
    with RunStore.create(tmp_path / "run", manifest((short.task, other.task))) as run_store:
        run_store.append(short)
        run_store.append(other)
        with pytest.raises(ValueError, match="is not waited for"):
            run_store.append(replace(longer, supersedes=False))
        run_store.append(longer)
        assert run_store.missing() == ()
    found = store.load(tmp_path / "run")
    assert (found.records, found.missing(), found.damaged) == ((longer, other), (), ())
    with RunStore.resume(tmp_path / "run") as run_store:
        assert run_store.missing() == ()
    path = tmp_path / "run/records.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"supersedes":true', b'"supersedes":false'))
    (damage,) = store.load(tmp_path / "run").damaged
    assert (damage.line_number, "is stored twice" in damage.text) == (3, True)


def test_a_size_that_was_added_is_stored_once_beside_what_the_plan_lists(tmp_path: Path) -> None:
    listed = Task(test="latency", model="lxmert", batch_size=4)
    other = replace(listed, batch_size=3)
    found = replace(latency_record(listed), task=other, added=True)
    with RunStore.create(tmp_path / "run", manifest((listed,))) as run_store:
        run_store.append(found)
        with pytest.raises(ValueError, match="is not waited for"):
            run_store.append(found)
        with pytest.raises(ValueError, match="is not waited for"):
            run_store.append(replace(found, task=replace(listed, batch_size=2), added=False))
        assert run_store.missing() == (listed,)
    run = store.load(tmp_path / "run")
    assert (run.added(), run.missing(), run.damaged) == ((other,), (listed,), ())
    with RunStore.resume(tmp_path / "run") as run_store:
        assert (run_store.done, run_store.missing()) == ((other,), (listed,))
