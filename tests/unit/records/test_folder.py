"""A run's folder that somebody else made: links, FIFOs, devices and folders in the place of its files."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from suite.errors import StoreError
from suite.records import store
from suite.records.folder import Folder, appended
from suite.records.store import RunStore
from suite.report import page
from tests.unit.report import synthetic
from tests.unit.samples import latency_record, manifest, tasks

THREE = tasks(3)
SECRET = b"not of this run\n"


@pytest.fixture(autouse=True)
def no_hanging() -> Iterator[None]:
    """A test that waits for a FIFO's other end is ended."""
    signal.alarm(60)
    yield
    signal.alarm(0)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    with RunStore.create(folder, manifest(THREE)) as run_store:
        run_store.append(latency_record(THREE[0]))
    return folder


@pytest.fixture
def other(tmp_path: Path) -> Path:
    path = tmp_path / "other.txt"
    path.write_bytes(SECRET)
    return path


def link(path: Path, other: Path) -> None:
    path.symlink_to(other)


def dangling(path: Path, other: Path) -> None:
    path.symlink_to(other.with_name("not there yet"))


def fifo(path: Path, _: Path) -> None:
    os.mkfifo(path)


def device(path: Path, _: Path) -> None:
    path.symlink_to("/dev/zero")


def inner_folder(path: Path, _: Path) -> None:
    path.mkdir()


def unix_socket(path: Path, _: Path) -> None:
    made = socket.socket(socket.AF_UNIX)
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path has room for 107 letters
    try:
        made.bind(path.name)
    finally:
        os.chdir(here)
        made.close()


Make = Callable[[Path, Path], None]
IN_PLACE: list[tuple[Make, str]] = [
    (link, "it is a link"),
    (dangling, "it is a link"),
    (device, "it is a link"),
    (fifo, "it is a FIFO"),
    (inner_folder, "it is a folder"),
    (unix_socket, "it is a socket"),
]


def refused(call: Callable[[], object], *parts: str) -> None:
    with pytest.raises(StoreError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


@pytest.mark.parametrize(("make", "words"), IN_PLACE, ids=[make.__name__ for make, _ in IN_PLACE])
@pytest.mark.parametrize("name", ["run.json", "records.jsonl"])
def test_a_run_is_not_read_or_gone_on_with_where_its_file_is_none(
    run: Path, other: Path, name: str, make: Make, words: str
) -> None:
    (run / name).unlink()
    make(run / name, other)
    refused(lambda: store.load(run), f"{run / name}: {words}")
    refused(lambda: RunStore.resume(run), f"{run / name}: {words}")
    refused(lambda: store.amend(run, []), f"{run / name}: {words}")
    assert other.read_bytes() == SECRET
    assert not other.with_name("not there yet").exists()


@pytest.mark.parametrize(("make", "words"), IN_PLACE, ids=[make.__name__ for make, _ in IN_PLACE])
def test_nothing_is_written_through_what_stands_in_the_place_of_a_file(
    run: Path, other: Path, make: Make, words: str
) -> None:
    torn = run / "records.jsonl"
    torn.write_bytes(torn.read_bytes()[:-5])
    make(run / "records.jsonl.torn", other)
    refused(lambda: RunStore.resume(run), f"records.jsonl.torn: {words}")
    make(run / "log.txt", other)
    refused(lambda: appended(run / "log.txt"), f"log.txt: {words}")
    loaded = store.load(run)
    make(run / "report.md", other)
    refused(lambda: page.render(loaded, run, synthetic.MODELS), f"report.md: {words}")
    assert other.read_bytes() == SECRET
    assert not other.with_name("not there yet").exists()


@pytest.mark.parametrize("name", ["report.md.part", "plots", "plots/latency-base.png", "plots/latency-base.png.part"])
def test_a_report_is_not_written_outside_its_folder(run: Path, tmp_path: Path, other: Path, name: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (run / name).parent.mkdir(exist_ok=True)
    (run / name).symlink_to(elsewhere if name == "plots" else other)
    refused(lambda: page.render(store.load(run), run, synthetic.MODELS), f"{run / name}: it is a link")
    assert other.read_bytes() == SECRET
    assert list(elsewhere.iterdir()) == []


def test_a_run_is_not_begun_over_the_link_of_a_start_that_was_killed(tmp_path: Path, other: Path) -> None:
    out = tmp_path / "new"
    out.mkdir()
    (out / "run.json.part").symlink_to(other)
    refused(lambda: RunStore.create(out, manifest(THREE)), "run.json.part: it is a link")
    for path in out.iterdir():
        path.unlink()
    (out / "records.jsonl").symlink_to(other)
    refused(lambda: RunStore.create(out, manifest(THREE)), "records.jsonl")
    assert other.read_bytes() == SECRET


def test_a_second_name_of_another_file_is_not_appended_to(run: Path, other: Path) -> None:
    copy = run.parent / "kept.jsonl"
    os.link(run / "records.jsonl", copy)
    refused(lambda: RunStore.resume(run), "records.jsonl: it is another file's second name")
    os.link(other, run / "log.txt")
    refused(lambda: appended(run / "log.txt"), "log.txt: it is another file's second name")
    assert store.load(run).records  # to read it does no harm


def test_a_report_takes_the_place_of_a_second_name_and_leaves_the_other_file(run: Path, other: Path) -> None:
    os.link(other, run / "report.md")
    page.render(store.load(run), run, synthetic.MODELS)
    assert other.read_bytes() == SECRET
    assert (run / "report.md").read_text().startswith("# Inference benchmark")


def test_a_folder_of_results_may_itself_be_a_link(run: Path) -> None:
    latest = run.parent / "latest"
    latest.symlink_to(run)
    assert store.load(latest).records
    RunStore.resume(latest).close()


def test_a_log_may_be_the_null_device_that_the_suite_names(run: Path) -> None:
    with appended(Path(os.devnull)) as log:
        log.write(b"nobody hears")
    with appended(run / "log.txt") as log:
        log.write(b"one\n")
    with appended(run / "log.txt") as log:
        assert log.tell() == 4


def test_pictures_of_axes_with_like_names_do_not_replace_one_another(run: Path) -> None:
    with Folder(run) as folder, folder.inner("plots") as plots:
        plots.write_whole("a.png", b"1")
        assert plots.names() == {"a.png"}


# What happens to the file while the run goes on


def test_records_that_were_removed_are_told_of_at_the_next_one_and_put_back(run: Path) -> None:
    with RunStore.resume(run) as run_store:
        (run / "records.jsonl").unlink()
        refused(lambda: run_store.append(latency_record(THREE[1])), "it was removed, and was put back")
    assert [record.task for record in store.load(run).records] == list(THREE[:2])


def test_a_folder_that_was_renamed_is_told_of_and_has_the_record(run: Path) -> None:
    moved = run.with_name("moved")
    with RunStore.resume(run) as run_store:
        run.rename(moved)
        refused(lambda: run_store.append(latency_record(THREE[1])), "the folder was removed or renamed")
    assert [record.task for record in store.load(moved).records] == list(THREE[:2])


def test_another_file_in_the_place_of_the_records_is_left_alone(run: Path) -> None:
    with RunStore.resume(run) as run_store:
        (run / "records.jsonl").unlink()
        (run / "records.jsonl").write_bytes(SECRET)
        refused(lambda: run_store.append(latency_record(THREE[1])), "another file has taken its place")
    assert (run / "records.jsonl").read_bytes() == SECRET


def test_a_lock_is_never_taken_on_a_file_that_was_replaced_meanwhile(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`amend` renames between the other's open and its lock: the record must not go into the file without a name."""
    flock = store.fcntl.flock
    amended = []

    def amended_first(descriptor: int, operation: int) -> None:
        if not amended:
            amended.append(True)
            content = (run / "records.jsonl").read_bytes()
            (run / "new").write_bytes(content)
            (run / "new").rename(run / "records.jsonl")
        flock(descriptor, operation)

    monkeypatch.setattr(store.fcntl, "flock", amended_first)
    with RunStore.resume(run) as run_store:
        run_store.append(latency_record(THREE[1]))
    assert [record.task for record in store.load(run).records] == list(THREE[:2])
