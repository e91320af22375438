"""Makes a function a command: the options that it takes of the shared ones, its help by groups, its short help."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any, get_type_hints

import typer
from typer.core import TyperCommand

from suite.cli.options import Given

Command = Callable[..., int]
KEYWORD = inspect.Parameter.KEYWORD_ONLY


class Grouped(TyperCommand):
    """A command whose help shows each option under its group's heading, in plain text: rich would cost the start."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            if (row := param.get_help_record(ctx)) is not None:
                other = "Arguments" if param.param_type_name == "argument" else "Other"
                sections.setdefault(getattr(param, "rich_help_panel", None) or other, []).append(row)
        for heading, rows in sections.items():
            with formatter.section(heading):
                formatter.write_dl(rows)


def command(app: typer.Typer, name: str, *, example: str, takes: Sequence[str] = ()) -> Callable[[Command], Command]:
    """Registers the function under that name.

    takes: groups of shared options, or single ones by the name of their field; they come as the argument `given`.
    The first line of the docstring is the short help.
    """

    def register(function: Command) -> Command:
        declared = _with_shared(function, list(_fields(takes))) if takes else function
        short = (inspect.getdoc(function) or "").partition("\n")[0]
        app.command(name, cls=Grouped, epilog=f"Example: {example}", short_help=short)(declared)
        return function

    return register


def _fields(takes: Sequence[str]) -> Iterator[dataclasses.Field[Any]]:
    """In the table's order, whatever the order of the groups."""
    hints = get_type_hints(Given, include_extras=True)
    known = set()
    for field in dataclasses.fields(Given):
        group = hints[field.name].__metadata__[0].rich_help_panel
        known |= {group, field.name}
        if group in takes or field.name in takes:
            yield field
    assert set(takes) <= known, f"no such options: {set(takes) - known}"


def _with_shared(function: Command, fields: list[dataclasses.Field[Any]]) -> Command:
    """The function with the shared options in its signature, which is where Typer looks."""

    def called(**values: Any) -> int:
        typed = {field.name: values.pop(field.name) for field in fields}
        return function(given=Given(**typed), **values)

    hints = get_type_hints(Given, include_extras=True)
    own = inspect.signature(function, eval_str=True).parameters
    parameters = [
        *(parameter.replace(kind=KEYWORD) for name, parameter in own.items() if name != "given"),
        *(
            inspect.Parameter(field.name, KEYWORD, default=field.default, annotation=hints[field.name])
            for field in fields
        ),
    ]
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    called.__doc__ = function.__doc__
    return called
