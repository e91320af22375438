"""Text from outside: cleaned where it enters, told on one line, and the one pattern of names.

Outside is whatever the suite does not say itself: names and paths, exceptions, what a machine or a sensor calls itself.
"""

from __future__ import annotations

import re
import reprlib

from suite.limits import MAX_NAME_LENGTH, MAX_TEXT_LENGTH

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
CUT = "…"
NAME_RULE = f"letters, digits, spaces and . _ + - (at most {MAX_NAME_LENGTH}, the first one a letter, a digit or _)"

_NAME = re.compile(rf"\w(?:[\w.+ -]{{0,{MAX_NAME_LENGTH - 2}}}[\w.+-])?")
_SURROGATE = re.compile("[\ud800-\udfff]")
# Controls, and the marks that turn the direction of what follows them: they change how other text looks.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def clean(text: str, limit: int = MAX_TEXT_LENGTH) -> str:
    """Text that can be written and read again: half a surrogate pair is replaced, what is too long is cut."""
    if not text.isascii():
        text = _SURROGATE.sub(REPLACEMENT, text)
    return text if len(text) <= limit else text[: limit - 1] + CUT


def one_line(text: str, limit: int = 1000) -> str:
    """Text that stays on its line and does nothing to it: white space runs become a space, controls are replaced."""
    words = " ".join(text[: 4 * limit].split())
    shown = _UNSEEN.sub(REPLACEMENT, words)
    return shown if len(shown) <= limit else shown[: limit - 1].rstrip() + CUT


def is_name(text: str) -> bool:
    """Whether text can name a plan, a model, an axis: it then is one part of a path, and no option."""
    return _NAME.fullmatch(text) is not None


def brief(value: object) -> str:
    """repr() of a value that may be huge, deep or unprintable, for a message."""
    return one_line(_SHORT.repr(value), 120)


class _Short(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 60
        self.maxlevel = 3

    def repr_int(self, x: int, level: int) -> str:
        """Python itself refuses to write out more than 4,300 digits."""
        return f"a number of about {round(x.bit_length() * 0.30103)} digits" if x.bit_length() > 200 else repr(x)


_SHORT = _Short()
