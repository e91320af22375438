"""docker/suite: what it refuses before any work, on folders that stand in for a container's. Needs no engine."""

from __future__ import annotations

import importlib.util
import os
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

from tests.images.conftest import REPOSITORY

LOADER = SourceFileLoader("suite_entry", str(REPOSITORY / "docker/suite"))
SPEC = importlib.util.spec_from_loader("suite_entry", LOADER)
ENTRY = importlib.util.module_from_spec(SPEC)
LOADER.exec_module(ENTRY)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("work/results", "work/my", "sys/class/net/lo", "tmp", "weights"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "work/my/plan.toml").touch()
    return tmp_path


def refused(place: Path, words: str) -> str | None:
    return ENTRY.refusal(words.split(), place, place / "work", {"SUITE_WEIGHTS": str(place / "weights")})


@pytest.mark.parametrize(
    "words",
    [
        "",
        "--help",
        "all --quick",
        "all --plan standard",
        "all --plan my/plan.toml --out results/run",
        "all --out=results/run",
        "report results/run",
        "models fetch --help",
        "models lock --check",
        "models verify",
        "list models",
    ],
)
def test_what_can_work_here_is_left_to_the_suite(place, words):
    assert refused(place, words) is None


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("all --plan /home/me/plan.toml", "--plan: /home/me/plan.toml is not there: of your files the container sees"),
        ("all --plan=plan.toml", "put it into ./my, and name it my/plan.toml"),
        ("latency --checkpoint ~/best.pth", "put it into ./my, and name it my/best.pth"),
        ("latency --trajectory data/trial_1", "put it into ./my, and name it my/trial_1"),
        ("all --power-csv meter.csv", "put it into ./my, and name it my/meter.csv"),
        ("report /home/me/run", "/home/me/run: this is not there: of your files the container sees ./my and ./results"),
        ("all --out my/run", "--out: my/run would be lost with the container; name a folder below results/"),
        ("all --out ../tmp/run", "--out: ../tmp/run would be lost with the container"),
        ("models fetch", "models fetch: this container has no network; fetch outside of it (make models)"),
        ("models lock", "models lock: models.lock is part of the image, which can't be written; add --check"),
        ("all --weights pinned", "--weights pinned: there are none in"),
    ],
)
def test_what_can_not_work_here_is_refused_with_the_remedy_of_this_place(place, words, reason):
    assert reason in refused(place, words)


def test_weights_that_are_there_and_a_network_that_is_there_are_used(place):
    (place / "weights/model.safetensors").touch()
    (place / "sys/class/net/eth0").mkdir()
    assert refused(place, "all --weights pinned") is None
    assert refused(place, "models fetch") is None


def test_results_that_can_not_be_written_are_told_before_anything_is_measured(place, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    told = refused(place, "all --quick")
    assert f"user {os.geteuid()} can't write into ./results of the checkout: run make env" in told
    assert refused(place, "report results/run") is None
