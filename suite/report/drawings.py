"""A drawing in SVG as a page takes it in: colours that follow the page's theme, values on hover, few bytes.

matplotlib writes the drawing; charts name its parts: `tip:` and words for what a pointer tells, `calls` for single
calls. Of thousands of calls matplotlib would write, and draw, an element each; here they are one path.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping

import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

VARIABLES: Mapping[str, str] = {  # colours of plots.py, by the names that the page's themes give them
    "#222222": "--ink",
    "#8a8a8a": "--faint",
    "#e4e4e4": "--grid",
    "#ffffff": "--paper",
    "#0072b2": "--c0",
    "#d55e00": "--c1",
    "#009e73": "--c2",
    "#cc79a7": "--c3",
    "#e69f00": "--c4",
    "#56b4e9": "--c5",
    "#000000": "--c6",
    "#fbe3c8": "--load",
    "#d5e8f5": "--idle",
}
TIP, CALLS = "tip:", "calls"
SVG_DOTS_PER_INCH = 72.0  # matplotlib's, whatever the figure's
_HEAD = re.compile(r"^.*?(?=<svg\b)", re.DOTALL)
_DROPPED = re.compile(r"\s*<(metadata|style)\b.*?</\1>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")  # matplotlib escapes > in what it quotes
_COLOUR = re.compile(r"#[0-9a-f]{6}\b")
_LONG = re.compile(r"(-?\d+\.\d)\d+")
_FAMILY = re.compile(r" font-family: [^;]*;")
_ID = re.compile(r"""(\bid=["']|url\(#|href="#)""")
_TIP = re.compile(rf"""<g id=(["']){TIP}([^<>]*?)\1>""")
_GROUP = re.compile(r'<g id="calls-(\d+)">\s*(?:<defs>.*?</defs>\s*)?<g[^>]*>.*?</g>\s*</g>', re.DOTALL)
_SIZE = re.compile(r'<svg [^>]*?viewBox="([^"]+)"[^>]*>')


def inline(svg: str, name: str) -> str:
    """The drawing as an element of a page. name: of the picture, which makes its ids its own."""
    svg = _DROPPED.sub("", _HEAD.sub("", svg))
    svg = _TIP.sub(r'<g class="tip"><title>\2</title>', svg)
    svg = _TAG.sub(lambda found: _tag(found[0], name), svg)
    svg = _SIZE.sub(r'<svg viewBox="\1" aria-hidden="true" focusable="false">', svg, count=1)
    return re.sub(r">\s*\n\s*<", ">\n<", svg).strip()


def _tag(tag: str, name: str) -> str:
    """Words between tags are a person's, and stay as they are."""
    tag = _COLOUR.sub(lambda found: _themed(found[0]), _FAMILY.sub("", tag))
    return re.sub(r"\s*\n\s*", " ", _ID.sub(rf"\g<1>{name}-", _LONG.sub(r"\1", tag))).replace("xlink:href", "href")


def _themed(colour: str) -> str:
    variable = VARIABLES.get(colour)
    return f"var({variable})" if variable else colour


def write(figure: Figure) -> str:
    """The figure as SVG: the same bytes for the same data. The figure has lost its single calls by then."""
    paths = [_gathered(line, number, figure) for number, line in enumerate(_calls(figure))]
    text = io.StringIO()
    FigureCanvasSVG(figure)
    figure.savefig(text, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return _GROUP.sub(lambda found: paths[int(found[1])], text.getvalue())


def _calls(figure: Figure) -> list[Line2D]:
    return [line for axes in figure.axes for line in axes.lines if line.get_gid() == CALLS]


def _gathered(line: Line2D, number: int, figure: Figure) -> str:
    """All marks of a line as one path; the line keeps one of them, where the path goes."""
    scale, height = SVG_DOTS_PER_INCH / figure.dpi, figure.get_figheight() * SVG_DOTS_PER_INCH
    data_places = np.column_stack(line.get_data())
    places = line.get_transform().transform(data_places) * scale
    is_hollow, shape = line.get_markerfacecolor() == "none", str(line.get_marker())
    right, mark = _mark(shape, line.get_markersize() / 2, is_hollow)
    data = "".join(f"M{x + right:.1f} {height - y:.1f}{mark}" for x, y in places)
    tint, opacity = to_hex(line.get_color()), line.get_alpha() or 1.0
    line.set_gid(f"calls-{number}")
    line.set_data(data_places[:1, 0], data_places[:1, 1])
    if is_hollow:
        style = f"fill: none; stroke: {tint}; stroke-width: {line.get_markeredgewidth():g}"
    elif shape == ".":
        style = f"fill: none; stroke: {tint}; stroke-width: {line.get_markersize() / 2:g}; stroke-linecap: round"
    else:
        style = f"fill: {tint}"
    return f'<path class="calls" d="{data}" style="{style}; opacity: {opacity:g}"/>'


def _mark(shape: str, radius: float, is_hollow: bool) -> tuple[float, str]:
    """How far right of its place a mark begins, and the mark from there; a filled dot is a stroke without length."""
    r, whole = f"{radius:g}", f"{2 * radius:g}"
    if shape in "^v>":
        sign, back = ("-", "") if shape == "^" else ("", "-")
        return (
            (radius, f"l-{whole} {r}v-{whole}z") if shape == ">" else (0.0, f"m0 {sign}{r}l{r} {back}{whole}h-{whole}z")
        )
    return (-radius, f"a{r} {r} 0 1 0 {whole} 0a{r} {r} 0 1 0-{whole} 0") if is_hollow else (0.0, "h0")


def tip(text: str) -> str:
    """The name of an artist whose words a pointer tells; the writer of the drawing escapes them."""
    return f"{TIP}{text}"
