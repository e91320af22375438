"""The commands. Each imports what it needs when it is called, so that `suite --help` is instant."""

from __future__ import annotations

import errno
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from typer.exceptions import TyperException

from suite import __version__
from suite.cli import again_app, groups, power_app, words
from suite.cli.answer import Answer
from suite.cli.declared import command
from suite.cli.options import (
    ANSWER,
    BROUGHT,
    EVALUATION,
    MACHINE,
    OUTPUT,
    PART,
    POWER,
    REPETITION,
    RULES,
    SIZES,
    SUBJECT,
    SUSTAINED,
    TIMED,
    Given,
)
from suite.cli.session import Session, help_unless_command, session_of
from suite.cli.streams import Forgiving, occupy, silence
from suite.errors import SuiteError

if TYPE_CHECKING:
    from suite.cli.progress import Open
    from suite.records import Test
    from suite.tools import Tools

INTERRUPTED = 130  # what shells say of a process that Ctrl-C ended
FAILED = 3


app = typer.Typer(
    name="suite",
    help="Measure vision-language models on the device you own: parameters, FLOPs, latency, memory, energy.\n\n"
    "First time? suite doctor says what this machine can measure; suite all --quick gives a first report.",
    rich_markup_mode=None,
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


@command(
    app,
    "all",
    example="suite all --quick --model lxmert --model et-human",
    takes=(*TIMED, PART, EVALUATION, SUSTAINED, POWER),
)
def run_all(
    context: typer.Context,
    given: Given,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --out.", rich_help_panel=OUTPUT)
    ] = False,
) -> Answer:
    """Run a whole battery and write its report."""
    from dataclasses import replace

    from suite.cli import dry, running

    plan = words.plan_name(given.plan, given.quick)
    request = replace(given.request(), plan=plan, options=given.options(given.test), resume=resume)
    if given.dry_run:
        return dry.outline(request, session_of(context, given))
    return running.whole(request, session_of(context, given), given.percentiles())


@command(
    app,
    "params",
    example="suite params --model et-human-synthetic",
    takes=("model", "axis", "checkpoint", BROUGHT, OUTPUT),
)
def params(context: typer.Context, given: Given) -> Answer:
    """Count parameters: unique, shared, trainable, embeddings."""
    return _single("params", context, given)


@command(
    app,
    "flops",
    example="suite flops --model lxmert --axis text_tokens=20,40",
    takes=("model", "plan", "axis", "checkpoint", BROUGHT, OUTPUT),
)
def flops(context: typer.Context, given: Given) -> Answer:
    """Count MACs and FLOPs of a forward pass at batch 1."""
    return _single("flops", context, given)


@command(app, "latency", example="suite latency --model visualbert --batch-size 1,2,4", takes=TIMED)
def latency(context: typer.Context, given: Given) -> Answer:
    """Time forward passes: mean, deviation, median, interval."""
    return _single("latency", context, given)


@command(
    app,
    "energy",
    example="suite energy --model et-human --power auto",
    takes=(SUBJECT, SIZES, BROUGHT, MACHINE, POWER, OUTPUT),
)
def energy(context: typer.Context, given: Given) -> Answer:
    """Measure joules per inference, with and without idle."""
    return _single("energy", context, given)


@command(
    app,
    "sustained",
    example="suite sustained --minutes 10 --model et-human",
    takes=(SUBJECT, SIZES, BROUGHT, MACHINE, SUSTAINED, *RULES, "power", "rails", "sysfs_root", OUTPUT),
)
def sustained(
    context: typer.Context,
    given: Given,
    duration: Annotated[
        float | None,
        typer.Option("--duration", metavar="SECONDS", help="--minutes in seconds.", rich_help_panel=SUSTAINED),
    ] = None,
) -> Answer:
    """Call for minutes: throttling, heat, latency at the end."""
    from dataclasses import replace

    given = replace(given, minutes=words.sustained_minutes(given.minutes, duration))
    return _single("sustained", context, given)


@command(
    app,
    "accuracy",
    example="suite accuracy --model lxmert-digits --eval digits-vqa",
    takes=("model", "plan", "weights", "checkpoint", EVALUATION, MACHINE, *RULES, OUTPUT),
)
def accuracy(context: typer.Context, given: Given) -> Answer:
    """Judge answers whose truth is known, with intervals."""
    return _single("accuracy", context, given)


@command(
    app,
    "versus",
    example='suite versus --model lxmert "threads=1" "threads=2"',
    takes=("model", "weights", "checkpoint", "seed", SIZES, MACHINE, REPETITION, OUTPUT),
)
def versus(
    context: typer.Context,
    given: Given,
    variants: Annotated[list[str], typer.Argument(metavar="A B", help="Two variants, as KEY=VALUE,KEY=VALUE each.")],
) -> Answer:
    """Measure two variants in turns, and say which is faster.

    Keys: runtime, precision, device, threads, batch_size, and the model's axes by name. What both have in common may be
    given as options. FASTER and SLOWER say how B stands to A; SAME is within 3 %.
    """
    from suite.cli import versus as answers

    return answers.show(given.request("latency"), variants, session_of(context, given))


@command(app, "profile", example="suite profile --model lxmert", takes=TIMED)
def profile(context: typer.Context, given: Given) -> Answer:
    """Say where a call's time goes, by operator and module.

    In a worker of its own, by torch's profiler, which slows calls down: by how much is told.
    """
    return _single("profile", context, given)


def _single(test: Test, context: typer.Context, given: Given) -> Answer:
    from suite.cli import dry, running

    request, session = given.request(test), session_of(context, given)
    if given.dry_run:
        return dry.outline(request, session)
    return running.single(request, session, given.percentiles())


app.registered_commands += again_app.app.registered_commands


@command(app, "list", example="suite list models", takes=(POWER, *ANSWER))
def list_what(
    context: typer.Context,
    given: Given,
    what: Annotated[str | None, typer.Argument(metavar="[models|runtimes|evaluations|power|plans]")] = None,
) -> Answer:
    """List what can be named: models, evaluations, plans."""
    from suite.cli import listing

    tools = session_of(context, given).tools
    return listing.show(what, tools, given.power_asked())


@command(app, "doctor", example="suite doctor --self-test", takes=(POWER, *ANSWER))
def doctor(
    context: typer.Context,
    given: Given,
    self_test: Annotated[
        bool,
        typer.Option("--self-test", help="Measure A against A, and a short load with each usable power source."),
    ] = False,
    seconds: Annotated[
        float | None, typer.Option("--seconds", metavar="N", help="How long A is measured against A; 60 else.")
    ] = None,
) -> Answer:
    """Say what this machine can measure, and what would help."""
    from suite.cli import diagnosis

    asked = given.power_asked() or "auto"
    duration_s = words.self_test_s(self_test, seconds)
    return diagnosis.show(session_of(context, given).tools, asked, self_test_s=duration_s)


@command(app, "explain", example="suite explain RAPL_VM", takes=ANSWER)
def explain(
    context: typer.Context,
    given: Given,
    code: Annotated[str | None, typer.Argument(metavar="[CODE]", help="As a report shows it; all if left out.")] = None,
) -> Answer:
    """Say what a code of a report means, and what to do."""
    from suite.cli import explaining

    session_of(context, given)
    return explaining.explain(code)


def main(arguments: Sequence[str] | None = None, tools: Tools | None = None, progress: Open | None = None) -> int:
    """Runs one command and returns its exit status: 0 done, 1 not all of it could be measured, 2 wrong use, 3 failed.

    tools: what commands measure with; progress: what a run tells its progress to. The real ones if None.
    """
    session = Session(tools, progress)
    occupy()
    for number in (signal.SIGTERM, signal.SIGHUP):  # `docker stop`, a closed terminal: as Ctrl-C, a run can be resumed
        if signal.getsignal(number) != signal.SIG_IGN:  # under nohup a closed terminal ends nothing
            signal.signal(number, signal.default_int_handler)
    try:
        status = int(app(args=arguments, prog_name="suite", standalone_mode=False, obj=session) or 0)
        sys.stdout.flush()
        return status
    except (KeyboardInterrupt, typer.Abort):  # where no battery runs, which would say how to go on
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  # whatever it is ends in one line
        return _ended(error, session)


def _ended(error: Exception, session: Session) -> int:
    """Says what ended the command; its exit status."""
    match error:
        case SuiteError():
            _refuse(str(error), error.exit_status)
            if session.verbose:
                _explain(error)
            return error.exit_status
        case TyperException():
            return _refuse(error.format_message(), error.exit_code)
        case BrokenPipeError():  # the reader of stdout has gone; nothing is left to say
            silence(sys.stdout)
            return INTERRUPTED
        case OSError(errno=errno.ENOSPC | errno.EIO | errno.EBADF, filename=None):
            silence(sys.stdout)
            return _refuse(
                f"stdout: the answer can't be written ({error.strerror}); what was measured is stored", FAILED
            )
        case _:
            return _own_fault(error, session)


def _own_fault(error: Exception, session: Session) -> int:
    if session.verbose:
        traceback.print_exception(error)
    where = "the lines above" if session.verbose else "what -v prints"
    return _refuse(f"the suite itself failed ({type(error).__name__}: {error}); report it with {where}", FAILED)


def _refuse(message: str, exit_status: int) -> int:
    told = Forgiving(sys.stderr)
    told.write(f"suite: error: {' '.join(message.split())}\n")
    told.flush()
    return exit_status


def _explain(error: BaseException) -> None:
    """What lay behind an error, one line each."""
    while (cause := error.__cause__) is not None:
        print(f"suite: because: {type(cause).__name__}: {' '.join(str(cause).split())}", file=sys.stderr)
        error = cause
