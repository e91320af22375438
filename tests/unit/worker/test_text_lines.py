"""Lines of text: the same for a seed, as long as they are said to be; CTC and the edit distance, exactly."""

import hashlib

import pytest

from suite.worker import text_lines
from suite.worker.text_lines import Line, collapsed, edit_distance

ALPHABET = ["", "a", "b", "c", " "]
LINE = Line("Some words", "DejaVuSans.ttf", 20, 10, 240)


def test_a_seed_gives_the_same_lines_and_another_seed_others():
    found = list(text_lines.lines(0, 700))
    assert found[:10] == list(text_lines.lines(0, 10))
    assert found != list(text_lines.lines(1, 700))
    text = "\n".join(repr(tuple(line)) for line in found)
    assert hashlib.sha256(text.encode()).hexdigest() == (
        "cdd12ab4c57025363e45503d0b18066c429805c983388bd777fd28903b685517"
    )


def test_lengths_are_shared_out_as_the_table_says():
    counts = [len(line.text.split(" ")) for line in text_lines.lines(0, 20_000)]
    assert sum(text_lines.WORD_COUNTS) == 100
    assert (min(counts), max(counts)) == (1, 12)
    for words, share in enumerate(text_lines.WORD_COUNTS, 1):
        assert counts.count(words) / 20_000 == pytest.approx(share / 100, abs=0.01)  # 4 standard deviations and more


def test_every_line_is_drawn_within_its_limits():
    for line in text_lines.lines(3, 500):
        assert line.face in text_lines.FACES
        assert (14 <= line.size_px < 40, 0 <= line.ink < 80, 200 <= line.paper < 256) == (True, True, True)
        assert all(ord(letter) < 128 for letter in line.text)


def test_a_line_gives_the_same_pixels_each_time():
    pytest.importorskip("PIL")
    folder = text_lines.fonts_folder()
    assert folder is not None
    first, second = (text_lines.drawn(LINE, folder, 48) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    assert (first.mode, first.height) == ("L", 48)
    longer = text_lines.drawn(LINE._replace(text="Some words more"), folder, 48)
    assert longer.width > first.width
    assert first.getpixel((0, 0)) == LINE.paper
    assert min(first.tobytes()) < 60  # ink


def test_fonts_that_are_not_there_are_no_folder(monkeypatch):
    monkeypatch.setattr(text_lines.importlib.util, "find_spec", lambda _name: None)
    assert text_lines.fonts_folder() is None


@pytest.mark.parametrize(
    ("places", "text"),
    [
        ([], ""),
        ([0, 0, 0], ""),
        ([1, 1, 2], "ab"),
        ([1, 0, 1], "aa"),
        ([0, 1, 1, 0, 0, 1, 4, 4, 3, 0], "aa c"),
        ([4, 1, 4], " a "),
    ],
)
def test_ctc_drops_repeats_and_blanks(places, text):
    assert collapsed(places, ALPHABET) == text


@pytest.mark.parametrize(
    ("read", "written", "distance"),
    [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("same", "same", 0), ("kitten", "sitting", 3), ("ab", "ba", 2)],
)
def test_the_edit_distance_counts_characters(read, written, distance):
    assert edit_distance(read, written) == distance
    assert edit_distance(written, read) == distance
