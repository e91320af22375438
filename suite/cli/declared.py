"""Makes a function a command: the options that it takes of the shared ones, its help by groups, its short help."""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, get_type_hints

import typer
from typer.core import TyperCommand

from suite.cli import output
from suite.cli.answer import Answer
from suite.cli.options import Given
from suite.errors import UsageError

Command = Callable[..., int | Answer]
KEYWORD = inspect.Parameter.KEYWORD_ONLY


class Grouped(TyperCommand):
    """A command whose help shows each option under its group's heading, in plain text: rich would cost the start.

    An empty value is refused: it comes of an unset variable in a script, and would be taken as "not given".
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Raises UsageError for an empty value."""
        for place, arg in enumerate(args):
            before = args[place - 1] if place and args[place - 1].startswith("-") else "an argument"
            where = before if not arg.strip() else arg[:-1] if re.fullmatch(r"--[\w-]+=", arg) else None
            if where is not None:
                raise UsageError(f"{where}: its value is empty; give one, or leave it out")
        return super().parse_args(ctx, args)

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
    The first line of the docstring is the short help. What the function returns is written in the form that -o names;
    one that returns an int prints by itself, and knows text and JSON (`given.as_json`) alone.
    """

    def register(function: Command) -> Command:
        declared = _with_shared(function, list(_fields(takes)), name)
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


def _with_shared(function: Command, fields: list[dataclasses.Field[Any]], name: str) -> Command:
    """The function with the shared options in its signature, which is where Typer looks, and its answer written."""
    has_forms = inspect.signature(function).return_annotation != "int"

    def called(**values: Any) -> int:
        given = Given(**{field.name: values.pop(field.name) for field in fields})
        form = output.form_of(given.output, given.as_json, given.as_csv)
        if form not in (None, "json") and not has_forms:
            raise UsageError(
                f"--output {form}: suite {name} answers in text and JSON alone; leave it out, or take json"
            )
        answer = function(given=dataclasses.replace(given, as_json=form == "json"), **values)
        return answer if isinstance(answer, int) else output.write(answer, form, sys.stdout, no_color=given.no_color)

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
