"""An archive gives back what was put into it, and a hostile one gives an error and touches nothing."""

from __future__ import annotations

import json
import random
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from benchmarks.fuzz_archive import mutated
from suite.compare import archive
from suite.compare.bundle import bundle
from suite.compare.verify import verify
from suite.errors import StoreError
from tests.unit.compare.runs import stored, whole

FILES = {"run.json": b"{}\n", "records.jsonl": b"", "plots/a.png": b"\x89PNG"}


def refused(source: Path) -> str:
    with pytest.raises(StoreError) as caught, archive.opened(source):
        pass
    message = str(caught.value)
    assert "\n" not in message
    return message


def zipped(path: Path, entries: list[tuple[zipfile.ZipInfo | str, bytes]], kind: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", kind) as file:
        for entry, content in entries:
            file.writestr(entry, content)
    return path


def plain(name: str, mode: int = 0o100644) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.create_system, entry.external_attr = 3, mode << 16
    return entry


def test_what_was_put_in_comes_out(tmp_path: Path) -> None:
    archive.write(tmp_path / "a.zip", FILES)
    with archive.opened(tmp_path / "a.zip") as folder:
        assert folder.name == "a"
        found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found == FILES
    assert not folder.exists()


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    with archive.opened(tmp_path) as folder:
        assert folder == tmp_path


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    archive.write(tmp_path / "a.zip", FILES)
    archive.write(tmp_path / "b.zip", dict(reversed(FILES.items())))
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "b.zip"]


@pytest.mark.parametrize(
    "name", ["../a", "/a", "a/../b", "a\\b", "a/b/c", ".hidden", "", "C:a", "a/", "~/a", "-x", "a b"]
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    assert "name" in refused(zipped(tmp_path / "a.zip", [(plain(name), b"x")])) or name in ("", "a/")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip"]


@pytest.mark.parametrize("mode", [stat.S_IFLNK | 0o777, stat.S_IFIFO | 0o644, stat.S_IFCHR | 0o644, 0o040755, 0o104755])
def test_what_is_no_plain_file_is_refused(tmp_path: Path, mode: int) -> None:
    assert "no plain file" in refused(zipped(tmp_path / "a.zip", [(plain("run.json", mode), b"/etc/passwd")]))


def test_a_name_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        source = zipped(tmp_path / "a.zip", [(plain("run.json"), b"1"), (plain("run.json"), b"2")])
    assert "run.json twice" in refused(source)
    assert "twice" in refused(zipped(tmp_path / "b.zip", [(plain("run.json"), b"1"), (plain("RUN.json"), b"2")]))


def test_what_is_compressed_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    entry = plain("run.json")
    entry.compress_type = zipfile.ZIP_DEFLATED
    message = refused(zipped(tmp_path / "a.zip", [(entry, b"0" * 10_000_000)]))
    assert "compressed" in message
    assert "unpack it and name the folder" in message


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_ENTRY_COUNT", 3)
    assert "more than 3 files" in refused(zipped(tmp_path / "a.zip", [(plain(f"f{n}"), b"") for n in range(4)]))


def test_bytes_before_behind_and_between_are_refused(tmp_path: Path) -> None:
    archive.write(tmp_path / "a.zip", FILES)
    content = (tmp_path / "a.zip").read_bytes()
    for number, changed in enumerate((b"x" + content, content + b"x", content[:-22] + b"\0" + content[-22:])):
        (tmp_path / f"{number}.zip").write_bytes(changed)
        refused(tmp_path / f"{number}.zip")


def test_two_entries_over_the_same_bytes_are_refused(tmp_path: Path) -> None:
    archive.write(tmp_path / "a.zip", {"a": b"x" * 100, "b": b"y" * 100})
    content = bytearray((tmp_path / "a.zip").read_bytes())
    second = content.rfind(b"PK\1\2")
    struct.pack_into("<I", content, second + 42, 0)  # the second's header is said to be the first's
    (tmp_path / "a.zip").write_bytes(content)
    assert "does not lie where it should" in refused(tmp_path / "a.zip")


def test_a_byte_that_was_changed_is_told_by_its_checksum(tmp_path: Path) -> None:
    archive.write(tmp_path / "a.zip", {"run.json": b"abc"})
    content = (tmp_path / "a.zip").read_bytes().replace(b"abc", b"abd")
    (tmp_path / "a.zip").write_bytes(content)
    assert "CRC" in refused(tmp_path / "a.zip")


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\5\6" + b"\0" * 18, b"not an archive at all", b"\x80\x04K\x01."])
def test_what_is_no_archive_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    if content.startswith(b"PK\5\6"):
        with archive.opened(tmp_path / "a.zip") as folder:
            assert list(folder.iterdir()) == []
    else:
        refused(tmp_path / "a.zip")


def test_hundreds_of_broken_archives_do_no_harm(tmp_path: Path) -> None:
    """As benchmarks/fuzz_archive.py does with 100,000."""
    archive.write(tmp_path / "a.zip", FILES)
    content, rng = (tmp_path / "a.zip").read_bytes(), random.Random(0)
    target = tmp_path / "inside" / "b.zip"
    target.parent.mkdir()
    for _ in range(400):
        target.write_bytes(mutated(content, rng))
        try:
            with archive.opened(target) as folder:
                for path in folder.rglob("*"):
                    assert path.is_dir() or (path.is_file() and not path.is_symlink())
        except StoreError:
            continue
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "inside"]
    assert [path.name for path in target.parent.iterdir()] == ["b.zip"]


# A bundle.


def test_a_bundled_run_is_verified_from_its_archive(tmp_path: Path) -> None:
    out = stored(tmp_path / "run", whole())
    bundle(out, tmp_path / "run.zip")
    bundle(out, tmp_path / "again.zip")
    assert (tmp_path / "run.zip").read_bytes() == (tmp_path / "again.zip").read_bytes()
    with archive.opened(tmp_path / "run.zip") as folder:
        assert verify(folder).verdict == "VERIFIED"


def test_other_files_of_the_folder_stay_there(tmp_path: Path) -> None:
    out = stored(tmp_path / "run", whole())
    (out / "secret.txt").write_text("mine")
    bundle(out, tmp_path / "run.zip")
    with zipfile.ZipFile(tmp_path / "run.zip") as file:
        names = file.namelist()
    assert names == ["log.txt", "manifest.json", "records.jsonl", "ro-crate-metadata.json", "run.json"]


def test_the_crate_says_what_ran_what_with_which_result(tmp_path: Path) -> None:
    bundle(stored(tmp_path / "run", whole()), tmp_path / "run.zip")
    with zipfile.ZipFile(tmp_path / "run.zip") as file:
        crate = json.loads(file.read("ro-crate-metadata.json"))
        names = set(file.namelist())
    entities = {entity["@id"]: entity for entity in crate["@graph"]}
    assert crate["@context"][0] == "https://w3id.org/ro/crate/1.2/context"
    root, action = entities["./"], entities["#run"]
    assert {part["@id"] for part in root["hasPart"]} == names - {"ro-crate-metadata.json"}
    assert root["mainEntity"] == {"@id": "run.json"}
    assert "ComputationalWorkflow" in entities["run.json"]["@type"]
    assert (action["startTime"], action["endTime"]) == ("2026-11-23T18:00:00Z", "2026-11-23T18:00:44Z")
    assert action["instrument"] == {"@id": "run.json"}
    assert entities["#suite"]["identifier"] == ["git commit c0ffee"]
    said = [entity[key] for entity in crate["@graph"] for key in entity if isinstance(entity[key], dict)]
    assert all(each["@id"] in entities or each["@id"].startswith("https://w3id.org/ro/crate") for each in said)
