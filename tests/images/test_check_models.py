"""docker/check-models: what a build with MODELS=pinned takes. Needs no engine."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from tests.images.conftest import REPOSITORY

REVISION = "ab" * 20
SOURCE, CONVERTED = b"pickled", b"tensors"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def check(folder: Path, *, file_sha256: str = sha256(SOURCE), converted: str = "unresolved") -> tuple[int, str]:
    pin = {
        "revision": REVISION,
        "files": [{"path": "weights.bin", "sha256": file_sha256}],
        "converted_sha256": converted,
    }
    words = {"revision": REVISION, "files": [{"path": "vocab.txt", "sha256": sha256(b"words")}]}
    lock = folder.parent / "models.lock"
    lock.write_text(json.dumps({"models": {"tiny": {"pinned": pin}, "other": {}}, "tokenizers": {"words": words}}))
    done = subprocess.run(
        ["docker/check-models", str(folder), str(lock)], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr or done.stdout


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder as `make models` leaves it: a model, converted, and a tokenizer."""
    place = tmp_path / "models/tiny" / REVISION
    place.mkdir(parents=True)
    (place / "model.safetensors").write_bytes(CONVERTED)
    receipt = {"files": [{"path": "weights.bin", "sha256": sha256(SOURCE)}], "converted_sha256": sha256(CONVERTED)}
    (place / "receipt.json").write_text(json.dumps(receipt))
    (tmp_path / "models/words" / REVISION).mkdir(parents=True)
    (tmp_path / "models/words" / REVISION / "vocab.txt").write_bytes(b"words")
    return tmp_path / "models"


def test_what_is_as_pinned_is_taken(models):
    assert check(models) == (0, "tiny: as pinned\nwords: as pinned\n")
    assert check(models, converted=sha256(CONVERTED))[0] == 0


@pytest.mark.parametrize("left", ["", f"tiny/{REVISION}"])
def test_an_empty_folder_is_no_model(tmp_path, left):
    """What a fetch that failed leaves."""
    (tmp_path / "models" / left).mkdir(parents=True)
    status, said = check(tmp_path / "models")
    assert (status, said.startswith("MODELS=pinned: ./models is not there, or holds no file; fetch it")) == (1, True)


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        (f"tiny/{REVISION}/model.safetensors", b"others", "is not the file that models.lock pins"),
        (f"words/{REVISION}/vocab.txt", b"wordz", "is not the file that models.lock pins"),
        (f"tiny/{REVISION}/more.bin", b"", "models.lock names no"),
        (f"tiny/{'cd' * 20}/model.safetensors", CONVERTED, "models.lock names no"),
        ("mine/model.safetensors", CONVERTED, "models.lock names no"),
        (f"tiny/{REVISION}/receipt.json", b"{", "tells no conversion of the pinned files"),
        (f"tiny/{REVISION}/receipt.json", b'{"files": []}', "tells no conversion of the pinned files"),
    ],
)
def test_any_other_byte_is_refused(models, file, content, reason):
    (models / file).parent.mkdir(parents=True, exist_ok=True)
    (models / file).write_bytes(content)
    status, said = check(models)
    assert (status, said.count("\n"), reason in said) == (1, 1, True), said


@pytest.mark.parametrize("file", ["model.safetensors", "receipt.json"])
def test_a_pin_that_is_not_whole_is_refused(models, file):
    (models / "tiny" / REVISION / file).unlink()
    assert check(models)[0] == 1


def test_a_pin_without_a_hash_is_nothing_to_hold_a_file_against(models):
    status, said = check(models, file_sha256="unresolved")
    assert (status, "models.lock has no hash of weights.bin yet" in said) == (1, True)


def test_another_conversion_than_the_locked_one_is_refused(models):
    assert check(models, converted=sha256(b"another"))[0] == 1


def test_there_are_two_kinds_of_models():
    done = subprocess.run(
        ["docker/build", "x86"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        env={"MODELS": "foo", "PATH": "/usr/bin:/bin"},
    )
    assert (done.returncode, done.stderr) == (2, "docker/build: MODELS=foo: it is seeded or pinned\n")
