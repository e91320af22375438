"""Lines of text, drawn in fonts that are at hand; what a CTC network's output reads as; and how far off that is.

Everything that is drawn follows from the seed. The same versions of Pillow and FreeType give the same pixels.
"""

import importlib.util
import os
import random
from typing import Any, Iterator, NamedTuple, Optional, Sequence

FACES = (
    "DejaVuSans.ttf",
    "DejaVuSans-Bold.ttf",
    "DejaVuSans-Oblique.ttf",
    "DejaVuSansMono.ttf",
    "DejaVuSerif.ttf",
    "DejaVuSerif-Bold.ttf",
    "DejaVuSerif-Italic.ttf",
)
# Of 100 lines so many have 1, 2, ... 12 words: labels and headings, and lines of a column; 5.9 words on average.
WORD_COUNTS = (10, 10, 10, 9, 9, 9, 9, 8, 8, 7, 6, 5)
_SIZES_PX, _INK, _PAPER = (14, 40), (0, 80), (200, 256)
_NUMBER_SHARE, _CAPITAL_SHARE, _MARK_SHARE = 0.12, 0.3, 0.15
_MARKS = ".,;:?!"
_LISTED = """
the of and a to in he have it that for they with as not on she at by this we you do but from or which one would all
will there say who make when can more if no man out other so what time up go about than into could state only new year
some take come these know see use get like then first any work now may such give over think most even find day also
after way many must look before great back through long where much should well people down own just because good each
those feel seem how high too place little world very still nation hand old life tell write become here show house both
between need mean call develop under last right move thing general school never same another begin while number part
turn real leave might want point form off child few small since against ask late home interest large person end open
public follow during present without again hold govern around possible head consider word program problem however lead
system set order eye plan run keep face fact group play stand increase early course change help line measurement
temperature photograph quarterly zigzag jazz exhibit axle wax quick fjord vexing oxygen rhythm kilometre sequence
"""
_WORDS = _LISTED.split()


class Line(NamedTuple):
    """A text and how it is drawn. ink, paper: grey values, 0 is black."""

    text: str
    face: str
    size_px: int
    ink: int
    paper: int


def lines(seed: int, count: int) -> Iterator[Line]:
    draw = random.Random(seed)
    for _ in range(count):
        text = _text(draw)
        face = FACES[_below(draw, len(FACES))]
        yield Line(text, face, _between(draw, _SIZES_PX), _between(draw, _INK), _between(draw, _PAPER))


def _below(draw: random.Random, count: int) -> int:
    return int(draw.random() * count)  # `random` gives the same numbers in every Python, `randrange` does not


def _between(draw: random.Random, limits: Sequence[int]) -> int:
    return limits[0] + _below(draw, limits[1] - limits[0])


def _text(draw: random.Random) -> str:
    place, count = _below(draw, sum(WORD_COUNTS)), 1
    for share in WORD_COUNTS:
        if place < share:
            break
        place, count = place - share, count + 1
    return " ".join(_token(draw) for _ in range(count))


def _token(draw: random.Random) -> str:
    """A word, a number, a price or a date, some with a mark behind it."""
    word = _WORDS[_below(draw, len(_WORDS))]
    if draw.random() < _NUMBER_SHARE:
        first, second = _below(draw, 10000), _below(draw, 100)
        forms = (str(first), "{}.{:02d}".format(first, second), "${}".format(first), "{}%".format(second))
        word = forms[_below(draw, len(forms))]
    elif draw.random() < _CAPITAL_SHARE:
        word = word.capitalize()
    return word + (_MARKS[_below(draw, len(_MARKS))] if draw.random() < _MARK_SHARE else "")


def fonts_folder() -> Optional[str]:
    """Where matplotlib has its DejaVu fonts; it is not imported. None where it is not installed."""
    spec = importlib.util.find_spec("matplotlib")
    if spec is None or not spec.submodule_search_locations:
        return None
    return os.path.join(next(iter(spec.submodule_search_locations)), "mpl-data", "fonts", "ttf")


def drawn(line: Line, folder: str, height: int) -> Any:
    """A Pillow image in grey, as high as asked for and as wide as its text then is."""
    from PIL import Image, ImageDraw, ImageFont

    layouts: Any = getattr(ImageFont, "Layout", None)  # before Pillow 9.1 plain numbers
    basic: Any = 0 if layouts is None else layouts.BASIC  # without libraqm, which not every wheel has
    font = ImageFont.truetype(os.path.join(folder, line.face), line.size_px, layout_engine=basic)
    margin = line.size_px // 5
    size = (int(font.getlength(line.text)) + 2 * margin, sum(font.getmetrics()))
    image = Image.new("L", size, line.paper)
    ImageDraw.Draw(image).text((margin, 0), line.text, font=font, fill=line.ink)
    width = max(1, int(size[0] * height / size[1] + 0.5))
    return image.resize((width, height), getattr(Image, "Resampling", Image).BICUBIC)


def collapsed(places: Sequence[int], alphabet: Sequence[str]) -> str:
    """Greedy CTC: a place that is repeated counts once, and the first of the alphabet is the blank.

    Source: Graves et al., ICML 2006, section 3.2 (best path decoding).
    """
    found, before = [], 0
    for place in places:
        if place not in (before, 0):
            found.append(alphabet[place])
        before = place
    return "".join(found)


def edit_distance(read: str, written: str) -> int:
    """Characters to insert, remove or replace. Source: Levenshtein, 1966."""
    row = list(range(len(written) + 1))
    for count, own in enumerate(read, 1):
        following = [count]
        for place, other in enumerate(written):
            following.append(min(row[place + 1] + 1, following[-1] + 1, row[place] + (own != other)))
        row = following
    return row[-1]
