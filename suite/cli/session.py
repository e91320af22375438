"""One call of the command line, as its commands see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from suite.cli.tools import Tools


@dataclass(slots=True)
class Session:
    """One call of the command line. `given` are a test's tools; the real ones are made where a command needs them."""

    given: Tools | None
    verbose: bool = False

    @property
    def tools(self) -> Tools:
        from suite.cli.tools import Tools

        return self.given or Tools()


def session_of(context: typer.Context, verbose: bool) -> Session:
    session = context.obj
    assert isinstance(session, Session)
    session.verbose = verbose
    return session


def help_unless_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())
