"""models.lock: what is looked up in it, that it covers the shipped plans, and that it is written anew from workers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from suite.client.replies import Loaded, Prepared
from suite.errors import StoreError
from suite.pinned import lock as models_lock
from suite.pinned import relock
from suite.pinned.lock import (
    Pinned,
    PinnedFile,
    expected_unique_count,
    expected_weights_sha256,
    locked_mac_count,
    pinned_weights_sha256,
)
from suite.plan import load as plan
from suite.records import FlopCount, ParameterCount, Task
from suite.worker.model import Axis, Model

DEFAULT = (("text_tokens", 20), ("image_regions", 36))


def test_the_four_models_have_their_published_counts() -> None:
    names = ("lxmert", "visualbert", "et-human-synthetic", "et-human", "unknown")
    assert [expected_unique_count(name) for name in names] == [213930297, 113856825, 21764052, 21690324, None]


def test_macs_are_per_item_of_the_batch_and_in_any_order_of_axes() -> None:
    assert locked_mac_count("lxmert", "forward", DEFAULT, 1) == 5293327872
    assert locked_mac_count("lxmert", "forward", DEFAULT[::-1], 4) == 4 * 5293327872
    assert locked_mac_count("visualbert", "forward", DEFAULT, 1) == 4873759488
    assert locked_mac_count("et-human", "forward", (("text_tokens", 100), ("frames", 50)), 1) == 3273753600
    assert locked_mac_count("et-human", "episode", (("text_tokens", 100), ("frames", 50)), 1) == 119411750400


def test_what_is_not_locked_is_absent() -> None:
    assert locked_mac_count("lxmert", "forward", (("text_tokens", 21), ("image_regions", 36)), 1) is None
    assert locked_mac_count("lxmert", "episode", DEFAULT, 1) is None
    assert locked_mac_count("unknown", "forward", DEFAULT, 1) is None
    assert expected_weights_sha256("lxmert", 1) is None
    assert len(expected_weights_sha256("lxmert", 0) or "") == 64


@pytest.mark.parametrize("name", plan.names())
def test_every_size_of_the_shipped_plans_is_locked(name: str) -> None:
    tasks = [task for task in plan.load(name, plan.Options(device="cpu")).tasks if task.test in ("flops", "latency")]
    absent = [task for task in tasks if locked_mac_count(task.model, task.scenario, task.axes, 1) is None]
    assert tasks
    assert not absent


def test_a_lock_that_is_absent_locks_nothing_and_a_damaged_one_is_an_error(tmp_path: Path) -> None:
    assert expected_unique_count("lxmert", tmp_path / "absent.lock") is None
    for text in ("{", '{"schema_version": 2, "models": {}}', '{"schema_version": 1}'):
        path = tmp_path / "models.lock"
        path.write_text(text)
        with pytest.raises(StoreError, match=r"models.lock: not a lock of this version; restore it"):
            models_lock.load(path)


class TwoAxes(Model):
    name = title = "two"
    axes = (Axis("frames", "frames", 12, 10, 30), Axis("elements", "elements", 1, 1, 9))
    scenarios = ("forward", "episode")


class Empty(Model):
    name = title = "empty"


class FakeWorker:
    """Answers as a worker would; MACs are the number of frames."""

    def __init__(self) -> None:
        self.closed = False

    def count_parameters(self, model: str, checkpoint: str | None) -> ParameterCount:
        unique_count = 0 if model == "empty" else 6
        return ParameterCount(
            unique_count=unique_count,
            registered_count=unique_count,
            trainable_count=0,
            embedding_count=0,
            buffer_element_count=0,
            parameter_bytes=0,
            buffer_bytes=0,
            bytes_by_dtype=(),
            shared=(),
            expected_unique_count=None,
        )

    def count_flops(self, model: str, checkpoint: str | None, scenario: str, batch_size: int, axes: Any) -> FlopCount:
        return FlopCount(mac_count=dict(axes)["frames"], by_operator=(), uncounted=(), source="counted")

    def load(self, task: Task) -> Loaded:
        return Loaded(
            build_s=1.0,
            weights_s=1.0,
            weight_bytes=24,
            weights_source="seeded",
            weights_sha256="w" * 64,
            thread_count=1,
            synchronisation="none",
        )

    def prepare(self, case: str, task: Task) -> Prepared:
        return Prepared(inputs_source="seeded", inputs_sha256="i" * 64, step_count=1, before_resident_bytes=1)

    def close(self) -> None:
        self.closed = True


def test_the_lock_is_made_of_what_workers_count_and_reads_back(tmp_path: Path) -> None:
    started: list[FakeWorker] = []

    def start() -> Any:
        started.append(FakeWorker())
        return started[-1]

    lock = relock.generate([TwoAxes(), Empty()], start)
    assert [worker.closed for worker in started] == [True, True]
    assert list(lock.models) == ["two"]
    points = [(macs.scenario, macs.axes["frames"], macs.mac_count) for macs in lock.models["two"].macs]
    assert points == [
        ("forward", 12, 12),
        ("forward", 10, 10),
        ("forward", 25, 25),
        ("episode", 10, 10),
        ("episode", 50, 50),
    ]
    path = tmp_path / "models.lock"
    relock.write(lock, path)
    assert models_lock.load(path) == lock
    assert (
        '        {"scenario": "forward", "axes": {"frames": 12, "elements": 1}, "mac_count": 12},\n' in path.read_text()
    )
    assert json.loads(path.read_text())["schema_version"] == 1


COMMIT = "0123456789abcdef0123456789abcdef01234567"


def pin(**changed: Any) -> Pinned:
    given = {"repository": "lab/two", "revision": COMMIT, "licence": "mit", "files": (PinnedFile(path="a.bin"),)}
    return Pinned(**{**given, **changed})


def test_what_is_published_is_pinned_by_commit_and_hash_or_marked() -> None:
    sources = models_lock.pinned_sources()
    assert list(sources) == ["lxmert", "visualbert", "bert-base-uncased"]
    assert [pinned.publishable for pinned in sources.values()] == [False, False, True]
    assert [file.resolved for pinned in sources.values() for file in pinned.files] == [True, False, True]
    assert sources["lxmert"].files[0].size_bytes == 855915865
    assert pinned_weights_sha256("lxmert") is None  # until somebody has converted them
    assert pinned_weights_sha256("et-human") is None


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"revision": "main"}, "40 hex digits"),
        ({"repository": "https://hub/two"}, "not owner/name"),
        ({"weights_sha256": "abc"}, "64 hex digits"),
    ],
)
def test_a_pin_that_pins_nothing_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pin(**changed)


@pytest.mark.parametrize("path", ["../a.bin", "/a.bin", "a/../../b"])
def test_a_file_outside_of_its_folder_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="leaves its folder"):
        PinnedFile(path=path)


def test_a_lock_counted_anew_keeps_its_pins() -> None:
    counted = relock.generate([TwoAxes()], FakeWorker)  # type: ignore[arg-type]
    before = relock.with_pinned(counted, "two", pin())
    before = replace(before, tokenizers={"words": pin(repository="lab/words")})
    assert relock.keeping_pins(counted, before) == before
    after = relock.with_pinned(before, "words", pin(repository="lab/other"))
    assert after.tokenizers["words"].repository == "lab/other"


def test_fetched_files_lie_where_a_person_says() -> None:
    assert models_lock.weights_folder({"SUITE_WEIGHTS": "/opt/w", "XDG_CACHE_HOME": "/c"}) == Path("/opt/w")
    assert models_lock.weights_folder({"XDG_CACHE_HOME": "/c"}) == Path("/c/suite/weights")
    expected = Path("/opt/w/visualbert/e3da2dbe26fd794128d151228cc771a584f56c6e/model.safetensors")
    assert models_lock.pinned_weights_path("visualbert", Path("/opt/w")) == expected
    with pytest.raises(StoreError, match="pins no published weights of et-human"):
        models_lock.pinned_weights_path("et-human", Path("/opt/w"))


def test_a_lock_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    lock = models_lock.ModelsLock(schema_version=1, models={})
    with pytest.raises(StoreError, match="the lock was not written"):
        relock.write(lock, tmp_path / "absent" / "models.lock")
