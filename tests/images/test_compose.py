"""What Compose makes of the files, for each platform: every protection stands, and only sensors are added."""

from __future__ import annotations

import json

import pytest

from tests.images.conftest import compose, mount, run

pytestmark = pytest.mark.images

PLATFORMS = {
    "x86": ["compose.yaml"],
    "x86 with energy counters": ["compose.yaml", "docker/compose.x86.yaml"],
    "arm64": ["compose.yaml", "docker/compose.arm64.yaml"],
    "jetson": ["compose.yaml", "docker/compose.jetson.yaml"],
    "jetson with JetPack 4": ["compose.yaml", "docker/compose.jetson.yaml", "docker/compose.jetpack4.yaml"],
    "jetson with jtop": ["compose.yaml", "docker/compose.jetson.yaml", "docker/compose.jtop.yaml"],
    "jetson with a power mode": ["compose.yaml", "docker/compose.jetson.yaml", "docker/compose.nvpmodel.yaml"],
}


def service(files: list[str], **environ: str) -> dict:
    environ |= {"COMPOSE_FILE": ":".join(files), "SUITE_JTOP_GID": "999", "COMPOSE_DISABLE_ENV_FILE": "1"}
    done = run(["docker", "compose", "config", "--format", "json"], **environ)
    assert (done.returncode, done.stderr) == (0, "")  # no warning either
    return json.loads(done.stdout)["services"]["suite"]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_no_platform_takes_a_protection_away(platform):
    config = service(PLATFORMS[platform])
    assert config["read_only"] is True
    assert config["network_mode"] == "none"
    assert config["cap_drop"] == ["ALL"]
    assert config["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "pid", "ipc", "devices"} & config.keys()
    assert config["pull_policy"] == "never"
    assert config["pids_limit"] == 4096
    assert config["tmpfs"] == ["/tmp:mode=1777,size=512m"]


@pytest.mark.parametrize(
    ("platform", "targets"),
    [
        ("x86", set()),
        ("x86 with energy counters", {"/host/powercap/intel-rapl"}),
        ("arm64", set()),
        ("jetson", {"/etc/nv_tegra_release", "/host/device-tree"}),
        ("jetson with JetPack 4", {"/etc/nv_tegra_release", "/host/device-tree"}),
        ("jetson with jtop", {"/etc/nv_tegra_release", "/host/device-tree", "/run/jtop.sock"}),
        (
            "jetson with a power mode",
            {"/etc/nv_tegra_release", "/host/device-tree", "/var/lib/nvpmodel/status", "/etc/nvpmodel.conf"},
        ),
    ],
)
def test_what_a_sensor_needs_is_mounted_and_nothing_else(platform, targets):
    volumes = service(PLATFORMS[platform])["volumes"]
    assert {volume["target"] for volume in volumes} == targets | {"/work/results", "/work/my"}
    assert {volume["target"] for volume in volumes if not volume.get("read_only")} <= {
        "/work/results",
        "/run/jtop.sock",
    }
    assert not any(volume["bind"].get("create_host_path") for volume in volumes)


@pytest.mark.parametrize(("environ", "groups"), [({}, ["44", "104"]), ({"SUITE_VIDEO_GID": "39"}, ["39", "104"])])
def test_who_runs_it_on_a_jetson_may_use_its_gpu(environ, groups):
    config = service(PLATFORMS["jetson"], **environ)
    assert (config["runtime"], config["group_add"]) == ("nvidia", groups)
    assert (config["image"], config["platform"]) == ("suite:jetson6", "linux/arm64")


def test_a_macs_power_helper_is_the_one_way_out_and_its_token_is_mounted():
    files = [*PLATFORMS["arm64"], "docker/compose.mac-helper.yaml"]
    config = service(files, SUITE_POWER_TOKEN_FILE="/Users/somebody/.suite-power-token")
    assert config["network_mode"] == "bridge"
    assert config["environment"]["SUITE_POWER_HELPER"] == "host.docker.internal:47811"
    assert {volume["target"] for volume in config["volumes"]} == {
        "/work/results",
        "/work/my",
        "/run/secrets/suite-power-token",
    }


def test_the_image_is_that_of_the_boards_jetpack():
    assert service(PLATFORMS["jetson"], JETPACK="4")["image"] == "suite:jetson4"


def test_jetpack_4_gets_all_of_the_boards_cuda_and_a_processor_that_openblas_knows():
    environment = service(PLATFORMS["jetson with JetPack 4"], JETPACK="4")["environment"]
    assert environment["NVIDIA_REQUIRE_JETPACK"] == "csv-mounts=all"
    assert environment["OPENBLAS_CORETYPE"] == "ARMV8"
    assert "NVIDIA_REQUIRE_JETPACK" not in service(PLATFORMS["jetson"])["environment"]


@pytest.mark.parametrize("name", ["SUITE_MODELS_PATH", "SUITE_WEIGHTS"])
def test_a_persons_folders_are_handed_through(name):
    assert service(PLATFORMS["x86"], **{name: "my/models"})["environment"][name] == "my/models"


def test_a_persons_own_plan_is_read_from_the_folder_my(x86, results, tmp_path):
    (tmp_path / "my").mkdir()
    (tmp_path / "my/plan.toml").write_text(
        'name = "mine"\ndescription = "own"\nmodels = ["null"]\ntests = ["params"]\n'
    )
    mount(tmp_path, tmp_path / "my", "/work/my", read_only=True)
    done = compose(results, x86.name, "all", "--plan", "my/plan.toml", "--out", "results/run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (results / "run/report.md").exists()


@pytest.mark.parametrize(
    ("platform", "image", "told"),
    [
        ("x86", "nope", "there is no image nope here: docker pull it where it has a digest, else make build-x86"),
        ("arm64", "r.example/suite@sha256:" + "ab" * 32, "docker pull it where it has a digest, else make build-arm64"),
        ("jetson", "nope", "there is no image nope here: docker pull it where it has a digest, else make build-jetson"),
    ],
)
def test_an_image_that_is_not_here_is_never_built_but_told_with_what_to_do(platform, image, told):
    environ = {"COMPOSE_FILE": ":".join(PLATFORMS[platform]), "COMPOSE_DISABLE_ENV_FILE": "1", "SUITE_IMAGE": image}
    done = run(["docker", "compose", "run", "--rm", "suite", "--help"], **environ)
    assert done.returncode != 0
    assert (told in done.stderr, done.stderr.count("\n")) == (True, 1)


def test_a_socket_that_is_not_there_is_a_message_and_no_folder(x86, results):
    files = ["compose.yaml", "docker/compose.jtop.yaml"]
    done = compose(results, x86.name, "--help", files=files, SUITE_JTOP_GID="999")
    assert done.returncode != 0
    assert "bind source path does not exist: /run/jtop.sock" in done.stderr
