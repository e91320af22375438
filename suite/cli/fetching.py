"""`suite models fetch` and `suite models verify`: published weights and tokenizers, as models.lock pins them."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from suite import registry
from suite.cli.answer import Answer
from suite.errors import FetchError, SuiteError, UnreachableError, UsageError, WorkerError
from suite.pinned import hub_models, relock
from suite.pinned import lock as models_lock
from suite.pinned.convert import convert
from suite.pinned.fetch import fetch
from suite.pinned.hub import DEFAULT_URL, Hub, address
from suite.pinned.lock import Pinned
from suite.pinned.verify import Verdict, place, verify
from suite.report.content import content
from suite.report.table import table
from suite.tools import Tools
from suite.units import show
from suite.worker.brought import words

_TOLD_EVERY_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`names` None: everything that models.lock pins. `hub` None: HF_ENDPOINT, or the public one."""

    names: tuple[str, ...] | None = None
    folder: Path | None = None
    hub: str | None = None
    record_hashes: bool = False
    trust_remote_code: bool = False
    lock: Path = models_lock.PATH

    def chosen(self) -> dict[str, Pinned]:
        known = models_lock.pinned_sources(self.lock)
        for name in self.names or ():
            if name not in known:
                raise UsageError(f"--model: {registry.unknown('pinned model or tokenizer', name, known)}")
        return {name: known[name] for name in self.names or known}

    def place(self) -> Path:
        return self.folder.expanduser().absolute() if self.folder else models_lock.weights_folder(os.environ)


def fetch_all(request: Request, tools: Tools) -> Answer:
    """Fetches and converts what is not there yet, each on its own: one that fails does not keep the next from coming.

    The answer is what is there afterwards. Raises FetchError with the reasons, where any failed.
    """
    if any(name.startswith(words.HUB) for name in request.names or ()):
        return _fetch_of_hub(request)
    hub = Hub(url=_hub_url(request), token=os.environ.get("HF_TOKEN"), note=_tell)
    chosen, folder = request.chosen(), request.place()
    failures: list[SuiteError] = []
    for name, pinned in chosen.items():
        if verify(name, pinned, folder).ok:
            continue
        if not pinned.publishable:
            _tell(f"{name}: its licence is not stated: an image with these weights must not be published")
        try:
            found = _bring(name, pinned, request, hub, tools)
        except (FetchError, WorkerError) as error:
            failures.append(error)
            if isinstance(error, UnreachableError):
                break
            continue
        if request.record_hashes and found != pinned:
            lock = relock.with_pinned(models_lock.load(request.lock), name, found)
            relock.write(lock, request.lock)
            _tell(f"{name}: {request.lock} now holds what was found; look at the difference before you commit it")
    if failures:
        raise FetchError("; ".join(str(error) for error in failures)) from failures[0]
    return _shown([verify(name, pinned, folder) for name, pinned in request.chosen().items()], folder, 0)


def _hub_url(request: Request) -> str:
    """Raises UsageError where what was given is no address."""
    if request.hub is not None:
        return address(request.hub, "--hub")
    given = os.environ.get("HF_ENDPOINT")
    return address(given, "HF_ENDPOINT") if given else DEFAULT_URL


def verify_all(request: Request) -> Answer:
    """Exit status 1 unless everything is there and as pinned."""
    folder = request.place()
    verdicts = [verify(name, pinned, folder) for name, pinned in request.chosen().items()]
    if any(verdict.state in ("absent", "wrong") for verdict in verdicts):
        _tell("what is absent or wrong comes with: suite models fetch")
    return _shown(verdicts, folder, 0 if all(verdict.ok for verdict in verdicts) else 1)


def _bring(name: str, pinned: Pinned, request: Request, hub: Hub, tools: Tools) -> Pinned:
    """The pin with what was unresolved in it filled in. Raises SuiteError."""
    own = place(name, pinned, request.place())
    fetched = fetch(pinned, own, hub, _Progress(name), record_hashes=request.record_hashes)
    found = replace(pinned, files=tuple(entry.file for entry in fetched))
    if pinned.converted_sha256 is None:
        return found
    _tell(f"{name}: converting to safetensors")
    worker = tools.workers(Path(os.devnull))(1)
    try:
        receipt, made = convert(name, pinned, fetched, worker)
    finally:
        worker.close()
    if made.left_out:
        _tell(f"{name}: the model has no place for {', '.join(made.left_out)}")
    return replace(found, converted_sha256=receipt.converted_sha256, weights_sha256=receipt.weights_sha256)


def _fetch_of_hub(request: Request) -> Answer:
    """Models that nothing pins, by hf:NAME@REVISION. Raises UsageError where others are named beside them."""
    names = request.names or ()
    pinned = [name for name in names if not name.startswith(words.HUB)]
    if pinned:
        raise UsageError(f"--model: {pinned[0]} is pinned, and {words.HUB}... is not: fetch them apart")
    hub = Hub(url=_hub_url(request), token=os.environ.get("HF_TOKEN"), note=_tell)
    trust = request.trust_remote_code
    rows = [
        (name, str(hub_models.fetch(name, request.place(), hub, _Progress(name), trust_remote_code=trust)))
        for name in names
    ]
    return Answer(
        shown=content(table(("name", "folder"), rows, left=2)),
        rows={"fetched": [{"name": name, "folder": place} for name, place in rows]},
        data={"fetched": dict(rows)},
    )


def _shown(verdicts: Sequence[Verdict], folder: Path, status: int) -> Answer:
    rows = [(verdict.name, verdict.state, verdict.reason) for verdict in verdicts]
    return Answer(
        shown=content(table(("name", "state", "why"), rows, left=3)),
        rows={"pinned": [{"name": name, "state": state, "why": why} for name, state, why in rows]},
        data={"folder": str(folder), "pinned": [asdict(verdict) for verdict in verdicts]},
        status=status,
    )


class _Progress:
    """A line about once a second on a terminal, which it rewrites; elsewhere one for each tenth."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._began: tuple[float, int] | None = None
        self._told_s = 0.0
        self._told_tenth = -1
        self._on_terminal = sys.stderr.isatty()

    def __call__(self, have_bytes: int, total_bytes: int | None) -> None:
        now_s = time.monotonic()
        self._began = self._began or (now_s, have_bytes)
        done = total_bytes is not None and have_bytes >= total_bytes
        tenth = 10 * have_bytes // total_bytes if total_bytes else -1
        due = now_s - self._told_s >= _TOLD_EVERY_S if self._on_terminal else tenth > self._told_tenth
        if due or done:
            self._told_s, self._told_tenth = now_s, tenth
            line = f"{self._name}: {self._text(now_s, have_bytes, total_bytes)}"
            if self._on_terminal:
                print(f"\r\x1b[K{line}", end="\n" if done else "", file=sys.stderr, flush=True)
            else:
                _tell(line)

    def _text(self, now_s: float, have_bytes: int, total_bytes: int | None) -> str:
        assert self._began is not None
        began_s, began_bytes = self._began
        if total_bytes is None:
            return show(have_bytes, "B")
        told = f"{show(have_bytes, 'B')} of {show(total_bytes, 'B')}"
        speed = (have_bytes - began_bytes) / (now_s - began_s) if now_s > began_s else 0.0
        if not speed or have_bytes >= total_bytes:
            return told
        return f"{told}, about {show((total_bytes - have_bytes) / speed, 's')} left"


def _tell(line: str) -> None:
    print(line, file=sys.stderr)
