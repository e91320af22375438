"""Options that several commands share, and the text forms in which a person writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from suite.errors import UsageError

Model = Annotated[
    list[str] | None, typer.Option("--model", "-m", metavar="NAME", help="Measure this model (again for more).")
]
Test = Annotated[
    list[str] | None, typer.Option("--test", metavar="NAME", help="params, flops, latency or energy (again for more).")
]
PlanName = Annotated[
    str | None, typer.Option("--plan", metavar="NAME|FILE", help="A shipped plan (suite list plans) or a TOML file.")
]
BatchSize = Annotated[
    str | None, typer.Option("--batch-size", metavar="N,N,...", help="Batch sizes, as in 1,2,4; default sizes else.")
]
Axis = Annotated[
    list[str] | None,
    typer.Option("--axis", metavar="NAME=N,N,...", help="Input sizes, as in text_tokens=8,16 (again for more)."),
]
Device = Annotated[str | None, typer.Option("--device", metavar="NAME", help="cpu, mps, cuda or cuda:0.")]
Threads = Annotated[str | None, typer.Option("--threads", metavar="N|all", help="CPU threads of the worker.")]
Seed = Annotated[int | None, typer.Option("--seed", metavar="N", help="Of weights, inputs and the order.")]
Checkpoint = Annotated[
    str | None, typer.Option("--checkpoint", metavar="FILE", help="Weights that you bring, for one model.")
]
Weights = Annotated[
    str | None,
    typer.Option("--weights", metavar="NAME", help="seeded, or pinned: the published ones (suite models fetch)."),
]
Trajectory = Annotated[
    str | None, typer.Option("--trajectory", metavar="FOLDER", help="An ALFRED trajectory to take the inputs from.")
]
TimeLimit = Annotated[
    float | None, typer.Option("--time-limit", metavar="SECONDS", help="At most so long at each point.")
]
Power = Annotated[
    str | None, typer.Option("--power", metavar="SOURCE", help="auto, none, or a source (suite list power).")
]
PowerCsv = Annotated[
    Path | None, typer.Option("--power-csv", metavar="FILE", help="The log of an external meter, now or after the run.")
]
Rails = Annotated[
    str | None, typer.Option("--rails", metavar="A+B", help="Sum these rails, where the board's table has no total.")
]
SysfsRoot = Annotated[
    Path | None, typer.Option("--sysfs-root", metavar="FOLDER", help="Read sensors and host facts under this folder.")
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="FOLDER", help="Where the run goes; results/<time>-<plan> else.")
]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, for machines.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say more: the log, the causes of an error.")]


def sizes(text: str | None, option: str) -> tuple[int, ...] | None:
    """ "1,2,4" as numbers. Raises UsageError."""
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"{option}: {text!r} is not a list of whole numbers; write it as 1,2,4") from error


def axes(texts: list[str] | None) -> tuple[tuple[str, tuple[int, ...]], ...] | None:
    """["text_tokens=8,16"] as names and numbers. Raises UsageError."""
    if texts is None:
        return None
    found: dict[str, tuple[int, ...]] = {}
    for text in texts:
        name, equals, numbers = text.partition("=")
        if not equals or name in found:
            why = "is given twice" if equals else "has no sizes"
            raise UsageError(f"--axis: {name!r} {why}; write each axis once, as text_tokens=8,16")
        found[name] = sizes(numbers, f"--axis {name}") or ()
    return tuple(found.items())


def threads(text: str | None) -> int | str | None:
    """A number, or text for the plan to judge ("all" is what it knows)."""
    return int(text) if text is not None and text.isdecimal() else text


def names(texts: list[str] | None) -> tuple[str, ...] | None:
    """Repeated options, each of which may hold several names with commas between them."""
    return tuple(name.strip() for text in texts for name in text.split(",")) if texts else None


def power(
    source: str | None, csv: Path | None = None, rails: str | None = None, sysfs_root: Path | None = None
) -> str | None:
    """What --power, --power-csv, --rails and --sysfs-root say together, in the form of --power. Raises UsageError."""
    if csv is not None:
        if source is not None and source.partition(":")[0] != "csv":
            raise UsageError(f"--power-csv: it is the power source, but --power names {source!r}; give one of the two")
        source = _with(source or "csv", "file", str(csv), "--power-csv")
    if sysfs_root is not None:
        if not sysfs_root.is_dir():
            raise UsageError(f"--sysfs-root: {sysfs_root} is not a folder; give one that holds sys, proc and etc")
        source = _with(source or "auto", "root", str(sysfs_root.resolve()), "--sysfs-root")
    return source if rails is None else _with(source or "auto", "rails", rails, "--rails")


def _with(source: str, key: str, value: str, option: str) -> str:
    if "," in value:
        raise UsageError(f"{option}: {value!r} holds a comma, which parts options; give it without")
    return f"{source}{',' if ':' in source else ':'}{key}={value}"
