"""The project's source as syntax trees: modules, and who imports what on which line."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parents[2]


class Module(NamedTuple):
    name: str  # "suite.power.base"; a package by its own name
    path: Path
    tree: ast.Module


class Import(NamedTuple):
    importer: str
    imported: str  # a module of the project, or the dotted name of something foreign
    path: Path
    line: int

    def breaks(self, rule: str) -> str:
        return f"{self.path}:{self.line}: {self.importer} imports {self.imported}: {rule}"


def modules(root: Path, package: str = "suite") -> dict[str, Module]:
    """Every module of the package below root, by its name."""
    found = {}
    for path in sorted((root / package).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = Module(name, path.relative_to(root), ast.parse(path.read_text(), str(path)))
    return found


def imports(found: Mapping[str, Module]) -> list[Import]:
    """Every import statement, inside functions too. `from a import b` counts as a.b where that is a module."""
    return [
        Import(module.name, _resolve(name, found), module.path, line)
        for module in found.values()
        for name, line in _imported_names(module)
    ]


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def is_under(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def _imported_names(module: Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, module)
            yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)


def _absolute(node: ast.ImportFrom, module: Module) -> str:
    if not node.level:
        return node.module or ""
    package = module.name.split(".")
    if module.path.name != "__init__.py":
        package = package[:-1]
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, node.module] if node.module else base)


def _resolve(name: str, found: Mapping[str, Module]) -> str:
    """`suite.records.Task` -> `suite.records`; a name that is no part of the project stays as it is."""
    candidate = name
    while candidate and candidate not in found:
        candidate = candidate.rpartition(".")[0]
    return candidate or name
