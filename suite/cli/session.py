"""One call of the command line, handed to every command."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

import typer

if TYPE_CHECKING:
    from suite.cli.options import Given
    from suite.cli.progress import Display, Open
    from suite.tools import Tools


@dataclass(slots=True)
class Session:
    """`given_*` are a test's; the real ones are made where a command needs them."""

    given_tools: Tools | None
    given_progress: Open | None = None
    verbose: bool = False
    quiet: bool = False
    no_color: bool = False

    @property
    def tools(self) -> Tools:
        from suite.tools import Tools

        return self.given_tools or Tools()

    @property
    def progress(self) -> Open:
        from functools import partial

        from suite.cli.progress import Quiet

        if self.quiet:
            return Quiet
        return self.given_progress or partial(opened, no_color=self.no_color)


def opened(stream: TextIO, *, no_color: bool = False) -> Display:
    """A table and a bar on a terminal that can move its cursor, plain lines anywhere else."""
    from suite.cli.progress import PlainProgress

    if not stream.isatty() or os.environ.get("TERM") == "dumb" or os.environ.get("CI"):
        return PlainProgress(stream)
    from suite.cli.live import LiveProgress

    return LiveProgress(stream, no_color=no_color)


def session_of(context: typer.Context, given: Given) -> Session:
    session = context.obj
    assert isinstance(session, Session)
    session.verbose, session.quiet, session.no_color = given.verbose, given.quiet, given.no_color
    return session


def help_unless_command(context: typer.Context) -> None:
    """What a group of commands does where none of them is named."""
    if context.invoked_subcommand is None:
        print(context.get_help())
