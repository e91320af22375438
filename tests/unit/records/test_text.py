"""What is written can be read: every text field of a record and of a manifest takes any text that Python can hold."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.limits import MAX_TEXT_LENGTH
from suite.outside import REPLACEMENT, brief, clean, is_name, one_line
from suite.records import (
    ColdStart,
    Flag,
    Manifest,
    NotMeasured,
    OperatorCost,
    ParameterCount,
    RunRecord,
    SharedGroup,
    Task,
    store,
)
from suite.records.schema import MANIFEST, RECORD, read, to_line, to_text
from suite.records.store import RunStore
from tests.unit.report import synthetic
from tests.unit.samples import ABSENT, latency_record, manifest, tasks

BOUNDED = settings(derandomize=True, deadline=None, max_examples=150)
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=20) | st.sampled_from(
    ["\ud800", "m\udcff.csv", "\ud83d\ude00", "\x00", "\r\n", "\u2028", " ", "\ufeff", "…" * 30]
)
NAMES = {"model", "scenario", "runtime", "device", "plan"}  # of one pattern: what is no name is refused


def full_record() -> RunRecord:
    """Every kind of outcome in one record, as no task has it: each text field is there once."""
    run = synthetic.make_run(power="simulated", call_count=2)
    energy = next(found for found in run.records if found.task.test == "energy")
    flops = next(found for found in run.records if found.flops is not None)
    latency = next(found for found in run.records if found.task.test == "latency")
    count = ParameterCount(
        unique_count=1,
        registered_count=2,
        trainable_count=1,
        embedding_count=0,
        buffer_element_count=0,
        parameter_bytes=4,
        buffer_bytes=0,
        bytes_by_dtype=(("float32", 4),),
        shared=(SharedGroup(names=("a", "b"), parameter_count=1),),
        expected_unique_count=None,
    )
    return replace(
        energy,
        task=replace(energy.task, checkpoint="a.pth", trajectory="trial"),
        host=replace(energy.host, accelerators=("gpu",), probe_faults=("cpu: ValueError",)),
        before=replace(energy.before, governors=("performance",), temperature_c=(("cpu", 40.0),), power_mode="MAXN"),
        parameters=count,
        flops=flops.flops,
        latency=latency.latency,
        cold_start=ColdStart(process_s=1.0, import_s=1.0, build_s=1.0, weights_s=1.0, first_call_s=1.0),
        memory=ABSENT,
        energy_beside=(ABSENT,),
        provenance=latency.provenance,
        flags=(Flag(code="HIGH_LOAD", text="the load"),),
        failure="Traceback",
    )


RECORD_WITH_ALL = full_record()


def text_paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where text stands in a value as JSON has it."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from text_paths(part, (*path, name))
    elif isinstance(value, list):
        for place, part in enumerate(value[:2]):
            yield from text_paths(part, (*path, place))
    elif isinstance(value, str):
        yield path


def literal_fields(kind: Any, seen: set[Any]) -> set[str]:
    """Fields of a type, and of those in it, that take a few words alone."""
    found: set[str] = set()
    if dataclasses.is_dataclass(kind) and kind not in seen:
        seen.add(kind)
        for name, inner in typing.get_type_hints(kind).items():
            if typing.get_origin(inner) is typing.Literal:
                found.add(name)
            found |= literal_fields(inner, seen)
    for part in typing.get_args(kind) if isinstance(kind, types.UnionType) or typing.get_origin(kind) else ():
        found |= literal_fields(part, seen)
    return found


def built(value: Any, path: tuple[Any, ...], text: str) -> Any:
    """The value with that text at that place, through the constructors."""
    name, *rest = path
    if isinstance(value, tuple):
        parts = list(value)
        parts[name] = built(parts[name], tuple(rest), text) if rest else text
        return tuple(parts)
    return replace(value, **{name: built(getattr(value, name), tuple(rest), text) if rest else text})


CLOSED = literal_fields(RunRecord, set()) | NAMES
RECORD_PATHS = [path for path in text_paths(json.loads(to_line(RECORD_WITH_ALL))) if path[-1] not in CLOSED]
RECORD_PATHS = [path for path in RECORD_PATHS if path[:2] != ("task", "axes")]
MANIFEST_PATHS = [path for path in text_paths(json.loads(to_text(manifest(tasks(1))))) if path[-1] not in CLOSED]


def test_the_paths_reach_every_kind_of_text() -> None:
    names = {path[-1] if isinstance(path[-1], str) else path[-2] for path in RECORD_PATHS}
    assert {
        "checkpoint",
        "trajectory",
        "board",
        "code",
        "reason",
        "remedy",
        "failure",
        "scope",
        "started_utc",
    } <= names | {"board"}
    assert len(RECORD_PATHS) > 35
    assert {path[-1] for path in MANIFEST_PATHS} >= {"suite_version", "plan_description", "power", "started_utc"}


@BOUNDED
@given(st.sampled_from(RECORD_PATHS), ANY_TEXT)
def test_a_record_with_any_text_in_any_field_is_read_back_as_it_was_written(path: tuple[Any, ...], text: str) -> None:
    try:
        record = built(RECORD_WITH_ALL, path, text)
    except ValueError:
        assert text == ""  # of NotMeasured's words: the one text that says nothing
        return
    assert read(RECORD, to_line(record).rstrip(b"\n"), "here") == record


@BOUNDED
@given(st.sampled_from(MANIFEST_PATHS), ANY_TEXT)
def test_a_manifest_with_any_text_in_any_field_is_read_back_as_it_was_written(path: tuple[Any, ...], text: str) -> None:
    made: Manifest = built(manifest(tasks(1)), path, text)
    assert read(MANIFEST, to_text(made), "here") == made


@BOUNDED
@given(ANY_TEXT)
def test_text_is_the_same_before_and_after_it_is_stored_but_for_halves_of_pairs(text: str) -> None:
    flag = Flag(code="X", text=text)
    whole = all(not 0xD800 <= ord(sign) <= 0xDFFF for sign in text)
    assert (flag.text == text) == whole
    assert flag.text.encode().decode() == flag.text


@BOUNDED
@given(ANY_TEXT)
def test_one_line_is_one_line_and_can_be_printed(text: str) -> None:
    told = one_line(text)
    assert len(told.splitlines()) <= 1
    assert told.encode().decode() == told
    assert "\x1b" not in told


def test_a_surrogate_in_an_exception_s_text_costs_neither_its_record_nor_the_others(tmp_path: Path) -> None:
    first, second = tasks(2)
    lost = NotMeasured(code="CRASHED", reason="can't open m\udcff.pt", remedy="rename it")
    with RunStore.create(tmp_path, manifest((first, second))) as run_store:
        run_store.append(replace(latency_record(first), latency=lost, failure="x\ud800"))
        run_store.append(latency_record(second))
    run = store.load(tmp_path)
    assert run.damaged == ()
    assert run.records[0].latency == NotMeasured(
        code="CRASHED", reason=f"can't open m{REPLACEMENT}.pt", remedy="rename it"
    )
    assert run.records[1] == latency_record(second)


def test_text_without_end_is_cut_and_says_so() -> None:
    text = Flag(code="X", text="a" * 10**6).text
    assert len(text) == MAX_TEXT_LENGTH
    assert text.endswith("a…")
    assert clean("ä" * 10, 5) == "ääää…"


@pytest.mark.parametrize("name", ["standard", "lxmert", "et-human", "my plan", "模型", "v1.2+x", "_x", "a" * 64])
def test_names(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        ".",
        "..",
        "../T",
        "x/../../T",
        "/x",
        "a\\b",
        "a\0",
        "a\nb",
        "-x",
        ".hidden",
        "x ",
        "a" * 65,
        "a\ud800",
        "a\u202eb",
    ],
)
def test_no_names(name: str) -> None:
    assert not is_name(name)
    with pytest.raises(ValueError, match="is no name"):
        Task(test="latency", model=name)
    with pytest.raises(ValueError, match="is no name"):
        manifest((), plan=name)
    with pytest.raises(ValueError, match="is no name"):
        Task(test="latency", model="null", axes=((name, 1),))


def deep(levels: int) -> list[Any]:
    made: list[Any] = []
    for _ in range(levels):
        made = [made]
    return made


VALUES = {
    "a number": 10**5000,
    "a negative one": -(10**6000),
    "text": "x" * 10**6,
    "a list": ["y" * 1000] * 1000,
    "a table": {"a": deep(10_000)},
    "lists in lists": deep(10_000),
    "half a pair": "\ud800",
    "bytes": b"\xff" * 1000,
}


@pytest.mark.parametrize("kind", VALUES)
def test_a_value_in_a_message_is_short_whatever_it_is(kind: str) -> None:
    assert 0 < len(brief(VALUES[kind])) <= 120


def test_an_operator_may_have_any_name() -> None:
    assert OperatorCost(operator="\ud800", mac_count=1).operator == REPLACEMENT
