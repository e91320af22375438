"""The commands of runs that are there: verify, bundle, rerun, history. `add` gives them to the program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from suite.cli.declared import command
from suite.cli.options import ANSWER, OUTPUT, POWER, Given
from suite.cli.session import session_of

AGAIN = ("model", "checkpoint", "trajectory", "seed", "threads", "time_limit", POWER, OUTPUT)
RUN = typer.Argument(metavar="RUN", help="The folder of a run, or its archive.")


def add(app: typer.Typer) -> None:
    @command(app, "verify", example="suite verify results/20261123T180000Z-standard", takes=ANSWER)
    def verify(context: typer.Context, given: Given, run: Annotated[Path, RUN]) -> int:
        """Say whether a run's files are what was measured."""
        from suite.cli import verifying

        session_of(context, given)
        return verifying.show(run, as_json=given.as_json)

    @command(app, "bundle", example="suite bundle results/20261123T180000Z-standard", takes=("out", *ANSWER))
    def bundle(context: typer.Context, given: Given, run: Annotated[Path, RUN]) -> int:
        """Pack a run into one archive for somebody else."""
        from suite.cli import bundling

        session_of(context, given)
        return bundling.pack(run, given.out, as_json=given.as_json)

    @command(
        app, "history", example="suite history results --quantity latency --plot history.png", takes=("model", *ANSWER)
    )
    def over_time(  # noqa: PLR0913, PLR0917 (what a person may say)
        context: typer.Context,
        given: Given,
        folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder with runs or their archives in it.")],
        quantity: Annotated[
            str, typer.Option("--quantity", metavar="NAME", help="latency, memory or energy.")
        ] = "latency",
        on: Annotated[
            str | None, typer.Option("--on", metavar="DEVICE", help="A part of its name; the one with most runs else.")
        ] = None,
        plot: Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="Draw it as a PNG.")] = None,
        as_csv: Annotated[bool, typer.Option("--csv", help="Answer as CSV, for a spreadsheet.")] = False,
    ) -> int:
        """Show a quantity over many runs, and where it stepped."""
        from suite.cli import histories, words

        session_of(context, given)
        models = words.names(given.model, "--model")
        return histories.show_history(folder, quantity, models, on, plot, as_json=given.as_json, as_csv=as_csv)

    @command(app, "rerun", example="suite rerun results/20261123T180000Z-standard --quick", takes=AGAIN)
    def rerun(  # noqa: PLR0913, PLR0917 (what a person may say)
        context: typer.Context,
        given: Given,
        run: Annotated[Path, RUN],
        test: Annotated[
            list[str] | None, typer.Option("--test", metavar="NAME", help="This test of it alone (again for more).")
        ] = None,
        quick: Annotated[bool, typer.Option("--quick", help="Counts, and one point of each model, 2 s long.")] = False,
        against: Annotated[
            Path | None, typer.Option("--against", metavar="RUN", help="A second run that is there: measure nothing.")
        ] = None,
        margin: Annotated[
            float, typer.Option("--margin", metavar="SHARE", help="How far a latency may differ on one board.")
        ] = 0.10,
    ) -> int:
        """Measure a run again here: is it reproduced, and why not?"""
        from suite.cli import rerunning, words

        session = session_of(context, given)
        changes, request = words.again(given, test, quick=quick)
        return rerunning.run(
            run, changes, request, session, against=against, margin=words.margin(margin), as_json=given.as_json
        )
