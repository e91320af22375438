"""Files and functions stay small enough to be read at one go."""

from __future__ import annotations

from tests.contract.source import REPOSITORY, functions, modules

MAX_FILE_LINES = 350
MAX_FUNCTION_LINES = 60
MODULES = modules(REPOSITORY) | modules(REPOSITORY, "benchmarks")


def test_no_file_is_longer_than_the_limit() -> None:
    lengths = {module.path: len((REPOSITORY / module.path).read_text().splitlines()) for module in MODULES.values()}
    long = {str(path): n for path, n in lengths.items() if n > MAX_FILE_LINES}
    assert not long, f"more than {MAX_FILE_LINES} lines; split by noun: {long}"


def test_no_function_is_longer_than_the_limit() -> None:
    long = [
        f"{module.path}:{node.lineno}: {node.name} has {(node.end_lineno or 0) - node.lineno + 1} lines"
        for module in MODULES.values()
        for node in functions(module.tree)
        if (node.end_lineno or 0) - node.lineno >= MAX_FUNCTION_LINES
    ]
    assert not long, "\n" + "\n".join(long)
