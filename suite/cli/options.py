"""The options that commands share, each declared once: a field of `Given`. A command takes whole groups of them.

A new option is one more field here; every command that takes its group then has it, and shows it under the group's
heading.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suite.cli import words

if TYPE_CHECKING:
    from suite.battery import Request
    from suite.plan.brought import Beside
    from suite.plan.load import Options
    from suite.records import Test

SUBJECT = "What is measured"
SIZES = "Sizes"
BROUGHT = "Models that you bring"
MACHINE = "On what"
REPETITION = "How long"
SUSTAINED = "Sustained calls"
STATISTICS = "Statistics"
PART = "Part of a battery"
VERDICTS = "Verdicts"
POWER = "Power"
EVALUATION = "Evaluation"
OUTPUT = "Output"
ANSWER = ("output", "as_json", "as_csv", "no_color", "verbose")  # of the output, what every command has
RULES = ("warmup", "count_disturbed", "no_quiet")  # of the repetition, what calls for minutes have too
# what every command that makes timed calls takes
TIMED = (SUBJECT, SIZES, BROUGHT, MACHINE, REPETITION, STATISTICS, OUTPUT)


def _option(group: str, *names: str, metavar: str | None = None, help: str, hidden: bool = False) -> Any:
    return typer.Option(*names, metavar=metavar, help=help, rich_help_panel=group, hidden=hidden)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a person typed; None where they said nothing."""

    model: Annotated[
        list[str] | None,
        _option(
            SUBJECT,
            "--model",
            "-m",
            metavar="NAME|FILE",
            help="This one alone (again for more); a file: docs/own-models.md.",
        ),
    ] = None
    plan: Annotated[
        str | None,
        _option(SUBJECT, "--plan", metavar="NAME|FILE", help="A shipped plan (suite list plans) or a TOML file."),
    ] = None
    weights: Annotated[
        str | None,
        _option(SUBJECT, "--weights", metavar="NAME", help="seeded, or pinned: the published (suite models fetch)."),
    ] = None
    checkpoint: Annotated[
        str | None, _option(SUBJECT, "--checkpoint", metavar="FILE", help="Weights that you bring, for one model.")
    ] = None
    trajectory: Annotated[
        str | None,
        _option(SUBJECT, "--trajectory", metavar="FOLDER", help="An ALFRED trajectory to take the inputs from."),
    ] = None
    evaluation: Annotated[
        list[str] | None,
        _option(EVALUATION, "--eval", metavar="NAME", help="This one (suite list evaluations; again for more)."),
    ] = None
    eval_data: Annotated[
        str | None, _option(EVALUATION, "--eval-data", metavar="PATH", help="The file or folder that it needs of you.")
    ] = None
    limit: Annotated[int | None, _option(EVALUATION, "--limit", metavar="N", help="The first N rows of its data.")] = (
        None
    )
    seed: Annotated[int | None, _option(SUBJECT, "--seed", metavar="N", help="Of weights, inputs and the order.")] = (
        None
    )
    batch_size: Annotated[
        str | None,
        _option(SIZES, "--batch-size", metavar="N,N,...", help="Batch sizes, as in 1,2,4; default sizes else."),
    ] = None
    axis: Annotated[
        list[str] | None,
        _option(SIZES, "--axis", metavar="NAME=N,N,...", help="Input sizes, as in text_tokens=8,16 (again for more)."),
    ] = None
    inputs: Annotated[
        Path | None,
        _option(BROUGHT, "--inputs", metavar="FILE.npz", help="Real inputs: arrays by the names of inputs."),
    ] = None
    range: Annotated[
        list[str] | None,
        _option(BROUGHT, "--range", metavar="NAME=LOW..HIGH", help="What an input's numbers may be (again for more)."),
    ] = None
    shape: Annotated[
        list[str] | None,
        _option(BROUGHT, "--shape", metavar="NAME=N,...", help="An input's sizes, as in x=batch,3,224,224."),
    ] = None
    trust_remote_code: Annotated[
        bool, _option(BROUGHT, "--trust-remote-code", help="Run the code that a hub's model brings along.")
    ] = False
    device: Annotated[
        str | None,
        _option(MACHINE, "--device", metavar="NAME,...", help="auto (the best here), cpu, mps, cuda, cuda:0."),
    ] = None
    runtime: Annotated[
        list[str] | None,
        _option(MACHINE, "--runtime", metavar="NAME,...", help="eager, ... (suite list runtimes)."),
    ] = None
    precision: Annotated[
        list[str] | None,
        _option(MACHINE, "--precision", metavar="NAME,...", help="fp32, tf32, bf16, fp16, int8, where they can work."),
    ] = None
    threads: Annotated[
        str | None, _option(MACHINE, "--threads", metavar="N|all", help="CPU threads of the worker.")
    ] = None
    warmup: Annotated[
        int | None, _option(REPETITION, "--warmup", metavar="N", help="So many calls first; until steady else.")
    ] = None
    iterations: Annotated[
        int | None, _option(REPETITION, "--iterations", metavar="N", help="So many calls; until precise enough else.")
    ] = None
    time_limit: Annotated[
        float | None,
        _option(REPETITION, "--time-limit", "--duration", metavar="SECONDS", help="At most so long at each point."),
    ] = None
    count_disturbed: Annotated[
        bool,
        _option(REPETITION, "--count-disturbed", help="Count calls too that other programs disturbed."),
    ] = False
    no_quiet: Annotated[
        bool, _option(REPETITION, "--no-quiet", help="The former name of --count-disturbed.", hidden=True)
    ] = False
    minutes: Annotated[
        float | None,
        _option(SUSTAINED, "--minutes", metavar="N", help="Of back-to-back calls of each model; 10 else."),
    ] = None
    quick: Annotated[
        bool, _option(PART, "--quick", help="The plan quick; of a rerun counts, and 2 s at one point of each model.")
    ] = False
    test: Annotated[
        list[str] | None,
        _option(PART, "--test", metavar="NAME", help="params, flops, latency, energy, ... alone (again for more)."),
    ] = None
    margin: Annotated[
        str | None,
        _option(VERDICTS, "--margin", metavar="SHARE", help="Within which two are the same, as 3% or 0.03."),
    ] = None
    power: Annotated[
        str | None, _option(POWER, "--power", metavar="SOURCE", help="auto, none, or a source (suite list power).")
    ] = None
    power_csv: Annotated[
        Path | None,
        _option(POWER, "--power-csv", metavar="FILE", help="The log of an external meter, now or after the run."),
    ] = None
    power_csv_from_before: Annotated[
        bool,
        _option(POWER, "--power-csv-from-before", help="Take a log of elapsed time that is older than the run."),
    ] = False
    rails: Annotated[
        str | None,
        _option(POWER, "--rails", metavar="A+B", help="Sum these rails, where the board's table has no total."),
    ] = None
    sysfs_root: Annotated[
        Path | None,
        _option(POWER, "--sysfs-root", metavar="FOLDER", help="Read sensors and host facts under this folder."),
    ] = None
    percentile: Annotated[
        str | None,
        _option(
            STATISTICS, "--percentile", metavar="N,N,...", help="Show these, as in 50,90,99, where n supports them."
        ),
    ] = None
    out: Annotated[
        Path | None, _option(OUTPUT, "--out", metavar="FOLDER", help="Where the run goes; results/<time>-<plan> else.")
    ] = None
    tag: Annotated[
        list[str] | None,
        _option(OUTPUT, "--tag", metavar="KEY=VALUE", help="Kept with the run, as in cooling=fan (again for more)."),
    ] = None
    dry_run: Annotated[
        bool, _option(OUTPUT, "--dry-run", help="Show the tasks, their time and memory; measure nothing.")
    ] = False
    quiet: Annotated[
        bool, _option(OUTPUT, "--quiet", "-q", help="Tell no progress (--count-disturbed is another thing).")
    ] = False
    output: Annotated[
        str | None,
        _option(
            OUTPUT, "--output", "-o", metavar="FORM", help="Answer in md, html, csv, json or jsonl (docs/output.md)."
        ),
    ] = None
    as_json: Annotated[bool, _option(OUTPUT, "--json", help="The same as -o json.")] = False
    as_csv: Annotated[bool, _option(OUTPUT, "--csv", help="The same as -o csv.")] = False
    no_color: Annotated[bool, _option(OUTPUT, "--no-color", help="No colours, as NO_COLOR=1 in the environment.")] = (
        False
    )
    verbose: Annotated[bool, _option(OUTPUT, "--verbose", "-v", help="Say more: the log, the causes of an error.")] = (
        False
    )

    def power_asked(self) -> str | None:
        """What the options of power say together, in the form of --power. Raises UsageError."""
        return words.power(
            self.power, self.power_csv, self.rails, self.sysfs_root, from_before=self.power_csv_from_before
        )

    def beside(self) -> Beside | None:
        """What goes with models that are brought. Raises UsageError."""
        from suite.plan.brought import Beside

        found = Beside(
            inputs=None if self.inputs is None else str(self.inputs),
            ranges=words.ranges(self.range),
            shapes=words.shapes(self.shape),
            trust_remote_code=self.trust_remote_code,
        )
        return None if found.said is None else found

    def options(self, tests: list[str] | None = None) -> Options:
        """What is put over a plan. Raises UsageError."""
        from suite.plan.load import Options

        return Options(
            models=words.names(self.model, "--model"),
            tests=words.names(tests, "--test"),
            batch_size=words.sizes(self.batch_size, "--batch-size"),
            axes=words.axes(self.axis),
            device=self.device,
            runtimes=words.names(self.runtime, "--runtime"),
            precisions=words.names(self.precision, "--precision"),
            threads=words.threads(self.threads),
            seed=self.seed,
            evaluations=words.names(self.evaluation, "--eval"),
            eval_data=self.eval_data,
            limit=self.limit,
            weights=self.weights,
            checkpoint=self.checkpoint,
            trajectory=self.trajectory,
            beside=self.beside(),
            quiet="none" if self.count_disturbed or self.no_quiet else None,
            duration_s=words.minutes(self.minutes),
            time_limit_s=self.time_limit,
            warmup_call_count=words.call_count(self.warmup, "--warmup"),
            call_count=words.iterations(self.iterations, self.time_limit),
        )

    def request(self, test: Test | None = None) -> Request:
        """What a battery is asked for. Raises UsageError."""
        from suite.battery import Request

        return Request(
            test=test,
            plan=self.plan,
            options=self.options(),
            power=self.power_asked(),
            out=self.out,
            tags=words.tags(self.tag),
        )

    def percentiles(self) -> tuple[float, ...]:
        """Those that were asked for. Raises UsageError."""
        return words.percentiles(self.percentile)
