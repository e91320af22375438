"""Words for models that a person brings, in a plan or after --model, made into names that tasks can have."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from suite import registry
from suite.errors import PlanError, UsageError
from suite.limits import MAX_PLAN_BYTES
from suite.pinned import hub_models
from suite.plan.described import described
from suite.plan.toml import toml
from suite.records import BroughtModel, record
from suite.worker.brought import words

Bring = Callable[[str], BroughtModel]
Sizes = Sequence[tuple[str, Sequence[int]]]


@record
class Beside:
    """What a person says beside the words: real inputs, ranges and shapes by input, leave to run a hub's code."""

    inputs: str | None = None
    ranges: tuple[tuple[str, tuple[float, float]], ...] = ()
    shapes: tuple[tuple[str, tuple[int | str | None, ...]], ...] = ()
    trust_remote_code: bool = False

    @property
    def said(self) -> str | None:
        """The first option that was given."""
        given = {
            "--inputs": self.inputs,
            "--range": self.ranges,
            "--shape": self.shapes,
            "--trust-remote-code": self.trust_remote_code,
        }
        return next((option for option, value in given.items() if value), None)


def named(  # noqa: PLR0913 (what a word is read beside)
    models: Iterable[str],
    sizes: Sizes,
    beside: Beside,
    where: str,
    *,
    known: Container[str],
    bring: Bring = registry.bring,
) -> tuple[list[str], tuple[BroughtModel, ...]]:
    """The models with each word in its name's place, and those that were brought, opened once each by a worker.

    sizes: of axes, of which the first is a brought model's usual one. where: for errors. known: names of models. Raises
    PlanError.
    """
    names: list[str] = []
    brought: dict[str, BroughtModel] = {}
    listed = list(dict.fromkeys(models))
    words_there = [word for word in listed if words.kind_of(word) is not None]
    _check_beside(beside, words_there)
    for word in listed:
        try:
            if word not in words_there:
                names.append(_plain(word, known))
                continue
            found = bring(words.origin(settings(word, sizes, beside)))
        except UsageError as error:
            raise PlanError(f"{where}: {error}") from error
        if found.name in brought:
            raise PlanError(f"{where}: {word} and {brought[found.name].word} are both named {found.name!r}; rename one")
        brought[found.name] = found
        names.append(found.name)
    return names, tuple(brought.values())


def _plain(word: str, known: Container[str]) -> str:
    """Raises UsageError for what looks like a file and is none that can be run."""
    refusal = words.refusal(word)
    if refusal is not None and word not in known:
        raise UsageError(f"{word} {refusal}")
    return word


def _check_beside(beside: Beside, there: Sequence[str]) -> None:
    if beside.said is not None and not there:
        raise PlanError(f"{beside.said}: goes with a model that you bring, as in --model path/to/model.onnx")
    if beside.inputs is not None and len(there) > 1:
        raise PlanError(f"--inputs: fits one model, not {' and '.join(there)}; measure them apart")


def settings(word: str, sizes: Sizes, beside: Beside) -> dict[str, Any]:
    """What a worker makes the model from. Raises UsageError."""
    found: dict[str, Any] = {"folder": str(Path.cwd())}
    if words.kind_of(word) is words.DESCRIPTION:
        path = Path(word).expanduser().absolute()
        found |= {"folder": str(path.parent)}
        found |= described(toml(_text(path), path), path)
        word = found["word"]
    found["word"] = _absolute(word)
    if words.kind_of(word) is words.HUGGING_FACE:
        found["path"] = _place(found["word"])
    found.setdefault("name", words.default_name(word.partition("@")[0]))
    found["sizes"] = {**found.get("sizes", {}), **{name: own[0] for name, own in sizes if own}}
    for key, given in (("ranges", beside.ranges), ("shapes", beside.shapes)):
        found[key] = {**found.get(key, {}), **{name: list(value) for name, value in given}}
    if beside.inputs is not None:
        found["inputs"] = str(Path(beside.inputs).expanduser().absolute())
    if isinstance(inputs := found.get("inputs"), str) and not Path(inputs).is_file():
        raise UsageError(f"{inputs}: there is no such file of inputs; write one with numpy.savez")
    found["trust"] = beside.trust_remote_code
    return found


def _absolute(word: str) -> str:
    """Paths made absolute, for the worker has another folder. Raises UsageError where a file is not there."""
    kind = words.kind_of(word)
    if kind in (words.ONNX, words.EXPORTED, words.TORCHSCRIPT):
        path = Path(word).expanduser().absolute()
        if not path.is_file():
            raise UsageError(
                f"{path}: there is {'a folder, and no' if path.is_dir() else 'no such'} file; check the path"
            )
        return str(path)
    if kind is words.FACTORY and ".py:" in word:
        place, _, function = word.rpartition(":")
        path = Path(place).expanduser().absolute()
        if not path.is_file():
            raise UsageError(f"{path}: there is no such file; give the path of a Python file before the colon")
        return f"{path}:{function}"
    if kind is words.HUGGING_FACE:
        folder = Path(word.removeprefix(words.HUB)).expanduser()
        return f"{words.HUB}{folder.absolute()}" if folder.is_dir() else word
    return word


def _place(word: str) -> str:
    """The folder of a model of Hugging Face. Raises UsageError."""
    named = word.removeprefix(words.HUB)
    return named if Path(named).is_dir() else str(hub_models.find(word, os.environ).absolute())


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_PLAN_BYTES + 1).decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: this is not UTF-8 text ({error.reason}); give a TOML file") from error
    except OSError as error:
        raise UsageError(f"{path}: can't be read: {error.strerror}; give a readable TOML file") from error


def again(entries: Iterable[BroughtModel], given: Iterable[str], bring: Bring = registry.bring) -> Mapping[str, str]:
    """Brings the models of a run anew, to go on with it. Returns names by the words that were given.

    What runs code of a person's own is never started because a run's folder names it: its word must be given again.
    Raises UsageError.
    """
    known = {entry.word: entry for entry in entries}
    spoken = {_absolute_or_same(word): word for word in given}
    for word, entry in known.items():
        kind = words.kind_of(word)
        trusting = bool(words.settings_of(entry.origin).get("trust"))
        if kind is None or ((kind.runs_code or trusting) and not _was_given(entry, spoken)):
            raise UsageError(
                f"{word}: the run was begun with this model, which runs code of its own, and what a run's folder "
                f"names is never run: give it again by --model {word}"
            )
        found = bring(entry.origin)
        if found.content_sha256 != entry.content_sha256 and entry.content_sha256 is not None:
            raise UsageError(f"{word}: it is not what it was when the run was begun; start a new run, or bring it back")
    return {spoken[word]: entry.name for word, entry in known.items() if word in spoken} | {
        word: entry.name for word in given for entry in known.values() if _stands_for(word, entry)
    }


def _was_given(entry: BroughtModel, spoken: Mapping[str, str]) -> bool:
    return entry.word in spoken or any(_stands_for(word, entry) for word in spoken.values())


def _stands_for(word: str, entry: BroughtModel) -> bool:
    """Whether a TOML file that is given now describes that model."""
    if words.kind_of(word) is not words.DESCRIPTION:
        return False
    return bool(settings(word, (), Beside())["word"] == entry.word)


def _absolute_or_same(word: str) -> str:
    try:
        return _absolute(word) if words.kind_of(word) not in (None, words.DESCRIPTION) else word
    except UsageError:
        return os.path.abspath(word)  # noqa: PTH100  # nothing is there, so it is none of the run's
