"""A comparison for programs: a row a cell, and everything as data. Columns: docs/compare.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeAlias

from suite.compare.against import Merged
from suite.compare.gate import Gate
from suite.compare.quantities import QUANTITIES, Quantity
from suite.compare.sheet import Facts, Place
from suite.compare.shown import texts, word
from suite.compare.table import Cell, Comparison, Line
from suite.records import NotMeasured

Value: TypeAlias = str | int | float | bool | None
Row: TypeAlias = Mapping[str, Value]
Spot: TypeAlias = tuple[Any, ...]
FACTS = {"runtime": "runtime", "precision": "precision", "device": "device", "thread_count": "threads"}


def rows(found: Comparison) -> list[Row]:
    """One row for a model at one input in one kind of run: its figures, and what each says beside the first kind's.

    The columns are always the same ones, whatever was measured, but for those of the models' axes.
    """
    axes = sorted({name for lines in found.lines.values() for line in lines for name, _ in line.place.axes})
    spots: dict[Spot, dict[str, Line]] = {}
    for name, lines in found.lines.items():
        for line in lines:
            spots.setdefault(_spot(line.place), {})[name] = line
    return [
        {**_head(name, spot, lines, axes), **_figures(name, lines)}
        for spot, lines in spots.items()
        for name in found.names
        if any(line.cells[name].merged is not None for line in lines.values())
    ]


def _spot(place: Place) -> Spot:
    return (place.model, place.variant, place.scenario, place.batch_size, place.axes, place.part)


def _head(name: str, spot: Spot, lines: Mapping[str, Line], axes: Sequence[str]) -> dict[str, Value]:
    model, variant, scenario, batch_size, sizes, part = spot
    known = next((line.cells[name].merged for line in lines.values() if _has(line.cells[name])), None)
    facts = known.conditions.facts if isinstance(known, Merged) else {}
    own = dict(variant)
    return {
        "run": name,
        "model": model,
        **{column: own.get(column, facts.get(fact)) for column, fact in FACTS.items()},
        "scenario": scenario,
        "batch_size": batch_size or None,
        **{f"axis_{axis}": dict(sizes).get(axis) for axis in axes},
        "part": part or None,
    }


def _has(cell: Cell) -> bool:
    return isinstance(cell.merged, Merged)


def _figures(name: str, lines: Mapping[str, Line]) -> dict[str, Value]:
    told: dict[str, Value] = {}
    for quantity in QUANTITIES:
        line = lines.get(quantity.name)
        told.update(_of(quantity, name, line))
    return told


def _of(quantity: Quantity, name: str, line: Line | None) -> dict[str, Value]:
    """Value, ratio with its interval, verdict, and why there is none."""
    cell = line.cells[name] if line is not None else Cell(None)
    merged, beside = cell.merged, cell.beside
    ratio = beside.ratio if beside is not None else None
    interval = ratio.interval if ratio is not None else None
    figure = merged.figure if isinstance(merged, Merged) else None
    value = figure.value if figure is not None and not figure.bound else None
    absent = merged.code if isinstance(merged, NotMeasured) else None
    bound = f"{figure.bound.strip()}{figure.value!r}" if figure is not None and figure.bound else None
    notes = "; ".join(texts(cell, name, line)) if line is not None else ""
    stem = quantity.name
    return {
        quantity.column: round(value) if value is not None and figure is not None and figure.exact else value,
        f"{stem}_ratio": ratio.value if ratio is not None else None,
        f"{stem}_ratio_low": interval.low if interval is not None else None,
        f"{stem}_ratio_high": interval.high if interval is not None else None,
        f"{stem}_verdict": word(quantity, cell.told.answer) if cell.told is not None else None,
        f"{stem}_not_measured": absent or bound,
        f"{stem}_notes": notes or None,
    }


def data(found: Comparison, gates: Sequence[Gate] = ()) -> dict[str, Any]:
    """Everything, for JSON. An absent figure is {"not_measured": {code, reason, remedy}}."""
    return {
        "margin": found.margin,
        "first": found.names[0],
        "runs": [
            {"name": name, "folder": str(sheet.folder), **_facts(sheet.run)}
            for name, sheets in found.kinds.items()
            for sheet in sheets
        ],
        "unknown": list(found.unknown),
        "quantities": {
            quantity.name: {
                "unit": quantity.unit or None,
                "lines": [_line(quantity, line) for line in found.lines[quantity.name]],
            }
            for quantity in found.quantities
        },
        "gates": [_gate(gate) for gate in gates],
    }


def _facts(run: Facts) -> dict[str, Any]:
    return asdict(run)


def _line(quantity: Quantity, line: Line) -> dict[str, Any]:
    place = asdict(line.place)
    place.pop("quantity")
    place["axes"], place["variant"] = dict(line.place.axes), dict(line.place.variant)
    place["batch_size"] = line.place.batch_size or None
    return {**place, "cells": {name: _cell(quantity, name, line) for name, line_cell in line.cells.items()}}


def _cell(quantity: Quantity, name: str, line: Line) -> dict[str, Any] | None:
    cell = line.cells[name]
    if cell.merged is None:
        return None
    if isinstance(cell.merged, NotMeasured):
        return {"not_measured": asdict(cell.merged)}
    figure = cell.merged.figure
    ratio = cell.beside.ratio if cell.beside is not None else None
    return {
        "value": figure.value,
        "bound": figure.bound.strip() or None,
        "exact": figure.exact,
        "block_count": figure.level.block_count if figure.level is not None else None,
        "run_count": figure.level.run_count if figure.level is not None else None,
        "ratio": ratio.value if ratio is not None else None,
        "interval": asdict(ratio.interval) if ratio is not None and ratio.interval is not None else None,
        "p_value": ratio.p_value if ratio is not None else None,
        "verdict": word(quantity, cell.told.answer) if cell.told is not None else None,
        "reason": cell.told.reason if cell.told is not None else None,
        "needed_s": cell.told.needed_s if cell.told is not None else None,
        "rank": cell.rank,
        "notes": list(texts(cell, name, line)),
    }


def _gate(gate: Gate) -> dict[str, Any]:
    return {
        "condition": gate.condition.text,
        "answer": gate.answer,
        "verdicts": [{"about": each.about, "answer": each.answer, "reason": each.reason} for each in gate.verdicts],
    }
