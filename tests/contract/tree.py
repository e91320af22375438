"""The annotated tree of docs/architecture.md, made from the rooms' own first lines and from the rules' layers.

`python -m tests.contract.tree` writes both parts into the page.
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


def on_page(page: str, heading: str) -> tuple[int, list[str]]:
    """The indented lines that come first under that heading, and the number of the first; (0, []) without any."""
    lines = page.splitlines()
    start = next((at for at, line in enumerate(lines) if line.startswith(heading)), len(lines))
    while start < len(lines) and not lines[start].startswith("    "):
        start += 1
    end = start
    while end < len(lines) and lines[end].startswith("    "):
        end += 1
    return (start + 1, lines[start:end]) if start < end else (0, [])


def differences(page: str, heading: str, expected: list[str]) -> list[str]:
    """In the form architecture.md:LINE: what the page has and should have."""
    start, found = on_page(page, heading)
    if not found:
        return [f"{PAGE.name}: has no list under {heading!r}"]
    surplus = [
        f"{PAGE.name}:{start + at}: no such room: {line.strip()}"
        for at, line in enumerate(found)
        if line not in expected
    ]
    missing = [f"{PAGE.name}:{start}: no line for: {line.strip()}" for line in expected if line not in found]
    order = [f"{PAGE.name}:{start}: the lines stand in another order"] if found != expected else []
    return surplus + missing or order


def rewritten(page: str, heading: str, expected: list[str]) -> str:
    start, found = on_page(page, heading)
    lines = page.splitlines()
    return "\n".join([*lines[: start - 1], *expected, *lines[start - 1 + len(found) :]]) + "\n"


ROOMS, LAYERS = "## The rooms", "## The layers"

if __name__ == "__main__":
    text = rewritten(PAGE.read_text(), ROOMS, tree(modules(REPOSITORY)))
    PAGE.write_text(rewritten(text, LAYERS, layers()))
