"""What the method says of disturbed blocks: by which rule, how many were lost, and whether anybody looked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from suite import units
from suite.records import LatencySamples, QuietRule
from suite.report.precision import was_told, was_watched
from suite.report.view import RunView

MADE_UP = ("target", "fixed", "decided")  # how a series ends that has all it was to have
MAX_RULES = 5


def lines(view: RunView) -> Iterator[str]:
    """The rules of the run's latency series, what came of them, and what was switched off or not looked at."""
    found = [(record.task.quiet, record.latency) for record in view.run.records if record.task.test == "latency"]
    timed = [(rule, samples) for rule, samples in found if isinstance(samples, LatencySamples)]
    rules = Counter(rule for rule, _ in timed if rule is not None)
    for rule, count in list(rules.items())[:MAX_RULES]:
        yield (f"{count} series: " if len(rules) > 1 else "") + _rule(rule)
    ruled = [samples for rule, samples in timed if rule is not None]
    if ruled:
        yield _outcome(ruled)
    blind = sum(not was_told(samples) for samples in ruled)
    if blind:
        yield f"In {blind} series the machine told nothing of what else it did: no block could be found disturbed."
    yield from _unruled([samples for rule, samples in timed if rule is None])


def _rule(rule: QuietRule) -> str:
    return (
        "Blocks are selected by cause, never by outcome: how long its calls took has no say in whether a block counts. "
        f"A block is disturbed where other processes took more than {rule.max_foreign_share * 100:g} % of the time of "
        "the cores (or of the GPU) that the measurement uses, the host of a virtual machine more than "
        f"{rule.max_stolen_share * 100:g} %, where the clock lay more than {rule.max_clock_change * 100:g} % off the "
        "usual one of the blocks before (where no clock is told, a fixed piece of arithmetic beside the block so far "
        "off its usual time in the run), or where heat or power lowered it. Disturbed blocks are stored, drawn hollow "
        "and not counted; others are measured in their stead, and the end of other processes is waited for, at most "
        f"{units.show(rule.patience_s, 's')} for all series of a model. Where too few others are left, all blocks "
        "count and the figure is an upper bound (DISTURBED)."
    )


def _outcome(samples: list[LatencySamples]) -> str:
    """How many blocks were lost, and what became of their series."""
    lossy = [found for found in samples if found.disturbed_blocks]
    total = units.counted(sum(len(found.timed_blocks) for found in samples), "timed block")
    if not lossy:
        return f"Disturbed blocks: none of {total}."
    ends = (
        (
            [found for found in lossy if found.stop in MADE_UP],
            "made up for, as their series have all the calls they were to have",
        ),
        (
            [found for found in lossy if found.stop not in MADE_UP and not found.is_upper_bound],
            "not all made up for, as their series ran into a limit or broke off",
        ),
        ([found for found in lossy if found.is_upper_bound], "in series that are upper bounds"),
    )
    told = "; ".join(f"{_lost(group)} {what}" for group, what in ends if group)
    return f"Disturbed blocks: {_lost(lossy)} of {total}, in {len(lossy)} series: {told}."


def _lost(samples: Iterable[LatencySamples]) -> int:
    return sum(len(found.disturbed_blocks) for found in samples)


def _unruled(samples: list[LatencySamples]) -> Iterator[str]:
    """Series in which every block counts: nobody had looked, or the rule was switched off."""
    watched = sum(map(was_watched, samples))
    if watched < len(samples):
        yield (
            f"Nobody looked at what else the machine did in {len(samples) - watched} series, as earlier versions of "
            "the suite did not: every block counts, disturbed or not."
        )
    if watched:
        yield (
            f"The rule against disturbed blocks was switched off for {watched} series (--count-disturbed, or quiet = "
            '"none" in the plan): every block counts, disturbed or not.'
        )
