"""`suite versus`: two variants of one model in turns, and which is faster by how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from suite import battery
from suite.battery import Request
from suite.cli import answers
from suite.cli.answer import Answer, Row
from suite.cli.running import DONE, INCOMPLETE, measured
from suite.cli.session import Session
from suite.cli.words import sizes
from suite.errors import UsageError
from suite.outside import brief
from suite.plan.load import Options
from suite.plan.pair import Side
from suite.records import NotMeasured, Run
from suite.registry import unknown
from suite.report import variants
from suite.report.content import Table, content
from suite.report.variants import Variant
from suite.report.view import RunView
from suite.stats.paired import MIN_ROUND_COUNT
from suite.stats.variants import Compared
from suite.worker.model import Model

KEYS = ("runtime", "precision", "device", "threads", "batch_size")
SHAPE = "write it as threads=2 or runtime=eager,precision=fp32"


def show(request: Request, texts: Sequence[str], session: Session) -> Answer:
    """Measures both and writes the report. texts: the two variants as they were typed."""
    pair = _pair(request.options, texts, session.tools.surroundings().models)
    begun = battery.begin(replace(request, options=Options(), pair=pair), session.tools)
    measured(begun, session)
    report, run = battery.report(begun.out), begun.run()
    first, second = _both(run)
    told = answers.Told(run, begun.out, report)
    return Answer(
        shown=content(_table(run), _sentence(first, second), f"Report: {report}"),
        rows={"results": answers.rows_of(told, ()), "versus": [_row(second)]},
        data={**answers.as_data(told), "versus": _figures(second)},
        status=DONE if battery.complete(run) and _has_ratio(second) else INCOMPLETE,
    )


def _pair(common: Options, texts: Sequence[str], known: Mapping[str, Model]) -> tuple[Side, Side]:
    """Raises UsageError for anything but one model and two variants that can be understood."""
    if len(common.models or ()) != 1:
        raise UsageError("versus: it is about one model; name it with --model NAME")
    if len(texts) != 2:
        raise UsageError(f'versus: it takes two variants, got {len(texts)}; as in "threads=1" "threads=2"')
    axes = [axis.name for axis in known[name].axes] if (name := (common.models or ("",))[0]) in known else []
    first, second = (
        Side(text=text, options=_options(common, letter, text, axes)) for letter, text in zip("AB", texts, strict=True)
    )
    return first, second


def _options(common: Options, name: str, text: str, axes: Sequence[str]) -> Options:
    """The common options with what the text says put over them."""
    where, found, given = f"versus {name} ({brief(text)})", common, set[str]()
    for part in text.split(","):
        key, equals, value = (word.strip() for word in part.partition("="))
        if not equals or not key or not value:
            raise UsageError(f"{where}: {brief(part.strip())} is no key with a value; {SHAPE}")
        if key in given:
            raise UsageError(f"{where}: {key} is given twice; write each once")
        if key not in KEYS and key not in axes:
            raise UsageError(f"{where}: {unknown('key', key, [*KEYS, *axes])}")
        given.add(key)
        found = _with(found, key, value, where)
    return found


def _with(options: Options, key: str, value: str, where: str) -> Options:
    match key:
        case "runtime":
            return replace(options, runtimes=(value,))
        case "precision":
            return replace(options, precisions=(value,))
        case "device":
            return replace(options, device=value)
        case "threads":
            return replace(options, threads=value if value == "all" else _number(value, f"{where}: threads"))
        case "batch_size":
            return replace(options, batch_size=(_number(value, f"{where}: batch_size"),))
        case axis:
            others = tuple(had for had in options.axes or () if had[0] != axis)
            return replace(options, axes=(*others, (axis, (_number(value, f"{where}: {axis}"),))))


def _number(value: str, where: str) -> int:
    found = sizes(value, where)
    assert found is not None
    return found[0]


def _both(run: Run) -> tuple[Variant, Variant]:
    ((first, second),) = (group.variants for group in variants.groups(RunView(run)))
    return first, second


def _row(second: Variant) -> Row:
    """B against A."""
    found = second.against if isinstance(second.against, Compared) else None
    return {
        "verdict": found.verdict if found else None,
        "ratio": found.ratio if found else None,
        "ratio_low": found.interval.low if found and found.interval else None,
        "ratio_high": found.interval.high if found and found.interval else None,
        "round_count": found.round_count if found else None,
        "margin": found.margin if found else None,
        "not_measured": second.against.code if isinstance(second.against, NotMeasured) else None,
    }


def _table(run: Run) -> Table:
    view = RunView(run)
    (group,) = variants.groups(view)
    return variants.table_of(view, group).without("Rounds")


def _has_ratio(second: Variant) -> bool:
    return isinstance(second.against, Compared) and second.against.ratio is not None


def _sentence(first: Variant, second: Variant) -> str:
    against = second.against
    if isinstance(against, NotMeasured):
        return f"{against.code}: {against.reason}; {against.remedy}"
    assert against is not None
    if against.interval is None or against.ratio is None:
        return (
            f"UNRESOLVED: {variants.REASONS['too_few_rounds']} ({against.round_count} of at least "
            f"{MIN_ROUND_COUNT}); give it longer with --time-limit, or let nothing else run"
        )
    told = (
        f"{variants.verdict(against)}. B takes {variants.ratio(against.ratio)} times as long as A "
        f"(95 % interval {variants.interval(against)}, {against.round_count} rounds; within {100 * against.margin:g} % "
        "is SAME)."
    )
    sizes_of = first.point.batch_size, second.point.batch_size
    if sizes_of[0] != sizes_of[1]:
        each = against.ratio * sizes_of[0] / sizes_of[1]
        told += f" Of one item of its batch: {variants.ratio(each)} times."
    return told


def _figures(second: Variant) -> dict[str, Any] | None:
    if isinstance(second.against, NotMeasured):
        return {"not_measured": asdict(second.against)}
    return None if second.against is None else asdict(second.against)
