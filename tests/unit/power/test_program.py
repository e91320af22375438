from __future__ import annotations

import sys

import pytest

from suite.power.program import LINE_CHARACTERS, Program, telling

TRACEBACK = """chatter of a library
Traceback (most recent call last):
  File "x.py", line 1, in <module>
    int("x")
    ^^^^^^^^
ValueError: invalid literal for int() with base 10: 'x'
and a second line of the message
"""


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("", ""),
        ("\n \n", ""),
        ("only this", "only this"),
        (
            "powermetrics: unrecognized sampler: x\nusage: powermetrics [-i ms]\n  -h help",
            "powermetrics: unrecognized sampler: x",
        ),
        ("permission denied\nbye", "permission denied"),
        ("one\ntwo", "two"),
        (TRACEBACK, "ValueError: invalid literal for int() with base 10: 'x'"),
        (
            TRACEBACK + "\nDuring handling\n\n" + TRACEBACK.replace("ValueError", "KeyError"),
            "KeyError: invalid literal for int() with base 10: 'x'",
        ),
        ("a\x1b[31m failed\ttwice", "a [31m failed twice"),
        ("error " + "x" * 10_000, ("error " + "x" * 10_000)[:LINE_CHARACTERS]),
    ],
)
def test_the_line_that_tells_is_found(said, line):
    assert telling(said) == line


def test_of_a_program_that_says_much_both_ends_are_kept():
    code = "import sys; sys.stderr.write('error: first\\n' + 'chatter\\n' * 10000 + 'the end\\n')"
    program = Program([sys.executable, "-c", code])
    assert list(program.chunks()) == []
    assert program.told.startswith("error: first")
    assert program.told.endswith("the end")
    assert telling(program.told) == "error: first"
