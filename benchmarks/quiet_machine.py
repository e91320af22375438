"""The standard plan on a quiet machine: how long it takes, what it decides, and whether a longer run agrees.

.venv/bin/python benchmarks/quiet_machine.py RUN [REFERENCE]   (from stored runs alone)
.venv/bin/python benchmarks/quiet_machine.py --measure results/quiet [--reference]

--measure runs the standard plan there, beside it with --reference the same plan with three times the limits of time and
calls and a target that takes three times as many calls (some 12 and 36 minutes).
"""

from __future__ import annotations

import argparse
import math
import re
import sys
from pathlib import Path

import verdicts
from goal import at_least, at_most
from tabulate import tabulate
from wall_share import forward_s, run_wall_s

from suite import battery
from suite.battery import Request
from suite.records import Run, store

PLAN = Path(__file__).parent.parent / "plans" / "standard.toml"
LONGER = 3
WALL_GOAL_S = 720.0
DECIDED_GOAL, REACHED_GOAL = 10.0, 40.0
FORWARD_GOAL_PERCENT = 90.0


def longer_plan(text: str) -> str:
    """The plan with LONGER times the time and the calls, and intervals as narrow as that allows."""

    def multiplied(found: re.Match[str]) -> str:
        return f"{found[1]}{float(found[2]) * LONGER:g}"

    text = re.sub(r"(\btime_limit_s = )([0-9.]+)", multiplied, text)
    text = re.sub(r"(\bmax_call_count = )([0-9]+)", multiplied, text)
    return re.sub(
        r"(\btarget_relative_halfwidth = )([0-9.]+)", lambda m: f"{m[1]}{float(m[2]) / math.sqrt(LONGER):.5f}", text
    )


def measured(out: Path, *, longer: bool) -> Path:
    """The folder of a run of the standard plan, or of the longer one; one that is there is not measured again."""
    run = out / ("reference" if longer else "standard")
    if run.exists():
        print(f"{run}: taken as it is", file=sys.stderr)
        return run
    plan = str(PLAN)
    if longer:
        out.mkdir(parents=True, exist_ok=True)
        path = out / "reference.toml"
        path.write_text(longer_plan(PLAN.read_text()))
        plan = str(path)
    battery.measure(Request(plan=plan, power="none", out=run))
    return run


def answers_table(run: Run, reference: Run | None) -> str:
    found = verdicts.answers(run)
    others = verdicts.answers(reference) if reference else {}
    rows = [[name, answer, others.get(name, "not asked")] for name, answer in found.items()]
    return tabulate(rows, ["question", "answer", "reference"], tablefmt="github")


def told(run: Run, reference: Run | None) -> list[str]:
    found, series = verdicts.answers(run), verdicts.estimates(run)
    wall_s = run_wall_s(run)
    inside_s = sum(forward_s(record) for record in run.records)
    reached = sum(each.reached_goal for each in series.values())
    lines = [
        at_most("wall time of the standard plan", wall_s, WALL_GOAL_S, "s"),
        at_least(f"scaling questions decided, of {len(found)}", verdicts.decided_count(found), DECIDED_GOAL, ""),
        at_least(f"series that reach their goal, of {len(series)}", reached, REACHED_GOAL, ""),
        at_least("wall time in forward passes", 100 * inside_s / wall_s, FORWARD_GOAL_PERCENT, "%"),
    ]
    bounds = sum(each.is_upper_bound for each in series.values())
    if bounds:
        lines.append(f"{bounds} series ended DISTURBED: the machine was not quiet")
    if reference is None:
        return lines
    others = verdicts.answers(reference)
    wrong = verdicts.contradictions(found, others)
    what = f"questions decided another way than in a reference of {run_wall_s(reference) / wall_s:.1f} times the time"
    lines.append(at_most(what, float(len(wrong)), 0.0, ""))
    open_there = [
        name for name in found if found[name] in verdicts.DECIDED and others.get(name) not in verdicts.DECIDED
    ]
    if open_there:
        lines.append(f"decided here and not in the reference: {', '.join(open_there)}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path, nargs="?")
    parser.add_argument("stored_reference", type=Path, nargs="?", metavar="REFERENCE")
    parser.add_argument("--measure", type=Path, metavar="FOLDER")
    parser.add_argument("--reference", action="store_true", help="measure the longer run too")
    options = parser.parse_args()
    if (options.run is None) == (options.measure is None):
        parser.error("give the folder of a run, or --measure with a folder for new ones")
    run, reference = options.run, options.stored_reference
    if options.measure is not None:
        run = measured(options.measure, longer=False)
        reference = measured(options.measure, longer=True) if options.reference else None
    loaded, other = store.load(run), store.load(reference) if reference else None
    print(answers_table(loaded, other), "\n")
    print("\n".join(told(loaded, other)))


if __name__ == "__main__":
    main()
