"""The annotated tree of docs/architecture.md, made from the rooms' own first lines and from the rules' layers.

`python -m tests.contract.tree` prints both parts, to be pasted into the page.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.contract import rules
from tests.contract.source import REPOSITORY, Module, modules

PAGE = REPOSITORY / "docs" / "architecture.md"
HEAD = f"    {'suite/':<20} {'layer':<13} what lives there, and what others import of it"


def tree(found: Mapping[str, Module]) -> list[str]:
    """One line for each room, and for each module that lies in none."""
    return [HEAD, *(_line(module) for module in _listed(found))]


def layers() -> list[str]:
    """From the top down, as the page has them: a layer imports from itself and from those below."""
    rows = [(name, ", ".join(member.removeprefix("suite.") for member in members)) for name, members in _top_down()]
    return [f"    {name:<13} {members}" for name, members in rows]


def _top_down() -> Iterator[tuple[str, tuple[str, ...]]]:
    return reversed(rules.LAYERS.items())


def _listed(found: Mapping[str, Module]) -> Iterator[Module]:
    for name, module in sorted(found.items(), key=lambda item: item[1].path.with_suffix("").parts):
        is_room = module.path.name == "__init__.py"
        is_loose = len(module.path.parts) == 2
        if name != "suite" and (is_room or is_loose):
            yield module


def _line(module: Module) -> str:
    parts = module.path.parent.parts if module.path.name == "__init__.py" else module.path.parts
    name = "  " * (len(parts) - 2) + parts[-1] + ("" if module.path.suffix in parts[-1] else "/")
    layer = rules.layer_of(module.name) or "no layer"
    return f"      {name:<18} {layer:<13} {_first_line(module.path)}"


def _first_line(path: Path) -> str:
    doc = ast.get_docstring(ast.parse((REPOSITORY / path).read_text())) or "says nothing of itself"
    return doc.partition("\n")[0]


def on_page(page: str, first: str) -> tuple[int, list[str]]:
    """The indented lines that begin with that one, and the number of the first; (0, []) where it is not there."""
    lines = page.splitlines()
    if first not in lines:
        return 0, []
    start = end = lines.index(first)
    while end < len(lines) and lines[end].startswith("    "):
        end += 1
    return start + 1, lines[start:end]


def differences(page: str, expected: list[str]) -> list[str]:
    """In the form docs/architecture.md:LINE: what the page has and should have."""
    start, found = on_page(page, expected[0])
    if not found:
        return [f"{PAGE.name}: has no line {expected[0].strip()!r}"]
    surplus = [
        f"{PAGE.name}:{start + at}: no such room: {line.strip()}"
        for at, line in enumerate(found)
        if line not in expected
    ]
    missing = [f"{PAGE.name}:{start}: no line for: {line.strip()}" for line in expected if line not in found]
    order = [f"{PAGE.name}:{start}: the lines stand in another order"] if found != expected else []
    return surplus + missing or order


if __name__ == "__main__":
    print("\n".join([*layers(), "", *tree(modules(REPOSITORY))]))
