"""`suite doctor --self-test`: the instrument's own errors on this machine, of each sensor and of latency."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from suite.cli.finding import Effect, Finding
from suite.client.replies import Hello
from suite.measure import selftest
from suite.power import choice
from suite.power.selftest import SelfTest
from suite.records import NotMeasured, QuietRule, Task
from suite.tools import Tools
from suite.units import counted
from suite.units import show as show_quantity

MODEL = "et-human"  # the suite's smallest; at small sizes a call lasts milliseconds
AXIS_SIZE = 10


def power(tools: Tools, asked: str) -> Iterator[Finding]:
    """A short load beside each source that can be used: what sampling costs, its period, whether it sees the load."""
    for source in tools.survey(asked):
        if isinstance(source.found, NotMeasured) or choice.imported(source.name) is not None:
            continue
        print(f"self-test of {source.name}: about a quarter of a minute", file=sys.stderr)
        found = tools.self_test(source.name, source.options)
        what = f"self-test {source.name}"
        if isinstance(found, NotMeasured):
            told = f"{found.code}: {found.reason}"
            yield Finding(what=what, found=told, ok=False, remedy=found.remedy, effect=Effect.ENERGY)
        else:
            doubts = "; ".join(found.doubts)
            remedy = f"{doubts}: let nothing else run, and look for another client of the same sensor" if doubts else ""
            yield Finding(what=what, found=_told(found), ok=not doubts, remedy=remedy, effect=Effect.ENERGY)


def _told(found: SelfTest) -> str:
    powers = [
        f"{name} {show_quantity(power_w, 'W')}"
        for name, power_w in (("idle", found.idle_w), ("load", found.load_w))
        if power_w is not None
    ]
    period = f"every {show_quantity(found.achieved_period_s, 's')} (asked {show_quantity(found.asked_period_s, 's')})"
    return ", ".join(
        [
            *powers,
            f"{found.sample_count} samples, {period}",
            f"longest {show_quantity(found.longest_s, 's')}, {found.gap_count} gaps",
            f"sampler {found.cpu_share * 100:.2f} % of a core",
            f"latency {show_quantity(found.latency_without_s, 's', 4)} without and "
            f"{show_quantity(found.latency_with_s, 's', 4)} with it",
            f"cost {found.cost * 100:+.2f} ± {found.cost_error * 100:.2f} %",
        ]
    )


def latency(tools: Tools, hello: Hello, duration_s: float) -> Finding:
    """A against A: how often a difference would have been seen where there is none, and which could be seen."""
    what = "self-test latency"
    task = _task(tools, hello, duration_s)
    if isinstance(task, NotMeasured):
        return _failed(what, task)
    print(f"self-test of latency: A against A, {show_quantity(duration_s, 's')}", file=sys.stderr)
    open_worker = tools.workers(Path(os.devnull))
    found = selftest.run(task, open_worker, tools.observe, duration_s, tell=lambda _line: None)
    if isinstance(found, NotMeasured):
        return _failed(what, found)
    figures = {**asdict(found), "chance": found.chance, "is_sound": found.is_sound}
    remedy = (
        "something here slows blocks down unseen: let nothing else run, see that the clock is steady, and take "
        "small differences for none"
    )
    return Finding(
        what=what,
        found=_alarms(found),
        ok=found.is_sound,
        remedy="" if found.is_sound else remedy,
        effect=Effect.STEADINESS,
        figures=figures,
    )


def _failed(what: str, absent: NotMeasured) -> Finding:
    found = f"{absent.code}: {absent.reason}"
    return Finding(what=what, found=found, ok=False, remedy=absent.remedy, effect=Effect.STEADINESS)


def _task(tools: Tools, hello: Hello, duration_s: float) -> Task | NotMeasured:
    """MODEL, or the first one here that the worker has the packages for, at small sizes on all cores."""
    around, versions = tools.surroundings(), dict(hello.versions)
    usable = [model for model in around.models.values() if all(name in versions for name in model.packages)]
    if not usable or "cpu" not in hello.devices:
        return NotMeasured(
            code="NO_MODEL",
            reason="no model can be measured on the processor here",
            remedy="install torch for the worker (make setup)",
        )
    model = next((model for model in usable if model.name == MODEL), usable[0])
    return Task(
        test="latency",
        model=model.name,
        axes=tuple((axis.name, max(axis.minimum, min(axis.default, AXIS_SIZE))) for axis in model.axes),
        thread_count=around.cpu_count,
        repetition=selftest.WARM_UP,
        quiet=QuietRule(patience_s=duration_s),
    )


def _alarms(found: selftest.SelfTest) -> str:
    share = 100 * found.apart_count / found.pair_count
    beyond = "" if found.is_sound else f", more than chance explains (p = {found.chance:.1g})"
    disturbed = (
        "the machine doesn't tell which blocks were disturbed"
        if found.disturbed_count is None
        else f"{found.disturbed_count} of {counted(found.block_count, 'block')} "
        f"({100 * found.disturbed_count / found.block_count:.0f} %) were disturbed"
    )
    seen = f", by {found.culprit} the most" if found.culprit else ""
    return "; ".join(
        [
            f"A against A, {found.model}, {show_quantity(found.call_s, 's')} a call: {found.apart_count} of "
            f"{counted(found.pair_count, 'pair')} seen as different ({share:.0f} %; at most "
            f"{100 * selftest.ALARM_SHARE:.0f} % is expected by chance{beyond})",
            f"this machine can tell {100 * found.resolution:.1f} % in {show_quantity(found.pair_s, 's')} of calls, "
            f"{100 * found.whole_resolution:.2f} % in all of them",
            f"{disturbed}{seen}",
        ]
    )
