"""What the suite asks of an engine: over a real socket to a fake one, and of the real one where it answers.

The fake speaks the part of the Engine API that is asked for: /version, /info, /images/json, /images/NAME/json.
"""

from __future__ import annotations

import errno
import gc
import hashlib
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus, urlsplit

import pytest

from suite.cli import image as answers
from suite.errors import EngineAddressError, EngineError
from suite.fleet.engine import Checkout, Engine, EngineFacts, ImageFacts, emulated, explain
from suite.report.writers.text import blocks

ID = "sha256:" + "1" * 64
DIGEST = "registry.example/suite@sha256:" + "2" * 64
LABELS = {
    "org.opencontainers.image.title": "suite",
    "org.opencontainers.image.version": "0.1.0",
    "org.opencontainers.image.revision": "a" * 40,
    "org.suite.lock.sha256": "c" * 64,
    "org.suite.platform": "jetson",
}
INFO = {
    "ServerVersion": "27.5.1",
    "OSType": "linux",
    "Architecture": "aarch64",
    "OperatingSystem": "Ubuntu 22.04",
    "Runtimes": {"runc": {}, "nvidia": {}},
    "DefaultRuntime": "nvidia",
}
FITTING = Checkout(version="0.1.0", revision="a" * 40, locks_sha256=(("jetson", "c" * 64),))


def attributes(architecture: str = "arm64", created: str = "2026-11-02T09:00:00Z", **changed: Any) -> dict[str, Any]:
    return {
        "Id": ID,
        "RepoTags": ["suite:jetson"],
        "RepoDigests": [DIGEST],
        "Os": "linux",
        "Architecture": architecture,
        "Size": 2**30,
        "Created": created,
        "Config": {"Labels": LABELS},
        **changed,
    }


@dataclass
class FakeEngine:
    images: dict[str, dict[str, Any]] = field(default_factory=lambda: {"suite:jetson": attributes()})
    failure: tuple[int, str] | None = None
    asked: list[str] = field(default_factory=list)

    def answer(self, path: str, query: str) -> tuple[int, Any]:
        self.asked.append(f"{path}?{query}")
        if path.endswith("/version"):
            return 200, {"ApiVersion": "1.47", "MinAPIVersion": "1.24", "Version": "27.5.1"}
        if self.failure is not None:
            return self.failure[0], {"message": self.failure[1]}
        if path.endswith("/info"):
            return 200, INFO
        if path.endswith("/images/json"):
            return 200, [{"Id": name} for name in self.images]
        name = path.split("/images/")[1].removesuffix("/json")
        if name in self.images:
            return 200, self.images[name]
        return 404, {"message": f"No such image: {name}"}


@contextmanager
def listening(fake: FakeEngine, socket: Path) -> Iterator[Engine]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            status, content = fake.answer(unquote_plus(parts.path), unquote_plus(parts.query))
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

        def address_string(self) -> str:
            return "socket"

    with socketserver.ThreadingUnixStreamServer(str(socket), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        engine = Engine(f"unix://{socket}")
        try:
            yield engine
        finally:
            engine.close()
            server.shutdown()
            thread.join()


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[tuple[FakeEngine, Engine]]:
    fake = FakeEngine()
    with listening(fake, tmp_path / "docker.sock") as engine:
        yield fake, engine


def test_an_engine_says_what_it_is(fake: tuple[FakeEngine, Engine]) -> None:
    assert fake[1].facts() == EngineFacts(
        version="27.5.1",
        native="linux/arm64",
        operating_system="Ubuntu 22.04",
        has_nvidia=True,
        default_runtime="nvidia",
    )


def test_images_of_the_suite_are_found_by_their_label_newest_first(fake: tuple[FakeEngine, Engine]) -> None:
    fake[0].images["suite:old"] = attributes(created="2026-10-01T09:00:00Z", RepoTags=[])
    fake[0].images["replaced"] = attributes(RepoTags=[], RepoDigests=[])
    newest, old = fake[1].images()
    assert newest == ImageFacts(
        name="suite:jetson",
        id=ID,
        digest=DIGEST,
        platform="linux/arm64",
        size_bytes=2**30,
        created="2026-11-02T09:00:00Z",
        labels=LABELS,
    )
    assert (old.name, old.digest) == ("sha256:" + "1" * 12, DIGEST)
    (listed,) = (line for line in fake[0].asked if "/images/json" in line)
    assert '"label": ["org.opencontainers.image.title=suite"]' in listed


def test_an_image_that_fits_leaves_no_doubt(fake: tuple[FakeEngine, Engine]) -> None:
    found = answers.info("suite:jetson", fake[1], here=lambda: FITTING)
    assert (found.status, found.data["doubts"]) == (0, [])


def test_another_commit_and_another_architecture_are_told(fake: tuple[FakeEngine, Engine]) -> None:
    fake[0].images["suite:x86"] = attributes(architecture="amd64")
    here = Checkout(version="0.1.0", revision="b" * 40, locks_sha256=(("jetson", "c" * 64),))
    found = answers.info("suite:x86", fake[1], here=lambda: here)
    assert found.status == 1
    emulation, commit = found.data["doubts"]
    assert emulation.startswith("suite:x86 is for linux/amd64, and this engine runs linux/arm64: it starts only under")
    assert commit == "commit aaaaaaaaaaaa in the image, bbbbbbbbbbbb here"


def test_the_lock_is_that_of_the_image_s_own_platform(fake: tuple[FakeEngine, Engine]) -> None:
    found = fake[1].image("suite:jetson")
    for locks, differences in (
        ((("x86", "d" * 64),), ()),
        ((("x86", "c" * 64), ("jetson", "d" * 64)), ("lock cccccccccccc in the image, dddddddddddd here",)),
    ):
        here = Checkout(version="0.1.0", revision=None, locks_sha256=locks)
        assert here.differences(found) == differences


def test_a_variant_of_the_same_architecture_is_native(fake: tuple[FakeEngine, Engine]) -> None:
    fake[0].images["suite:v8"] = attributes(Variant="v8")
    found = fake[1].image("suite:v8")
    assert found.platform == "linux/arm64/v8"
    assert emulated(found, fake[1].facts()) is None


def test_the_digest_is_what_to_pull_by_or_else_the_id(fake: tuple[FakeEngine, Engine]) -> None:
    named = answers.digest(None, fake[1])
    fake[0].images["local"] = attributes(RepoDigests=[])
    local = answers.digest("local", fake[1])
    assert [blocks(each.shown) for each in (named, local)] == [DIGEST, ID]


def test_labels_are_printed(fake: tuple[FakeEngine, Engine]) -> None:
    assert answers.labels("suite:jetson", fake[1]).data == LABELS


def test_no_image_is_one_line_with_a_remedy(fake: tuple[FakeEngine, Engine]) -> None:
    with pytest.raises(
        EngineError, match=r"^other: this engine has no such image; docker pull it, or build one with make$"
    ):
        fake[1].image("other")
    fake[0].images.clear()
    with pytest.raises(EngineError, match="this engine has no image of the suite; build one with make"):
        fake[1].newest()


FAILURES = [
    (
        500,
        "write /var/lib/docker/x: no space left on device",
        "suite:jetson: the engine's disk is full; docker system df",
    ),
    (500, "exec format error", "suite:jetson: the image is of another architecture; build it here"),
    (500, "layer is\nlost", "suite:jetson: the Docker engine answers 500: layer is lost; docker info says more"),
]


@pytest.mark.parametrize(("status", "message", "line"), FAILURES)
def test_what_the_engine_refuses_is_one_line(
    fake: tuple[FakeEngine, Engine], status: int, message: str, line: str
) -> None:
    fake[0].failure = status, message
    with pytest.raises(EngineError) as refusal:
        fake[1].image("suite:jetson")
    assert str(refusal.value).startswith(line)
    assert "\n" not in str(refusal.value)


# The SDK leaves the socket that it could not connect to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_no_engine_is_one_line_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"^no Docker engine answers; start it .* DOCKER_HOST or docker context use$"):
        Engine(f"unix://{tmp_path / 'docker.sock'}").facts()
    with pytest.raises(EngineError, match="no Docker engine answers"):
        Engine("tcp://127.0.0.1:9").facts()
    gc.collect()


def test_what_can_not_be_provoked_here_is_explained() -> None:
    refused = ConnectionError("aborted", PermissionError(errno.EACCES, "Permission denied"))
    assert explain(refused).startswith("no permission on the Docker engine's socket; sudo usermod -aG docker $USER")
    assert explain(TimeoutError("timed out")).startswith("the Docker engine does not answer")


@pytest.fixture
def real() -> Iterator[Engine]:
    engine = Engine()
    try:
        engine.facts()
    except EngineError as error:
        pytest.skip(str(error))
    yield engine
    engine.close()


@pytest.mark.engine
def test_the_real_engine_answers_as_the_fake_does(real: Engine) -> None:
    facts = real.facts()
    assert facts.native.startswith("linux/")
    assert facts.version[0].isdigit()
    for found in real.images():
        assert found.title == "suite"
        assert real.image(found.id).id == found.id
    with pytest.raises(EngineError, match="this engine has no such image"):
        real.image("suite-of-nobody:absent")


def test_without_a_name_an_image_for_this_machine_comes_before_a_newer_one_for_another(fake):
    engine_side, engine = fake
    engine_side.images = {
        "suite:x86": attributes("amd64", created="2026-11-03T09:00:00Z", RepoTags=["suite:x86"]),
        "suite:arm64": attributes("arm64", created="2026-11-01T09:00:00Z", RepoTags=["suite:arm64"]),
        "suite:jetson": attributes("arm64", created="2026-11-02T09:00:00Z"),
    }
    assert [image.name for image in engine.images()] == ["suite:jetson", "suite:arm64", "suite:x86"]
    assert engine.newest().name == "suite:jetson"


@pytest.mark.parametrize(
    ("labels", "title"), [({}, "absent"), ({"org.opencontainers.image.title": "debian"}, "debian"), (None, "absent")]
)
def test_an_image_that_is_not_of_the_suite_is_doubted(fake, labels, title):
    engine_side, engine = fake
    engine_side.images = {"debian:12": attributes(Config={"Labels": labels})}
    doubts = answers.doubts_of(engine.image("debian:12"), engine.facts(), FITTING)
    assert doubts == [f"debian:12 is no image of the suite: its label org.opencontainers.image.title is {title}"]


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """DOCKER_CONTEXT names a context, as docker context create leaves it: without a config.json."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("DOCKER_CONTEXT", "board")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    meta = tmp_path / "contexts/meta" / hashlib.sha256(b"board").hexdigest() / "meta.json"
    meta.parent.mkdir(parents=True)
    return meta


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("config", [True, False])
def test_the_context_of_the_environment_is_followed(context, tmp_path, config):
    endpoint = {"Host": f"unix://{tmp_path}/docker.sock", "SkipTLSVerify": False}
    context.write_text(json.dumps({"Name": "board", "Metadata": {}, "Endpoints": {"docker": endpoint}}))
    if config:
        (tmp_path / "config.json").write_text("{}")
    engine = Engine()
    try:
        assert engine.facts().operating_system == "Ubuntu 22.04"
    finally:
        engine.close()


@pytest.mark.usefixtures("context")
def test_a_context_that_is_not_there_is_no_reason_to_take_another_engine():
    with pytest.raises(EngineError, match=r"DOCKER_CONTEXT: there is no Docker context 'board'; name one that docker"):
        Engine().facts()


@pytest.mark.parametrize("host", ["http://[", "foo", "tcp://h:port", "tcp://h:0", "ftp://h"])
def test_a_docker_host_that_is_no_address_is_wrong_use(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(EngineAddressError, match=r"^DOCKER_HOST: .* is no address; write it as unix://") as caught:
        Engine().facts()
    assert caught.value.exit_status == 2
