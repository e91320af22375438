"""How right the answers are: scores with intervals, variants as pairs, and what the same inputs cost."""

from __future__ import annotations

from collections.abc import Iterator

from suite import registry, units
from suite.records import Accuracy, NotMeasured
from suite.report import accuracies, real_energies
from suite.report.accuracies import Answered, Pair
from suite.report.content import Content, Drawn, Heading, bullets, content
from suite.report.escape import listed
from suite.report.plots import INK, MAX_PANELS, Margins, Plots, colour, first, panels, short
from suite.report.section import Section
from suite.report.view import RunView
from suite.stats.real_calls import Line, RealLatency
from suite.stats.same_items import Judged


def render(view: RunView, plots: Plots) -> Content:
    everyone = accuracies.answered(view)
    if not everyone:
        return ()
    pairs = accuracies.pairs(everyone)
    return content(
        *_evaluations(everyone),
        accuracies.score_table(everyone),
        "Intervals: Wilson's for right or wrong answers, Student's for other scores. Items of one group (an image, an "
        "episode) hang together, so the interval is that of the independent items that they are worth.",
        *_pairs(pairs),
        *_latency(view, everyone, plots),
        *_energy(view, everyone),
        Heading("How it was set up"),
        bullets(_setup(everyone)),
    )


def _evaluations(everyone: tuple[Answered, ...]) -> Iterator[str]:
    """What is asked, and what that isn't, in the evaluation's own words; from whom the data are."""
    known = registry.discover(registry.EVALUATIONS)
    for name in dict.fromkeys(each.evaluation for each in everyone):
        plugin = known.get(name)
        yield f"{plugin.title}: {plugin.what} Data: {plugin.source}." if plugin else f"{name}: not installed here."


def _pairs(pairs: tuple[Pair, ...]) -> Content:
    if not pairs:
        return ()
    judged = [pair.judged for pair in pairs if isinstance(pair.judged, Judged)]
    margin = accuracies.points(judged[0].margin) if judged else "the margin"
    return content(
        Heading("Variants on the same items"),
        accuracies.pair_table(pairs),
        f"Lost and won: items that the variant alone has lower, or higher. SAME: the difference is certainly within "
        f"{margin}. WORSE, BETTER: it is not, and chance does not explain it (sign flips of whole groups, McNemar's "
        "exact test where each item is a group; Holm over the variants). UNRESOLVED: neither is shown; so many further "
        "items would show one of them, if they are answered as these are.",
        bullets(_told(pair) for pair in pairs),
    )


def _told(pair: Pair) -> str:
    if isinstance(pair.judged, NotMeasured):
        return f"{pair.variant.label}: {pair.judged.reason}; {pair.judged.remedy}"
    found = pair.judged
    points = f"{abs(found.difference.value) * 100:.2f} points"
    start = f"{pair.variant.label} beside {pair.reference.label}, {pair.variant.evaluation}:"
    match found.verdict:
        case "SAME":
            return f"{start} the same within {accuracies.points(found.margin)}."
        case "UNRESOLVED":
            more = "nobody can say how many more items that takes"
            if found.needed_count is not None:
                more = f"about {units.show_count(found.needed_count)} further items would settle it"
            return f"{start} these data can't tell; {more}."
        case _:
            return f"{start} {found.verdict.lower()} by {points}."


def _latency(view: RunView, everyone: tuple[Answered, ...], plots: Plots) -> Content:
    table = accuracies.latency_table(view, everyone)
    if table is None:
        return ()
    return content(
        Heading("The same inputs, timed"),
        table,
        "Alone: each input by itself, at its own length. Batched: neighbours together, padded to the longest of them; "
        "padding is the share of a batch that belongs to no input. Synthetic: the latency section's input at batch 1, "
        "all of one size.",
        _picture(everyone, plots),
        bullets(text for each in everyone for text in _explained(view, each)),
    )


def _energy(view: RunView, everyone: tuple[Answered, ...]) -> Content:
    table = real_energies.energy_table(view, everyone)
    if table is None:
        return ()
    return content(
        Heading("The same inputs, metered"),
        table,
        "A window holds whole passes over the first inputs, each as often as any other; one by one and in batches they "
        "are the same. Gross is all that was drawn, idle-net has the idle power taken off, ± is the 95 % half-width of "
        "the error budget. Synthetic: the energy section's input at batch 1, gross. The part of a length is the time "
        "that the line above gives it, at the power of the synthetic input.",
        bullets(text for each in everyone for text in real_energies.explained(view, each)),
    )


def _picture(everyone: tuple[Answered, ...], plots: Plots) -> Drawn | None:
    """Each call alone against its length, and the line through them."""
    known = [(each, each.found) for each in everyone if isinstance(each.found, Accuracy)]
    drawn, note = first([pair for pair in known if accuracies.alone(pair[1])], MAX_PANELS)
    if not drawn:
        return None
    figure, axes = panels(len(drawn), 2.2, Margins(left=0.66))
    for index, (panel, name) in enumerate(zip(axes, short([each.label for each, _ in drawn]), strict=True)):
        found = drawn[index][1]
        calls, line = found.alone, accuracies.alone(found)
        scale = units.scale_of(calls.latency_s, "s")
        latency = [value / scale.factor for value in calls.latency_s]
        panel.scatter(calls.padded_lengths, latency, s=8, alpha=0.4, color=colour(index), linewidths=0)
        if line is not None and line.line is not None:
            ends = [line.least_length, line.most_length]
            panel.plot(ends, [line.line.at(end) / scale.factor for end in ends], color=INK)
        panel.set_ylim(0, 1.15 * sorted(latency)[int(0.98 * (len(latency) - 1))])
        panel.set_title(name)
        panel.set_xlabel(found.length_label)
        panel.set_ylabel(f"latency ({scale.symbol})")
    what = "Latency of each real input alone against its length, with the line through the middle of all pairs' slopes"
    return plots.add("accuracy-lengths", figure, what + note, "The slowest 2 % of the calls may lie above a panel.")


def _explained(view: RunView, each: Answered) -> Iterator[str]:
    """Why real inputs take longer, or shorter, than the synthetic one: by their lengths, or not by them."""
    if isinstance(each.found, NotMeasured):
        return
    alone, padded = accuracies.alone(each.found), accuracies.padded(each.found)
    if alone is not None:
        yield f"{each.label}: {_growth(alone, each.found.length_label)}{_beside_synthetic(view, each, alone)}"
    if alone is not None and padded is not None:
        ratio = alone.per_example_s / padded.per_example_s
        what = f"{ratio:.2f} times as many inputs a second" if ratio >= 1 else f"only {ratio:.2f} times as many"
        yield f"{each.label}: a batch makes {what}, with {padded.padding_share:.0%} of it padding."


def _growth(found: RealLatency, what: str) -> str:
    lengths = f"{found.least_length} to {found.most_length} {what}, {found.mean_length:.1f} on average"
    if found.line is None:
        return f"{lengths}; too alike, or too few, to tell a slope."
    slope = found.line.per_unit_interval
    each = units.show_interval(slope.low, slope.high, "s") if slope.low < slope.high else units.show(slope.low, "s")
    if slope.low <= 0 <= slope.high:
        return f"{lengths}; latency does not grow with the length, as far as can be told ({each} for each more)."
    return f"{lengths}; each more takes {units.show(found.line.per_unit_s, 's')} (95 %: {each})."


def _beside_synthetic(view: RunView, each: Answered, found: RealLatency) -> str:
    synthetic, record = accuracies.synthetic_median_s(view, each.task), accuracies.synthetic_record(view, each.task)
    if not isinstance(synthetic, float) or record is None or not isinstance(each.found, Accuracy):
        return ""
    change = found.median_s / synthetic - 1
    told = f" The median is {abs(change):.1%} {'above' if change > 0 else 'below'} the synthetic input's"
    labels = {view.axis_label(name): size for name, size in record.task.axes}
    size = labels.get(each.found.length_label)
    if found.line is None or size is None:
        return f"{told}."
    return f"{told}: {_by_length(found.line, found, size, synthetic)}."


def _by_length(line: Line, found: RealLatency, size: int, synthetic_s: float) -> str:
    """How much of the difference the lengths explain, by the line through the real calls."""
    explained = line.at(found.mean_length) - line.at(size)
    rest = found.median_s - synthetic_s - explained
    parts = f"{units.show(explained, 's')} by its length ({found.mean_length:.1f} beside {size})"
    return f"{parts}, {units.show(rest, 's')} by what lengths do not explain (other values, caches, other work)"


def _setup(everyone: tuple[Answered, ...]) -> Iterator[str]:
    """The lab's questions, answered from what was done."""
    measured = [each for each in everyone if isinstance(each.found, Accuracy)]
    sizes = sorted({each.task.evaluation.batch_size for each in measured if each.task.evaluation})
    yield "Is the input size controlled? No: the inputs are what they are. Their lengths are in the table above."
    if sizes:
        told = " and ".join(map(str, sizes))
        metered = any(found.found.energies for found in measured if isinstance(found.found, Accuracy))
        costs = "latencies and energies are" if metered else "latencies are"
        yield f"Which batch size? Scores are of batches of {told}; {costs} of 1 and of that."
    averaged: dict[str, list[str]] = {}
    for each in measured:
        if isinstance(each.found, Accuracy):
            averaged.setdefault(_averaged(each.found), []).append(each.label)
    for told, labels in averaged.items():
        yield f"Averaged over what? {told}: {listed(labels)}."
    if measured:
        yield (
            "Do results differ from synthetic data, and why? The lines above part it: length, padding, the rest. "
            "Dynamic int8 needs no calibration; what needs sample inputs takes none that is scored."
        )


def _averaged(found: Accuracy) -> str:
    disturbed = sum(batch.disturbed_by is not None for batch in found.batches)
    stretches = f"{disturbed} of {len(found.batches)} stretches disturbed"
    one = accuracies.alone(found)
    calls = f"; latencies over {units.show_count(one.call_count)} calls alone" if one else ""
    left = found.count("corrupt_count")
    corrupt = f"; {units.counted(left, 'row')} left out, as {found.corrupt[0]}" if left else ""
    return (
        f"{found.title}, {units.show_count(found.item_count)} items of {units.show_count(found.example_count)} "
        f"inputs{calls} ({stretches}){corrupt}"
    )


PLUGIN = Section(name="accuracy", order=68, title="Accuracy", render=render)
