"""What the report reads of a model plug-in."""

from __future__ import annotations

from typing import Protocol


class Axis(Protocol):
    """What the report reads of an input axis that a model declares."""

    @property
    def name(self) -> str: ...
    @property
    def label(self) -> str: ...


class Declaration(Protocol):
    """What the report reads of a model plug-in; a model that is not installed has none."""

    @property
    def title(self) -> str: ...
    @property
    def task(self) -> str: ...
    @property
    def why(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def axes(self) -> tuple[Axis, ...]: ...
