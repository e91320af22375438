"""A drawing in SVG as a page takes it in: colours that follow the page's theme, values on hover, few bytes.

matplotlib writes the drawing; charts name its parts: `tip:` and words for what a pointer tells, `raw` for single calls.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

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
TIP, RAW = "tip:", "raw"
MAX_RAW_BYTES = 90_000  # single calls of one drawing
_HEAD = re.compile(r"^.*?(?=<svg\b)", re.DOTALL)
_DROPPED = re.compile(r"\s*<(metadata|style)\b.*?</\1>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")  # matplotlib escapes > in what it quotes
_COLOUR = re.compile(r"#[0-9a-f]{6}\b")
_LONG = re.compile(r"(-?\d+\.\d)\d+")
_FAMILY = re.compile(r" font-family: [^;]*;")
_ID = re.compile(r"""(\bid=["']|url\(#|href="#)""")
_USE = re.compile(r'<use xlink:href="#[^"]+" x="([^"]+)" y="([^"]+)" style="([^"]*)"/>')
_TIP = re.compile(rf"""<g id=(["']){TIP}([^<>]*?)\1>""")
_RAW_GROUP = re.compile(rf'<g id="{RAW}">\s*(?:<defs>.*?</defs>\s*)?<g[^>]*>(.*?)</g>\s*</g>', re.DOTALL)
_SIZE = re.compile(r'<svg [^>]*?viewBox="([^"]+)"[^>]*>')


def inline(svg: str, name: str) -> str:
    """The drawing as an element of a page. name: of the picture, which makes its ids its own."""
    svg = _DROPPED.sub("", _HEAD.sub("", svg))
    svg = _RAW_GROUP.sub(_points, svg)
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


def _points(group: re.Match[str]) -> str:
    """Dots as one path of strokes without length, a tenth of the bytes; none where they would be too many."""
    uses = _USE.findall(group[1])
    if not uses:
        return ""
    colour = next(iter(_COLOUR.findall(uses[0][2])), "#222222")
    path = "".join(f"M{float(x):.1f} {float(y):.1f}h0" for x, y, _ in uses)
    if len(path) > MAX_RAW_BYTES:
        return ""
    return f'<path class="raw" d="{path}" style="stroke: {colour}"/>'


def tip(text: str) -> str:
    """The name of an artist whose words a pointer tells; the writer of the drawing escapes them."""
    return f"{TIP}{text}"
