"""Whether two quantities put the models into one order, in words: of these models first, of models at large apart."""

from __future__ import annotations

from collections.abc import Sequence

from suite import units
from suite.records import NotMeasured
from suite.report import scaling
from suite.report.escape import listed
from suite.report.scaling import Compared
from suite.report.spans import Gap, Spans, answered, spans
from suite.report.spans import Verdict as Said
from suite.report.view import RunView
from suite.stats.hypotheses import RankFigures, Verdict
from suite.stats.orders import Orders, Pair, orders

MAX_NAMED = 6
MOST_DIGITS = 4


def told(view: RunView, models: Compared, name: str) -> Spans:
    """The whole answer about latency and another quantity, `name`: of these models, of those left out, of others."""
    names, bounded = ([view.label(subject) for subject in group] for group in (models.subjects, models.bounded))
    found, verdict = orders(models.figures), scaling.tracks(models)
    first = (
        spans(answered("UNDECIDED"), ": ", _why_no_order(view, name), ".")
        if found is None
        else these(found, names, name)
    )
    return spans(first, *(f" {more}" for more in (left_out(bounded), at_large(verdict)) if more))


def head(models: Compared) -> Said | None:
    """The answer of these models in a few words; None where fewer than two have both figures."""
    found = orders(models.figures)
    if found is None:
        return None
    return _head(found) if found.of("same") or found.of("opposite") else Said("can't be told apart")


def _why_no_order(view: RunView, name: str) -> Spans:
    if name == "energy":
        absences = (found.energy for found in view.run.records if isinstance(found.energy, NotMeasured))
        absence = next(absences, None)
        if absence is not None:
            return "no energy was measured (", Gap(absence), ")"
    return ("fewer than two models have both figures",)


def these(found: Orders, names: Sequence[str], quantity: str) -> Spans:
    """What the pairs of these models say. names: of the models, by their places; quantity: the one beside latency."""
    same, opposite, unclear = (found.of(outcome) for outcome in ("same", "opposite", "open"))
    count = len(found.pairs)
    if not same and not opposite:
        told = f"Can't be told for these {found.model_count} models"
        return Said(told), f": {_untold(unclear, names, quantity)}."
    parts = [_same(len(same), count)]
    if opposite:
        parts.append(f"{len(opposite)} in the opposite order ({_exceptions(opposite, names, quantity)})")
    if unclear:
        parts.append(_untold(unclear, names, quantity))
    return _head(found), f": {', '.join(parts)}. {_extreme(found.extreme, names, quantity)}."


def _same(same_count: int, count: int) -> str:
    if same_count == count:
        return f"all {count} pairs of models" if count > 1 else "the only pair of models"
    return f"{same_count} of {units.counted(count, 'pair')} in the same order"


def _head(found: Orders) -> Said:
    same, opposite, unclear = (bool(found.of(outcome)) for outcome in ("same", "opposite", "open"))
    if same and opposite:
        return Said("Not in one order", "no")
    order = "In the same order" if same else "In opposite orders"
    told = f"{order}, as far as they can be told apart" if unclear else order
    return Said(told, "yes" if same else "no")


def _exceptions(pairs: Sequence[Pair], names: Sequence[str], quantity: str) -> str:
    told = [f"{names[pair.more]} against {names[pair.less]}: {_ratios(pair, quantity)}" for pair in pairs]
    return _some(told)


def _untold(pairs: Sequence[Pair], names: Sequence[str], quantity: str) -> str:
    told = [f"{names[pair.less]} and {names[pair.more]}, in {_where(pair, quantity)}" for pair in pairs]
    return f"{len(pairs)} can't be told apart ({_some(told)})"


def _where(pair: Pair, quantity: str) -> str:
    if pair.first_open and pair.second_open:
        return f"{quantity} and latency"
    return quantity if pair.first_open else "latency"


def _some(told: list[str]) -> str:
    more = [f"{len(told) - MAX_NAMED} more"] if len(told) > MAX_NAMED else []
    return "; ".join([*told[:MAX_NAMED], *more])


def _extreme(pair: Pair, names: Sequence[str], quantity: str) -> str:
    return f"{names[pair.more]} has {_ratios(pair, quantity)} of {names[pair.less]}"


def _ratios(pair: Pair, quantity: str) -> str:
    return f"{_times(pair.first_ratio)} the {quantity} and {_times(pair.second_ratio)} the latency"


def _times(ratio: float | None) -> str:
    """ "9.8 times": with two digits, or as many as show that it is not 1."""
    if ratio is None:
        return "any number of times"
    for significant in range(2, MOST_DIGITS + 1):
        shown = units.digits(ratio, significant)
        if float(shown) != 1:
            return f"{shown} times"
    return "as good as once"


def left_out(names: Sequence[str]) -> str:
    """The models whose figures can't be compared; nothing where there are none."""
    if not names:
        return ""
    return f"Left out, as other processes leave an upper bound alone: {listed(list(names), ' and ')}."


def at_large(verdict: Verdict[RankFigures]) -> str:
    """What so few models say of others; nothing where there is no figure."""
    figures = verdict.figures
    if figures is None:
        return ""
    needed = (
        f"; with the same correlation {figures.models_needed} models would decide it"
        if figures.models_needed is not None
        else ""
    )
    reason = {
        "same_order": "they rise together",
        "opposite_order": "one falls as the other rises",
        "too_few_models": "even a perfect order of so few models comes about too easily by chance",
    }.get(verdict.reason, "the order is unclear")
    return (
        f"Of models at large: {verdict.answer} (rank correlation {figures.rank_correlation:.2f} over "
        f"{figures.model_count} models, p = {units.decimals(figures.p_value, 3)} by permutation; {reason}{needed})."
    )
