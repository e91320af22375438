"""A TOML file that names a model to bring, with shapes, types, ranges and axes: what each key may say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from suite.errors import UsageError
from suite.limits import MAX_INPUT_SIZE
from suite.outside import brief, one_line
from suite.registry import unknown
from suite.worker.brought import words

Size = Annotated[int, Field(ge=1, le=MAX_INPUT_SIZE)]
Dtype = Literal[
    "float32",
    "float64",
    "float16",
    "bfloat16",
    "int64",
    "int32",
    "int16",
    "int8",
    "uint8",
    "bool",
    "complex64",
]


class _Table(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class AxisTable(_Table):
    default: Size | None = None
    minimum: Size | None = None
    maximum: Size | None = None
    label: str | None = None


class InputTable(_Table):
    shape: list[Size | str] | None = None
    dtype: Dtype | None = None
    range: Annotated[list[float | int], Field(min_length=2, max_length=2)] | None = None


class Description(_Table):
    """model: a path (from the folder of this file on) or any other word that --model takes."""

    model: str
    name: str | None = None
    title: str | None = None
    axes: dict[str, Size | AxisTable] = {}
    inputs: dict[str, InputTable] = {}
    inputs_file: str | None = None
    grad_mode: Literal["inference_mode", "no_grad", "enable_grad"] | None = None


def described(raw: dict[str, Any], path: Path) -> dict[str, Any]:
    """The settings that the file gives. Raises UsageError: one line with the key."""
    try:
        found = Description.model_validate(raw)
    except ValidationError as invalid:
        raise UsageError(one_line(f"{path}: {_told(invalid)}")) from invalid
    kind = words.kind_of(found.model)
    if kind is None or kind is words.DESCRIPTION:
        refusal = words.refusal(found.model) or "names no model to bring; name a file, hf:FOLDER or module:function"
        raise UsageError(f"{path}: model: {found.model} {refusal}")
    axes = {name: _axis(axis) for name, axis in found.axes.items()}
    settings: dict[str, Any] = {
        "word": _from(path.parent, found.model),
        "axes": {words.axis_name(name): axis for name, axis in axes.items()},
        "shapes": {name: given.shape for name, given in found.inputs.items() if given.shape is not None},
        "dtypes": {name: given.dtype for name, given in found.inputs.items() if given.dtype is not None},
        "ranges": {name: given.range for name, given in found.inputs.items() if given.range is not None},
    }
    if found.inputs_file is not None:
        settings["inputs"] = str((path.parent / Path(found.inputs_file).expanduser()).absolute())
    optional = {"title": found.title, "grad_mode": found.grad_mode}
    optional["name"] = None if found.name is None else words.plain(found.name)
    return settings | {key: value for key, value in optional.items() if value is not None}


def _axis(axis: int | AxisTable) -> dict[str, Any]:
    if isinstance(axis, int):
        return {"default": axis}
    return axis.model_dump(exclude_none=True)


def _from(folder: Path, word: str) -> str:
    """A path beside the file; another word as it is."""
    kind = words.kind_of(word)
    if kind in (words.ONNX, words.EXPORTED, words.TORCHSCRIPT) or (kind is words.FACTORY and ".py:" in word):
        return str(folder / Path(word).expanduser())
    if kind is words.HUGGING_FACE:
        beside = folder / Path(word.removeprefix(words.HUB)).expanduser()
        return f"{words.HUB}{beside.absolute()}" if beside.is_dir() else word
    return word


def _told(invalid: ValidationError) -> str:
    errors = sorted(invalid.errors(include_url=False), key=lambda found: found["type"] != "extra_forbidden")
    error = errors[0]  # a misspelt key first: what is missing may follow from it
    location = [str(part) for part in error["loc"] if str(part) not in ("AxisTable", "constrained-int")]
    if error["type"] == "extra_forbidden":
        tables: dict[str, type[_Table]] = {"axes": AxisTable, "inputs": InputTable}
        known = tables.get(location[0], Description) if len(location) > 1 else Description
        return unknown("key", location[-1], known.model_fields)
    if error["type"] == "missing":
        return f'{".".join(location)} is missing; it names the model, as in model = "model.onnx"'
    return f"{'.'.join(location)}: {error['msg'][:1].lower()}{error['msg'][1:]}, got {brief(error['input'])}"
