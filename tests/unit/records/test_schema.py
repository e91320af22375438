"""The published schema is the record's, and old versions find their way up."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from suite.errors import StoreError
from suite.records import schema
from tests.unit.samples import ABSENT, latency_record, tasks

PUBLISHED = Path(__file__).parents[3] / "docs" / "record.schema.json"
RECORD = latency_record(tasks(1)[0])


def test_the_published_schema_is_up_to_date() -> None:
    assert PUBLISHED.read_text() == schema.schema_text(), (
        "run: python -m suite.records.schema > docs/record.schema.json"
    )


def test_a_record_s_line_validates_against_the_published_schema() -> None:
    published = json.loads(PUBLISHED.read_text())
    jsonschema.Draft202012Validator.check_schema(published)
    jsonschema.Draft202012Validator(published).validate(json.loads(schema.to_line(RECORD)))


@pytest.mark.parametrize(
    "change", [{"energie": 1}, {"wall_s": "1"}, {"energy": {"code": "X"}}, {"latency": {**asdict(ABSENT), "n": 1}}]
)
def test_what_the_store_refuses_the_published_schema_refuses(change: dict[str, Any]) -> None:
    data = {**json.loads(schema.to_line(RECORD)), **change}
    assert list(jsonschema.Draft202012Validator(json.loads(PUBLISHED.read_text())).iter_errors(data))
    with pytest.raises(StoreError):
        schema.read(schema.RECORD, json.dumps(data).encode(), "here:1")


def test_an_older_record_is_brought_up_to_date() -> None:
    old = json.loads(schema.to_line(RECORD))
    old["wall_ms"] = old.pop("wall_s") * 1e3
    old["schema_version"] = 0

    def from_0(data: dict[str, Any]) -> dict[str, Any]:
        rest = {key: value for key, value in data.items() if key != "wall_ms"}
        return {**rest, "wall_s": data["wall_ms"] / 1e3}

    assert schema.read(schema.RECORD, json.dumps(old).encode(), "here:1", {**schema.UPGRADES, 0: from_0}) == RECORD
