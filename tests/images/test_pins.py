"""pins.env, the Dockerfiles and the locks say the same; the scripts read them as they are told. Needs no engine."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from suite.host.software import locks_sha256
from tests.images.conftest import REPOSITORY

PINS = dict(re.findall(r"^([A-Z0-9_]+)=(.*)$", (REPOSITORY / "pins.env").read_text(), re.MULTILINE))
JETSONS = ("jetson4", "jetson5", "jetson6", "jetson7")
DIGEST = "sha256:" + "ab" * 32
# In the place of docker: writes down how it was called, and answers as a builder that attests.
DOCKER = f"""#!/bin/sh
echo "$*" >>"$CALLS"
case "$1 $2" in
    "buildx inspect") echo "Driver:        $DRIVER" ;;
    "info --format") echo "[]" ;;
    "buildx build") while [ $# -gt 0 ]; do
        [ "$1" != --metadata-file ] || echo '{{"containerimage.digest": "{DIGEST}"}}' >"$2"; shift; done ;;
    "image inspect") echo "r.example/suite@{DIGEST}" ;;
    "buildx imagetools")
        [ "$3" = inspect ] || {{ last=
            for name; do [ "$last" != --tag ] || echo "$name" >>"$CALLS.tags"; last=$name; done; exit; }}
        for name; do :; done
        echo "$PUBLISHED" | cat - "$CALLS.tags" | grep -qxF "$name" || {{ echo "ERROR: $name: not found" >&2; exit 1; }}
        echo "Digest:    {DIGEST}" ;;
esac
"""


def script(name: str, *arguments: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [f"docker/{name}", *arguments],
        cwd=REPOSITORY,
        env=os.environ | environ,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def defaults(dockerfile: str) -> dict[str, str]:
    return dict(re.findall(r"^ARG ([A-Z0-9_]+)=(.*)$", (REPOSITORY / dockerfile).read_text(), re.MULTILINE))


@pytest.fixture
def docker(tmp_path: Path) -> dict[str, str]:
    """An environment in which `docker` is the script above."""
    command = tmp_path / "docker"
    command.write_text(DOCKER)
    command.chmod(0o755)
    (tmp_path / "calls").touch()
    (tmp_path / "calls.tags").touch()
    return {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "CALLS": str(tmp_path / "calls"),
        "DRIVER": "docker-container",
        "PUBLISHED": "",
    }


def building(docker: dict[str, str]) -> str:
    """How `docker buildx build` was called, once."""
    (call,) = (line for line in Path(docker["CALLS"]).read_text().splitlines() if line.startswith("buildx build"))
    return call


@pytest.mark.parametrize(
    ("dockerfile", "platform"),
    [("Dockerfile.x86", "X86"), ("Dockerfile.arm64", "ARM64"), ("Dockerfile.jetson", "JETSON6")],
)
def test_a_dockerfile_alone_builds_what_is_pinned(dockerfile, platform):
    for name, value in defaults(dockerfile).items():
        for pin in (f"{platform}_{name}", name):
            if pin in PINS:
                assert value == PINS[pin], pin
                break


@pytest.mark.parametrize("platform", JETSONS)
def test_every_jetpack_has_all_its_pins_and_their_files(platform):
    pinned = {name.partition("_")[2]: value for name, value in PINS.items() if name.startswith(platform.upper() + "_")}
    assert pinned.keys() - {"TORCH_INDEX"} == {
        "BASE",
        "L4T",
        "WORKER_PYTHON",
        "WORKER_VERSION",
        "WORKER_GLIBC",
        "WORKER_LOCK",
        "TORCH_LOCK",
        "JTOP",
    }
    assert pinned["WORKER_LOCK"] == f"{platform}.txt"
    for file in (pinned["WORKER_LOCK"], pinned["TORCH_LOCK"], f"jtop-{pinned['JTOP']}.txt"):
        assert (REPOSITORY / "locks" / file).exists()
    assert locks_sha256(REPOSITORY, platform) is not None


def test_the_bases_whose_digest_nobody_has_seen_are_those_that_the_document_names():
    unresolved = [name for name, value in PINS.items() if name.endswith("_BASE") and "@sha256:" not in value]
    assert unresolved == ["JETSON4_BASE", "JETSON5_BASE"]
    assert "two are: JetPack 4 and 5" in (REPOSITORY / "docs" / "images.md").read_text()


def test_every_hashed_file_of_a_lock_is_one():
    for lock in sorted((REPOSITORY / "locks").glob("*.txt")):
        text = lock.read_text()
        assert re.findall(r"^[a-z0-9.-]+==[^ ;]+ \\$", text, re.MULTILINE), lock
        assert not re.findall(r"^[a-z0-9.-]+==.*(?<!\\)$", text, re.MULTILINE), lock  # a requirement without a hash


@pytest.mark.parametrize(
    ("platform", "name", "environ", "value"),
    [
        ("jetson6", "JTOP", {}, "4.3"),
        ("jetson7", "JTOP", {}, "7.2"),
        ("jetson6", "JTOP", {"JTOP": "7.2"}, "7.2"),
        ("jetson6", "TORCH_LOCK", {"JETSON6_TORCH_LOCK": "other.txt"}, "other.txt"),
        ("jetson6", "TORCH_LOCK", {"JETSON5_TORCH_LOCK": "other.txt", "JTOP": ""}, "torch-jetson6.txt"),
        ("jetson4", "TORCH_LOCK", {}, ""),
        ("x86", "TORCH_INDEX", {}, "https://download.pytorch.org/whl/cpu"),
        ("jetson6", "TORCH_INDEX", {}, "https://pypi.jetson-ai-lab.io/jp6/cu126"),
    ],
)
def test_a_pin_is_what_the_environment_says_else_the_file(platform, name, environ, value):
    cleared = dict.fromkeys((name, f"{platform.upper()}_{name}"), "")
    done = script("pin", platform, name, **(cleared | environ))
    assert (done.returncode, done.stdout) == (0, f"{value}\n")


def test_what_nobody_pins_is_no_pin():
    assert script("pin", "x86", "NOTHING").returncode == 1


def test_an_image_is_labelled_with_its_base_its_locks_and_this_commit(docker):
    base = f"python@{DIGEST}"
    assert script("build", "jetson6", "--load", BASE=base, JTOP="7.2", **docker).returncode == 0
    call = building(docker)
    arguments = dict(argument.split("=", 1) for argument in re.findall(r"--build-arg (\S*)", call))
    assert (arguments["BASE"], arguments["BASE_DIGEST"], arguments["JTOP"]) == (base, DIGEST, "7.2")
    assert arguments["PLATFORM"] == "jetson6"
    assert arguments["WORKER_VERSION"] == os.environ.get("JETSON6_WORKER_VERSION", "3.10")
    if not os.environ.get("JETSON6_TORCH_LOCK"):
        assert arguments["LOCK_SHA256"] == locks_sha256(REPOSITORY, "jetson6")
    assert "--platform linux/arm64 --file Dockerfile.jetson" in call


@pytest.mark.parametrize(("machine", "platform"), [("aarch64", "linux/arm64"), ("x86_64", "linux/amd64")])
def test_the_machine_of_a_board_is_an_argument(docker, machine, platform):
    done = script("build", "jetson4", BASE="stand-in", BOARD_MACHINE=machine, **docker)
    assert done.returncode == 0, done.stderr
    call = building(docker)
    assert f"--platform {platform} --file Dockerfile.jetson" in call
    assert f"--build-arg BOARD_MACHINE={machine} " in call


def test_another_machine_is_no_board(docker):
    done = script("build", "jetson4", BOARD_MACHINE="riscv64", **docker)
    assert (done.returncode, Path(docker["CALLS"]).read_text()) == (2, "")
    assert done.stderr == "docker/build: BOARD_MACHINE is aarch64, or x86_64 for tests on stand-in bases\n"


@pytest.mark.parametrize("script_file", ["install-packages", "wheelhouse"])
def test_what_installs_is_pinned_too(script_file):
    """Each pip that fills an image or a wheelhouse is that of locks/installer.txt."""
    text = (REPOSITORY / "docker" / script_file).read_text()
    lock = (REPOSITORY / "locks" / "installer.txt").read_text()
    assert re.search(r"install-lock /?locks/installer.txt", text)
    version = tuple(map(int, re.search(r"^pip==(\d+)\.(\d+)", lock, re.MULTILINE).groups()))
    assert version >= (24, 3)  # the first that takes packages for JetPack 4's Python


def test_there_is_no_image_for_another_platform(docker):
    done = script("build", "riscv", **docker)
    assert (done.returncode, Path(docker["CALLS"]).read_text()) == (2, "")
    assert done.stderr.startswith("docker/build: there is no image for riscv; there is one for x86, arm64, jetson4")


def test_a_board_whose_jtop_has_no_client_here_is_told_what_to_do(docker):
    done = script("build", "jetson6", **(docker | {"JTOP": "4.2"}))
    assert done.returncode == 2
    assert "no client for jtop 4.2: there is one for jtop 4.3 and 7.2; update the board's service" in done.stderr
    assert {lock.name for lock in (REPOSITORY / "locks").glob("jtop-*.txt")} == {"jtop-4.3.txt", "jtop-7.2.txt"}


def test_a_builder_that_can_pushes_provenance_and_an_sbom(docker):
    pinned = {"BASE": f"python@{DIGEST}", "BUILD_BASE": f"python@{DIGEST}"}
    done = script("publish", "r.example", "1.0", "x86", **pinned, **docker)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == f"x86: r.example/suite@{DIGEST}"
    assert lines[-1].strip() == (
        f"docker pull r.example/suite@{DIGEST} && make env && "
        f"SUITE_IMAGE=r.example/suite@{DIGEST} docker compose run --rm suite all"
    )
    calls = Path(docker["CALLS"]).read_text()
    assert "--provenance mode=max --sbom=true --output type=image,name=r.example/suite,push-by-digest=true" in calls
    assert f"buildx imagetools create --tag r.example/suite:1.0 r.example/suite@{DIGEST}\n" in calls
    assert not re.search(r"^push ", calls, re.MULTILINE)


def test_a_builder_that_cannot_says_so_and_the_engine_pushes(docker):
    pinned = {"BASE": f"python@{DIGEST}", "BUILD_BASE": f"python@{DIGEST}", "DRIVER": "docker"}
    done = script("publish", "r.example", "1.0", "x86", **(docker | pinned))
    assert done.returncode == 0, done.stderr
    assert "this builder pushes no SBOM and no provenance" in done.stderr
    calls = Path(docker["CALLS"]).read_text()
    assert re.search(r"^push --quiet r.example/suite:commit-[0-9a-f]{12}-x86$", calls, re.MULTILINE)


def test_a_jetson_image_is_not_in_the_list_where_it_would_hide_the_other_for_arm64(docker):
    told = f"arm64: r.example/suite@{DIGEST}\njetson6: r.example/suite@sha256:{'cd' * 32}\n"
    done = script("publish", "--list", "r.example", "1.0", stdin=told, **docker)
    created = [line for line in Path(docker["CALLS"]).read_text().splitlines() if "imagetools create" in line]
    assert created == [
        f"buildx imagetools create --tag r.example/suite:1.0-arm64 r.example/suite@{DIGEST}",
        f"buildx imagetools create --tag r.example/suite:1.0-jetson6 r.example/suite@sha256:{'cd' * 32}",
        f"buildx imagetools create --tag r.example/suite:1.0 r.example/suite@{DIGEST}",
    ]
    assert (
        f"On a board of jetson6, in a checkout:\n    docker pull r.example/suite@sha256:{'cd' * 32} && make env && "
        in done.stdout
    )


def test_a_platform_that_a_version_lacks_is_added_to_its_list(docker):
    published = "r.example/suite:1.0\nr.example/suite:1.0-x86"
    told = f"arm64: r.example/suite@{DIGEST}\n"
    done = script("publish", "--list", "r.example", "1.0", stdin=told, **(docker | {"PUBLISHED": published}))
    assert done.returncode == 0, done.stderr
    calls = Path(docker["CALLS"]).read_text()
    assert f"imagetools create --append --tag r.example/suite:1.0 r.example/suite@{DIGEST}\n" in calls


@pytest.mark.parametrize("step", ["--push", "--list"])
def test_a_version_is_published_once(docker, step):
    """A second image for a platform is refused before it is built, and before a tag is moved."""
    other = "sha256:" + "ef" * 32
    pinned = {"BASE": f"python@{DIGEST}", "BUILD_BASE": f"python@{DIGEST}", "PUBLISHED": "r.example/suite:1.0-x86"}
    words = ("x86",) if step == "--push" else ()
    done = script(
        "publish", step, "r.example", "1.0", *words, stdin=f"x86: r.example/suite@{other}\n", **(docker | pinned)
    )
    assert done.returncode == 2
    assert done.stderr == (
        "make publish: version 1.0 for x86 is published already (r.example/suite:1.0-x86), and a version is published "
        "once: raise __version__ in suite/__init__.py\n"
    )
    assert not re.search("build |create", Path(docker["CALLS"]).read_text())


def test_tags_that_were_put_already_are_no_second_publication(docker):
    """A step of CI that is run again."""
    told = f"x86: r.example/suite@{DIGEST}\n"
    done = script(
        "publish", "--list", "r.example", "1.0", stdin=told, **(docker | {"PUBLISHED": "r.example/suite:1.0-x86"})
    )
    assert done.returncode == 0, done.stderr


def test_a_workflow_reruns_before_it_tags_and_signs_and_only_a_tag_of_this_version_does():
    workflow = YAML(typ="safe").load(REPOSITORY / ".github/workflows/images.yml")
    jobs = workflow["jobs"]

    def steps(job: str) -> str:
        return "\n".join(step.get("run", "") for step in jobs[job]["steps"])

    assert "docker/publish --push" in steps("image")
    assert '"v$(docker/version)"' in steps("image")
    assert jobs["rerun"]["needs"] == "image"
    assert jobs["release"]["needs"] == ["image", "rerun"]
    assert jobs["release"]["if"] == "startsWith(github.ref, 'refs/tags/v')"
    assert "docker/publish --list" in steps("release")
    assert [job for job in jobs if "cosign sign" in steps(job) or "--list" in steps(job)] == ["release"]
