"""docker/detect on the file trees of machines that aren't here. Needs no engine, so it runs with the other tests."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images.conftest import REPOSITORY, run

DETECT = Path(__file__).parents[2] / "docker" / "detect"
R36 = "# R36 (release), REVISION: 4.0, GCID: 0, BOARD: generic, EABI: aarch64, DATE: Mon Jan 1 2026\n"


def detect(root: Path, kind: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "SUITE_UNAME": kind}
    return subprocess.run([str(DETECT), str(root)], env=environ, capture_output=True, text=True, check=False)


def settings(root: Path, kind: str) -> dict[str, str]:
    done = detect(root, kind)
    assert done.returncode == 0, done.stderr
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if not line.startswith("#"))


def jetson(root: Path, release: str) -> Path:
    (root / "etc").mkdir()
    (root / "etc" / "nv_tegra_release").write_text(release)
    return root


def test_an_x86_machine_without_counters_needs_the_one_file(tmp_path):
    found = settings(tmp_path, "Linux-x86_64")
    assert (found["COMPOSE_FILE"], found["SUITE_PLATFORM"]) == ("compose.yaml", "x86")
    assert (found["SUITE_UID"], found["SUITE_GID"]) == (str(os.getuid()), str(os.getgid()))


def test_an_x86_machine_with_energy_counters_mounts_them(tmp_path):
    (tmp_path / "sys/devices/virtual/powercap/intel-rapl").mkdir(parents=True)
    assert settings(tmp_path, "Linux-x86_64")["COMPOSE_FILE"] == "compose.yaml:docker/compose.x86.yaml"


@pytest.mark.parametrize("kind", ["Linux-aarch64", "Linux-arm64", "Darwin-arm64"])
def test_an_arm64_machine_and_a_mac_share_an_image(tmp_path, kind, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    found = settings(tmp_path, kind)
    assert (found["COMPOSE_FILE"], found["SUITE_PLATFORM"]) == ("compose.yaml:docker/compose.arm64.yaml", "arm64")


def test_a_mac_whose_power_helper_runs_lets_the_container_reach_it(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert settings(tmp_path, "Darwin-arm64")["COMPOSE_FILE"] == "compose.yaml:docker/compose.arm64.yaml"
    (tmp_path / ".suite-power-token").touch()
    found = settings(tmp_path, "Darwin-arm64")
    assert found["COMPOSE_FILE"] == "compose.yaml:docker/compose.arm64.yaml:docker/compose.mac-helper.yaml"
    assert found["SUITE_POWER_TOKEN_FILE"] == str(tmp_path / ".suite-power-token")
    assert "SUITE_POWER_TOKEN_FILE" not in settings(tmp_path, "Linux-aarch64")


def release(l4t: str) -> str:
    major, _, revision = l4t.partition(".")
    return R36.replace("R36", f"R{major}").replace("REVISION: 4.0", f"REVISION: {revision}")


@pytest.mark.parametrize(
    ("l4t", "jetpack"), [("32.7.1", "4"), ("35.2.1", "5"), ("36.4.0", "6"), ("36.5.0", "6"), ("38.2.0", "7")]
)
def test_a_jetson_is_told_by_its_release_file(tmp_path, l4t, jetpack):
    board = with_sensor(jetson(tmp_path, release(l4t)))
    found = settings(board, "Linux-aarch64")
    assert (found["SUITE_PLATFORM"], found["JETPACK"]) == (f"jetson{jetpack}", jetpack)
    files = [
        "compose.yaml",
        "docker/compose.jetson.yaml",
        *(["docker/compose.jetpack4.yaml"] if jetpack == "4" else []),
    ]
    assert found["COMPOSE_FILE"] == ":".join(files)
    assert detect(board, "Linux-aarch64").stderr == ""


@pytest.mark.parametrize(
    ("l4t", "jetpack", "said"),
    [
        ("36.3.0", "6", "L4T R36.3 is older than the R36.4 that suite:jetson6 was made for"),
        ("35.1.0", "5", "L4T R35.1 is older than the R35.2 that suite:jetson5 was made for"),
        ("32.6.1", "4", "L4T R32.6 is older than the R32.7 that suite:jetson4 was made for"),
        ("34.1.0", "5", "L4T R34.1 has no image of its own; the nearest is suite:jetson5, made for R35.2"),
        ("39.2.0", "7", "L4T R39.2 has no image of its own; the nearest is suite:jetson7, made for R38.2"),
        ("40.0.0", "7", "L4T R40.0 has no image of its own; the nearest is suite:jetson7, made for R38.2"),
        ("100.1.0", "7", "L4T R100.1 has no image of its own; the nearest is suite:jetson7, made for R38.2"),
    ],
)
def test_another_release_takes_the_nearest_image_with_a_warning(tmp_path, l4t, jetpack, said):
    board = with_sensor(jetson(tmp_path, release(l4t)))
    assert settings(board, "Linux-aarch64")["JETPACK"] == jetpack
    told = detect(board, "Linux-aarch64").stderr
    assert (told.count("\n"), said in told) == (1, True)


def test_a_release_file_without_a_revision_is_told(tmp_path):
    board = with_sensor(jetson(tmp_path, "# R36 (release)\n"))
    assert settings(board, "Linux-aarch64")["JETPACK"] == "6"
    assert "tells no REVISION" in detect(board, "Linux-aarch64").stderr


def test_a_jetson_without_its_release_file_is_not_measured_as_a_board_without_a_gpu(tmp_path):
    (tmp_path / "proc/device-tree").mkdir(parents=True)
    (tmp_path / "proc/device-tree/compatible").write_bytes(b"nvidia,p3768-0000\0nvidia,tegra234\0")
    done = detect(tmp_path, "Linux-aarch64")
    assert (done.returncode, done.stdout) == (2, "")
    assert "this is a Jetson (/proc/device-tree/compatible) without" in done.stderr


def test_what_detection_refuses_no_make_target_takes_for_another_jetpack(tmp_path):
    """Nor is anything left behind."""
    jetson(tmp_path, "# R28 (release), REVISION: 2.0\n")
    for target in ("build-jetson", "env", "bench-jetson"):
        done = run(
            ["make", "--no-print-directory", target, f"ROOT={tmp_path}", "ENGINE_ANSWERS=true", "SUITE_RUNTIME=runc"]
        )
        told = done.stdout + done.stderr
        assert done.returncode == 2, told
        assert "L4T R28 is of no JetPack" in told or "make: this needs Docker" in told
    assert not (REPOSITORY / ".env.part").exists()


def test_a_jetpack_is_never_guessed(tmp_path):
    done = run(["make", "--no-print-directory", "build-jetson", f"ROOT={tmp_path}"])
    assert done.returncode == 2
    assert done.stdout.startswith("make build-jetson: this is no Jetson board: name its JetPack")


def with_sensor(root: Path) -> Path:
    (root / "sys/bus/i2c/drivers/ina3221/1-0040/hwmon").mkdir(parents=True)
    return root


def test_a_board_without_a_sensor_in_sysfs_says_how_to_get_its_rails(tmp_path):
    said = detect(jetson(tmp_path, R36), "Linux-aarch64").stderr
    assert "no power sensor under" in said
    assert "SUITE_USE_JTOP=yes make env" in said


@pytest.fixture
def board_with_jtop(tmp_path, monkeypatch) -> Iterator[Path]:
    (jetson(tmp_path, R36) / "run").mkdir()
    monkeypatch.chdir(tmp_path / "run")  # the path of a socket may have 107 bytes
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("jtop.sock")
        yield tmp_path


def test_the_socket_of_jtop_is_for_who_asks_for_it_and_comes_with_its_group(board_with_jtop, monkeypatch):
    assert "jtop" not in settings(board_with_jtop, "Linux-aarch64")["COMPOSE_FILE"]
    monkeypatch.setenv("SUITE_USE_JTOP", "yes")
    found = settings(board_with_jtop, "Linux-aarch64")
    assert found["COMPOSE_FILE"].endswith(":docker/compose.jtop.yaml")
    assert found["SUITE_JTOP_GID"] == str((board_with_jtop / "run" / "jtop.sock").stat().st_gid)


def test_a_socket_that_is_asked_for_and_not_there_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("SUITE_USE_JTOP", "yes")
    done = detect(jetson(tmp_path, R36), "Linux-aarch64")
    assert (done.returncode, done.stdout) == (2, "")
    assert "sudo pip3 install jetson-stats" in done.stderr


def test_a_boards_power_mode_is_mounted_where_it_chose_one(tmp_path):
    (jetson(tmp_path, R36) / "var/lib/nvpmodel").mkdir(parents=True)
    (tmp_path / "var/lib/nvpmodel/status").write_text("pmode:0000")
    (tmp_path / "etc/nvpmodel.conf").touch()
    assert settings(tmp_path, "Linux-aarch64")["COMPOSE_FILE"].endswith(":docker/compose.nvpmodel.yaml")


def test_the_groups_of_the_gpu_are_those_of_its_device_files(tmp_path):
    (jetson(tmp_path, R36) / "dev/dri").mkdir(parents=True)
    (tmp_path / "dev/nvmap").touch()
    (tmp_path / "dev/dri/renderD128").touch()
    found = settings(tmp_path, "Linux-aarch64")
    group = str((tmp_path / "dev/nvmap").stat().st_gid)
    assert (found["SUITE_VIDEO_GID"], found["SUITE_RENDER_GID"]) == (group, group)
    assert found["SUITE_ROOT"] == str(tmp_path)


def test_a_board_without_device_files_names_no_groups(tmp_path):
    assert not {"SUITE_VIDEO_GID", "SUITE_RENDER_GID"} & settings(jetson(tmp_path, R36), "Linux-aarch64").keys()


@pytest.mark.parametrize(("told", "series"), [("jtop 4.3.2", "4.3"), ("jtop 7.2.2", "7.2"), ("nonsense", None)])
def test_the_client_in_the_image_is_of_the_version_of_the_boards_service(tmp_path, monkeypatch, told, series):
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin/jtop"
    command.write_text(f"#!/bin/sh\necho '{told}'\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert settings(jetson(tmp_path, R36), "Linux-aarch64").get("SUITE_JTOP") == series


@pytest.mark.parametrize(
    ("told", "kind", "reason"),
    [
        (None, "Linux-riscv64", "no image for Linux-riscv64"),
        ("# R28 (release)\n", "Linux-aarch64", "L4T R28 is of no JetPack"),
        ("# R9 (release)\n", "Linux-aarch64", "L4T R9 is of no JetPack"),
        ("nonsense\n", "Linux-aarch64", "L4T unknown is of no JetPack"),
        ("", "Linux-aarch64", "L4T unknown is of no JetPack"),
    ],
)
def test_a_machine_without_an_image_is_refused_with_one_line(tmp_path, told, kind, reason):
    if told is not None:
        jetson(tmp_path, told)
    done = detect(tmp_path, kind)
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_image_that_could_only_be_emulated_is_not_measured():
    done = run(["make", "bench-arm64"], SUITE_UNAME="Linux-x86_64")
    assert done.returncode == 2
    assert done.stdout.startswith("make: the image of this machine is suite:x86, not suite:arm64, which could only be")
