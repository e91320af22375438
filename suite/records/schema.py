"""Between the record types and their JSON: strict reading, exact writing, old versions, the published JSON Schema.

`python -m suite.records.schema > docs/record.schema.json` publishes the schema anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from suite.errors import StoreError
from suite.records import SCHEMA_VERSION, Manifest, RunRecord

Json = dict[str, Any]
Upgrade = Callable[[Json], Json]
UPGRADES: Mapping[int, Upgrade] = {}  # from that version to the next one
RECORD = TypeAdapter(RunRecord)
MANIFEST = TypeAdapter(Manifest)

REMEDY = "bring back the original file, or take that line out and measure it again with --resume"

T = TypeVar("T")


def to_line(record: RunRecord) -> bytes:
    """One line of JSON with its newline. Raises ValueError on NaN and infinity: neither is a measured value."""
    return json.dumps(asdict(record), separators=(",", ":"), allow_nan=False).encode() + b"\n"


def to_text(manifest: Manifest) -> bytes:
    return json.dumps(asdict(manifest), indent=1, allow_nan=False).encode() + b"\n"


def read(adapter: TypeAdapter[T], text: bytes, where: str, upgrades: Mapping[int, Upgrade] = UPGRADES) -> T:
    """The value that JSON text holds, an older version of it brought up to date first.

    where: "results/x/records.jsonl:3", for the error. Raises StoreError: not JSON, another schema, a newer version.
    """
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
    except ValueError as error:
        raise StoreError(f"{where}: this is not JSON ({error}); {REMEDY}") from error
    if not isinstance(data, dict) or type(data.get("schema_version")) is not int:
        raise StoreError(f"{where}: this was not written by suite (it has no schema_version); {REMEDY}")
    version = data["schema_version"]
    if version != SCHEMA_VERSION:
        text = json.dumps(_upgraded(data, where, upgrades)).encode()
    try:
        return adapter.validate_json(text, strict=True)
    except ValidationError as invalid:
        raise StoreError(f"{where}: {_first(invalid)}; {REMEDY}") from invalid


def record_schema() -> Json:
    """JSON Schema (draft 2020-12) of one line of records.jsonl."""
    schema = RECORD.json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"One line of records.jsonl, schema version {SCHEMA_VERSION}",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def schema_text() -> str:
    return json.dumps(record_schema(), indent=2) + "\n"


def _upgraded(data: Json, where: str, upgrades: Mapping[int, Upgrade]) -> Json:
    version = data["schema_version"]
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{where}: written by a newer suite (schema version {version}, this suite reads up to {SCHEMA_VERSION}); "
            "update suite"
        )
    for old in range(version, SCHEMA_VERSION):
        if old not in upgrades:
            raise StoreError(f"{where}: schema version {version} is none that suite has written; {REMEDY}")
        data = {**upgrades[old](data), "schema_version": old + 1}
    return data


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no measured value")


def _first(invalid: ValidationError) -> str:
    error = invalid.errors(include_url=False)[0]
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "unexpected_keyword_argument":
        return f"unknown key {where}"
    if error["type"] in ("missing", "missing_argument", "missing_keyword_only_argument"):
        return f"{where} is missing"
    text = str(error["ctx"]["error"]) if error["type"] == "value_error" else error["msg"]
    return f"{where}: {text}" if where else text


if __name__ == "__main__":
    print(schema_text(), end="")
