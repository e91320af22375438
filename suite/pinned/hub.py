"""One file of one revision of a repository, from a hub that speaks Hugging Face's HTTP.

    GET HUB/OWNER/NAME/resolve/REVISION/PATH
    -> X-Repo-Commit: the revision it comes from; X-Linked-Etag, X-Linked-Size: SHA-256 and size of a large file
    -> the content, or redirects to where the content lies, which answers Range

A download goes on where it was cut off, in the same call or a later one. The hash is not looked at here: see fetch.py.
Source: the headers that the library huggingface_hub reads.
"""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin, urlsplit

from suite.errors import AbsentError, FetchError, StoreError, UnreachableError, UsageError
from suite.pinned.lock import Pinned, PinnedFile
from suite.records import record

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

DEFAULT_URL = "https://huggingface.co"
FRUITLESS_LIMIT = 5  # attempts in a row that brought no byte
UNREACHED_LIMIT = 2  # attempts in a row that found nobody
LONGEST_WAIT_S = 30.0
CHUNK_BYTES = 1 << 16  # what a cut can cost
_REDIRECT_LIMIT = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")

Tell = Callable[[int, int | None], None]  # bytes that are here, bytes of the whole file where they are known


@record
class Remote:
    """A file, and what must be true of the hub's answer."""

    repository: str
    revision: str
    file: PinnedFile

    @classmethod
    def each(cls, pinned: Pinned) -> tuple[Remote, ...]:
        return tuple(cls(repository=pinned.repository, revision=pinned.revision, file=file) for file in pinned.files)

    def __str__(self) -> str:
        return f"{self.repository}@{self.revision[:12]} {self.file.path}"


class _Interrupted(Exception):
    """What may go better the next time: a cut, a stall, a busy hub. `reached`: whether anybody answered."""

    def __init__(self, text: str, *, reached: bool = True) -> None:
        super().__init__(text)
        self.reached = reached


def address(url: str, where: str) -> str:
    """The hub's address, as it was given. where: "--hub", for the error. Raises UsageError for what is none."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that don't close, a port that is no number
        valid = False
    if not valid:
        raise UsageError(f"{where}: {url!r} is not an address; write it as {DEFAULT_URL}")
    return url


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """`token` is sent to the hub itself alone, and never shown. `timeout_s`: to connect, and between two bytes."""

    url: str = DEFAULT_URL
    token: str | None = field(default=None, repr=False)
    timeout_s: tuple[float, float] = (10.0, 30.0)
    sleep: Callable[[float], None] = time.sleep
    note: Callable[[str], None] = lambda _: None  # told of what is waited for

    def download(self, remote: Remote, part: Path, tell: Tell) -> None:
        """Continues `part` until it is as long as the hub's file. Raises FetchError, StoreError for a full disk."""
        fruitless_count = 0
        while True:
            before = _size(part)
            try:
                self._continue(remote, part, tell)
                return
            except _Interrupted as exc:
                fruitless_count = 0 if _size(part) > before else fruitless_count + 1
                wait_s = min(2.0**fruitless_count, LONGEST_WAIT_S)
                if not exc.reached and fruitless_count >= UNREACHED_LIMIT:
                    raise UnreachableError(
                        f"{self.url}: {exc}; connect this machine, or name a mirror with --hub"
                    ) from exc
                if fruitless_count >= FRUITLESS_LIMIT:
                    raise FetchError(
                        f"{remote}: {exc}, {fruitless_count} times in a row; {_size(part):,} bytes are kept: "
                        "run the same command again to go on from there"
                    ) from exc
                self.note(f"{exc}; trying again in {wait_s:.0f} s")
                self.sleep(wait_s)

    def _continue(self, remote: Remote, part: Path, tell: Tell) -> None:
        start = _size(part)
        with self._opened(remote, start) as response:
            if response.status_code == 416:
                if _range_total(response) != start:
                    part.unlink(missing_ok=True)
                    raise _Interrupted("the partial file is not of this one")
                return
            appending = response.status_code == 206
            total = _range_total(response) if appending else _content_length(response)
            wanted = remote.file.size_bytes
            if wanted is not None and total not in (None, wanted):
                raise FetchError(f"{remote}: the hub has {total:,} bytes, and models.lock pins {wanted:,}; {_MOVED}")
            with _writing(part):
                self._write(response, part, start if appending else 0, wanted or total, tell)
        if total is not None and _size(part) < total:
            raise _Interrupted("the connection was cut")

    def _write(self, response: Response, part: Path, start: int, total: int | None, tell: Tell) -> None:
        have = start
        with part.open("ab" if start else "wb") as file, _interruptions():
            for chunk in response.iter_content(CHUNK_BYTES):
                have += len(chunk)
                if total is not None and have > total:
                    part.unlink()
                    raise FetchError(f"{part}: the hub sends more than {total:,} bytes; {_MOVED}")
                file.write(chunk)
                tell(have, total)

    @contextmanager
    def _opened(self, remote: Remote, start: int) -> Iterator[Response]:
        """The answer that carries the content, at the end of the redirects."""
        import requests

        url = f"{self.url.rstrip('/')}/{remote.repository}/resolve/{remote.revision}/{quote(remote.file.path)}"
        told_revision = False
        with requests.Session() as session:
            for _ in range(_REDIRECT_LIMIT):
                with _interruptions():
                    headers = self._headers(url, start)
                    response = session.get(
                        url,
                        headers=headers,
                        auth=_unchanged,
                        stream=True,
                        allow_redirects=False,
                        timeout=self.timeout_s,
                    )
                with response:
                    told_revision |= _check_answer(remote, response)
                    if response.status_code not in _REDIRECTS:
                        _check_status(remote, response)
                        if not told_revision and not remote.file.resolved:
                            raise FetchError(f"{remote}: the hub does not say of which revision it is; use another hub")
                        yield response
                        return
                    url = _next_url(remote, url, response)
        raise FetchError(f"{remote}: more than {_REDIRECT_LIMIT} redirects; use another hub")

    def _headers(self, url: str, start: int) -> dict[str, str]:
        headers = {"Accept-Encoding": "identity", "User-Agent": "suite"}
        if start:
            headers["Range"] = f"bytes={start}-"
        own = urlsplit(self.url)
        if self.token and urlsplit(url)[:2] == own[:2] and (own.scheme == "https" or own.hostname in _LOOPBACK):
            headers["Authorization"] = f"Bearer {self.token}"
        return headers


_MOVED = "it is not the file that was pinned, and nothing of it was kept"


def _unchanged(request: PreparedRequest) -> PreparedRequest:
    """In place of what a .netrc file holds for the host, which would take the token's place and go along to others."""
    return request


def _check_answer(remote: Remote, response: Response) -> bool:
    """Whether the answer names its revision. Raises FetchError where revision or hash are not the pinned ones."""
    commit = response.headers.get("X-Repo-Commit")
    if commit is not None and commit != remote.revision:
        raise FetchError(f"{remote}: the hub answers with revision {commit[:40]}, not the pinned one; {_MOVED}")
    linked = response.headers.get("X-Linked-Etag", "").strip('W/"')
    if remote.file.resolved and re.fullmatch(r"[0-9a-f]{64}", linked) and linked != remote.file.sha256:
        raise FetchError(
            f"{remote}: the hub's file has SHA-256 {linked}, and models.lock pins {remote.file.sha256}; {_MOVED}"
        )
    return commit is not None


def _check_status(remote: Remote, response: Response) -> None:
    status = response.status_code
    if status in (200, 206, 416):
        return
    if status in (401, 403):
        raise FetchError(
            f"{remote}: the hub refuses access ({status}); accept the repository's terms there and set HF_TOKEN, or "
            "name a mirror with --hub"
        )
    if status in (404, 410):
        raise AbsentError(
            f"{remote}: the hub has no such file ({status}); it was renamed or taken away: name a mirror with --hub"
        )
    if status == 429 or status >= 500:
        raise _Interrupted(f"the hub is busy or broken ({status})")
    raise FetchError(f"{remote}: the hub answers {status}; name another with --hub")


def _next_url(remote: Remote, url: str, response: Response) -> str:
    target = urljoin(url, response.headers.get("Location", ""))
    parts = urlsplit(target)
    if parts.scheme not in ("http", "https") or (parts.scheme == "http" and urlsplit(url).scheme == "https"):
        raise FetchError(f"{remote}: the hub redirects away from https; use another hub")
    revision = re.search(r"/resolve/([^/]+)/", parts.path)
    if revision is not None and revision[1] != remote.revision:
        raise FetchError(f"{remote}: the hub redirects to revision {revision[1]}, not the pinned one; {_MOVED}")
    return target


@contextmanager
def _interruptions() -> Iterator[None]:
    """Translates what the HTTP library raises; its texts are left out, since addresses in them can hold signatures."""
    import requests

    try:
        yield
    except (
        requests.exceptions.InvalidURL,
        requests.exceptions.InvalidSchema,
        requests.exceptions.MissingSchema,
    ) as exc:
        raise FetchError("--hub: not an address; write it as https://huggingface.co") from exc
    except requests.exceptions.SSLError as exc:
        raise FetchError("the hub's certificate is not trusted here; correct the clock or REQUESTS_CA_BUNDLE") from exc
    except requests.exceptions.ConnectTimeout as exc:
        raise _Interrupted("nobody answers there", reached=False) from exc
    except requests.exceptions.Timeout as exc:
        raise _Interrupted("the hub does not answer") from exc
    except requests.exceptions.RequestException as exc:
        if (missing := _nobody(str(exc))) is not None:
            raise _Interrupted(missing, reached=False) from exc
        stalled = "Read timed out" in str(exc)
        raise _Interrupted("the connection stalled" if stalled else "the connection was cut") from exc


def _nobody(text: str) -> str | None:
    """Why nobody was reached, from the text of the HTTP library's error; None where somebody was."""
    if "NameResolutionError" in text or "Failed to resolve" in text:
        return "the hub's name is not known here"
    return "nobody listens there" if "NewConnectionError" in text else None


@contextmanager
def _writing(part: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        full = exc.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "make room, or choose another folder with --to" if full else "choose another folder with --to"
        raise StoreError(f"{part}: {(exc.strerror or str(exc)).lower()}; {remedy}") from exc


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _range_total(response: Response) -> int | None:
    """The size of the whole file, as "bytes 10-99/100" or "bytes */100" gives it."""
    found = re.fullmatch(r"bytes (?:\d+-\d+|\*)/(\d+)", response.headers.get("Content-Range", ""))
    return int(found[1]) if found else None


def _content_length(response: Response) -> int | None:
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isdecimal() else None
