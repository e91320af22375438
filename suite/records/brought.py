"""A model that a person brought: where it lies, what it holds, and what it declares."""

from __future__ import annotations

from suite.limits import MAX_INPUT_SIZE
from suite.records.values import record, require, require_count, require_name

MAX_BROUGHT_COUNT = 100  # models of a run


@record
class BroughtAxis:
    """An input size as a worker found it, or as the person resolved it."""

    name: str
    label: str
    default: int
    minimum: int
    maximum: int

    def __post_init__(self) -> None:
        require_name("axis", self.name)
        for value in (self.default, self.minimum):
            require_count(self.name, value, MAX_INPUT_SIZE)


@record
class BroughtModel:
    """name: that of its tasks. word: what was typed, paths made absolute. origin: the word and all that was said beside
    it, from which a worker makes the model. content_sha256: of the file, of a folder's files, or of the source that a
    function lies in; None where no worker could tell."""

    name: str
    word: str
    origin: str
    content_sha256: str | None
    title: str
    task: str = ""
    why: str = ""
    source: str = ""
    axes: tuple[BroughtAxis, ...] = ()

    def __post_init__(self) -> None:
        require_name("model", self.name)
        require(len(self.axes) <= 64, "a model has at most 64 axes")
