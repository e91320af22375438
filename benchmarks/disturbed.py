"""Estimates and verdicts beside a disturber, held against quiet ones; and what other rules make of the same load.

.venv/bin/python benchmarks/disturbed.py [--runs 10] [--quiet-runs 3] [--kind busy ...] [--model et-human ...]
    [--plan benchmarks/plans/scaling.toml] [--out results/disturbed]

Every run is stored in --out, with the calls that the other tools' rules are applied to (peer_rules.py: one process
that calls the model at batch 1 back to back, under the same disturber, after three calls that don't count). What is
there already is not measured again, so a stopped script goes on, and --runs 0 prints the table of what is there.
Each method's figures are held against its own from the quiet runs. 33 runs take up to 25 minutes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import verdicts
from disturber import KINDS, Disturber
from goal import at_least, at_most
from peer_rules import RULES
from tabulate import tabulate

from suite import battery
from suite.battery import Options, Request
from suite.records import store

QUIET = "quiet"
SUITE, NO_RULE, MINIMUM = "suite", "the same records, no rule", "the same records, minimum"
GOAL_SHARE = 0.02
STREAM_S = 7.0
WARMUP_COUNT = 3
PLAN = Path(__file__).with_name("plans") / "scaling.toml"


@dataclass
class Found:
    """What one run gave: figures in s by method, then by case; answers by method, then by question."""

    figures: dict[str, dict[str, float]] = field(default_factory=dict)
    answers: dict[str, dict[str, str]] = field(default_factory=dict)
    upper_bounds: int = 0


def stream(model: str) -> None:
    """Prints the durations of calls made back to back for STREAM_S, as JSON."""
    import torch
    from peers import load

    call = load(model)
    found: list[float] = []
    with torch.inference_mode():
        for _ in range(WARMUP_COUNT):
            call()
        end_s = time.perf_counter() + STREAM_S
        while time.perf_counter() < end_s:
            began_s = time.perf_counter()
            call()
            found.append(time.perf_counter() - began_s)
    print(json.dumps(found))


def measure(out: Path, models: Sequence[str], plan: str, beside: AbstractContextManager[object]) -> None:
    """One run, and the calls of the other tools' rules, beside something that runs meanwhile."""
    began_s = time.monotonic()
    with beside:
        battery.measure(Request(plan=plan, options=Options(models=tuple(models) or None), power="none", out=out))
        told_s = time.monotonic() - began_s
        command = [sys.executable, __file__, "--stream", models[0] if models else "et-human"]
        calls = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    out.with_suffix(".json").write_text(calls)
    print(f"{out.name}: {told_s:.0f} s, and {time.monotonic() - began_s - told_s:.0f} s of calls", file=sys.stderr)


def read(out: Path) -> Found:
    run = store.load(out)
    found = Found()
    series = verdicts.estimates(run)
    found.figures[SUITE] = {name: each.median_s for name, each in series.items() if not each.is_upper_bound}
    found.figures[NO_RULE] = {name: each.all_median_s for name, each in series.items()}
    found.figures[MINIMUM] = {name: each.all_minimum_s for name, each in series.items()}
    found.upper_bounds = sum(each.is_upper_bound for each in series.values())
    found.answers = {SUITE: verdicts.answers(run), NO_RULE: verdicts.answers(verdicts.without_rule(run))}
    calls_s = json.loads(out.with_suffix(".json").read_text())
    for name, rule in RULES.items():
        found.figures[name] = {"calls back to back": rule(calls_s)}
    return found


@dataclass(frozen=True)
class Reference:
    figures: Mapping[str, Mapping[str, float]]
    answers: Mapping[str, str]

    @classmethod
    def of(cls, quiet: Sequence[Found]) -> Reference:
        figures: dict[str, dict[str, float]] = {}
        for method in quiet[0].figures:
            cases = dict.fromkeys(case for found in quiet for case in found.figures[method])
            figures[method] = {
                case: statistics.median(found.figures[method][case] for found in quiet if case in found.figures[method])
                for case in cases
            }
        return cls(figures=figures, answers=verdicts.agreed([found.answers[SUITE] for found in quiet]))

    def off(self, runs: Sequence[Found], method: str) -> list[float]:
        """By how much each figure differs from the quiet one of the same method, as a share, in order of size."""
        return sorted(
            abs(value / self.figures[method][case] - 1)
            for found in runs
            for case, value in found.figures[method].items()
            if case in self.figures[method]
        )

    def wrong(self, runs: Sequence[Found], method: str) -> list[str]:
        return [name for found in runs for name in verdicts.contradictions(found.answers[method], self.answers)]


def row(kind: str, method: str, runs: Sequence[Found], reference: Reference) -> list[str]:
    off = reference.off(runs, method)
    asked = [answer for found in runs for answer in found.answers.get(method, {}).values()]
    decided = sum(answer in verdicts.DECIDED for answer in asked)
    figures = f"{len(off)}"
    if method == SUITE and (bounds := sum(found.upper_bounds for found in runs)):
        figures += f", and {bounds} upper bounds"
    return [
        kind,
        method,
        figures,
        f"{100 * statistics.median(off):.1f} %" if off else "none",
        f"{100 * off[int(0.95 * (len(off) - 1))]:.1f} %" if off else "none",
        f"{100 * off[-1]:.1f} %" if off else "none",
        f"{100 * within(off):.0f} %" if off else "none",
        f"{decided} of {len(asked)}" if asked else "",
        f"{len(reference.wrong(runs, method))}" if asked else "",
    ]


def within(off: Sequence[float]) -> float:
    return sum(share <= GOAL_SHARE for share in off) / len(off) if off else 0.0


def table(by_kind: Mapping[str, Sequence[Found]], reference: Reference) -> str:
    methods = (SUITE, NO_RULE, MINIMUM, *RULES)
    rows = [row(kind, method, runs, reference) for kind, runs in by_kind.items() for method in methods]
    heads = [
        "beside",
        "method",
        "figures",
        "median off",
        "95 % within",
        "worst",
        f"within {GOAL_SHARE:.0%}",
        "decided",
        "wrong verdicts",
    ]
    return tabulate(rows, heads, tablefmt="github")


def goals(by_kind: Mapping[str, Sequence[Found]], reference: Reference) -> list[str]:
    told = []
    for kind, runs in by_kind.items():
        if kind != QUIET:
            off = reference.off(runs, SUITE)
            told.append(at_least(f"{kind}: estimates within {GOAL_SHARE:.0%}", 100 * within(off), 100.0, "%"))
            wrong = reference.wrong(runs, SUITE)
            told.append(at_most(f"{kind}: wrong verdicts in {len(runs)} runs", float(len(wrong)), 0.0, ""))
            told += [f"  wrong: {name}" for name in wrong]
    return told


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=10, help="per kind of disturber")
    parser.add_argument("--quiet-runs", type=int, default=3)
    parser.add_argument("--kind", action="append", choices=KINDS)
    parser.add_argument("--model", action="append", default=[])
    parser.add_argument("--plan", default=str(PLAN))
    parser.add_argument("--out", type=Path, default=Path("results/disturbed"))
    parser.add_argument("--stream", metavar="MODEL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stream:
        stream(options.stream)
        return
    kinds = options.kind or list(KINDS)
    for kind, count in [(QUIET, options.quiet_runs), *((kind, options.runs) for kind in kinds)]:
        for number in range(count):
            out = options.out / f"{kind}-{number:02d}"
            if not out.with_suffix(".json").exists():
                beside = nullcontext() if kind == QUIET else Disturber(kind, seed=number)
                measure(out, options.model, options.plan, beside)
    stored = {kind: sorted(options.out.glob(f"{kind}-*.json")) for kind in (QUIET, *kinds)}
    by_kind = {kind: [read(path.with_suffix("")) for path in paths] for kind, paths in stored.items() if paths}
    if QUIET not in by_kind:
        sys.exit(f"{options.out}: it holds no quiet runs to compare with; give --quiet-runs 3")
    reference = Reference.of(by_kind[QUIET])
    print("Other tools by their rules, stated again in peer_rules.py; the tools themselves did not run.\n")
    print(table(by_kind, reference), "\n")
    print("\n".join(goals(by_kind, reference)))


if __name__ == "__main__":
    main()
