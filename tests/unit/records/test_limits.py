"""Lines that are no records, from one byte to far too many: refused in one line, before they cost memory."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.errors import StoreError
from suite.limits import MAX_DAMAGED_LINE_COUNT, MAX_JSON_BYTES, MAX_TASK_COUNT
from suite.records import RunRecord, Task, store
from suite.records.schema import MANIFEST, RECORD, read, to_line, to_text
from suite.records.store import RunStore
from tests.unit.samples import latency_record, manifest, tasks

THREE = tasks(3)
LINE = to_line(latency_record(THREE[0])).rstrip(b"\n")
NESTED = b"[" * 100_000
HOSTILE: dict[str, bytes] = {
    "lists in lists": NESTED,
    "tables in tables": b'{"a":' * 100_000,
    "lists in lists that end": b"[" * 5000 + b"]" * 5000,
    "a number of 5,000 digits": b'{"schema_version":' + b"9" * 5000 + b"}",
    "a number beyond every quantity": LINE.replace(b'"wall_s":1.5', b'"wall_s":1e400'),
    "a large number": LINE.replace(b'"wall_s":1.5', b'"wall_s":1e300'),
    "a large whole number": LINE.replace(b'"memory_total_bytes":8000000000', b'"memory_total_bytes":' + b"9" * 400),
    "a call without end": LINE.replace(b"0.1,", b"1e29,"),
    "a call of no time": LINE.replace(b"0.1,", b"5e-324,"),
    "infinity": LINE.replace(b'"wall_s":1.5', b'"wall_s":Infinity'),
    "minus infinity": LINE.replace(b'"wall_s":1.5', b'"wall_s":-Infinity'),
    "half a pair": LINE.replace(b"Testix", b"\\ud800"),
    "bytes that are no text": LINE.replace(b"Testix", b"\xff\xfe"),
    "a model that is a path": LINE.replace(b'"model":"null"', b'"model":"../../x"'),
    "an axis that is a path": LINE.replace(b'"axes":[]', b'"axes":[["x/../../../T",1]]'),
    "threads": LINE.replace(b'"thread_count":1', b'"thread_count":1000000'),
    "an empty line": b"",
    "a NUL": b"\0",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_bad_line_is_named_and_costs_no_other(tmp_path: Path, kind: str) -> None:
    assert HOSTILE[kind] != LINE
    with RunStore.create(tmp_path, manifest(THREE)) as run_store:
        for task in THREE[1:]:
            run_store.append(latency_record(task))
    path = tmp_path / "records.jsonl"
    second, third = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([second, HOSTILE[kind], third, b""]))
    run = store.load(tmp_path)
    assert [record.task for record in run.records] == list(THREE[1:])
    (damage,) = run.damaged
    assert damage.line_number == 2
    assert "\n" not in damage.text
    assert len(damage.text) < 600
    assert run.missing() == THREE[:1]
    with pytest.raises(StoreError, match=r"records\.jsonl:2: "):
        RunStore.resume(tmp_path)
    assert path.read_bytes().splitlines()[1] == HOSTILE[kind]  # nothing was thrown away


@pytest.mark.parametrize("kind", [kind for kind in HOSTILE if kind != "a call without end"])
def test_a_bad_manifest_is_refused_in_one_line(tmp_path: Path, kind: str) -> None:
    with RunStore.create(tmp_path, manifest(THREE)):
        pass
    (tmp_path / "run.json").write_bytes(HOSTILE[kind])
    with pytest.raises(StoreError) as caught:
        store.load(tmp_path)
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "run.json") in str(caught.value)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [path, *(leaf for name, part in value.items() for leaf in leaves(part, (*path, name)))]
    if isinstance(value, list):
        return [path, *(leaf for place, part in enumerate(value) for leaf in leaves(part, (*path, place)))]
    return [path]


DATA = json.loads(LINE)
PATHS = [path for path in leaves(DATA) if path]
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**63, -(2**63), 10**400, 1e308, -1e308, 5e-324, 1e31])
    | st.floats()
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(derandomize=True, deadline=None, max_examples=400)
@given(st.sampled_from(PATHS), JSON_VALUES)
def test_whatever_stands_in_a_field_the_line_is_refused_or_read_and_written_as_it_was(
    path: tuple[Any, ...], value: Any
) -> None:
    data = json.loads(LINE)
    holder = data
    for name in path[:-1]:
        holder = holder[name]
    holder[path[-1]] = value
    with suppress(StoreError):
        record: RunRecord = read(RECORD, json.dumps(data).encode(), "here")
        assert read(RECORD, to_line(record), "here") == record


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.binary(max_size=40) | st.text(alphabet='[]{},:"0123456789.eE+-truefalsn\\ud8 ', max_size=40).map(str.encode))
def test_any_bytes_are_refused(text: bytes) -> None:
    for adapter in (RECORD, MANIFEST):
        with pytest.raises(StoreError) as caught:
            read(adapter, text, "here")
        assert "\n" not in str(caught.value)


def test_a_file_of_bad_lines_alone_is_no_run(tmp_path: Path) -> None:
    with RunStore.create(tmp_path, manifest(THREE)):
        pass
    (tmp_path / "records.jsonl").write_bytes(b"\n" * (MAX_DAMAGED_LINE_COUNT + 1))
    with pytest.raises(StoreError, match="more than 1000 lines can't be read, as line 1: "):
        store.load(tmp_path)


def test_a_run_of_too_many_tasks_is_refused() -> None:
    task = Task(test="latency", model="null")
    with pytest.raises(ValueError, match="at most 50000 tasks"):
        manifest([task] * (MAX_TASK_COUNT + 1))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_what_the_writer_takes_the_reader_takes_and_nothing_else(count: int) -> None:
    record = latency_record(THREE[0], [0.1] * (3 * 10**6 // 2 * count))
    if count == 1:
        assert read(RECORD, to_line(record), "here") == record
    else:
        with pytest.raises(ValueError, match="more than 3000000 values"):
            to_line(record)


MEMORY = """
import resource, sys
from pathlib import Path
from suite.errors import StoreError
from suite.records import store
try:
    for damage in store.load(Path(sys.argv[1])).damaged:
        print(damage.text)
except StoreError as error:
    print(error)
if sys.platform == "linux":  # ru_maxrss begins with what the parent held
    print(1024 * int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0]))
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
MIB = 2**20
LARGE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "lists": ("records.jsonl", lambda: b"[" + b"[]," * (33 * MIB) + b"[]]\n"),
    "numbers": ("records.jsonl", lambda: b"[" + b"0," * (50 * MIB) + b"0]\n"),
    "lists within the limits": ("records.jsonl", lambda: b"[" + b"[]," * 450_000 + b"[]]\n"),
    "numbers within the limits": ("records.jsonl", lambda: b"[" + b"0.1," * 2_900_000 + b"0]\n"),
    "one text": ("records.jsonl", lambda: b'{"schema_version":1,"failure":"' + b"a" * (60 * MIB) + b'"}\n'),
    "a line without end": ("records.jsonl", lambda: b"a" * (100 * MIB)),
    "a manifest of lists": ("run.json", lambda: b"[" + b"[]," * (33 * MIB) + b"[]]\n"),
}


@pytest.mark.parametrize("kind", LARGE)
def test_a_hundred_megabytes_cost_less_than_a_gigabyte(tmp_path: Path, kind: str) -> None:
    with RunStore.create(tmp_path, manifest(THREE)):
        pass
    name, content = LARGE[kind]
    (tmp_path / name).write_bytes(content())
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(tmp_path)], capture_output=True, text=True, check=True, cwd=Path.cwd()
    )
    *told, peak_bytes = done.stdout.splitlines()
    assert len(told) == 1
    assert done.stderr == ""
    assert int(peak_bytes) < 1e9


def test_a_sparse_file_of_terabytes_is_refused_unread(tmp_path: Path) -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    with RunStore.create(tmp_path, manifest(THREE)):
        pass
    with (tmp_path / "records.jsonl").open("r+b") as file:
        file.truncate(10**12)
    for call in (store.load, RunStore.resume):
        with pytest.raises(StoreError, match="holds more than 1073741824 bytes"):
            call(tmp_path)


def test_a_manifest_as_large_as_the_limit_is_read() -> None:
    assert MAX_JSON_BYTES == 64 * MIB
    made = manifest(tasks(2000))
    assert read(MANIFEST, to_text(made), "here") == made
