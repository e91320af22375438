"""What `suite params`, `flops`, `latency`, ... print: tables, then why anything is absent."""

from __future__ import annotations

from suite.records import FlopCount, NotMeasured, ParameterCount, Run
from suite.report import accuracies, endurances, energies, quantities
from suite.report.escape import words
from suite.report.table import Table
from suite.report.view import RunView
from suite.units import show_count


def params_table(run: Run) -> str:
    """Parameter counts of every model and what they share, by name, for a terminal."""
    view = RunView(run)
    counts = [(view.title(model), view.parameters(model)) for model in view.models]
    shared = [
        f"{title}: {words(' = '.join(group.names))}, {show_count(group.parameter_count)} parameters that Unique counts "
        "once"
        for title, count in counts
        if isinstance(count, ParameterCount)
        for group in count.shared
    ]
    return "\n\n".join(
        [_with_reasons(quantities.parameter_table(view), view), *(["\n".join(shared)] if shared else [])]
    )


def flops_table(run: Run) -> str:
    """Multiply-accumulates and FLOPs of every input size, for a terminal."""
    view = RunView(run)
    counts = [(view.title(model), view.flops(model)) for model in view.models]
    bounds = [
        f"{title}: at least this much, since no formula is known for {', '.join(count.unknown)}"
        for title, count in counts
        if isinstance(count, FlopCount) and count.unknown
    ]
    shown = _with_reasons(quantities.flop_table(view), view)
    return "\n\n".join([shown, *(["\n".join(bounds)] if bounds else [])])


def latency_table(run: Run) -> str:
    """Latency of every point that was asked for, for a terminal."""
    view = RunView(run)
    table = quantities.latency_table(view, view.points("latency"))
    return _with_reasons(table.without("Percentiles", "Outliers", "Warm-up"), view)


def energy_table(run: Run) -> str:
    """Energy per inference of every point that was asked for, for a terminal."""
    view = RunView(run)
    return _with_reasons(energies.energy_table(view, view.points("energy")), view)


def sustained_table(run: Run) -> str:
    """How sustained calls began and ended, for a terminal: what is not told stands below."""
    view = RunView(run)
    found = endurances.known(view)
    shown = endurances.sustained_table(view, found).without("95 % interval", "Input")
    reasons = [f"{absence.code}: {absence.reason}; {absence.remedy}" for absence in endurances.unknown(view)]
    notes = [words(line) for line in (*endurances.sentences(view, found), *reasons)]
    return "\n\n".join([_with_reasons(shown, view), *(["\n".join(notes)] if notes else [])])


def accuracy_table(run: Run) -> str:
    """Scores of every evaluation, variants as pairs, and what the same inputs cost, for a terminal."""
    view = RunView(run)
    everyone = accuracies.answered(view)
    paired, timed = accuracies.pairs(everyone), accuracies.latency_table(view, everyone)
    doubts = [
        words(f"{each.label}: {flag.text}")
        for each in everyone
        for found in view.run.records
        if found.task == each.task
        for flag in found.flags
    ]
    parts = [_with_reasons(accuracies.score_table(everyone), view)]
    parts += [accuracies.pair_table(paired).text()] if paired else []
    parts += [timed.text()] if timed else []
    parts += ["\n".join(dict.fromkeys(doubts))] if doubts else []
    return "\n\n".join(parts)


def _with_reasons(table: Table, view: RunView) -> str:
    """The table, why anything in it is absent, and what its titles don't say."""
    absences = dict.fromkeys(cell for row in table.rows for cell in row if isinstance(cell, NotMeasured))
    notes = [
        *(words(f"{absence.code}: {absence.reason}; {absence.remedy}") for absence in absences),
        *map(words, view.origins),
    ]
    return "\n\n".join([table.text(), *(["\n".join(notes)] if notes else [])])
