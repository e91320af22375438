"""Every code that the suite can say has an entry in suite/codes/, and no entry is of a code that nobody says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import get_args

import pytest

from suite import codes
from suite.records import StopReason
from tests.contract.source import REPOSITORY, modules

TREES = {module.path: module.tree for module in modules(REPOSITORY).values()}
MAKERS = {"NotMeasured", "Flag", "WorkerFault", "WorkerError", "SensorError", "OutcomeError"}
PARTED = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")  # as codes are written; what else is written so stands below
CODE = re.compile(r"[A-Z][A-Z0-9_]+[A-Z0-9]")
# Capitals with an underscore that are no codes: variables of the environment, a sensor's rails, other programs' names.
ENVIRONMENT = re.compile(
    r"(SUITE|SUDO|DOCKER|HF|XDG|GIT|OMP|MKL|TRANSFORMERS|VDD|VIN|POM|SC|O|NO_COLOR|PRETTY|TORCHINDUCTOR)(_[A-Z0-9]+)*"
)
OWN_NAMES = {"BATCH_SIZE", "SCHEMA_VERSION", "MODEL_MAPPING"}  # constants that __all__ or a message names
VERDICT = re.compile(r"[A-Z][A-Z ]{2,}")


def said(trees: Mapping[object, ast.Module]) -> Iterator[tuple[str, str]]:
    """(code, where it is said): what makers are given, `code=`, and words that are written as codes are."""
    for path, tree in trees.items():
        exported = {id(node) for node in ast.walk(tree) if isinstance(node, ast.List) for node in node.elts}
        for node in ast.walk(tree):
            for found in _codes(node):
                yield found, f"{path}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Constant) and id(node) not in exported and _is_code(node.value):
                yield str(node.value), f"{path}:{node.lineno}"


def _is_code(value: object) -> bool:
    return (
        isinstance(value, str)
        and PARTED.fullmatch(value) is not None
        and ENVIRONMENT.fullmatch(value) is None
        and value not in OWN_NAMES
    )


def _codes(node: ast.AST) -> Iterator[str]:
    """Codes of one word too, where they can only be codes."""
    places: list[ast.expr] = []
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        places = node.args[:1] if name in MAKERS else []
        places += [keyword.value for keyword in node.keywords if keyword.arg == "code"]
    elif isinstance(node, ast.Assign) and "code" in ast.unparse(node.targets[0]).lower():
        places = node.value.elts[:1] if isinstance(node.value, ast.Tuple) else [node.value]
    for place in places:
        for each in ast.walk(place):
            if isinstance(each, ast.Constant) and isinstance(each.value, str) and CODE.fullmatch(each.value):
                yield each.value


def verdicts(trees: Mapping[object, ast.Module]) -> Iterator[str]:
    """The words of answers: types that list nothing but words in capitals."""
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Literal":
                named = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
                words = [each.value for each in named if isinstance(each, ast.Constant)]
                if len(words) > 1 and all(isinstance(word, str) and VERDICT.fullmatch(word) for word in words):
                    yield from map(str, words)


SAID = dict(said(TREES))
WORDS = {*verdicts(TREES), *get_args(StopReason)}


def test_codes_are_found() -> None:
    assert {"RAPL_VM", "DISTURBED", "INPUT_IGNORED", "CRASHED", "FAILED", "HUNG", "GAP", "STEP", "NO_INA238"} <= set(
        SAID
    )
    assert len(SAID) >= 100


@pytest.mark.parametrize("code", sorted({*SAID, *WORDS}))
def test_every_code_is_explained(code: str) -> None:
    where = SAID.get(code, "an answer or a reason to stop")
    assert codes.explanation(code) is not None, (
        f"{where} says {code}, which suite/codes/ doesn't explain. Add to the file there that it belongs to:\n\n"
        f'[{code}]\nmeans = "What was seen, and what follows for the figure."\n'
        'remedy = "What to do, or: Nothing has to be done."\n\n'
        "Where it is no code but a name of something else: ENVIRONMENT or OWN_NAMES in tests/contract/test_codes.py."
    )


def test_no_entry_is_of_a_code_that_nobody_says() -> None:
    stale = [entry.code for entry in codes.catalogue().values() if entry.code not in {*SAID, *WORDS}]
    assert stale == [], f"suite/codes/ explains what nobody says: take out {', '.join(stale)}"


@pytest.mark.parametrize("entry", codes.catalogue().values(), ids=lambda entry: entry.code)
def test_an_entry_is_sentences_of_plain_text(entry: codes.Explanation) -> None:
    for text in (entry.means, entry.remedy):
        assert re.fullmatch(r"[A-Za-z-][^\n`<>]*[.]", text), text
        assert 10 <= len(text) <= 400
    assert entry.see is None or (REPOSITORY / entry.see).is_file()


def test_a_code_that_is_new_is_named_with_its_place() -> None:
    tree = ast.parse(
        'Flag(code="NEW", text="x")\nraise WorkerError("A_B", "x", "y")\ncode, remedy = "ONE", "x"\nx = "C_D"'
    )
    assert dict(said({"a.py": tree})) == {"NEW": "a.py:1", "A_B": "a.py:2", "ONE": "a.py:3", "C_D": "a.py:4"}


def test_case_and_hyphens_do_not_matter_and_the_nearest_is_named() -> None:
    found = codes.explanation("rapl-vm")
    assert found is not None
    assert (found.code, found.group) == ("RAPL_VM", "power")
    assert codes.explanation("RAPL") is None
    assert codes.nearest("RAPL_WM") == "RAPL_VM"
    assert codes.nearest("qqq") is None
