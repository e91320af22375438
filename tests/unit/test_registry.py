"""Plug-ins are found by lying in a package; a wrong name comes back with the nearest."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from suite import registry
from suite.errors import UsageError

MakePackage = Callable[..., str]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakePackage]:
    """Makes a package of plug-ins from {module: name of its plug-in}."""
    monkeypatch.syspath_prepend(str(tmp_path))
    made: list[str] = []

    def make(**plugins: str) -> str:
        name = f"plugins_{len(made)}_{tmp_path.name}"
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").touch()
        for module, plugin in plugins.items():
            (folder / f"{module}.py").write_text(f"class P:\n    name = {plugin!r}\n\nPLUGIN = P()\n")
        made.append(name)
        return name

    yield make
    for module in [name for name in sys.modules if name.split(".")[0] in made]:
        del sys.modules[module]


def test_every_module_of_a_package_is_a_plug_in(package: MakePackage) -> None:
    assert list(registry.discover(package(b="second", a="first"))) == ["first", "second"]


def test_two_plug_ins_of_one_name_are_refused(package: MakePackage) -> None:
    with pytest.raises(UsageError, match="'same'"):
        registry.discover(package(a="same", b="same"))


def test_a_plug_in_is_had_by_its_name(package: MakePackage) -> None:
    assert registry.get(package(a="first"), "first", "thing").name == "first"


def test_an_unknown_name_comes_with_the_nearest_and_all_others(package: MakePackage) -> None:
    with pytest.raises(UsageError) as caught:
        registry.get(package(a="lxmert", b="visualbert"), "lxmrt", "model")
    assert str(caught.value) == "unknown model 'lxmrt': did you mean 'lxmert'? There is lxmert, visualbert"


def test_a_name_far_from_all_others_comes_without_a_guess() -> None:
    assert registry.unknown("model", "zzz", ["lxmert"]) == "unknown model 'zzz': There is lxmert"


@pytest.mark.parametrize("package_name", [registry.MODELS, registry.POWER_SOURCES, registry.SECTIONS])
def test_the_suite_s_own_plug_ins_are_found_by_their_names(package_name: str) -> None:
    found = registry.discover(package_name)
    assert found
    assert all(plugin.name == name for name, plugin in found.items())
