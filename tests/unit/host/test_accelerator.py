from __future__ import annotations

import dataclasses
import os

import pytest

from suite.host.accelerator import Absence, unused
from tests.unit.samples import FACTS


def jetson(root, **options):
    return unused(dataclasses.replace(FACTS, l4t="R32.7.1"), ("cpu",), root, **options)


@pytest.fixture
def board(tmp_path):
    def make(*files: str):
        for name in files:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch(mode=0o660)
        return tmp_path

    return make


def test_a_container_without_nvidias_runtime_has_no_device_file(board):
    found = jetson(board(".dockerenv"))
    assert found.reason.endswith("/dev/nvmap is not there")
    assert found.remedy == "start the container with NVIDIA's runtime: make env && make bench-jetson"


def test_a_system_without_the_driver_is_no_matter_of_containers(board):
    assert "JetPack" in jetson(board()).remedy


@pytest.mark.parametrize("name", ["dev/nvmap", "dev/nvhost-ctrl-gpu"])
def test_the_owner_of_a_device_file_that_may_not_be_opened_is_told(board, name):
    root = board(".dockerenv", "dev/nvmap", name)
    found = jetson(root, may_use=lambda path: path != root / name)
    owner = f"{os.getuid()}:{(root / name).stat().st_gid}"
    assert f"{root / name} belongs to {owner}, mode " in found.reason
    assert f"user {os.geteuid()} in groups" in found.reason
    assert "SUITE_UID=0 SUITE_GID=0" in found.remedy  # told, never done


def test_outside_of_a_container_a_group_is_the_remedy(board):
    found = jetson(board("dev/nvmap"), may_use=lambda _: False)
    assert found.remedy.startswith("sudo usermod -aG")


def test_where_the_files_can_be_opened_it_is_torch(board):
    found = jetson(board("dev/nvmap"), may_use=lambda _: True)
    assert "torch is a build without CUDA" in found.reason


def machine(**changes):
    return dataclasses.replace(FACTS, l4t=None, **changes)


NVIDIA = {"driver": "NVIDIA 550.54.15", "accelerators": ("NVIDIA GeForce RTX 3060",)}


def test_a_machine_without_a_gpu_or_whose_gpu_torch_has_misses_nothing(tmp_path):
    assert unused(machine(driver=None, accelerators=()), ("cpu",), tmp_path) is None
    assert unused(machine(**NVIDIA), ("cpu", "cuda:0"), tmp_path) is None
    assert unused(machine(**NVIDIA), (), tmp_path) is None  # no torch to ask


def test_a_build_of_torch_without_cuda_is_named(tmp_path):
    facts = machine(**NVIDIA, versions=(("torch", "2.13.0+cpu"),))
    assert unused(facts, ("cpu",), tmp_path) == Absence(
        reason="torch 2.13.0+cpu is a build without CUDA",
        remedy="a CUDA build of torch for the worker's Python, which SUITE_WORKER_PYTHON names",
    )


@pytest.mark.parametrize(
    ("files", "remedy"),
    [
        ((".dockerenv",), "start the container with its GPUs: docker run --gpus all"),
        ((), "load the driver: nvidia-smi"),
    ],
)
def test_a_gpu_without_device_files_is_not_given_to_the_container_or_not_loaded(board, files, remedy):
    found = unused(machine(**NVIDIA, versions=(("torch", "2.13.0"),)), ("cpu",), board(*files))
    assert found.reason.endswith("/dev/nvidiactl is not there")
    assert found.remedy.startswith(remedy)


def test_a_driver_that_does_not_go_with_torch_is_named(board):
    found = unused(machine(**NVIDIA, versions=(("torch", "2.13.0"),)), ("cpu",), board("dev/nvidiactl"))
    assert found.reason == "torch 2.13.0 shows no CUDA with driver NVIDIA 550.54.15"


def test_a_mac_whose_torch_has_no_mps_is_told(tmp_path):
    facts = machine(os="macOS 14.5", driver=None, accelerators=("Apple M1 GPU (integrated)",))
    assert unused(facts, ("cpu",), tmp_path).reason == "torch shows no MPS on this Mac"
    assert unused(facts, ("cpu", "mps"), tmp_path) is None
