"""Joules of an evaluation's own inputs, beside those of the synthetic one, and what the difference is made of."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

from suite import units
from suite.records import Accuracy, EnergyReading, NotMeasured, RealEnergy, record
from suite.report import accuracies
from suite.report.accuracies import Answered
from suite.report.energies import InferenceEnergy, gross_j, inference_energy
from suite.report.points import point_of
from suite.report.table import Cell, Column, Table, table
from suite.report.view import RunView


def per_example(found: RealEnergy) -> InferenceEnergy | NotMeasured:
    """Of one input: a window's call is a pass over all of them."""
    reading = found.energy
    return inference_energy(reading, found.example_count) if isinstance(reading, EnergyReading) else reading


def metered_lengths(found: Accuracy, each: RealEnergy) -> tuple[int, ...]:
    return found.lengths[: each.example_count]


def padding_share(found: Accuracy, each: RealEnergy) -> float:
    """Of what a pass computes on, the part that belongs to no input."""
    lengths, size = metered_lengths(found, each), each.batch_size
    together = [lengths[start : start + size] for start in range(0, len(lengths), size)]
    padded = sum(len(batch) * max(batch) for batch in together)
    return 1 - sum(lengths) / padded if padded else 0.0


@record
class Usual:
    """The synthetic input at batch 1: its energy, and its size along the axis of the lengths."""

    figure: InferenceEnergy
    size: int | None
    is_upper_bound: bool


def synthetic(view: RunView, each: Answered) -> Usual | NotMeasured | None:
    """Of the subject's base point; None: nobody asked."""
    base = view.base(point_of(each.task).subject)
    reading = None if base is None or base.batch_size != 1 else view.energy(base)
    if base is None or not isinstance(reading, EnergyReading):
        return reading if isinstance(reading, NotMeasured) else None
    sizes = {view.axis_label(name): size for name, size in base.axes}
    size = sizes.get(each.found.length_label) if isinstance(each.found, Accuracy) else None
    found = gross_j(view, base)
    return Usual(
        figure=inference_energy(reading, 1), size=size, is_upper_bound=found is not None and found.is_upper_bound
    )


def energy_table(view: RunView, everyone: tuple[Answered, ...]) -> Table | None:
    """None where no energy was asked for; a row a source and way of calling."""
    asked = [(each, each.found) for each in everyone if isinstance(each.found, Accuracy) and each.found.energies]
    if not asked:
        return None
    figures = [figure for _, found in asked for one in found.energies for _, figure in _readings(one)]
    scale = units.scale_of((figure.gross_j for figure in figures if isinstance(figure, InferenceEnergy)), "J")
    columns = (
        Column("Model"),
        Column("Evaluation"),
        Column("Called"),
        Column("Gross, per input", unit=scale.symbol),
        Column("Idle-net, per input", unit=scale.symbol),
        Column("Average power", unit="W"),
        Column("Synthetic at batch 1", unit=scale.symbol),
        Column("Padding", unit="%"),
        Column("Inputs of a pass"),
        Column("Source: what it measures", wordy=True),
    )
    rows: list[list[Cell]] = []
    for each, found in asked:
        beside = synthetic(view, each)
        told = _bounded(scale, beside.figure, beside.is_upper_bound) if isinstance(beside, Usual) else beside
        for one in found.energies:
            start: list[Cell] = [each.label, each.evaluation, _called(one)]
            for reading, figure in _readings(one):
                if isinstance(figure, NotMeasured) or isinstance(reading, NotMeasured):
                    rows.append([*start, *[reading if isinstance(reading, NotMeasured) else None] * 7])
                    continue
                sign = "≤ " if one.is_upper_bound else ""
                net = figure.net_j
                rows.append(
                    [
                        *start,
                        _bounded(scale, figure, one.is_upper_bound),
                        net if isinstance(net, NotMeasured) else sign + scale.spread(net, figure.net_error_j),
                        units.digits(figure.load_w),
                        told,
                        f"{padding_share(found, one) * 100:.1f}",
                        units.show_count(one.example_count),
                        f"{reading.source}: {reading.scope}",
                    ]
                )
    return table(columns, rows, left=3, caption="Energy of the evaluated inputs")


def _bounded(scale: units.Scale, figure: InferenceEnergy, is_upper_bound: bool) -> str:
    return ("≤ " if is_upper_bound else "") + scale.spread(figure.gross_j, figure.error_j)


def _readings(
    found: RealEnergy,
) -> Iterator[tuple[EnergyReading | NotMeasured, InferenceEnergy | NotMeasured]]:
    """The source's, then those of other parts of the machine."""
    for reading in (found.energy, *found.beside):
        figure = inference_energy(reading, found.example_count) if isinstance(reading, EnergyReading) else reading
        yield reading, figure


def _called(found: RealEnergy) -> str:
    return "one by one" if found.batch_size == 1 else f"in batches of {found.batch_size}"


@record
class Parted:
    """real - synthetic joules of an input: synthetic power times the time of its length, times the rest of the time,
    and the real time times what the power differs. The three add up to the difference.
    """

    difference_j: float
    error_j: float
    length_j: float | None  # None: the lengths tell no slope, and it is in rest_j
    rest_j: float
    power_j: float


def parted(found: Accuracy, one: RealEnergy, beside: Usual) -> Parted | None:
    """None where the energy of the inputs one by one is not known. Source: docs/accuracy.md."""
    real, usual, size = per_example(one), beside.figure, beside.size
    if isinstance(real, NotMeasured):
        return None
    real_s, usual_s = real.gross_j / real.load_w, usual.gross_j / usual.load_w
    alone = accuracies.alone(found)
    length_s = None
    if alone is not None and alone.line is not None and size is not None:
        mean_length = statistics.fmean(metered_lengths(found, one))
        length_s = alone.line.at(mean_length) - alone.line.at(size)
    return Parted(
        difference_j=real.gross_j - usual.gross_j,
        error_j=math.hypot(real.error_j, usual.error_j),
        length_j=None if length_s is None else usual.load_w * length_s,
        rest_j=usual.load_w * (real_s - usual_s - (length_s or 0.0)),
        power_j=real_s * (real.load_w - usual.load_w),
    )


def explained(view: RunView, each: Answered) -> Iterator[str]:
    """Why real inputs draw more, or less, than the synthetic one; and what a batch saves."""
    if not isinstance(each.found, Accuracy):
        return
    one = each.found.energy_at(1)
    beside = synthetic(view, each)
    if any(found.is_upper_bound for found in each.found.energies) or (
        each.found.energies and isinstance(beside, Usual) and beside.is_upper_bound
    ):
        yield f"{each.label}: other work disturbed windows, so no difference of energies is explained."
        return
    if one is not None and isinstance(beside, Usual) and (parts := parted(each.found, one, beside)) is not None:
        yield f"{each.label}: {_told(parts, each.found, one, beside)}"
    real = per_example(one) if one is not None else None
    for many in each.found.energies:
        batched = per_example(many)
        if many.batch_size > 1 and isinstance(real, InferenceEnergy) and isinstance(batched, InferenceEnergy):
            ratio = batched.gross_j / real.gross_j
            error = ratio * math.hypot(batched.error_j / batched.gross_j, real.error_j / real.gross_j)
            yield (
                f"{each.label}: in batches of {many.batch_size} an input takes "
                f"{ratio:.2f} ± {error:.2f} times the joules of one alone, "
                f"with {padding_share(each.found, many):.0%} of a batch padding."
            )


def _told(parts: Parted, found: Accuracy, one: RealEnergy, beside: Usual) -> str:
    usual, size = beside.figure, beside.size
    if abs(parts.difference_j) <= parts.error_j:
        return (
            f"one by one, an input draws what the synthetic one does, as far as can be told "
            f"({units.show(parts.difference_j, 'J')}, and the two errors come to {units.show(parts.error_j, 'J')})."
        )
    side = "above" if parts.difference_j > 0 else "below"
    start = f"one by one, an input draws {abs(parts.difference_j) / usual.gross_j:.1%} {side} the synthetic one: "
    length = ""
    if parts.length_j is not None:
        mean_length = statistics.fmean(metered_lengths(found, one))
        length = f"{units.show(parts.length_j, 'J')} by its length ({mean_length:.1f} beside {size}), "
    return (
        f"{start}{length}{units.show(parts.rest_j, 'J')} by what else takes time (new inputs to bind, other values, "
        f"other work), {units.show(parts.power_j, 'J')} by another power while it runs."
    )
