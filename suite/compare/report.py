"""A comparison as a page: a summary on one screen, then a table for each quantity, and what the cells' notes say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from suite import units
from suite.compare import shown
from suite.compare.gate import Gate
from suite.compare.gate import Verdict as Answered
from suite.compare.quantities import Quantity
from suite.compare.sheet import Place, Sheet
from suite.compare.shown import Notes, Style
from suite.compare.table import Comparison, Line
from suite.records.sweeps import BATCH_SIZE, base_of
from suite.report.content import (
    Cell,
    Chapter,
    Code,
    Column,
    Content,
    Document,
    Heading,
    Note,
    Paragraph,
    Sign,
    Spans,
    Table,
    Verdict,
    bullets,
    content,
    spans,
)
from suite.report.escape import MAX_LISTED, listed

MAX_NOTES = 200


def document(found: Comparison, titles: Mapping[str, str], answer: Content = ()) -> Document:
    """The whole page. titles: of models, by name; one that has none is shown by its name. answer: of a gate."""
    notes = Notes()
    summary = Chapter("summary", "Summary", summary_of(found, titles, notes))
    chapters = [
        Chapter(quantity.name.replace("_", "-"), quantity.title, _chapter(found, quantity, titles, notes))
        for quantity in found.quantities
    ]
    return Document(
        title=f"Comparison: {listed(found.names)}",
        lead=(*answer, *_lead(found)),
        chapters=(summary, *chapters, *_notes(notes), *_absences(found)),
    )


def _lead(found: Comparison) -> Content:
    rows = [_run(name, sheet) for name, sheets in found.kinds.items() for sheet in sheets]
    columns = [Column(title, wordy=True) for title in ("Name", "Run", "Machine", "Device", "Commit", "Image", "Plan")]
    return content(
        Table(columns=tuple(columns), rows=tuple(rows), caption="The runs"),
        f"Ratios are to {found.names[0]}: ×1.06 is 6 % more. FASTER, SLOWER, LESS and MORE are told where chance is no "
        f"explanation, beside all comparisons of the table; SAME where the whole 95 % interval lies within "
        f"{found.margin * 100:g} %; UNRESOLVED else, with about how much longer both would have to be measured. Bold: "
        "the best, and what is not told apart from it. Small numbers: what else differs, at the end.",
        *(Note("doubt", text) for text in _doubts(found)),
    )


def _run(name: str, sheet: Sheet) -> tuple[Cell, ...]:
    run = sheet.run
    told = (name, str(sheet.folder), run.machine, run.device, run.commit, run.image, run.plan)
    return tuple(part if part and part.strip() else "unknown" for part in told)


def _doubts(found: Comparison) -> Iterator[str]:
    for name, sheets in found.kinds.items():
        for sheet in sheets:
            if sheet.run.damaged_count:
                lines = units.counted(sheet.run.damaged_count, "line")
                yield f"{name}: {lines} of {sheet.folder}/records.jsonl can't be read, and what they held is not here."
            if sheet.run.missing_count:
                tasks = units.counted(sheet.run.missing_count, "task")
                yield f"{name}: {tasks} of {sheet.folder} have no record."
    if found.unknown:
        yield f"No run tells its {listed(list(found.unknown), ' or its ')}: the runs may differ in them unseen."


def answer_of(gates: Sequence[Gate]) -> Content:
    """What a person asked to fail on, and the answers; nothing where nothing was asked."""
    told: list[Spans] = []
    for found in gates:
        sign: Sign = {"HOLDS": "no", "RULED OUT": "yes", "OPEN": "open"}[found.answer]  # type: ignore[assignment]
        places = [each for each in found.verdicts if each.answer == found.answer != "RULED OUT"]
        where = "; ".join(f"{each.about} ({measured(each)})" for each in places[:MAX_LISTED])
        more = f"; and {len(places) - MAX_LISTED:,} more" if len(places) > MAX_LISTED else ""
        told.append(
            spans(Code(found.condition.text), " ", Verdict(found.answer, sign), f": {where}{more}" if where else "")
        )
    return bullets(told)


def measured(found: Answered) -> str:
    """The ratio with its interval, and what is said of it."""
    ratio = found.beside.ratio if found.beside is not None else None
    return f"{shown.ratio(ratio)}, {found.reason}" if ratio is not None else found.reason


def summary_of(found: Comparison, titles: Mapping[str, str], notes: Notes) -> Content:
    """Models down, runs across: each model at its usual input."""
    rows = []
    for quantity in (each for each in found.quantities if each.in_summary):
        lines = _bases(found.lines[quantity.name])
        scale = shown.scale_of(quantity, lines)
        style = Style(quantity, scale, notes, brief=True)
        for line in lines:
            cells = [style.cell(line, name) for name in found.names]
            where = shown.describe(line.place)
            symbol = f" ({scale.symbol})" if scale.symbol else ""
            what = f"{quantity.title}{symbol}{f', {where}' if where else ''}"
            rows.append((found.models.index(line.place.model), (_title(line.place, titles), what, *cells)))
    rows.sort(key=lambda row: row[0])
    columns = [Column("Model", wordy=True), Column("Quantity", wordy=True), *map(Column, found.names)]
    told = tuple(row for _, row in rows)
    return content(Table(columns=tuple(columns), rows=told, caption="Every model at its usual input")) if told else ()


def _bases(lines: Sequence[Line]) -> list[Line]:
    """Of each model (and variant, and part of the machine) the line at its usual input."""
    groups: dict[tuple[object, ...], list[Line]] = {}
    for line in lines:
        if line.place.scenario == "forward":
            groups.setdefault((line.place.model, line.place.variant, line.place.part), []).append(line)
    found = []
    for group in groups.values():
        told = [line for line in group if any(cell.told is not None for cell in line.cells.values())] or group
        base = base_of([line.place for line in told])
        found += [line for line in told if line.place == base]
    return found


def _title(place: Place, titles: Mapping[str, str]) -> str:
    title = titles.get(place.model, place.model)
    told = [f"{value} threads" if name == "thread_count" else value for name, value in place.variant]
    return f"{title} ({', '.join(told)})" if told else title


def _chapter(found: Comparison, quantity: Quantity, titles: Mapping[str, str], notes: Notes) -> Content:
    """The base points first, then each sweep under a heading of its own."""
    lines = found.lines[quantity.name]
    if quantity.per_model:
        return (_table(found, quantity, lines, titles, notes),)
    bases = _bases(lines)
    parts: list[Heading | Table] = [_table(found, quantity, bases, titles, notes)] if bases else []
    left = [line for line in lines if line not in bases]
    for heading, group in _sweeps(bases, left):
        parts += [Heading(heading), _table(found, quantity, group, titles, notes)]
    return tuple(parts)


def _sweeps(bases: Sequence[Line], left: Sequence[Line]) -> Iterator[tuple[str, list[Line]]]:
    """The other points by what they differ in from their base, each with its base in its place."""
    groups: dict[str, list[Line]] = {}
    for line in left:
        place = line.place
        base = next(
            (each for each in bases if _family(each.place) == _family(place)),
            None,
        )
        axes = _differing(place, base.place) if base is not None and place.scenario == "forward" else []
        heading = f"Over {axes[0].replace('_', ' ')}" if len(axes) == 1 else "Other inputs"
        group = groups.setdefault(heading, [])
        if len(axes) == 1 and base is not None and base not in group:
            group.append(base)
        group.append(line)
    for heading, group in groups.items():
        order = {line.place.model: at for at, line in reversed(list(enumerate(group)))}
        yield heading, sorted(group, key=lambda line: (order[line.place.model], line.place.batch_size, line.place.axes))


def _family(place: Place) -> tuple[object, ...]:
    return (place.model, place.variant, place.part)


def _differing(place: Place, base: Place) -> list[str]:
    axes = dict(base.axes)
    told = [BATCH_SIZE] if place.batch_size != base.batch_size else []
    return [*told, *(name for name, size in place.axes if axes.get(name) != size)]


def _table(
    found: Comparison, quantity: Quantity, lines: Sequence[Line], titles: Mapping[str, str], notes: Notes
) -> Table:
    scale = shown.scale_of(quantity, lines)
    style = Style(quantity, scale, notes)
    rows = []
    for line in lines:
        cells = [style.cell(line, name) for name in found.names]
        where = [] if quantity.per_model else [shown.describe(line.place)]
        rows.append((_title(line.place, titles), *where, *cells))
    columns = [Column("Model", wordy=True), *([] if quantity.per_model else [Column("Input", wordy=True)])]
    columns += [Column(name, unit=scale.symbol) for name in found.names]
    return Table(columns=tuple(columns), rows=tuple(rows), caption=quantity.title)


def _notes(notes: Notes) -> Iterator[Chapter]:
    if not notes.numbers:
        return
    told: list[Spans] = [
        (f"{shown.raised(number)} {text}",) for text, number in list(notes.numbers.items())[:MAX_NOTES]
    ]
    more = len(notes.numbers) - len(told)
    yield Chapter("notes", "What else differs", bullets([*told, *([f"{more:,} more."] if more else [])]))


def _absences(found: Comparison) -> Iterator[Chapter]:
    """Why figures are absent, one entry a code: where a gap in a table leads to."""
    every = [absence for lines in found.lines.values() for absence in shown.absences(lines)]
    if not every:
        return
    by_code: dict[str, dict[str, None]] = {}
    for absence in every:
        by_code.setdefault(absence.code, {})[f"{absence.reason}. Remedy: {absence.remedy}"] = None
    parts: list[Heading | Paragraph] = []
    for code, told in by_code.items():
        parts += [Heading(code), *(Paragraph(text) for text in list(told)[:MAX_LISTED])]
    yield Chapter("absences", "What was not measured", tuple(parts))
