"""Published weights as safetensors, made once by a worker, with a receipt of what they were made from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from suite.client.replies import Converted, WorkerLike
from suite.errors import FetchError, StoreError
from suite.pinned.fetch import Fetched
from suite.pinned.lock import CONVERTED_NAME, UNRESOLVED, Pinned, PinnedFile
from suite.records import record

RECEIPT_NAME = "receipt.json"


@record
class Receipt:
    """What a converted file was made from."""

    repository: str
    revision: str
    files: tuple[PinnedFile, ...]
    converted_sha256: str
    weights_sha256: str


def convert(model: str, pinned: Pinned, fetched: Sequence[Fetched], worker: WorkerLike) -> tuple[Receipt, Converted]:
    """Writes model.safetensors and its receipt, and removes the files that it was made from.

    Raises WorkerError; FetchError where models.lock knows another hash of the result.
    """
    (source,) = fetched
    folder = source.path.parent
    target = folder / CONVERTED_NAME
    made = worker.convert(model, source.path, target)
    for what, found, expected in (
        ("file", made.sha256, pinned.converted_sha256),
        ("weights", made.weights_sha256, pinned.weights_sha256),
    ):
        if expected not in (None, UNRESOLVED, found):
            target.unlink()
            raise FetchError(
                f"{model}: the converted {what} hash to {found} here and to {expected} in models.lock; report it with "
                "the version of torch that `suite doctor` shows"
            )
    receipt = Receipt(
        repository=pinned.repository,
        revision=pinned.revision,
        files=tuple(entry.file for entry in fetched),
        converted_sha256=made.sha256,
        weights_sha256=made.weights_sha256,
    )
    _write(receipt, folder / RECEIPT_NAME)
    source.path.unlink()
    return receipt, made


def read_receipt(folder: Path) -> Receipt | None:
    """None where there is none, or none of this version."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(Receipt).validate_json((folder / RECEIPT_NAME).read_bytes())
    except (OSError, ValidationError):
        return None


def _write(receipt: Receipt, path: Path) -> None:
    try:
        path.write_text(json.dumps(asdict(receipt), indent=1) + "\n", encoding="utf-8")
    except OSError as exc:
        raise StoreError(f"{path}: {exc.strerror}; make room, or choose another folder with --to") from exc
