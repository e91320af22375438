"""What plug-ins of others declare, learned from worker processes: the controller runs none of their code.

Each origin has a process of its own, so that a file which fails, ends its process, hangs or changes a default costs
itself alone. They are started together, a few at a time.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from suite.client.fields import Fields
from suite.client.interpreter import interpreter, worker_environment
from suite.client.wire import Wire
from suite.client.worker import decoding
from suite.errors import UsageError, WorkerError
from suite.records import record
from suite.worker import declarations
from suite.worker.model import Axis, Model
from suite.worker.outcome import WorkerFault
from suite.worker.protocol import PROTOCOL_VERSION

DEADLINE_S = 30.0  # a board's first import of torch, from a cold card
TOGETHER = 4
_CUT_SHORT = ("HUNG", "CRASHED", "KILLED", "KILLED_FOR_MEMORY", "PROTOCOL")


@record
class Broken:
    """A plug-in that can't be used. `reason` names where it lies. `name`: of the plug-in, where that is known."""

    origin: str
    reason: str
    remedy: str
    name: str | None = None

    def __str__(self) -> str:
        return f"{self.reason}; {self.remedy}"


def declared(
    origins: Sequence[str], environment: Mapping[str, str] | None = None, deadline_s: float = DEADLINE_S
) -> tuple[Model | Broken, ...]:
    """Declarations in the order of the origins: a model whose methods do nothing, or why there is none."""
    base = os.environ if environment is None else environment
    try:
        python = interpreter(base)
    except UsageError as error:
        return tuple(_no_worker(origin, error) for origin in origins)
    batches = (origins[at : at + TOGETHER] for at in range(0, len(origins), TOGETHER))
    with tempfile.TemporaryDirectory(prefix="suite-declarations-", ignore_cleanup_errors=True) as folder:
        return tuple(found for batch in batches for found in _together(batch, python, base, Path(folder), deadline_s))


def _together(
    origins: Sequence[str], python: Path, base: Mapping[str, str], folder: Path, deadline_s: float
) -> Iterator[Model | Broken]:
    started: list[Wire | Broken] = []
    ends_s = time.monotonic() + deadline_s
    try:
        started += (_started(origin, python, base, folder / str(index)) for index, origin in enumerate(origins))
        for origin, wire in zip(origins, started, strict=True):
            yield wire if isinstance(wire, Broken) else _answer(origin, wire, max(0.0, ends_s - time.monotonic()))
    finally:
        for wire in started:
            if isinstance(wire, Wire):
                wire.kill()


def _started(origin: str, python: Path, base: Mapping[str, str], log: Path) -> Wire | Broken:
    try:
        wire = Wire(python, log, worker_environment(base, 1))
    except UsageError as error:
        return _no_worker(origin, error)
    try:
        wire.begin("declare", {"origin": origin})
    except WorkerError as error:
        return _broken(origin, error)
    return wire


def _answer(origin: str, wire: Wire, deadline_s: float) -> Model | Broken:
    try:
        reply = wire.finish("declare", deadline_s)
        if reply.get("protocol") != PROTOCOL_VERSION:
            raise wire.foreign(f"protocol {reply.get('protocol')!r}, where {PROTOCOL_VERSION} is spoken")
        if "declaration" in reply:
            return model_of(declarations.check(reply["declaration"], origin))
        with decoding(wire, "declare"):
            fields = Fields(reply)
            name = None if reply.get("name") is None else fields.text("name")
            return Broken(origin=origin, name=name, reason=fields.text("reason"), remedy=fields.text("remedy"))
    except WorkerError as error:
        return _broken(origin, error)
    except WorkerFault as fault:
        return Broken(origin=origin, reason=fault.reason, remedy=fault.remedy)


def model_of(plain: Mapping[str, Any]) -> Model:
    """A model of these declarations. Its methods are the base's: what they do is done in the worker."""
    model = Model()
    for field in ("name", *declarations.TEXTS, *declarations.FLAGS):
        setattr(model, field, plain[field])
    for field in declarations.LISTS:
        setattr(model, field, tuple(plain[field]))
    model.axes = tuple(Axis(**axis) for axis in plain["axes"])
    return model


def _broken(origin: str, error: WorkerError) -> Broken:
    if error.code == "HUNG":
        return Broken(
            origin=origin,
            reason=f"{origin} does not come to an end of its import",
            remedy="Move what takes long or waits into the methods",
        )
    if error.code in _CUT_SHORT:
        return Broken(
            origin=origin,
            reason=f"{origin} can't be imported ({error.reason.replace('during declare', 'meanwhile')})",
            remedy="Correct what the file does as it is imported",
        )
    return Broken(origin=origin, reason=error.reason, remedy=error.remedy)


def _no_worker(origin: str, error: UsageError) -> Broken:
    return Broken(
        origin=origin, reason=f"{origin} can't be looked at", remedy=f"Mend what keeps a worker from starting: {error}"
    )
