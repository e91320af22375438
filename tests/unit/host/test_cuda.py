from __future__ import annotations

import os

import pytest

from suite.host.cuda import why_absent


@pytest.fixture
def board(tmp_path):
    def make(*files: str):
        for name in files:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch(mode=0o660)
        return tmp_path

    return make


def test_a_container_without_nvidias_runtime_has_no_device_file(board):
    found = why_absent(board(".dockerenv"))
    assert found.reason.endswith("/dev/nvmap is not there")
    assert found.remedy == "start the container with NVIDIA's runtime: make env && make bench-jetson"


def test_a_system_without_the_driver_is_no_matter_of_containers(board):
    assert "JetPack" in why_absent(board()).remedy


@pytest.mark.parametrize("name", ["dev/nvmap", "dev/nvhost-ctrl-gpu"])
def test_the_owner_of_a_device_file_that_may_not_be_opened_is_told(board, name):
    root = board(".dockerenv", "dev/nvmap", name)
    found = why_absent(root, may_use=lambda path: path != root / name)
    owner = f"{os.getuid()}:{(root / name).stat().st_gid}"
    assert f"{root / name} belongs to {owner}, mode " in found.reason
    assert f"user {os.geteuid()} in groups" in found.reason
    assert "SUITE_UID=0 SUITE_GID=0" in found.remedy  # told, never done


def test_outside_of_a_container_a_group_is_the_remedy(board):
    found = why_absent(board("dev/nvmap"), may_use=lambda _: False)
    assert found.remedy.startswith("sudo usermod -aG")


def test_where_the_files_can_be_opened_it_is_torch(board):
    found = why_absent(board("dev/nvmap"), may_use=lambda _: True)
    assert "torch is a build without CUDA" in found.reason
