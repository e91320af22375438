"""The commands. Each imports what it needs when it is called, so that `suite --help` is instant."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.exceptions import TyperException

from suite import __version__
from suite.cli import groups, options, power_app
from suite.cli.session import Session, help_unless_command, session_of
from suite.errors import SuiteError

if TYPE_CHECKING:
    from suite.cli.tools import Tools

INTERRUPTED = 130  # what shells say of a process that Ctrl-C ended
FAILED = 3


app = typer.Typer(
    name="suite",
    help="Measure vision-language models on the device you own: parameters, FLOPs, latency, memory, energy.\n\n"
    "First time? suite doctor says what this machine can measure; suite all --quick gives a first report.",
    rich_markup_mode=None,
    add_completion=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
)
app.add_typer(groups.models, name="models")
app.add_typer(groups.image, name="image")
app.add_typer(power_app.app, name="power")


@app.callback()
def suite(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    if version:
        print(__version__)
    else:
        help_unless_command(context)


@app.command("all", epilog="Example: suite all --quick --model lxmert --model et-human")
def run_all(
    context: typer.Context,
    plan: options.PlanName = None,
    quick: Annotated[bool, typer.Option("--quick", help="Short for --plan quick.")] = False,
    model: options.Model = None,
    test: options.Test = None,
    batch_size: options.BatchSize = None,
    axis: options.Axis = None,
    device: options.Device = None,
    threads: options.Threads = None,
    seed: options.Seed = None,
    weights: options.Weights = None,
    checkpoint: options.Checkpoint = None,
    trajectory: options.Trajectory = None,
    time_limit: options.TimeLimit = None,
    power: options.Power = None,
    power_csv: options.PowerCsv = None,
    rails: options.Rails = None,
    sysfs_root: options.SysfsRoot = None,
    out: options.Out = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    as_json: options.Json = False,
    verbose: options.Verbose = False,
) -> int:
    """Run a whole battery and write its report."""
    from suite.cli import battery
    from suite.plan.load import Options

    changes = Options(
        models=options.names(model),
        tests=options.names(test),
        batch_size=options.sizes(batch_size, "--batch-size"),
        axes=options.axes(axis),
        device=device,
        threads=options.threads(threads),
        seed=seed,
        weights=weights,
        checkpoint=checkpoint,
        trajectory=trajectory,
        time_limit_s=time_limit,
    )
    request = battery.Request(
        plan=battery.plan_name(plan, quick),
        options=changes,
        power=options.power(power, power_csv, rails, sysfs_root),
        out=out,
        resume=resume,
        verbose=verbose,
    )
    return battery.whole(request, session_of(context, verbose).tools, as_json=as_json)


@app.command(epilog="Example: suite params --model et-human-synthetic")
def params(
    context: typer.Context,
    model: options.Model = None,
    checkpoint: options.Checkpoint = None,
    out: options.Out = None,
    as_json: options.Json = False,
    verbose: options.Verbose = False,
) -> int:
    """Count parameters: unique, registered under several names, trainable, embeddings."""
    from suite.cli import battery
    from suite.plan.load import Options

    changes = Options(models=options.names(model), checkpoint=checkpoint)
    request = battery.Request(options=changes, out=out, verbose=verbose)
    return battery.single("params", request, session_of(context, verbose).tools, as_json=as_json)


@app.command(epilog="Example: suite flops --model lxmert --axis text_tokens=20,40")
def flops(
    context: typer.Context,
    model: options.Model = None,
    plan: options.PlanName = None,
    axis: options.Axis = None,
    checkpoint: options.Checkpoint = None,
    out: options.Out = None,
    as_json: options.Json = False,
    verbose: options.Verbose = False,
) -> int:
    """Count the multiply-accumulates and FLOPs of a forward pass at batch 1."""
    from suite.cli import battery
    from suite.plan.load import Options

    changes = Options(models=options.names(model), axes=options.axes(axis), checkpoint=checkpoint)
    request = battery.Request(plan=plan, options=changes, out=out, verbose=verbose)
    return battery.single("flops", request, session_of(context, verbose).tools, as_json=as_json)


@app.command(epilog="Example: suite latency --model visualbert --batch-size 1,2,4")
def latency(
    context: typer.Context,
    model: options.Model = None,
    plan: options.PlanName = None,
    batch_size: options.BatchSize = None,
    axis: options.Axis = None,
    device: options.Device = None,
    threads: options.Threads = None,
    seed: options.Seed = None,
    weights: options.Weights = None,
    checkpoint: options.Checkpoint = None,
    trajectory: options.Trajectory = None,
    time_limit: options.TimeLimit = None,
    out: options.Out = None,
    as_json: options.Json = False,
    verbose: options.Verbose = False,
) -> int:
    """Time forward passes: mean, standard deviation, median and its interval."""
    from suite.cli import battery
    from suite.plan.load import Options

    changes = Options(
        models=options.names(model),
        batch_size=options.sizes(batch_size, "--batch-size"),
        axes=options.axes(axis),
        device=device,
        threads=options.threads(threads),
        seed=seed,
        weights=weights,
        checkpoint=checkpoint,
        trajectory=trajectory,
        time_limit_s=time_limit,
    )
    request = battery.Request(plan=plan, options=changes, out=out, verbose=verbose)
    return battery.single("latency", request, session_of(context, verbose).tools, as_json=as_json)


@app.command(epilog="Example: suite energy --model et-human --power auto")
def energy(
    context: typer.Context,
    model: options.Model = None,
    plan: options.PlanName = None,
    batch_size: options.BatchSize = None,
    axis: options.Axis = None,
    device: options.Device = None,
    threads: options.Threads = None,
    seed: options.Seed = None,
    weights: options.Weights = None,
    checkpoint: options.Checkpoint = None,
    trajectory: options.Trajectory = None,
    power: options.Power = None,
    power_csv: options.PowerCsv = None,
    rails: options.Rails = None,
    sysfs_root: options.SysfsRoot = None,
    out: options.Out = None,
    as_json: options.Json = False,
    verbose: options.Verbose = False,
) -> int:
    """Measure the energy of an inference, idle included and net of it."""
    from suite.cli import battery
    from suite.plan.load import Options

    changes = Options(
        models=options.names(model),
        batch_size=options.sizes(batch_size, "--batch-size"),
        axes=options.axes(axis),
        device=device,
        threads=options.threads(threads),
        seed=seed,
        weights=weights,
        checkpoint=checkpoint,
        trajectory=trajectory,
    )
    asked = options.power(power, power_csv, rails, sysfs_root)
    request = battery.Request(plan=plan, options=changes, power=asked, out=out, verbose=verbose)
    return battery.single("energy", request, session_of(context, verbose).tools, as_json=as_json)


@app.command(epilog="Example: suite report results/20261123T180000Z-standard")
def report(
    context: typer.Context,
    run: Annotated[list[Path], typer.Argument(metavar="RUN...", help="The folder of a run.")],
    as_json: options.Json = False,
    verbose: options.Verbose = False,
) -> int:
    """Render the report of a run again, from its files alone."""
    from suite.cli import battery

    session_of(context, verbose)
    return battery.report_again(run, as_json=as_json)


@app.command("list", epilog="Example: suite list models")
def list_what(
    context: typer.Context,
    what: Annotated[str | None, typer.Argument(metavar="[models|runtimes|power|plans]")] = None,
    power: options.Power = None,
    power_csv: options.PowerCsv = None,
    rails: options.Rails = None,
    sysfs_root: options.SysfsRoot = None,
    as_json: options.Json = False,
    verbose: options.Verbose = False,
) -> int:
    """List what can be named: models with their input sizes, runtimes, power sources, plans."""
    from suite.cli import listing

    asked = options.power(power, power_csv, rails, sysfs_root)
    return listing.show(what, session_of(context, verbose).tools, asked, as_json=as_json)


@app.command(epilog="Example: suite doctor --self-test")
def doctor(
    context: typer.Context,
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Run a short load with each usable power source.")
    ] = False,
    power: options.Power = None,
    power_csv: options.PowerCsv = None,
    rails: options.Rails = None,
    sysfs_root: options.SysfsRoot = None,
    as_json: options.Json = False,
    verbose: options.Verbose = False,
) -> int:
    """Say what this machine can measure, and how to fix the rest."""
    from suite.cli import diagnosis

    asked = options.power(power, power_csv, rails, sysfs_root) or "auto"
    return diagnosis.show(session_of(context, verbose).tools, asked, self_test=self_test, as_json=as_json)


def main(arguments: Sequence[str] | None = None, tools: Tools | None = None) -> int:
    """Runs one command and returns its exit status: 0 done, 1 not all of it could be measured, 2 wrong use, 3 failed.

    tools: what commands measure with; the real ones if None.
    """
    session = Session(tools)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `docker stop` leaves a resumable run, as Ctrl-C does
    try:
        return int(app(args=arguments, prog_name="suite", standalone_mode=False, obj=session) or 0)
    except SuiteError as error:
        _refuse(str(error), error.exit_status)
        if session.verbose:
            _explain(error)
        return error.exit_status
    except TyperException as error:
        return _refuse(error.format_message(), error.exit_code)
    except BrokenPipeError:  # the reader of stdout has gone; nothing is left to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  # a fault of the suite itself
        if session.verbose:
            traceback.print_exc()
        where = "the lines above" if session.verbose else "what -v prints"
        return _refuse(f"the suite itself failed ({type(error).__name__}: {error}); report it with {where}", FAILED)


def _refuse(message: str, exit_status: int) -> int:
    print(f"suite: error: {' '.join(message.split())}", file=sys.stderr)
    return exit_status


def _explain(error: BaseException) -> None:
    """What lay behind an error, one line each."""
    while (cause := error.__cause__) is not None:
        print(f"suite: because: {type(cause).__name__}: {' '.join(str(cause).split())}", file=sys.stderr)
        error = cause
