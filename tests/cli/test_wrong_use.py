"""Wrong use of every option of every command: one line, status 2, nothing on stdout, nothing written.

The table is made of the commands themselves, so that a new option is in it; what needs words of its own stands below.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer

from suite.cli.app import app
from suite.power import choice
from tests.cli.conftest import CommandLine
from tests.fakes import fake_tools

NUMBERS = ("--seed", "--duration", "--warmup", "--iterations", "--port")
ARGUMENTS = {"report": ["old"], "power import": ["old", "log.csv"]}  # what these can't do without

ANY_NUMBER = ("report", "compare", "recommend", "versus")  # of runs, or of variants that are counted later


def commands(group: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path}{name} ")
        else:
            yield path + name, command


COMMANDS = dict(commands(typer.main.get_command(app)))


def wrong() -> Iterator[tuple[str, str]]:
    """(line, what the error begins with)"""
    for name, command in COMMANDS.items():
        line = shlex.join([*name.split(), *ARGUMENTS.get(name, [])])
        yield f"{line} --nope", "No such option: --nope"
        yield f"{line} ''", "an argument: its value is empty"
        if name not in ANY_NUMBER:
            yield f"{line} one two three four", "Got unexpected extra argument"
        for param in command.params:
            if param.param_type_name != "option" or param.name == "help":
                continue
            option = param.opts[-1] if param.opts[-1].startswith("--") else param.opts[0]
            if param.is_flag:
                yield f"{line} {option}=1", f"Option '{option}' does not take a value"
                continue
            yield f"{line} {option}", f"Option '{option}' requires an argument"
            yield f"{line} {option} ''", f"{option}: its value is empty"
            yield f"{line} {option}=", f"{option}: its value is empty"
            yield f"{line} {option} ' '", f"{option}: its value is empty"
            if option in NUMBERS:
                named = " / ".join(f"'{name}'" for name in param.opts)
                yield f"{line} {option} x", f"Invalid value for {named}"
                yield f"{line} {option} 1,5", f"Invalid value for {named}"


OTHERS = [
    ("latency --batch-size 1_0", "--batch-size: '1_0' is not a list of whole numbers; write it as 1,2,4"),
    ("latency --batch-size ١", "--batch-size: '١' is not a list of whole numbers"),
    ("latency --batch-size 1,", "--batch-size: '1,' is not a list of whole numbers"),
    ("latency --batch-size 1.0", "--batch-size: '1.0' is not a list of whole numbers"),
    ("latency --batch-size 99999999999999999999", "--batch-size: '99999999999999999999' is not a list"),
    ("latency --threads ١", "--threads: must be 'all' or a number from 1 up"),
    ("latency --threads 1e3", "--threads: must be 'all' or a number from 1 up"),
    ("latency --threads -1", "--threads: must be 'all' or a number from 1 up"),
    ("latency --model reader,,walker", "--model: 'reader,,walker' holds an empty name; write them as a,b"),
    ("all --test params,", "--test: 'params,' holds an empty name; write them as a,b"),
    ("latency --seed -1", "--seed: input should be greater than or equal to 0, got -1"),
    ("latency --seed 4294967296", "--seed: input should be less than 4294967296"),
    ("latency --time-limit nan", "--time-limit: time_limit_s must be positive and finite, got nan"),
    ("latency --time-limit inf", "--time-limit: time_limit_s must be positive and finite, got inf"),
    ("latency --time-limit 1e400", "--time-limit: time_limit_s must be positive and finite, got inf"),
    ("models fetch --hub http://[", "--hub: 'http://[' is not an address; write it as https://huggingface.co"),
    ("models fetch --hub ftp://x", "--hub: 'ftp://x' is not an address"),
    ("models fetch --hub huggingface.co", "--hub: 'huggingface.co' is not an address"),
    ("models fetch --hub http://x:99999", "--hub: 'http://x:99999' is not an address"),
    ("models fetch --hub http://x:port", "--hub: 'http://x:port' is not an address"),
    ("models fetch --hub https://", "--hub: 'https://' is not an address"),
    ("models fetch --model nope", "--model: unknown pinned model or tokenizer 'nope'"),
    ("models verify --model nope", "--model: unknown pinned model or tokenizer 'nope'"),
    ("models lock --model reader", "--model needs --check: models.lock is written whole"),
    ("models lock --check --model nope", "--model nope: "),
    ("power serve --source csv", "--source csv: has no readings to serve; name a sensor's source"),
    ("power serve --source powertop", "--source powertop: has no readings to serve"),
    ("power serve --source none", "--source none: has no readings to serve"),
    ("power serve --port 65536", "Invalid value for '--port'"),
    ("power serve --port -1", "Invalid value for '--port'"),
    ("power import old log.csv --power none", "--power none: reads no file; name csv or powertop"),
    ("power import old log.csv --power rapl", "--power rapl: reads no file; name csv or powertop"),
    ("power import old log.csv --power auto", "--power auto: reads no file; name csv or powertop"),
    ("power import old log.csv --power cvs", "--power: unknown power source 'cvs': did you mean 'csv'?"),
    ("list models --power auto", "suite list models: options of power go with `suite list power`"),
    ("list models --power bogus", "suite list models: options of power go with `suite list power`"),
    ("list plans --rails A", "suite list plans: options of power go with `suite list power`"),
    ("energy --power-csv-from-before", "--power-csv-from-before: goes with a meter's log; name it with --power-csv"),
    ("energy --power-csv-from-before --power rapl", "--power-csv-from-before: goes with a meter's log"),
    ("list -o pdf", "--output: unknown form 'pdf': There is md, html, csv, json, jsonl; --out names a folder"),
    ("latency --output results/mine", "--output: unknown form 'results/mine'"),
    ("list --json -o csv", "--json is the same as -o json, but csv is asked for too: give one of the two"),
    ("power serve -o csv", "--output csv: suite serve answers in text and JSON alone; leave it out, or take json"),
    ("latency --warmup 0", "--warmup: must be 1 to 10,000,000 calls, got 0"),
    ("latency --warmup -1", "--warmup: must be 1 to 10,000,000 calls, got -1"),
    ("latency --iterations 0", "--iterations: must be 1 to 10,000,000 calls, got 0"),
    ("latency --iterations 99999999999", "--iterations: must be 1 to 10,000,000 calls, got 99999999999"),
    ("latency --iterations 9 --duration 5", "--iterations: is a fixed count, which --time-limit would not end"),
    ("latency --duration 0", "--time-limit: time_limit_s must be positive and finite, got 0"),
    ("sustained --duration 0", "--duration: must be above 0 and at most 19,800, got 0"),
    ("sustained --duration nan", "--duration: must be above 0 and at most 19,800, got nan"),
    ("sustained --duration 60 --minutes 1", "--duration: is --minutes in seconds: give one of the two"),
    ("latency --percentile 50,", "--percentile: '50,' is not a list of percentiles; write it as 50,90,99.9"),
    ("latency --percentile 0", "--percentile: 0 is not between 0.001 and 99.999"),
    ("latency --percentile 100", "--percentile: '100' is not a list of percentiles"),
    ("latency --percentile 99.9999", "--percentile: 99.9999 is not between 0.001 and 99.999"),
    ("latency --percentile -5", "--percentile: '-5' is not a list of percentiles"),
    (f"latency --percentile {','.join(map(str, range(1, 22)))}", "--percentile: at most 20 of them, got 21"),
    ("latency --tag cooling", "--tag: 'cooling' has no value; write each once, as cooling=fan"),
    ("latency --tag cooling=", "--tag: 'cooling' has no value"),
    ("latency --tag =fan", "--tag: tag '' is no name"),
    ("latency --tag a/b=1", "--tag: tag 'a/b' is no name"),
    ("latency --tag a=1 --tag a=2", "--tag: 'a' is given twice; write each once, as cooling=fan"),
    (f"latency --tag a={'x' * 201}", "--tag: tag a must have a value of at most 200 characters on one line"),
    (f"latency {' '.join(f'--tag t{n}={n}' for n in range(21))}", "--tag: a run has at most 20 tags, got 21"),
    ("all --dry-run --test nope", "--test: unknown test 'nope'"),
    ("all --dry-run --resume", "--resume: name the folder of the run to go on with by --out"),
    ("explain RAPL_WM", "unknown code 'RAPL_WM': did you mean RAPL_VM? suite explain lists all"),
    ("explain %%%", "unknown code '%%%': suite explain lists all"),
    ("report old --json=yes", "Option '--json' does not take a value."),
]
REAL = [  # by the real choice of sources, which the fakes leave out
    ("energy --power simulated+simulated", "--power simulated+simulated: simulated is named twice"),
    ("energy --power rapl+nvml+rapl", "--power rapl+nvml+rapl: rapl is named twice; name each source once"),
    ("energy --power bogus", "--power: unknown power source 'bogus'"),
    ("energy --power none:x=1", "--power none takes no options"),
    ("energy --power auto+rapl", "--power auto+rapl: auto stands alone"),
    ("energy --power rapl+", "--power: unknown power source 'rapl+'"),
    ("energy --power csv+rapl", "--power csv+rapl: a log that is brought in after the run stands alone"),
    ("list power --power bogus", "--power: unknown power source 'bogus'"),
    ("doctor --power bogus", "--power: unknown power source 'bogus'"),
]
TABLE = [*wrong(), *OTHERS]


def refused(suite: CommandLine, line: str, begins: str) -> None:
    before = sorted(Path().rglob("*"))
    result = suite(*shlex.split(line))
    assert (result.status, result.out) == (2, ""), result
    assert result.error.startswith(begins)
    assert sorted(Path().rglob("*")) == before


def test_the_table_is_long_enough() -> None:
    assert len({line for line, _ in TABLE}) == len(TABLE) >= 260


@pytest.mark.parametrize(("line", "begins"), TABLE, ids=[line for line, _ in TABLE])
def test_wrong_use_is_told_in_one_line(suite: CommandLine, line: str, begins: str) -> None:
    refused(suite, line, begins)


@pytest.mark.parametrize(("line", "begins"), REAL, ids=[line for line, _ in REAL])
def test_wrong_power_is_told_in_one_line(suite: CommandLine, line: str, begins: str) -> None:
    fakes = fake_tools(suite.folder / "plans", suite.workers)
    suite.tools = replace(fakes, select_meter=choice.select, survey=choice.survey)
    refused(suite, line, begins)
