"""docs/architecture.md has a line for every room, as the room describes itself, and the layers of the rules."""

from __future__ import annotations

from tests.contract import tree
from tests.contract.source import REPOSITORY, modules

PAGE = tree.PAGE.read_text()
EXPECTED = tree.tree(modules(REPOSITORY))
REMEDY = "\nmend the page (python -m tests.contract.tree writes it)"


def test_the_pages_tree_is_the_disks() -> None:
    broken = tree.differences(PAGE, tree.ROOMS, EXPECTED)
    assert not broken, "\n" + "\n".join(broken) + REMEDY


def test_the_pages_layers_are_the_rules() -> None:
    broken = tree.differences(PAGE, tree.LAYERS, tree.layers())
    assert not broken, "\n" + "\n".join(broken) + REMEDY


def test_every_room_says_in_one_line_what_lives_there() -> None:
    silent = [line for line in EXPECTED if line.endswith("says nothing of itself")]
    assert not silent
    assert max(map(len, EXPECTED)) <= 150, max(EXPECTED, key=len)


def test_a_room_without_a_line_and_a_line_without_a_room_are_named_with_their_line() -> None:
    expected = ["    head", "      a/   x", "      b/   x"]
    page = "Text\n## Here\n\n    head\n      a/   x\n      gone/   x\n\nMore\n"
    assert tree.differences(page, "## Here", expected) == [
        "architecture.md:6: no such room: gone/   x",
        "architecture.md:4: no line for: b/   x",
    ]
    assert tree.differences("Text", "## Here", expected) == ["architecture.md: has no list under '## Here'"]
    turned = "\n".join(["## Here", expected[0], *expected[:0:-1]])
    assert tree.differences(turned, "## Here", expected) == ["architecture.md:2: the lines stand in another order"]
    assert tree.rewritten(page, "## Here", expected) == "\n".join(["Text", "## Here", "", *expected, "", "More", ""])
    assert tree.differences(tree.rewritten(page, "## Here", expected), "## Here", expected) == []
