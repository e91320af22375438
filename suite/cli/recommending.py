"""`suite recommend`: which of the ways that runs have measured satisfies what a person needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from suite.cli.answer import Answer, Row
from suite.cli.quantities import quantity, share
from suite.errors import UsageError
from suite.records import record, store
from suite.registry import unknown
from suite.report import accuracies, tradeoffs
from suite.report.content import Column, Content, bullets, content
from suite.report.tradeoffs import ACCURACY, GOALS, Tradeoff
from suite.stats.same_items import MARGIN
from suite.stats.tradeoff import Choice, Constraint, Recommendation, recommend

FOUND, NOT_SURE = 0, 1
_SUFFIXES = {"%": "", "s": "_s", "J": "_j", "B": "_bytes"}  # of a column; a score is a share of 1


@record
class Needs:
    """What a person typed."""

    max_latency: str | None = None
    max_energy: str | None = None
    max_memory: str | None = None
    max_size: str | None = None
    min_accuracy: str | None = None
    prefer: str = "latency"
    evaluation: str | None = None
    margin: str | None = None

    def constraints(self) -> tuple[Constraint, ...]:
        """Raises UsageError."""
        _, *least = GOALS
        typed = (self.max_latency, self.max_energy, self.max_memory, self.max_size)
        found = [
            Constraint(goal=goal, limit=quantity(text, tradeoffs.UNITS[goal.name], f"--max-{goal.name}"))
            for goal, text in zip(least, typed, strict=True)
            if text is not None
        ]
        if self.min_accuracy is not None:
            found.append(Constraint(goal=ACCURACY, limit=share(self.min_accuracy, "--min-accuracy")))
        return tuple(found)


def show(folders: Sequence[Path], needs: Needs) -> Answer:
    """The exit status is 0 if one certainly satisfies. Raises UsageError."""
    constraints = needs.constraints()
    goals = {goal.name: goal for goal in GOALS}
    if needs.prefer not in goals:
        raise UsageError(f"--prefer: {unknown('quantity', needs.prefer, goals)}")
    margin = MARGIN if needs.margin is None else share(needs.margin, "--margin")
    found = _chosen(folders, needs, margin)
    if not any(needs.prefer in each.figures for each in found.candidates):
        known = [name for name in goals if any(name in each.figures for each in found.candidates)]
        raise UsageError(f"--prefer: the runs tell nobody's {needs.prefer}; prefer {' or '.join(known)}")
    answer = recommend(found.candidates, constraints, goals[needs.prefer])
    return Answer(
        shown=_shown(found, answer, needs.prefer),
        rows={"candidates": [_row(found, each) for each in answer.everyone]},
        data=_data(found, answer),
        status=FOUND if answer.best is not None else NOT_SURE,
    )


def _chosen(folders: Sequence[Path], needs: Needs, margin: float) -> Tradeoff:
    found = tradeoffs.tradeoffs([(folder.name, store.load(folder)) for folder in folders], margin)
    if not found:
        names = " and ".join(map(str, folders))
        raise UsageError(f"{names}: nothing there has an accuracy to choose by; suite all --test accuracy measures one")
    by_name = {each.evaluation: each for each in found}
    if needs.evaluation is None and len(found) > 1:
        raise UsageError(f"--eval: the runs hold {' and '.join(by_name)}; say by which of them to choose")
    name = needs.evaluation or found[0].evaluation
    if name not in by_name:
        raise UsageError(f"--eval: {unknown('evaluation', name, by_name)}")
    return by_name[name]


def _shown(found: Tradeoff, answer: Recommendation, prefer: str) -> Content:
    choices = {choice.candidate.label: choice for choice in answer.everyone}
    words = [_standing(choices[each.label]) for each in found.candidates]
    return content(
        *_headline(answer, prefer),
        tradeoffs.figures_table(found, Column("Under these constraints", wordy=True), words),
        "Nobody would take what another beats in everything:",
        *bullets(f"{each.candidate.label}: {tradeoffs.place(each)}" for each in found.standings),
        _ground(found),
    )


def _row(found: Tradeoff, choice: Choice) -> Row:
    """Figures with their bounds, in SI units, and how the candidate stands to what was asked for."""
    figures = choice.candidate.figures
    units = {name: _SUFFIXES[unit] for name, unit in tradeoffs.UNITS.items()}
    bounds = {
        f"{name}_{part}{units[name]}": getattr(figures[name], part) if name in figures else None
        for name in units
        for part in ("value", "low", "high")
    }
    standing = {each.candidate.label: each.place for each in found.standings}
    label = choice.candidate.label
    return {"candidate": label, "standing": _standing(choice), "front": standing.get(label), **bounds}


def _headline(answer: Recommendation, prefer: str) -> list[str]:
    if answer.best is not None:
        ties = [each.candidate.label for each in answer.ties]
        beside = [f"No worse in {prefer}, as far as can be told: {', '.join(ties)}"] if ties else []
        return [f"Take {answer.best.candidate.label}: it certainly satisfies, with the best {prefer}.", *beside]
    if answer.possible:
        first = answer.possible[0]
        why = [f"{name} is too close to tell" for name in first.may_fail]
        why += [f"{name} is not known" for name in first.unknown]
        return [f"None certainly satisfies. {first.candidate.label} may: {'; '.join(why)}."]
    assert answer.nearest is not None
    fails = " and ".join(answer.nearest.fails)
    return [f"None satisfies. The nearest is {answer.nearest.candidate.label}, which fails {fails}."]


def _standing(choice: Choice) -> str:
    if choice.fails:
        return f"fails {' and '.join(choice.fails)}"
    if not choice.may_fail and not choice.unknown:
        return "satisfies"
    open_ = [*choice.may_fail, *(f"{name} (not known)" for name in choice.unknown)]
    return f"may: {' and '.join(open_)}"


def _ground(found: Tradeoff) -> str:
    return (
        f"Scores are of {found.evaluation}; {tradeoffs.inputs(found)}. Scores of the same items are the same where "
        f"their difference is certainly within {accuracies.points(found.margin)}."
    )


def _data(found: Tradeoff, answer: Recommendation) -> dict[str, Any]:
    def told_of(choice: Choice | None) -> dict[str, Any] | None:
        return None if choice is None else asdict(choice)

    return {
        "evaluation": found.evaluation,
        "latency_of": "real inputs" if found.real else "synthetic inputs",
        "energy_of": "real inputs" if found.real_energy else "synthetic inputs",
        "margin": found.margin,
        "best": told_of(answer.best),
        "ties": [told_of(each) for each in answer.ties],
        "certain": [told_of(each) for each in answer.certain],
        "possible": [told_of(each) for each in answer.possible],
        "nearest": told_of(answer.nearest),
        "front": [
            {"label": each.candidate.label, "place": each.place, "dominated_by": each.dominated_by}
            for each in found.standings
        ],
    }
