"""Figures: one style, legible on a screen and in print, and the same bytes for the same data.

Colours are Okabe and Ito's, which people with any colour vision tell apart; each also has a marker of its own.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

WIDTH_IN = 7.4
DOTS_PER_INCH = 150
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
INK = "#222222"
FAINT = "#8a8a8a"
STYLE: dict[Any, Any] = {  # matplotlib's own type for the keys is a list of all their names
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9.0,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.7,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "text.color": INK,
    "lines.linewidth": 1.6,
}


class Plots:
    """Draws under the style and keeps the pictures of one report as PNG bytes, by file name."""

    def __init__(self) -> None:
        self.pictures: dict[str, bytes] = {}

    def add(self, name: str, figure: Figure, alternative: str) -> str:
        """Keeps a figure as plots/<name>.png and returns the Markdown that shows it."""
        buffer = io.BytesIO()
        # Without "Software", which names matplotlib's version, the bytes depend on the picture alone.
        FigureCanvasAgg(figure)
        figure.savefig(buffer, format="png", metadata={"Software": None})
        self.pictures[f"{name}.png"] = buffer.getvalue()
        return f"![{alternative}](plots/{name}.png)"

    def write(self, folder: Path) -> None:
        """Writes the pictures. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, picture in self.pictures.items():
            (folder / name).write_bytes(picture)


@contextmanager
def style() -> Iterator[None]:
    """The report's style over matplotlib's defaults, whatever the user's own settings are."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


def panels(count: int, panel_height_in: float = 2.3, columns: int = 2) -> tuple[Figure, list[Axes]]:
    """A figure of small multiples, `columns` in a row, of the report's width."""
    columns = min(columns, count)
    row_count = -(-count // columns)
    figure = Figure(
        figsize=(WIDTH_IN, panel_height_in * row_count), dpi=DOTS_PER_INCH, layout="constrained", facecolor="white"
    )
    grid = figure.subplots(row_count, columns, squeeze=False)
    axes = [axes for row in grid for axes in row]
    for unused in axes[count:]:
        unused.remove()
    return figure, axes[:count]


def colour(index: int) -> str:
    return COLOURS[index % len(COLOURS)]


def marker(index: int) -> str:
    return MARKERS[index % len(MARKERS)]
