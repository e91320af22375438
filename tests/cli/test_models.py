"""`suite models fetch` and `verify` from the command line to the file that a worker loads, over a hub on loopback."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from suite.cli import fetching
from suite.cli.fetching import Request
from suite.client.worker import Worker
from suite.errors import FetchError, UsageError
from suite.pinned import lock as models_lock
from suite.pinned import relock
from suite.pinned.lock import UNRESOLVED, LockedModel, ModelsLock, Pinned, PinnedFile
from suite.records import Task
from suite.report.writers.text import blocks
from suite.tools import Tools
from tests.cli.conftest import CommandLine
from tests.hub import REPOSITORY, REVISION, Hub, serving

PLUGINS = Path(__file__).resolve().parents[1] / "data" / "pinned"
NAME = "tiny-lxmert"
WORDS = b"[PAD]\n[UNK]\n"
SAVE = """
import sys, torch
from suite.worker import build, plugins, weights
model = plugins.get(plugins.MODELS, "tiny-lxmert", folders=[sys.argv[1]])
module = build.build(model, {})
weights.fill(module, 7)
torch.save(module.state_dict(), sys.argv[2])
print(weights.digest(module))
"""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str]:
    """A file as a hub holds it, and the hash of its weights once loaded."""
    path = tmp_path_factory.mktemp("published") / "pytorch_model.bin"
    command = [sys.executable, "-c", SAVE, str(PLUGINS), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return path.read_bytes(), done.stdout.strip()


@pytest.fixture
def hub(published: tuple[bytes, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv("SUITE_MODELS_PATH", str(PLUGINS))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    with serving(Hub({"pytorch_model.bin": published[0], "vocab.txt": WORDS})) as hub:
        yield hub


def pin(path: str, sha256: str, converted: str | None = None) -> Pinned:
    return Pinned(
        repository=REPOSITORY,
        revision=REVISION,
        licence="mit" if converted is None else models_lock.NO_LICENCE,
        files=(PinnedFile(path=path, sha256=sha256),),
        converted_sha256=converted,
        weights_sha256=converted,
    )


def write_lock(folder: Path, sha256: str, converted: str = UNRESOLVED) -> Path:
    model = LockedModel(
        source="seeded",
        unique_parameter_count=1,
        seed=0,
        weights_sha256="a" * 64,
        inputs_sha256="b" * 64,
        pinned=pin("pytorch_model.bin", sha256, converted),
        macs=(),
    )
    words = pin("vocab.txt", hashlib.sha256(WORDS).hexdigest())
    path = folder / "models.lock"
    relock.write(ModelsLock(schema_version=1, models={NAME: model}, tokenizers={"words": words}), path)
    return path


def test_fetched_weights_are_converted_verified_and_loaded(
    hub: Hub,
    published: tuple[bytes, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lock = write_lock(tmp_path, UNRESOLVED)
    request = Request(folder=tmp_path / "weights", hub=hub.url, record_hashes=True, lock=lock)
    told = fetching.fetch_all(request, Tools())
    answer = told.data
    assert [(entry["name"], entry["state"], entry["publishable"]) for entry in answer["pinned"]] == [
        (NAME, "verified", False),
        ("words", "verified", True),
    ]
    assert (
        f"{NAME}: its licence is not stated: an image with these weights must not be published"
        in capsys.readouterr().err
    )
    own = tmp_path / "weights" / NAME / REVISION
    assert sorted(path.name for path in own.iterdir()) == ["model.safetensors", "receipt.json"]
    found = models_lock.pinned_sources(lock)[NAME]
    assert found.files[0].sha256 == hashlib.sha256(published[0]).hexdigest()
    assert found.weights_sha256 == published[1]

    pinned = models_lock.pinned_weights_path(NAME, tmp_path / "weights", lock)
    task = Task(test="latency", model=NAME, weights="pinned", axes=(("text_tokens", 5), ("image_regions", 3)))
    with Worker.start(log=Path(os.devnull), thread_count=1) as worker:
        loaded = worker.load(task, pinned)
    assert (loaded.weights_source, loaded.weights_sha256) == ("pinned", published[1])


def test_a_second_fetch_asks_the_hub_for_nothing(hub: Hub, tmp_path: Path) -> None:
    lock = write_lock(tmp_path, hashlib.sha256(hub.files["pytorch_model.bin"]).hexdigest())
    request = Request(folder=tmp_path / "weights", hub=hub.url, lock=lock)
    assert fetching.fetch_all(request, Tools()).status == 0
    hub.asked.clear()
    assert fetching.fetch_all(request, Tools()).status == 0
    assert hub.asked == []
    assert fetching.verify_all(request).status == 0
    path = tmp_path / "weights" / NAME / REVISION / "model.safetensors"
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x7f")
    found = fetching.verify_all(request)
    assert (found.status, "wrong" in blocks(found.shown)) == (1, True)


def test_one_that_is_refused_does_not_keep_the_next_from_coming(hub: Hub, tmp_path: Path) -> None:
    request = Request(folder=tmp_path / "weights", hub=hub.url, lock=write_lock(tmp_path, UNRESOLVED))
    with pytest.raises(FetchError, match=r"no hash of it yet; .* --record"):
        fetching.fetch_all(request, Tools())
    assert (tmp_path / "weights" / "words" / REVISION / "vocab.txt").read_bytes() == WORDS
    states = {name: entry.state for name, entry in verdicts(request).items()}
    assert states == {NAME: "absent", "words": "verified"}


def test_what_can_not_be_converted_is_told_and_does_not_keep_the_next_from_coming(hub: Hub, tmp_path: Path) -> None:
    hub.files["pytorch_model.bin"] = b"<html>"
    lock = write_lock(tmp_path, hashlib.sha256(b"<html>").hexdigest())
    request = Request(folder=tmp_path / "weights", hub=hub.url, lock=lock)
    with pytest.raises(FetchError, match=r"pytorch_model.bin can't be read safely: it is no file of torch.save; bring"):
        fetching.fetch_all(request, Tools())
    assert {name: entry.state for name, entry in verdicts(request).items()} == {NAME: "absent", "words": "verified"}


def test_a_conversion_that_gives_other_bytes_than_locked_is_refused(hub: Hub, tmp_path: Path) -> None:
    lock = write_lock(tmp_path, hashlib.sha256(hub.files["pytorch_model.bin"]).hexdigest(), converted="d" * 64)
    request = Request(folder=tmp_path / "weights", hub=hub.url, record_hashes=True, lock=lock)
    with pytest.raises(FetchError, match=rf"the converted file hash to \w{{64}} here and to {'d' * 64} in models.lock"):
        fetching.fetch_all(request, Tools())
    assert verdicts(request)[NAME].state == "absent"
    assert (
        models_lock.pinned_sources(lock)[NAME].converted_sha256 == "d" * 64
    )  # --record replaces no hash that is known


def verdicts(request: Request) -> dict[str, fetching.Verdict]:
    return {name: fetching.verify(name, pinned, request.place()) for name, pinned in request.chosen().items()}


def test_a_pin_that_nobody_has_resolved_is_never_verified(hub: Hub, tmp_path: Path) -> None:
    request = Request(
        folder=tmp_path / "weights", hub=hub.url, record_hashes=True, lock=write_lock(tmp_path, UNRESOLVED)
    )
    fetching.fetch_all(request, Tools())
    (tmp_path / "other").mkdir()
    older = Request(folder=tmp_path / "weights", lock=write_lock(tmp_path / "other", UNRESOLVED))
    assert verdicts(older)[NAME].state == "unresolved"
    stricter = Request(folder=tmp_path / "weights", lock=write_lock(tmp_path / "other", "c" * 64))
    models_lock.load.cache_clear()
    assert verdicts(stricter)[NAME].state == "wrong"


def test_names_are_checked_before_anything_is_fetched() -> None:
    with pytest.raises(UsageError, match=r"--model: unknown pinned model or tokenizer 'lxmer': did you mean 'lxmert'"):
        Request(names=("lxmer",)).chosen()


def test_the_command_line_says_what_is_absent(suite: CommandLine) -> None:
    result = suite("models", "verify", "--to", "nowhere", "--json")
    assert result.status == 1
    assert {entry["name"]: (entry["state"], entry["publishable"]) for entry in result.answer["pinned"]} == {
        "lxmert": ("absent", False),
        "visualbert": ("absent", False),
        "bert-base-uncased": ("absent", True),
    }
    assert result.err.splitlines() == ["what is absent or wrong comes with: suite models fetch"]


def test_the_command_line_refuses_in_one_line(suite: CommandLine, hub: Hub) -> None:
    result = suite("models", "fetch", "--model", "bert-base-uncased", "--to", "here", "--hub", hub.url)
    assert result.status == 3
    assert "the hub answers with revision 0123456789" in result.error


def test_pinned_weights_that_are_not_here_are_refused_before_a_run_begins(
    suite: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SUITE_WEIGHTS", str(tmp_path))
    suite.tools = Tools()
    result = suite("latency", "--model", "lxmert", "--weights", "pinned")
    assert result.status == 2
    assert result.error == (
        f"--weights: the published weights of lxmert are not in {tmp_path}; suite models fetch --model lxmert"
    )
    result = suite("latency", "--model", "et-human", "--weights", "pinned")
    assert "none of the chosen models has published weights" in result.error
    result = suite("latency", "--model", "lxmert", "--weights", "best")
    assert "'seeded' or 'pinned'" in result.error
