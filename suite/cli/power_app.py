"""The commands `suite power ...`: power that comes from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from suite.cli.answer import Answer
from suite.cli.declared import command
from suite.cli.options import ANSWER, Given
from suite.cli.session import help_unless_command, session_of

app = typer.Typer(
    help="Power from elsewhere: a Mac's helper, a meter's log.",
    rich_markup_mode=None,
    invoke_without_command=True,
)


@app.callback()
def power(context: typer.Context) -> None:
    help_unless_command(context)


@command(app, "serve", example="suite power serve", takes=ANSWER)
def serve(
    context: typer.Context,
    given: Given,
    source: Annotated[
        str, typer.Option("--source", metavar="SOURCE", help="What to read (suite list power).")
    ] = "apple",
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="0: any that is free.")] = 47811,
    token_file: Annotated[
        Path | None, typer.Option("--token-file", metavar="FILE", help="Where the token goes.")
    ] = None,
) -> int:
    """Serve this Mac's power to a container on it, until Ctrl-C."""
    from suite.cli import power

    return power.serve(session_of(context, given).tools, source, port, token_file, as_json=given.as_json)


@command(app, "import", example="suite power import results/20261123T180000Z meter.csv", takes=("power", *ANSWER))
def import_log(
    context: typer.Context,
    given: Given,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The log of the meter that ran meanwhile.")],
) -> Answer:
    """Bring the log of an external meter into a finished run."""
    from suite.cli import importing

    session_of(context, given)
    return importing.bring_in(run, file, given.power)
