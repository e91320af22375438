"""Which one should I take? Accuracy against what it costs, with what nobody would take, and what is not settled."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.axes import Axes

from suite import units
from suite.report import accuracies, tradeoffs
from suite.report.content import Code, Content, Drawn, Heading, bullets, content
from suite.report.plots import MAX_CURVES, Margins, Plots, colour, first, marker, panels, short
from suite.report.section import Section
from suite.report.table import Column
from suite.report.tradeoffs import GOALS, UNITS, Tradeoff
from suite.report.view import RunView
from suite.stats.tradeoff import Standing


def render(view: RunView, plots: Plots) -> Content:
    found = tradeoffs.tradeoffs([(view.manifest.plan, view.run)])
    return content(*(block for each in found for block in _one(each, plots, with_heading=len(found) > 1)))


def _one(found: Tradeoff, plots: Plots, *, with_heading: bool) -> Content:
    words = [tradeoffs.place(each) for each in found.standings]
    return content(
        Heading(found.evaluation) if with_heading else None,
        f"Scores are of {found.evaluation}, {tradeoffs.inputs(found)}. Of two ways to run a model nobody takes the one "
        "that is worse in everything; scores of the same items are the same where their difference is certainly within "
        f"{accuracies.points(found.margin)}, and where intervals overlap nothing is said for certain.",
        tradeoffs.figures_table(found, Column("Place", wordy=True), words),
        _picture(found, plots),
        bullets(_lines(found)),
        ("By your own needs: ", Code("suite recommend RUN --max-latency 50ms --min-accuracy 97% --prefer energy"), "."),
    )


def _lines(found: Tradeoff) -> Iterator[str]:
    for each in found.standings:
        if each.place == "dominated":
            yield f"{each.candidate.label}: {each.dominated_by} is no worse in anything and better in something."
        if each.place == "unsettled":
            yield (
                f"{each.candidate.label}: these data can't settle its place; {each.dominated_by} may be better in all."
            )
    missing = dict.fromkeys(name for each in found.standings for name in each.missing)
    if missing:
        yield f"Not known of every one, and so left out of the comparison: {', '.join(missing)}."


def _picture(found: Tradeoff, plots: Plots) -> Drawn | None:
    """Accuracy against each cost that is known of all; whiskers are 95 % intervals, hollow marks are off the front."""
    drawn, note = first(found.standings, MAX_CURVES)
    goals = [goal for goal in GOALS[1:] if all(goal.name in each.candidate.figures for each in drawn)]
    if len(drawn) < 2 or not goals or not all("accuracy" in each.candidate.figures for each in drawn):
        return None
    names = short([each.candidate.label for each in drawn])
    foot_in = 0.2 + 0.22 * -(-len(drawn) // 2)
    figure, axes = panels(len(goals), 2.4, Margins(left=0.66, top=0.14), foot_in=foot_in)
    for panel, goal in zip(axes, goals, strict=True):
        scale = units.scale_of([each.candidate.figures[goal.name].value for each in drawn], UNITS[goal.name])
        for index, (each, name) in enumerate(zip(drawn, names, strict=True)):
            _point(panel, each, (goal.name, scale.factor), name, index)
        panel.set_xlabel(f"{tradeoffs.TITLES[goal.name].lower()} ({scale.symbol})")
        panel.set_ylabel("score (%)")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=2)
    words = (
        f"Score against {', '.join(goal.name for goal in goals)} of {len(drawn)} ways to run models, {found.evaluation}"
    )
    return plots.add(f"tradeoff-{found.evaluation}", figure, words + note)


def _point(axes: Axes, found: Standing, cost_in: tuple[str, float], name: str, index: int) -> None:
    goal, factor = cost_in
    cost, score = found.candidate.figures[goal], found.candidate.figures["accuracy"]
    axes.errorbar(
        [cost.value / factor],
        [score.value * 100],
        xerr=[[(cost.value - cost.low) / factor], [(cost.high - cost.value) / factor]],
        yerr=[[(score.value - score.low) * 100], [(score.high - score.value) * 100]],
        fmt=marker(index),
        color=colour(index),
        markerfacecolor=colour(index) if found.place == "front" else "white",
        capsize=2.5,
        elinewidth=1.0,
        label=name if found.place == "front" else f"{name} ({found.place})",
    )


PLUGIN = Section(name="trade-off", order=69, title="Trade-off: which one to take", render=render)
