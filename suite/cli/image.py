"""`suite image info|digest|labels`: an image of the suite in this person's Docker engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import suite
from suite.cli.answer import Answer, Row
from suite.fleet.engine import TITLE, TITLE_LABEL, Checkout, Engine, EngineFacts, ImageFacts, emulated
from suite.host.software import git_commit, locks_sha256
from suite.host.system import System
from suite.report.content import content
from suite.report.table import table
from suite.units import show

PLATFORMS = ("x86", "arm64", "jetson4", "jetson5", "jetson6", "jetson7")


def checkout() -> Checkout:
    """This checkout, as labels of an image built from it would say it."""
    system = System()
    return Checkout(
        version=suite.__version__,
        revision=git_commit(system.checkout),
        locks_sha256=tuple((name, locks_sha256(system.checkout, name)) for name in PLATFORMS),
    )


def info(name: str | None, engine: Engine, *, here: Callable[[], Checkout] = checkout) -> Answer:
    """Exit status 1 where the image does not fit this checkout or this machine."""
    image, facts = _image(name, engine), engine.facts()
    doubts = doubts_of(image, facts, here())
    shown = [
        ("image", image.name),
        ("digest", image.digest or "none: it was neither pushed nor pulled"),
        ("id", image.id),
        ("platform", image.platform),
        ("size", show(image.size_bytes, "B")),
        ("created", image.created),
        *(("doubt", doubt) for doubt in doubts),
    ]
    row: Row = {
        "name": image.name,
        "digest": image.digest,
        "id": image.id,
        "platform": image.platform,
        "size_bytes": image.size_bytes,
        "created": image.created,
        "doubts": "; ".join(doubts) or None,
    }
    return Answer(
        shown=content(table(("", "is"), shown, left=2)),
        rows={"image": [row]},
        data={**asdict(image), "doubts": doubts},
        status=1 if doubts else 0,
    )


def digest(name: str | None, engine: Engine) -> Answer:
    """What the image is pulled by; its id where it was never pushed. This is what a record names it by."""
    image = _image(name, engine)
    row: Row = {"name": image.name, "digest": image.digest, "id": image.id}
    return Answer(shown=content(image.digest or image.id), rows={"image": [row]}, data=row)


def labels(name: str | None, engine: Engine) -> Answer:
    found = sorted(_image(name, engine).labels.items())
    return Answer(
        shown=content(table(("label", "value"), found, left=2)),
        rows={"labels": [{"label": label, "value": value} for label, value in found]},
        data=dict(found),
    )


def doubts_of(image: ImageFacts, engine: EngineFacts, here: Checkout) -> list[str]:
    """Why this image would not be what a person takes it for."""
    if image.title != TITLE:
        return [f"{image.name} is no image of the suite: its label {TITLE_LABEL} is {image.title or 'absent'}"]
    emulation = emulated(image, engine)
    return [*([emulation] if emulation else []), *here.differences(image)]


def _image(name: str | None, engine: Engine) -> ImageFacts:
    """Without a name the newest image of the suite. Raises EngineError."""
    return engine.image(name) if name else engine.newest()
