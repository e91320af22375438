"""A model that a person brings, opened once by a worker process that says what it is. The controller opens nothing."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from suite.client.declarations import Broken, model_of
from suite.client.fields import Fields
from suite.client.interpreter import interpreter, worker_environment
from suite.client.wire import Wire
from suite.client.worker import decoding
from suite.errors import UsageError, WorkerError
from suite.records import record
from suite.worker import declarations
from suite.worker.brought import words
from suite.worker.model import Model
from suite.worker.outcome import WorkerFault
from suite.worker.protocol import PROTOCOL_VERSION

DEADLINE_S = 900.0  # a large model from a cold card


@record
class Introduced:
    """`origin`: with what the worker found out, so that nobody looks again. `model` does nothing; see declarations."""

    model: Model
    origin: str
    content_sha256: str | None


def introduced(
    origin: str, environment: Mapping[str, str] | None = None, deadline_s: float = DEADLINE_S
) -> Introduced | Broken:
    """What a worker says of the model. One that takes the worker with it, as one that is too large for the memory does,
    is known by its name alone: each of its tasks then has that as its outcome. Raises UsageError for a bad interpreter.
    """
    base = os.environ if environment is None else environment
    python = interpreter(base)
    with tempfile.TemporaryDirectory(prefix="suite-introduction-", ignore_cleanup_errors=True) as folder:
        wire = Wire(python, Path(folder) / "log", worker_environment(base, 1))
        try:
            reply = wire.ask("declare", deadline_s, {"origin": origin})
            return _answer(origin, reply, wire)
        except WorkerError as error:
            if error.fatal or error.code == "OUT_OF_MEMORY":
                return _unseen(origin)
            return Broken(origin=origin, reason=error.reason, remedy=error.remedy)
        except WorkerFault as fault:
            return Broken(origin=origin, reason=fault.reason, remedy=fault.remedy)
        finally:
            wire.kill()


def _answer(origin: str, reply: Mapping[str, Any], wire: Wire) -> Introduced | Broken:
    if reply.get("protocol") != PROTOCOL_VERSION:
        raise UsageError(f"the worker speaks protocol {reply.get('protocol')!r}, and {PROTOCOL_VERSION} is spoken here")
    fields = Fields(reply)
    with decoding(wire, "declare"):
        if "declaration" not in reply:
            return Broken(origin=origin, reason=fields.text("reason"), remedy=fields.text("remedy"))
        found, content = fields.text("origin"), fields.sha256("content_sha256")
        words.settings_of(found)
    return Introduced(
        model=model_of(declarations.check(reply["declaration"], words.settings_of(origin)["word"])),
        origin=found,
        content_sha256=content,
    )


def _unseen(origin: str) -> Introduced:
    settings = words.settings_of(origin)
    model = Model()
    model.name = settings["name"]
    model.title = settings.get("title") or model.name
    model.task = model.why = "a model that was brought"
    model.source = settings["word"]
    return Introduced(model=model, origin=origin, content_sha256=None)
