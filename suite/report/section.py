"""What a report section is: one file in suite/report/sections/ that ends in `PLUGIN = Section(...)`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from suite.report.content import Content
from suite.report.plots import Plots
from suite.report.view import RunView


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """`render` returns the section's blocks without its own heading (deeper ones are of level 3 or more).

    No blocks leave the section out: nothing that it shows was asked for. Sections are numbered by `order`.
    """

    name: str
    order: int
    title: str
    render: Callable[[RunView, Plots], Content]
