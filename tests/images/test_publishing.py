"""Published, deleted here, pulled by its digest: the image that a teammate runs is the image that was published."""

from __future__ import annotations

import json
import os
import re
import secrets
from pathlib import Path

import pytest

from suite.pinned import lock as models_lock
from suite.records import store
from tests.images.conftest import PERSON, Image, compose, output, run, settings

pytestmark = pytest.mark.images
PLAN = """
name = "teammate"
description = "what must come out the same"
models = ["lxmert", "visualbert", "et-human-synthetic", "et-human"]
tests = ["params", "latency"]
[repetition]
min_call_count = 3
max_call_count = 3
time_limit_s = 5.0
warmup_min_call_count = 1
warmup_max_call_count = 1
"""


@pytest.fixture(scope="module")
def registry() -> str:
    name = os.environ.get("SUITE_TEST_REGISTRY")
    return name or pytest.skip("SUITE_TEST_REGISTRY names no registry to publish to")


@pytest.fixture(scope="module")
def bases(registry) -> dict[str, str]:
    """Settings that pin each base by a digest: a stand-in gets its digest from the registry."""
    found = {}
    for pin, platform in (("BUILD_BASE", "x86"), ("X86_BASE", "x86"), ("ARM64_BASE", "arm64")):
        name = output(["docker/pin", platform, pin.removeprefix("X86_").removeprefix("ARM64_")]).strip()
        found[pin] = name if "@sha256:" in name else pushed(name, f"{registry}/{name}")
    return found


def pushed(name: str, remote: str) -> str:
    output(["docker", "tag", name, remote])
    output(["docker", "push", "--quiet", remote])
    (digest,) = re.findall(
        r"sha256:[0-9a-f]{64}", output(["docker", "inspect", "--format", "{{.RepoDigests}}", remote])
    )
    return f"{remote.rpartition(':')[0]}@{digest}"


def manifest(reference: str) -> dict:
    return json.loads(output(["docker", "buildx", "imagetools", "inspect", "--raw", reference]))


@pytest.fixture(scope="module")
def where(registry) -> str:
    return f"{registry}/{secrets.token_hex(4)}"


@pytest.fixture(scope="module")
def published(where, bases) -> str:
    """What `make publish` said, for both platforms. A tree with changes counts as its commit here."""
    head = output(["git", "rev-parse", "HEAD"]).strip()
    # A name of its own for each run of these tests: a version is published once.
    return output(["make", "publish", f"REGISTRY={where}", "IMAGES=x86 arm64", f"REVISION={head}"], **bases)


@pytest.fixture(scope="module")
def listed(published) -> str:
    (reference,) = set(re.findall(r"SUITE_IMAGE=(\S+@sha256:[0-9a-f]{64}) docker compose run", published))
    return reference


def test_the_list_names_each_platform_by_digest(published, listed):
    digests = dict(re.findall(r"^(x86|arm64): \S+@(sha256:[0-9a-f]{64})$", published, re.MULTILINE))
    # A builder that can attests to each image beside it, under a platform "unknown".
    entries = [entry for entry in manifest(listed)["manifests"] if entry["platform"]["os"] != "unknown"]
    found = {(entry["platform"]["os"], entry["platform"]["architecture"]): entry["digest"] for entry in entries}
    assert found == {("linux", "amd64"): digests["x86"], ("linux", "arm64"): digests["arm64"]}


def test_a_teammate_pulls_by_digest_and_computes_the_same(listed, results):
    output(["docker", "image", "rm", "--force", Image("suite:x86").digest])  # with all its names
    assert run(["docker", "image", "inspect", listed]).returncode != 0
    output(["docker", "pull", "--quiet", listed])
    output(["docker", "tag", listed, "suite:x86"])  # where other tests look for it

    (results / "plan.toml").write_text(PLAN)
    done = compose(results, listed, "all", "--plan", "results/plan.toml", "--out", "results/run")
    assert done.returncode == 0, done.stdout + done.stderr
    records = store.load(results / "run").records
    assert {record.host.container_image_digest for record in records} == {listed.split("@")[1]}
    locked = {name: model for name, model in models_lock.load().models.items() if model.source != "shipped"}
    assert len(locked) == 4  # those of PLAN
    counted = {r.task.model: r.parameters.unique_count for r in records if r.task.test == "params"}
    assert counted == {name: model.unique_parameter_count for name, model in locked.items()}
    timed = {r.task.model: r.provenance for r in records if r.task.test == "latency"}
    assert {name: found.weights_sha256 for name, found in timed.items()} == {
        name: model.weights_sha256 for name, model in locked.items()
    }
    assert {name: found.inputs_sha256 for name, found in timed.items()} == {
        name: model.inputs_sha256 for name, model in locked.items()
    }


@pytest.mark.usefixtures("x86", "dot_env")
def test_the_line_that_is_printed_works_as_it_is_pasted(published, listed, results):
    (line,) = (line for line in published.splitlines() if f"docker pull {listed} " in line)
    assert "jetson" not in published
    pasted = f"{line.strip()} --plan results/tiny.toml --out results/run"
    (results / "tiny.toml").write_text('name = "tiny"\ndescription = "own"\nmodels = ["null"]\ntests = ["params"]\n')
    files = {"COMPOSE_FILE": settings(results, listed, ["compose.yaml"])["COMPOSE_FILE"]}
    done = run(["sh", "-c", pasted], **files, SUITE_UID=str(PERSON), SUITE_GID=str(PERSON))
    assert done.returncode == 0, done.stdout + done.stderr
    (record,) = store.load(results / "run").records
    assert record.host.container_image_digest == listed.split("@")[1]


@pytest.mark.usefixtures("published")
def test_a_version_is_published_once_on_a_real_registry(where, bases):
    head = output(["git", "rev-parse", "HEAD"]).strip()
    refused = run(["make", "publish", f"REGISTRY={where}", "IMAGES=x86", f"REVISION={head}"], **bases)
    assert refused.returncode != 0
    assert "is published already" in refused.stderr


def test_a_registry_that_does_not_answer_is_one_line(bases):
    refused = run(["make", "publish", "REGISTRY=127.0.0.1:1", "IMAGES=x86", "REVISION=abc"], **bases)
    assert refused.returncode != 0
    (told,) = (line for line in refused.stderr.splitlines() if line.startswith("make publish:"))
    assert "127.0.0.1:1/suite does not take the image" in told


@pytest.mark.usefixtures("published")
def test_the_image_names_its_base_by_digest(bases):
    assert Image("suite:arm64").labels["org.opencontainers.image.base.digest"] == bases["ARM64_BASE"].split("@")[1]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (["REGISTRY="], "make publish: name a registry"),
        (["REVISION=abc", "MODELS=pinned"], "weights whose licence is not stated"),
        (["REVISION=abc-dirty"], "make publish: commit first"),
        (["REVISION="], "make publish: commit first"),
        (["REVISION=abc", "BASE=debian:12"], "the base debian:12 of x86 is not pinned by a digest; run make pins"),
    ],
)
def test_what_must_not_be_published_is_refused_with_one_line(registry, settings, reason):
    refused = run(["make", "publish", f"REGISTRY={registry}", "IMAGES=x86", *settings])
    assert refused.returncode != 0
    assert reason in refused.stdout + refused.stderr


def test_an_unresolved_pin_is_looked_up_where_its_registry_answers(registry, where, listed, tmp_path):
    name = f"{where}/suite:{output(['docker/version']).strip()}"
    pins = tmp_path / "pins.env"
    pins.write_text(f"A_BASE={name}\nB_BASE={registry}/suite:absent\nC_BASE=x@sha256:12\n")
    done = run(["docker/resolve-pins", str(pins)])
    assert done.returncode == 3
    assert f"{registry}/suite:absent stays unresolved" in done.stderr
    assert pins.read_text().splitlines() == [
        f"A_BASE={name}@{listed.partition('@')[2]}",
        f"B_BASE={registry}/suite:absent",
        "C_BASE=x@sha256:12",
    ]


def test_an_image_is_carried_to_a_class_room_and_refused_where_a_byte_changed(x86, tmp_path):
    where, archive = f"ARCHIVES={tmp_path}", tmp_path / "suite-x86.tar.gz"
    digest = x86.digest
    said = output(["make", "save-x86", where])
    assert re.fullmatch(r"[0-9a-f]{64} [ *]suite-x86\.tar\.gz", said.strip().splitlines()[-1])
    output(["docker", "image", "rm", "--force", x86.name])
    output(["make", "load-x86", where])
    assert x86.digest == digest

    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)
    refused = run(["make", "load-x86", where])
    assert refused.returncode != 0
    assert "suite-x86.tar.gz: FAILED" in refused.stdout


def test_bases_are_carried_too_and_an_image_is_built_on_them_without_a_network(x86, tmp_path):
    """An archive keeps no digest, so a pinned base is asked of its registry, which no one here can reach."""
    name, where = f"unreachable.invalid/base:{secrets.token_hex(4)}", f"ARCHIVES={tmp_path}"
    offline, pinned = Image("suite:test-bases"), f"{name}@sha256:{'ab' * 32}"
    output(["docker", "tag", output(["docker/pin", "x86", "BUILD_BASE"]).strip(), name])
    try:
        output(["make", "save-bases-x86", where], BASE=name, BUILD_BASE=name)
        output(["docker", "image", "rm", name])
        build = ["docker/build", "x86", "--load", "--network", "none", "--tag", offline.name]
        refused = run(build, BASE=pinned, BUILD_BASE=pinned)
        assert refused.returncode == 3
        (told,) = refused.stderr.splitlines()
        assert told.startswith(f"docker/build: the base {pinned} is not here, and its registry does not give it (")
        assert "make load-bases-x86" in told
        output(["make", "load-bases-x86", where])
        built = run(build, BASE=pinned, BUILD_BASE=pinned)
        assert built.returncode == 0, built.stderr
        assert f"the base {name} is taken as it was loaded: its registry does not answer" in built.stderr
        assert offline.labels["org.opencontainers.image.base.digest"] == ""
        assert offline.inspected()["RootFS"]["Layers"] == x86.inspected()["RootFS"]["Layers"]
        refused = run(build, BASE=pinned, BUILD_BASE=pinned, PUBLISHING="yes")
        assert refused.returncode == 3
    finally:
        run(["docker", "image", "rm", "--force", name, offline.name])


def test_what_was_not_saved_or_built_is_said_with_the_command_for_it(tmp_path: Path):
    refused = run(["make", "load-x86", f"ARCHIVES={tmp_path}"])
    assert (refused.returncode, "make save-x86 writes it" in refused.stdout) == (2, True)
    refused = run(["make", "save-nothing", f"ARCHIVES={tmp_path}"])
    assert (refused.returncode, "make build-nothing makes it" in refused.stdout) == (2, True)
