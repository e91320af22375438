"""The commands of runs that are there: report, compare, recommend, verify, bundle, rerun, history."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from suite.cli.answer import Answer
from suite.cli.declared import command
from suite.cli.options import ANSWER, OUTPUT, PART, POWER, STATISTICS, VERDICTS, Given
from suite.cli.quantities import share
from suite.cli.session import session_of
from suite.errors import UsageError

if TYPE_CHECKING:
    from suite.battery import Changes, Request

if TYPE_CHECKING:
    pass

AGAIN = ("model", "checkpoint", "trajectory", "seed", "threads", "time_limit", PART, VERDICTS, POWER, OUTPUT)
NEEDS = "What you need"
RUN = typer.Argument(metavar="RUN", help="The folder of a run, or its archive.")

app = typer.Typer()  # whose commands are the program's own


@command(app, "report", example="suite report results/20261123T180000Z-standard", takes=(STATISTICS, *ANSWER))
def report(
    context: typer.Context,
    given: Given,
    run: Annotated[list[Path], typer.Argument(metavar="RUN...", help="The folder of a run, or its archive.")],
    style: Annotated[
        Literal["report", "lab"],
        typer.Option("--style", help="lab: the lab's tables and questions alone, in lab.md and lab.html."),
    ] = "report",
) -> Answer:
    """Render the report of a run again, from its files alone."""
    from suite.cli import running

    session_of(context, given)
    return running.report_again(run, given.percentiles(), style)


@command(
    app,
    "compare",
    example='suite compare results/before results/after --fail-if "latency slower 5%"',
    takes=(VERDICTS, *ANSWER),
)
def compare(  # noqa: PLR0913, PLR0917  # each is an option
    context: typer.Context,
    given: Given,
    run: Annotated[list[Path], typer.Argument(metavar="RUN RUN...", help="The folders of two runs or more.")],
    names: Annotated[
        str | None,
        typer.Option("--names", metavar="A,B,...", help="Of the runs, in order; runs of one name are put together."),
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option("--fail-if", metavar="CONDITION", help='"latency slower 5%", or "memory more 10% lxmert".'),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="Write compare.md, .html and .csv there.")
    ] = None,
) -> Answer:
    """Hold runs side by side: ratios, verdicts, a gate for CI.

    From their files alone. Each run is compared with the first one. Exit status with --fail-if: 0 no condition holds, 4
    one is proved, 5 none is proved and one is open.
    """
    from suite.cli import comparing

    session_of(context, given)
    asked = comparing.Asked(names=names, margin=given.margin, conditions=tuple(fail_if or ()))
    return comparing.compared(run, asked, out)


@command(
    app,
    "recommend",
    example="suite recommend results/RUN --max-latency 50ms --min-accuracy 97% --prefer memory",
    takes=("evaluation", VERDICTS, *ANSWER),
)
def recommend(  # noqa: PLR0913, PLR0917 (what a person may need)
    context: typer.Context,
    given: Given,
    run: Annotated[list[Path], typer.Argument(metavar="RUN...", help="The folder of a run.")],
    max_latency: Annotated[
        str | None, typer.Option(metavar="50ms", help="Of one input.", rich_help_panel=NEEDS)
    ] = None,
    max_energy: Annotated[str | None, typer.Option(metavar="3mJ", help="Of one input.", rich_help_panel=NEEDS)] = None,
    max_memory: Annotated[str | None, typer.Option(metavar="1GB", help="At its peak.", rich_help_panel=NEEDS)] = None,
    max_size: Annotated[
        str | None, typer.Option(metavar="500MB", help="Of the weights.", rich_help_panel=NEEDS)
    ] = None,
    min_accuracy: Annotated[
        str | None, typer.Option(metavar="97%", help="The evaluation's score.", rich_help_panel=NEEDS)
    ] = None,
    prefer: Annotated[
        str,
        typer.Option(metavar="NAME", help="latency, energy, memory, size, accuracy.", rich_help_panel=NEEDS),
    ] = "latency",
) -> Answer:
    """Choose among what was measured, by what you need."""
    from suite.cli import recommending

    session_of(context, given)
    names = given.evaluation or []
    needs = recommending.Needs(
        max_latency=max_latency,
        max_energy=max_energy,
        max_memory=max_memory,
        max_size=max_size,
        min_accuracy=min_accuracy,
        prefer=prefer,
        evaluation=names[-1] if names else None,
        margin=given.margin,
    )
    return recommending.show(run, needs)


@command(app, "verify", example="suite verify results/20261123T180000Z-standard", takes=ANSWER)
def verify(context: typer.Context, given: Given, run: Annotated[Path, RUN]) -> Answer:
    """Say whether a run's files are what was measured."""
    from suite.cli import verifying

    session_of(context, given)
    return verifying.show(run)


@command(app, "bundle", example="suite bundle results/20261123T180000Z-standard", takes=("out", *ANSWER))
def bundle(context: typer.Context, given: Given, run: Annotated[Path, RUN]) -> Answer:
    """Pack a run into one archive for somebody else."""
    from suite.cli import bundling

    session_of(context, given)
    return bundling.pack(run, given.out)


@command(
    app, "history", example="suite history results --quantity latency --plot history.png", takes=("model", *ANSWER)
)
def over_time(  # noqa: PLR0913, PLR0917 (what a person may say)
    context: typer.Context,
    given: Given,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder with runs or their archives in it.")],
    quantity: Annotated[str, typer.Option("--quantity", metavar="NAME", help="latency, memory or energy.")] = "latency",
    on: Annotated[
        str | None, typer.Option("--on", metavar="DEVICE", help="A part of its name; the one with most runs else.")
    ] = None,
    plot: Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="Draw it as a PNG.")] = None,
) -> Answer:
    """Show a quantity over many runs, and where it stepped."""
    from suite.cli import histories, words

    session_of(context, given)
    models = words.names(given.model, "--model")
    return histories.show_history(folder, quantity, models, on, plot)


@command(app, "rerun", example="suite rerun results/20261123T180000Z-standard --quick", takes=AGAIN)
def rerun(
    context: typer.Context,
    given: Given,
    run: Annotated[Path, RUN],
    against: Annotated[
        Path | None, typer.Option("--against", metavar="RUN", help="A second run that is there: measure nothing.")
    ] = None,
) -> Answer:
    """Measure a run again here, and say if it is reproduced."""
    from suite.cli import rerunning

    session = session_of(context, given)
    changes, request = _again(given)
    return rerunning.run(run, changes, request, session, against=against, margin=_margin(given.margin))


def _margin(text: str | None) -> float:
    """How far a latency may differ on one board: 10 % where nobody says. Raises UsageError."""
    if text is None:
        return 0.10
    found = share(text, "--margin")
    if not found > 0:
        raise UsageError(f"--margin: must be above 0, as 10% or 0.1, got {text}")
    return found


def _again(given: Given) -> tuple[Changes, Request]:
    """What of a run is measured again. Raises UsageError."""
    from suite.battery import Changes, Request
    from suite.cli import words

    if given.time_limit is not None and not given.time_limit > 0:
        raise UsageError(f"--time-limit: must be above 0, got {given.time_limit:g}")
    if given.seed is not None and given.seed < 0:
        raise UsageError(f"--seed: must be at least 0, got {given.seed}")
    changes = Changes(
        models=words.names(given.model, "--model"),
        tests=words.names(given.test, "--test"),
        threads=words.threads(given.threads),
        seed=given.seed,
        checkpoint=given.checkpoint,
        trajectory=given.trajectory,
        time_limit_s=given.time_limit,
        quick=given.quick,
    )
    return changes, Request(power=given.power_asked(), out=given.out)
