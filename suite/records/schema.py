"""Between the record types and their JSON: strict reading, exact writing, old versions, the published JSON Schema.

`python -m suite.records.schema > docs/record.schema.json` publishes the schema anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from suite.errors import StoreError
from suite.limits import (
    MAX_INTEGER,
    MAX_JSON_BYTES,
    MAX_JSON_CONTAINER_COUNT,
    MAX_JSON_DEPTH,
    MAX_JSON_VALUE_COUNT,
    MAX_NUMBER,
)
from suite.outside import brief, one_line
from suite.records import SCHEMA_VERSION, Manifest, RunRecord
from suite.records.values import require

Json = dict[str, Any]
Upgrade = Callable[[Json], Json]
UPGRADES: Mapping[int, Upgrade] = {1: lambda data: data, 2: lambda data: data}  # to the next; both only added fields
RECORD = TypeAdapter(RunRecord)
MANIFEST = TypeAdapter(Manifest)

REMEDY = "bring back the original file, or take that line out and measure it again with --resume"

_NAMES = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}  # as JSON texts write them

_CONTAINERS = (dict, list, tuple)
_CURRENT = (b'{"schema_version":%d,' % SCHEMA_VERSION, b'{\n "schema_version": %d,' % SCHEMA_VERSION)
# Numbers that may lie beyond MAX_NUMBER or MAX_INTEGER, or be none, where a value can stand.
_UNUSUAL = re.compile(rb"[:,\[]\s*+-?+(?:\d{18}|\d[\d.]*+[eE]\+?\d\d|NaN|Inf)")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))

T = TypeVar("T")


def to_line(record: RunRecord) -> bytes:
    """One line of JSON with its newline. Raises ValueError on what `read` would refuse, as NaN is."""
    return _encoded(record, separators=(",", ":"))


def to_text(manifest: Manifest) -> bytes:
    return _encoded(manifest, indent=1)


def _encoded(value: RunRecord | Manifest, **style: Any) -> bytes:
    data = asdict(value)
    require_measurable(data)
    text = json.dumps(data, allow_nan=False, **style).encode() + b"\n"
    require_bounded(text)
    return text


def read(adapter: TypeAdapter[T], text: bytes, where: str, upgrades: Mapping[int, Upgrade] = UPGRADES) -> T:
    """The value that JSON text holds, an older version of it brought up to date first.

    where: "results/x/records.jsonl:3", for the error. Raises StoreError: not JSON, another schema, a newer version.
    """
    if (found := _plain(adapter, text)) is not None:
        return found
    data = parse(text, where)
    if not isinstance(data, dict) or type(data.get("schema_version")) is not int:
        raise StoreError(f"{where}: this was not written by suite (it has no schema_version); {REMEDY}")
    version = data["schema_version"]
    if version != SCHEMA_VERSION:
        text = json.dumps(_upgraded(data, where, upgrades)).encode()
    del data  # it is as large as the value itself
    try:
        return adapter.validate_json(text, strict=True)
    except ValidationError as invalid:
        raise StoreError(f"{where}: {_first(invalid)}; {REMEDY}") from invalid


def _plain(adapter: TypeAdapter[T], text: bytes) -> T | None:
    """The value of text as this version writes it, parsed once; None for any other, which `read` then looks at closely.

    No number in it can be one that `require_measurable` refuses, since none has so many digits or such an exponent.
    """
    if not text.lstrip().startswith(_CURRENT) or _UNUSUAL.search(text) or _is_deep(text):
        return None
    try:
        require_bounded(text)
        found = adapter.validate_json(text, strict=True)
    except ValueError:  # pydantic's among them
        return None
    return found if getattr(found, "schema_version", None) == SCHEMA_VERSION else None


def _is_deep(text: bytes) -> bool:
    """Whether brackets may be nested beyond the limit; those inside of strings can make it say so in vain."""
    brackets = text.translate(None, _NO_BRACKETS)
    for _ in range(MAX_JSON_DEPTH):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return bool(brackets)


def parse(text: bytes, where: str) -> Any:
    """What JSON text holds, within the limits of suite.limits. Raises StoreError."""
    try:
        require_bounded(text)
        data = from_json(text)
        require_measurable(data)
    except ValueError as error:
        raise StoreError(f"{where}: this is not JSON ({one_line(str(error), 200)}); {REMEDY}") from error
    return data


def require_bounded(text: bytes) -> None:
    """Raises ValueError for text whose values would take a multiple of its own size: told by counting, unparsed.

    Brackets and commas inside of strings are counted too: the limits leave room for them.
    """
    require(len(text) <= MAX_JSON_BYTES, f"it has {len(text)} bytes, more than {MAX_JSON_BYTES}")
    require(text.count(b",") <= MAX_JSON_VALUE_COUNT, f"it holds more than {MAX_JSON_VALUE_COUNT} values")
    container_count = text.count(b"[") + text.count(b"{")
    require(container_count <= MAX_JSON_CONTAINER_COUNT, f"it holds more than {MAX_JSON_CONTAINER_COUNT} lists")


def require_measurable(value: Any, depth: int = 0) -> None:
    """Raises ValueError for a number in it that is no measured value, and for lists in lists without end."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        value = (value,)
    require(depth < MAX_JSON_DEPTH, f"it is nested more than {MAX_JSON_DEPTH} deep")
    for part in value:
        kind = type(part)
        if kind is float:
            if not -MAX_NUMBER <= part <= MAX_NUMBER:
                raise ValueError(f"{_NAMES.get(str(part), str(part))} is no measured value")
        elif kind is int:
            if not -MAX_INTEGER <= part <= MAX_INTEGER:
                raise ValueError(f"{brief(part)} is no measured value")
        elif kind in _CONTAINERS:
            require_measurable(part, depth + 1)


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


def _first(invalid: ValidationError) -> str:
    error = invalid.errors(include_url=False, include_input=False)[0]
    where = one_line(".".join(str(part) for part in error["loc"]), 100)
    if error["type"] == "unexpected_keyword_argument":
        return f"unknown key {where}"
    if error["type"] in ("missing", "missing_argument", "missing_keyword_only_argument"):
        return f"{where} is missing"
    text = one_line(str(error["ctx"]["error"]) if error["type"] == "value_error" else error["msg"], 300)
    return f"{where}: {text}" if where else text


if __name__ == "__main__":
    print(schema_text(), end="")
