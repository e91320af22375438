"""The Docker engine of this person, through the Docker SDK for Python: what it is, its images of the suite.

DOCKER_HOST, DOCKER_CONTEXT and the context in use are followed. What the SDK raises becomes one EngineError, with a
remedy.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from suite.errors import EngineAddressError, EngineError
from suite.records import record

if TYPE_CHECKING:
    from docker import DockerClient

TITLE_LABEL = "org.opencontainers.image.title"
TITLE = "suite"
VERSION_LABEL = "org.opencontainers.image.version"
REVISION_LABEL = "org.opencontainers.image.revision"
LOCK_LABEL = "org.suite.lock.sha256"
PLATFORM_LABEL = "org.suite.platform"
TIMEOUT_S = 20
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}  # the engine's words, and those of images
_NO_ENGINE = (
    "no Docker engine answers; start it (sudo systemctl start docker, or Docker Desktop), or name one with "
    "DOCKER_HOST or docker context use"
)
_MEANINGS = (
    (
        errno.EACCES,
        ("permission denied",),
        "no permission on the Docker engine's socket; sudo usermod -aG docker $USER and log in again, or use a "
        "rootless engine",
    ),
    (
        errno.ENOSPC,
        ("no space left on device",),
        "the engine's disk is full; docker system df shows what takes it, docker builder prune frees some",
    ),
    (
        errno.ENOEXEC,
        ("exec format error", "no matching manifest", "does not match the specified platform"),
        "the image is of another architecture; build it here with make, or pull the one for this machine",
    ),
    (errno.ETIMEDOUT, ("timed out",), "the Docker engine does not answer; restart it (sudo systemctl restart docker)"),
)
_SCHEMES = ("unix", "tcp", "http", "https", "ssh", "npipe", "fd")  # as Docker's own client takes them


@record
class EngineFacts:
    """`native` is the platform that the engine runs without emulation: "linux/arm64"."""

    version: str
    native: str
    operating_system: str
    has_nvidia: bool  # whether the NVIDIA container runtime is installed in it
    default_runtime: str


@record
class ImageFacts:
    """`digest`: what to pull it by, where it was pushed or pulled; `id` is this engine's own name for it."""

    name: str
    id: str
    digest: str | None
    platform: str
    size_bytes: int
    created: str
    labels: dict[str, str]

    @property
    def title(self) -> str:
        return self.labels.get(TITLE_LABEL, "")


@record
class Checkout:
    """What an image's labels are held against; None: unknown here."""

    version: str
    revision: str | None
    locks_sha256: tuple[tuple[str, str | None], ...]  # by the platform of an image

    def differences(self, image: ImageFacts) -> tuple[str, ...]:
        """Where the labels don't fit, in words: ("it was built from commit a, and this checkout is at b",)."""
        pairs = (
            (VERSION_LABEL, "version", self.version),
            (REVISION_LABEL, "commit", self.revision),
            (LOCK_LABEL, "lock", dict(self.locks_sha256).get(image.labels.get(PLATFORM_LABEL, ""))),
        )
        return tuple(
            f"{what} {_short(image.labels[label])} in the image, {_short(own)} here"
            for label, what, own in pairs
            if own is not None and image.labels.get(label, own) not in ("", own)  # a label left empty says nothing
        )


class Engine:
    """Connects at first use. Every method raises EngineError."""

    def __init__(self, url: str | None = None, timeout_s: int = TIMEOUT_S) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._made: DockerClient | None = None

    def facts(self) -> EngineFacts:
        with _translated(""):
            told = self._client().info()
        architecture = str(told.get("Architecture", "unknown"))
        return EngineFacts(
            version=str(told.get("ServerVersion", "unknown")),
            native=f"{told.get('OSType', 'linux')}/{_ARCHITECTURES.get(architecture, architecture)}",
            operating_system=str(told.get("OperatingSystem", "unknown")),
            has_nvidia="nvidia" in (told.get("Runtimes") or {}),
            default_runtime=str(told.get("DefaultRuntime", "unknown")),
        )

    def images(self) -> tuple[ImageFacts, ...]:
        """Images of the suite, by their title label: those for this machine first, newest first. Not those whose
        name went to a later build."""
        with _translated(""):
            found = self._client().images.list(filters={"label": f"{TITLE_LABEL}={TITLE}"})
            # Of several names the shortest: that of no registry.
            facts = [_facts(image.attrs, min(image.tags, key=len, default=image.short_id)) for image in found]
            facts = [image for image in facts if image.digest or not image.id.startswith(image.name)]
        native = self.facts()
        newest = sorted(facts, key=lambda image: image.created, reverse=True)
        return tuple(sorted(newest, key=lambda image: emulated(image, native) is not None))

    def image(self, name: str) -> ImageFacts:
        with _translated(name):
            return _facts(self._client().images.get(name).attrs, name)

    def newest(self) -> ImageFacts:
        images = self.images()
        if not images:
            raise EngineError("this engine has no image of the suite; build one with make, or docker pull one")
        return images[0]

    def close(self) -> None:
        if self._made is not None:
            self._made.close()
            self._made = None

    def _client(self) -> DockerClient:
        import docker

        if self._made is None:
            _check_host(os.environ.get("DOCKER_HOST", ""))
            url = self._url or _url_of_context(os.environ)
            if url is None:
                self._made = docker.from_env(timeout=self._timeout_s)
            else:
                self._made = docker.DockerClient(base_url=url, timeout=self._timeout_s)
        return self._made


def _check_host(host: str) -> None:
    """Raises EngineAddressError for what no engine can be reached at, whatever runs there."""
    try:
        parts = urlsplit(host)
        valid = not host or (parts.scheme in _SCHEMES and parts.port != 0)
    except ValueError:  # brackets that don't close, a port that is no number
        valid = False
    if not valid:
        raise EngineAddressError(
            f"DOCKER_HOST: {host!r} is no address; write it as unix:///var/run/docker.sock, tcp://HOST:PORT or ssh://HOST"
        )


def _url_of_context(environ: Mapping[str, str]) -> str | None:
    """Where the context is that DOCKER_CONTEXT names, which the SDK takes for none where ~/.docker has no config.json.

    None: the SDK finds the engine by itself. Raises EngineError where there is no such context.
    """
    import docker

    name = environ.get("DOCKER_CONTEXT", "")
    if environ.get("DOCKER_HOST") or name in ("", "default") or docker.ContextAPI.get_context(name) is not None:
        return None
    folder = Path(environ.get("DOCKER_CONFIG") or "~/.docker").expanduser()
    meta = folder / "contexts/meta" / hashlib.sha256(name.encode()).hexdigest() / "meta.json"
    try:
        return str(json.loads(meta.read_bytes())["Endpoints"]["docker"]["Host"])
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise EngineError(
            f"DOCKER_CONTEXT: there is no Docker context {name!r}; name one that docker context ls shows"
        ) from exc


def emulated(image: ImageFacts, engine: EngineFacts) -> str | None:
    """What is to be said of an image of another architecture; None for a native one."""
    if image.platform.split("/")[:2] == engine.native.split("/")[:2]:
        return None
    return (
        f"{image.name} is for {image.platform}, and this engine runs {engine.native}: it starts only under emulation, "
        f"whose figures mean nothing; build or pull the one for {engine.native}"
    )


def explain(exc: BaseException, what: str = "") -> str:
    """One line for anything that the SDK raises: what is wrong, and the remedy. `what` names an image or a step."""
    status = getattr(getattr(exc, "response", None), "status_code", None)
    subject = f"{what}: " if what else ""
    known = _known(exc)
    if known is not None:
        return f"{subject}{known}"
    if status == 404:
        return f"{subject}this engine has no such image; docker pull it, or build one with make"
    if status is not None:
        detail = str(getattr(exc, "explanation", None) or exc)
        return f"{subject}the Docker engine answers {status}: {' '.join(detail.split())}; docker info says more"
    return f"{subject}{_NO_ENGINE}"


def _known(exc: BaseException) -> str | None:
    """By error number where the system gave one, else by what engines and the SDK write."""
    chain = list(_causes(exc))
    numbers = {cause.errno for cause in chain if isinstance(cause, OSError)}
    text = " ".join(str(cause) for cause in chain).lower()
    for number, phrases, meaning in _MEANINGS:
        if number in numbers or any(phrase in text for phrase in phrases):
            return meaning
    return None


@contextmanager
def _translated(what: str) -> Iterator[None]:
    import requests

    import docker

    try:
        yield
    except (docker.errors.DockerException, requests.exceptions.RequestException, OSError) as exc:
        raise EngineError(explain(exc, what)) from exc


def _causes(exc: BaseException | None) -> Iterator[BaseException]:
    """The exception, and those behind it: HTTP libraries keep some in their arguments alone."""
    seen: list[BaseException] = []
    waiting: list[Any] = [exc]
    while waiting:
        found = waiting.pop(0)
        if isinstance(found, BaseException) and found not in seen:
            seen.append(found)
            yield found
            waiting += [found.__cause__, found.__context__, getattr(found, "reason", None), *found.args]


def _facts(attributes: Mapping[str, Any], name: str) -> ImageFacts:
    parts = [attributes.get("Os", "linux"), attributes.get("Architecture", "unknown"), attributes.get("Variant")]
    digests = attributes.get("RepoDigests") or []
    return ImageFacts(
        name=name,
        id=str(attributes["Id"]),
        digest=str(digests[0]) if digests else None,
        platform="/".join(part for part in parts if part),
        size_bytes=int(attributes.get("Size", 0)),
        created=str(attributes.get("Created", "")),
        labels=dict((attributes.get("Config") or {}).get("Labels") or {}),
    )


def _short(value: str) -> str:
    return value[:12] if len(value) >= 40 else value
