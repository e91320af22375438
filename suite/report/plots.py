"""Figures: one style, legible on a screen and in print, and the same bytes for the same data.

Colours are Okabe and Ito's, which people with any colour vision tell apart; each also has a marker of its own.
"""

from __future__ import annotations

import io
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from suite.records.folder import Folder
from suite.report import drawings
from suite.report.content import Drawn, Paragraph, Picture, Span, Spans

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
    "svg.fonttype": "none",  # letters stay letters: searched, read aloud, a tenth of the bytes
    "svg.hashsalt": "suite",
    "text.parse_math": False,  # a dollar in a name is a dollar
}
MAX_ROWS = 40  # names in one picture
MAX_CURVES = 14  # twice through the colours
MAX_PANELS = 12
MAX_PICTURES = 60
MAX_NAME = 40  # characters beside a picture, which is 7.4 inches wide

T = TypeVar("T")


class Plots:
    """Draws under the style and keeps the pictures of one report: as PNG and SVG by file name, as SVG for a page."""

    def __init__(self) -> None:
        self.pictures: dict[str, bytes] = {}
        self.vectors: dict[str, bytes] = {}
        self.drawings: dict[str, str] = {}

    def add(self, name: str, figure: Figure, alternative: str, caption: Span | Spans = ()) -> Drawn:
        """Keeps a figure and returns the block that shows it.

        `name` is ours but for an axis in it, of which only letters and digits are kept; no picture replaces another.
        """
        if len(self.drawings) >= MAX_PICTURES:
            return Paragraph(f"No picture: a report has at most {MAX_PICTURES}.")
        name = self._free(re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "picture")
        buffer = io.BytesIO()
        # Without "Software", which names matplotlib's version, the bytes depend on the picture alone.
        FigureCanvasAgg(figure)
        figure.savefig(buffer, format="png", metadata={"Software": None})
        self.pictures[f"{name}.png"] = buffer.getvalue()
        drawing = drawings.write(figure)
        self.vectors[f"{name}.svg"] = drawing.encode()
        self.drawings[name] = drawings.inline(drawing, name)
        return Picture(name=name, alternative=alternative, caption=caption)

    def _free(self, name: str) -> str:
        number, free = 1, name
        while free in self.drawings:
            number += 1
            free = f"{name}-{number}"
        return free

    def write(self, folder: Folder) -> None:
        """Writes the pictures. Raises OSError and StoreError."""
        for name, picture in (self.pictures | self.vectors).items():
            folder.write_whole(name, picture, durable=False)


@contextmanager
def style() -> Iterator[None]:
    """The report's style over matplotlib's defaults, whatever the user's own settings are.

    What matplotlib warns of, a letter that its font lacks or a range without width, is no answer for a user.
    """
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


def first(items: Sequence[T], limit: int) -> tuple[Sequence[T], str]:
    """As many as a picture has room for, and what its caption then says."""
    if len(items) <= limit:
        return items, ""
    return items[:limit], f"; the first {limit} of {len(items)}"


def short(names: Sequence[str]) -> list[str]:
    """Names as a picture has room for them: cut in the middle, numbered where that makes two of them alike."""
    half = MAX_NAME // 2 - 1
    cut = [name if len(name) <= MAX_NAME else f"{name[:half]} … {name[-half:]}" for name in names]
    counts = Counter(cut)
    told = [f"{name} #{place}" if counts[name] > 1 else name for place, name in enumerate(cut, 1)]
    return [f" {name}" if name.startswith("_") else name for name in told]  # matplotlib leaves _names out of legends


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """Inches around one panel for its labels. Fixed: letting matplotlib find them costs a third of a report's time."""

    left: float = 0.62
    right: float = 0.12
    top: float = 0.26
    bottom: float = 0.46

    @classmethod
    def for_names(cls, names: Sequence[str], top: float = 0.3) -> Margins:
        """Room for the names of rows at the left, and for a legend above."""
        return cls(left=0.15 + 0.064 * max(map(len, names)), top=top)


def panels(
    count: int, panel_height_in: float = 2.3, margins: Margins | None = None, foot_in: float = 0.0
) -> tuple[Figure, list[Axes]]:
    """Small multiples, two in a row, of the report's width; `foot_in` leaves room below them for a legend."""
    around = margins or Margins()
    column_count = min(2, count)
    row_count = -(-count // column_count)
    width_in, height_in = WIDTH_IN / column_count, panel_height_in * row_count + foot_in
    figure = Figure(figsize=(WIDTH_IN, height_in), dpi=DOTS_PER_INCH, facecolor="white")
    axes = []
    for index in range(count):
        row, column = divmod(index, column_count)
        left_in = column * width_in + around.left
        bottom_in = height_in - (row + 1) * panel_height_in + around.bottom
        size_in = width_in - around.left - around.right, panel_height_in - around.top - around.bottom
        place = (left_in / WIDTH_IN, bottom_in / height_in, size_in[0] / WIDTH_IN, size_in[1] / height_in)
        axes.append(figure.add_axes(place))
    return figure, axes


def strip_below(axes: Axes, height_in: float = 0.5, gap_in: float = 0.08) -> Axes:
    """A flat panel with the same x, cut from the foot of `axes`, which loses its x labels to it."""
    figure = axes.get_figure(root=True)
    assert figure is not None  # it was made by `panels`
    place, total_in = axes.get_position(), figure.get_figheight()
    axes.set_position(
        (
            place.x0,
            place.y0 + (height_in + gap_in) / total_in,
            place.width,
            place.height - (height_in + gap_in) / total_in,
        )
    )
    strip = figure.add_axes((place.x0, place.y0, place.width, height_in / total_in), sharex=axes)
    axes.tick_params(axis="x", labelbottom=False)
    return strip


def colour(index: int) -> str:
    return COLOURS[index % len(COLOURS)]


def marker(index: int) -> str:
    return MARKERS[index % len(MARKERS)]
