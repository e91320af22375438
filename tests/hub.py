"""A small hub on loopback that speaks Hugging Face's HTTP, and misbehaves as a test says.

`/OWNER/NAME/resolve/REVISION/PATH` redirects to `/cdn/...` under another host name, which knows Range.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

REPOSITORY = "lab/tiny"
REVISION = "0123456789abcdef0123456789abcdef01234567"
SIGNATURE = "X-Signature=secret"


@dataclass(frozen=True, slots=True)
class Asked:
    path: str
    range_start: int
    authorization: str | None


@dataclass(slots=True)
class Hub:
    """What it serves and how it fails. `stop_after` bytes of a content it cuts the connection, or stalls."""

    files: dict[str, bytes]
    revision: str = REVISION
    status: int | None = None
    busy_count: int = 0  # answers 503 so often first
    redirects: bool = True
    redirect_revision: str | None = None
    names_revision: bool = True
    names_hash: bool = True
    knows_range: bool = True
    cuts: list[int] = field(default_factory=list)  # per answer of content: after how many bytes it breaks off
    stalls: bool = False  # breaks off by falling silent, instead of closing the connection
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def content_requests(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.path.startswith("/cdn/") or not self.redirects]


class Handler(BaseHTTPRequestHandler):
    hub: Hub  # set in a class of each server's own
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        hub = self.hub
        start = int(re.sub(r"\D", "", self.headers.get("Range", "") or "0"))
        path = unquote(self.path.partition("?")[0])
        hub.asked.append(Asked(path, start, self.headers.get("Authorization")))
        name = path.rsplit("/", 1)[-1]
        if hub.busy_count:
            hub.busy_count -= 1
            self.plain(503)
        elif hub.status is not None or name not in hub.files:
            self.plain(hub.status or 404)
        elif path.startswith("/cdn/"):
            self.content(hub.files[name], start, {})
        else:
            self.resolve(name, start)

    def resolve(self, name: str, start: int) -> None:
        hub = self.hub
        headers = {"X-Repo-Commit": hub.revision} if hub.names_revision else {}
        if hub.names_hash:
            digest = hashlib.sha256(hub.files[name]).hexdigest()
            headers |= {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(hub.files[name]))}
        if hub.redirect_revision:
            return self.plain(307, headers | {"Location": f"/{REPOSITORY}/resolve/{hub.redirect_revision}/{name}"})
        if hub.redirects:
            return self.plain(302, headers | {"Location": f"{other_name(hub.url)}/cdn/{name}?{SIGNATURE}"})
        return self.content(hub.files[name], start, headers)

    def plain(self, status: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def content(self, whole: bytes, start: int, headers: dict[str, str]) -> None:
        hub = self.hub
        if start and hub.knows_range and start >= len(whole):
            return self.plain(416, headers | {"Content-Range": f"bytes */{len(whole)}"})
        ranged = bool(start) and hub.knows_range
        body = whole[start:] if ranged else whole
        self.send_response(206 if ranged else 200)
        for name, value in headers.items():
            self.send_header(name, value)
        if ranged:
            self.send_header("Content-Range", f"bytes {start}-{len(whole) - 1}/{len(whole)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not hub.cuts:
            self.wfile.write(body)
            return None
        self.wfile.write(body[: hub.cuts.pop(0)])
        self.wfile.flush()
        if hub.stalls:
            hub.released.wait(20)
        self.close_connection = True
        return None

    def log_message(self, format: str, *arguments: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is what some tests are about."""


def other_name(url: str) -> str:
    """The same server under another host name, as a CDN is another host."""
    return url.replace("127.0.0.1", "localhost")


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    handler: type[Handler] = type("HubHandler", (Handler,), {"hub": hub})
    server = Server(("127.0.0.1", 0), handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        hub.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


Serve = Callable[[Hub], Hub]
