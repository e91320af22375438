"""The real client against a small hub on loopback: what arrives is what was pinned, or nothing is put in place."""

from __future__ import annotations

import fcntl
import hashlib
import os
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from suite.errors import FetchError, StoreError, UnreachableError, UsageError
from suite.pinned.fetch import Fetched, fetch
from suite.pinned.hub import CHUNK_BYTES, FRUITLESS_LIMIT, Hub, address
from suite.pinned.lock import UNRESOLVED, Pinned, PinnedFile
from tests import hub as stand_in
from tests.hub import REPOSITORY, REVISION, SIGNATURE, Serve

CONTENT = random.Random(0).randbytes(300_000)
OTHER = random.Random(1).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = "weights.bin"


def pin(sha256: str = SHA256, size_bytes: int | None = len(CONTENT)) -> Pinned:
    file = PinnedFile(path=NAME, size_bytes=size_bytes, sha256=sha256)
    return Pinned(repository=REPOSITORY, revision=REVISION, licence="mit", files=(file,))


@dataclass
class Visit:
    """One fetch into a folder, and what was seen of it."""

    folder: Path
    slept_s: list[float] = field(default_factory=list)
    told: list[tuple[int, int | None]] = field(default_factory=list)

    def __call__(
        self, url: str, pinned: Pinned | None = None, token: str | None = None, record_hashes: bool = False
    ) -> tuple[Fetched, ...]:
        hub = Hub(url=url, token=token, timeout_s=(2.0, 0.3), sleep=self.slept_s.append)
        return fetch(pinned or pin(), self.folder, hub, self.tell, record_hashes=record_hashes)

    def tell(self, have_bytes: int, total_bytes: int | None) -> None:
        self.told.append((have_bytes, total_bytes))

    @property
    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture
def visit(tmp_path: Path) -> Visit:
    return Visit(tmp_path / "weights")


def holding(content: bytes = CONTENT) -> stand_in.Hub:
    return stand_in.Hub({NAME: content})


def with_fault(**faults: object) -> stand_in.Hub:
    hub = holding()
    for name, value in faults.items():
        setattr(hub, name, value)
    return hub


def test_a_file_arrives_whole_over_a_redirect(serve: Serve, visit: Visit) -> None:
    hub = serve(holding())
    (fetched,) = visit(hub.url)
    assert fetched.path.read_bytes() == CONTENT
    assert fetched.file == pin().files[0]
    assert visit.names == [NAME]
    assert visit.told[-1] == (len(CONTENT), len(CONTENT))
    assert [asked.path for asked in hub.asked] == [f"/{REPOSITORY}/resolve/{REVISION}/{NAME}", f"/cdn/{NAME}"]


def test_a_file_in_a_folder_of_the_repository_keeps_its_place(serve: Serve, visit: Visit) -> None:
    hub = serve(holding())
    inner = Pinned(
        repository=REPOSITORY, revision=REVISION, licence="mit", files=(PinnedFile(path=f"onnx/{NAME}", sha256=SHA256),)
    )
    (fetched,) = visit(hub.url, inner)
    assert fetched.path == visit.folder / "onnx" / NAME
    assert hub.asked[0].path == f"/{REPOSITORY}/resolve/{REVISION}/onnx/{NAME}"


def test_what_is_there_and_right_is_not_fetched_again(serve: Serve, visit: Visit) -> None:
    hub = serve(holding())
    visit(hub.url)
    hub.asked.clear()
    visit(hub.url)
    assert hub.asked == []


def test_a_cut_connection_is_taken_up_where_it_broke(serve: Serve, visit: Visit) -> None:
    hub = serve(with_fault(cuts=[CHUNK_BYTES, CHUNK_BYTES]))
    (fetched,) = visit(hub.url)
    assert fetched.path.read_bytes() == CONTENT
    assert [asked.range_start for asked in hub.content_requests] == [0, CHUNK_BYTES, 2 * CHUNK_BYTES]


def test_a_later_command_goes_on_from_the_partial_file(serve: Serve, visit: Visit) -> None:
    hub = serve(with_fault(cuts=[CHUNK_BYTES] + [0] * FRUITLESS_LIMIT))
    with pytest.raises(FetchError, match=r"cut, 5 times in a row; 65,536 bytes are kept: run the same command again"):
        visit(hub.url)
    assert visit.slept_s == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert visit.names == [f"{NAME}.part"]
    hub.cuts.clear()
    hub.asked.clear()
    (fetched,) = visit(hub.url)
    assert fetched.path.read_bytes() == CONTENT
    assert [asked.range_start for asked in hub.content_requests] == [CHUNK_BYTES]


def test_a_hub_without_ranges_is_read_from_the_start(serve: Serve, visit: Visit) -> None:
    hub = serve(with_fault(cuts=[CHUNK_BYTES], knows_range=False, redirects=False))
    (fetched,) = visit(hub.url)
    assert fetched.path.read_bytes() == CONTENT


def test_a_stalled_connection_is_given_up_and_taken_up_again(serve: Serve, visit: Visit) -> None:
    hub = serve(with_fault(cuts=[CHUNK_BYTES], stalls=True))
    (fetched,) = visit(hub.url)
    assert fetched.path.read_bytes() == CONTENT
    assert [asked.range_start for asked in hub.content_requests] == [0, CHUNK_BYTES]


def test_a_connection_that_stays_stalled_is_one_line(serve: Serve, visit: Visit) -> None:
    hub = serve(with_fault(cuts=[0] * 9, stalls=True))
    with pytest.raises(FetchError, match=r"the connection stalled, 5 times in a row; 0 bytes are kept"):
        visit(hub.url)


def test_a_busy_hub_is_asked_again(serve: Serve, visit: Visit) -> None:
    (fetched,) = visit(serve(with_fault(busy_count=3)).url)
    assert fetched.path.read_bytes() == CONTENT
    assert visit.slept_s == [2.0, 4.0, 8.0]


REFUSED: list[tuple[str, Callable[[], stand_in.Hub], str]] = [
    ("wrong hash told", lambda: holding(OTHER), r"the hub's file has SHA-256 \w{64}, and models.lock pins \w{64}"),
    ("moved branch", lambda: with_fault(revision="f" * 40), r"answers with revision f{40}, not the pinned one"),
    ("moved by redirect", lambda: with_fault(redirect_revision="e" * 40), r"redirects to revision e{40}, not the pin"),
    (
        "truncated",
        lambda: with_fault(files={NAME: CONTENT[:-1]}, names_hash=False),
        r"has 299,999 bytes, and .* 300,000",
    ),
    ("403", lambda: with_fault(status=403), r"the hub refuses access \(403\); accept .* HF_TOKEN"),
    ("401", lambda: with_fault(status=401), r"the hub refuses access \(401\)"),
    ("404", lambda: with_fault(status=404), r"the hub has no such file \(404\)"),
    ("418", lambda: with_fault(status=418), r"the hub answers 418"),
]


@pytest.mark.parametrize(("make", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_is_not_the_pinned_file_is_refused_before_a_byte_is_kept(
    serve: Serve, visit: Visit, make: Callable[[], stand_in.Hub], message: str
) -> None:
    hub = serve(make())
    with pytest.raises(FetchError, match=message) as refusal:
        visit(hub.url, token="hf_secret")
    assert visit.names == []
    assert visit.slept_s == []
    assert "\n" not in str(refusal.value)
    assert "secret" not in str(refusal.value)


def test_a_wrong_byte_is_found_by_the_hash_and_set_aside(serve: Serve, visit: Visit) -> None:
    hub = serve(holding(OTHER))
    hub.names_hash = False
    with pytest.raises(
        FetchError, match=r"SHA-256 is \w{64}, and models.lock pins \w{64}; the file is set aside as .*"
    ):
        visit(hub.url)
    assert visit.names == [f"{NAME}.refused"]
    hub.files[NAME] = CONTENT
    visit(hub.url)
    assert visit.names == [NAME, f"{NAME}.refused"]


def test_a_partial_file_of_something_else_is_refused_and_the_next_run_starts_anew(serve: Serve, visit: Visit) -> None:
    visit.folder.mkdir()
    (visit.folder / f"{NAME}.part").write_bytes(OTHER[:1000])
    hub = serve(holding())
    with pytest.raises(FetchError, match="set aside"):
        visit(hub.url)
    visit(hub.url)
    assert (visit.folder / NAME).read_bytes() == CONTENT


def test_a_partial_file_that_is_too_long_is_thrown_away(serve: Serve, visit: Visit) -> None:
    visit.folder.mkdir()
    (visit.folder / f"{NAME}.part").write_bytes(CONTENT + b"more")
    (fetched,) = visit(serve(holding()).url)
    assert fetched.path.read_bytes() == CONTENT


def test_an_unresolved_hash_is_shown_and_refused_until_a_person_records_it(serve: Serve, visit: Visit) -> None:
    hub = serve(holding())
    unresolved = pin(UNRESOLVED, None)
    with pytest.raises(
        FetchError, match=rf"no hash of it yet; this copy has 300,000 bytes and SHA-256 {SHA256}: .*--rec"
    ):
        visit(hub.url, unresolved)
    assert visit.names == [f"{NAME}.part"]
    hub.asked.clear()
    (fetched,) = visit(hub.url, unresolved, record_hashes=True)
    assert fetched.file == PinnedFile(path=NAME, size_bytes=300_000, sha256=SHA256)
    assert [asked.range_start for asked in hub.content_requests] == [300_000]  # nothing is fetched twice


def test_without_hash_the_hub_must_name_the_revision(serve: Serve, visit: Visit) -> None:
    hub = serve(with_fault(names_revision=False))
    visit(hub.url)  # the pinned hash says enough
    with pytest.raises(FetchError, match="does not say of which revision"):
        Visit(visit.folder / "other")(hub.url, pin(UNRESOLVED, None), record_hashes=True)


def test_the_token_goes_to_the_hub_and_to_nobody_else(serve: Serve, visit: Visit) -> None:
    hub = serve(holding())
    visit(hub.url, token="hf_secret")
    assert [asked.authorization for asked in hub.asked] == ["Bearer hf_secret", None]
    assert "hf_secret" not in repr(Hub(token="hf_secret"))


def test_what_netrc_holds_goes_nowhere(
    serve: Serve, visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\nmachine localhost login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    hub = serve(holding())
    visit(hub.url, token="hf_secret")
    assert [asked.authorization for asked in hub.asked] == ["Bearer hf_secret", None]


def test_two_fetches_do_not_write_to_one_file(serve: Serve, visit: Visit) -> None:
    visit.folder.mkdir()
    descriptor = os.open(visit.folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    hub = serve(holding())
    with pytest.raises(StoreError, match="another fetch is under way there; wait for it"):
        visit(hub.url)
    os.close(descriptor)
    visit(hub.url)


def test_a_folder_that_can_not_be_made_is_one_line(visit: Visit) -> None:
    visit.folder.touch()
    with pytest.raises(StoreError, match="weights: File exists; choose another folder with --to"):
        visit("http://127.0.0.1:9")


def test_signed_addresses_are_not_shown(serve: Serve, visit: Visit) -> None:
    hub = serve(with_fault(cuts=[0] * 9))
    with pytest.raises(FetchError) as refusal:
        visit(hub.url)
    assert SIGNATURE not in str(refusal.value)


def test_a_full_disk_is_one_line_with_a_remedy(serve: Serve, visit: Visit) -> None:
    visit.folder.mkdir()
    (visit.folder / f"{NAME}.part").symlink_to("/dev/full")
    with pytest.raises(StoreError, match=r"weights.bin.part: no space left on device; make room"):
        visit(serve(holding()).url)


def test_a_file_that_cannot_fit_is_not_begun(serve: Serve, visit: Visit) -> None:
    hub = serve(holding())
    with pytest.raises(StoreError, match=r"GiB are free, and weights.bin takes .*; make room"):
        visit(hub.url, pin(size_bytes=10**18))
    assert hub.asked == []


@pytest.mark.parametrize("url", ["huggingface", "ftp://hub"])
def test_an_address_that_is_none_is_refused(visit: Visit, url: str) -> None:
    with pytest.raises(FetchError, match="--hub: not an address"):
        visit(url)


def test_a_hub_that_nobody_answers_at_is_told_after_two_tries(tmp_path: Path) -> None:
    """A closed port of this machine, and a name that is never given to anybody (RFC 2606)."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{free.getsockname()[1]}"
    notes: list[str] = []
    for url, why in ((closed, "nobody listens there"), ("http://hub.invalid", "the hub's name is not known here")):
        notes.clear()
        hub = Hub(url=url, sleep=lambda _: None, note=notes.append)
        with pytest.raises(UnreachableError) as caught:
            fetch(pin(), tmp_path, hub, lambda *_: None, record_hashes=False)
        assert str(caught.value) == f"{url}: {why}; connect this machine, or name a mirror with --hub"
        assert notes == [f"{why}; trying again in 2 s"]


def test_an_address_is_told_from_what_is_none() -> None:
    assert address("https://hub.example:8443/mirror", "--hub") == "https://hub.example:8443/mirror"
    for wrong in ("http://[", "ftp://x", "huggingface.co", "http://", "http://x:0", "http://x:port", "//x", " "):
        with pytest.raises(UsageError, match=r"^HF_ENDPOINT: .* is not an address; write it as https://"):
            address(wrong, "HF_ENDPOINT")
