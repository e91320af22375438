"""Variants: one model by several runtimes and precisions, set against the first, with what was built and how near the
outputs are to eager fp32's."""

from __future__ import annotations

from collections.abc import Iterator

from suite import units
from suite.records import Build, Fidelity, MemoryUse, NotMeasured, OutputFidelity, Summary, Variant
from suite.report.content import Cell, Content, Details, Heading, Spans, Table, bullets, content, table
from suite.report.plots import Plots
from suite.report.points import Subject
from suite.report.section import Section
from suite.report.view import RunView

MIB = float(2**20)
FIRST = ("eager", "fp32")


def render(view: RunView, _plots: Plots) -> Content:
    shown = [subject for subject in view.subjects if _is_one_of_several(view, subject)]
    if not shown:
        return ()
    return content(
        _table(view, shown),
        _explanation(),
        Heading("What really ran"),
        bullets(_ran(view.label(subject), found) for subject in shown if (found := view.variant(subject)) is not None),
        *_details(view, shown),
    )


def _is_one_of_several(view: RunView, subject: Subject) -> bool:
    """A run of eager fp32 alone has no variants."""
    ways = {(other.runtime, other.precision) for other in view.subjects if other.model == subject.model}
    return ways != {FIRST}


def _table(view: RunView, shown: list[Subject]) -> Table:
    headers = (
        "Variant",
        "Median",
        "Peak resident (MiB)",
        "On disk",
        "Build (s)",
        "Largest error (share)",
        "Fidelity",
    )
    return table(headers, [_row(view, subject) for subject in shown], left=1)


def _row(view: RunView, subject: Subject) -> list[Cell]:
    base = view.base(subject)
    summary = view.summary(base) if base else None
    use = view.memory(base) if base else None
    variant = view.variant(subject)
    if not isinstance(summary, Summary):
        return [view.label(subject), *[summary] * 6]
    return [
        view.label(subject),
        units.show(summary.median, "s"),
        units.decimals(use.peak_resident_bytes / MIB, 0) if isinstance(use, MemoryUse) else use,
        *_built(variant),
        *_fidelity(subject, variant),
    ]


def _built(variant: Variant | None) -> list[Cell]:
    match variant.build if variant else None:
        case Build() as build:
            kept = " (kept)" if build.cached else ""
            return [units.show(build.size_bytes, "B"), f"{units.decimals(build.build_s, 1)}{kept}"]
        case NotMeasured() as absence:
            return [absence, absence]
        case None:
            return ["none", "none"] if variant else [None, None]


def _fidelity(subject: Subject, variant: Variant | None) -> list[Cell]:
    match variant.fidelity if variant else None:
        case Fidelity() as found:
            share = found.worst.relative_error
            told = "DEVIATES" if found.deviating else "within"
            return [
                "no scale" if share is None else units.digits(share, 2),
                f"{told} {found.tolerance:g}",
            ]
        case NotMeasured() as absence:
            return [absence, absence]
        case None:
            is_reference = variant is not None and (subject.runtime, subject.precision) == FIRST
            return ["0", "the reference"] if is_reference and subject.device == "cpu" else [None, None]


def _explanation() -> Spans:
    return (
        "Median: at the smallest batch and the usual input; which is faster, and by how much, is the next section's. "
        "Build: in a process of its own, before the measured one; kept says that files of an earlier build were found, "
        "whose time is shown. The error is the largest difference to eager fp32 on the processor, over the largest "
        "value of that output; DEVIATES marks one beyond what the precision explains, and stands beside the variant's "
        "name in every table.",
    )


def _ran(label: str, variant: Variant) -> str:
    told = [f"weights in {', '.join(variant.elements)}"] if variant.elements else []
    if variant.provider:
        told.append(f"by {variant.provider}{_nodes(variant)}")
    if isinstance(variant.build, Build):
        told.append(_graphs(variant.build))
    return f"{label}: {'; '.join((*told, *variant.notes)) or 'torch, without weights'}"


def _nodes(variant: Variant) -> str:
    if not variant.node_counts:
        return ", which does not tell where its nodes ran" if "ExecutionProvider" in str(variant.provider) else ""
    counts = dict(variant.node_counts)
    own = counts.pop(variant.provider or "", 0)
    others = "".join(f", {count:,} on {name}" for name, count in counts.items())
    return f" ({units.counted(own, 'node')}{others})"


def _graphs(build: Build) -> str:
    peak = units.show(build.peak_resident_bytes, "B")
    sizes = "one graph for all sizes" if build.dynamic else f"{units.counted(build.graph_count, 'graph')} of one size"
    return f"{sizes}; its build peaked at {peak}"


def _details(view: RunView, shown: list[Subject]) -> Iterator[Details]:
    rows = [_output_row(view.label(subject), output) for subject in shown for output in _outputs(view, subject)]
    if rows:
        headers = (
            "Variant",
            "Output",
            "Largest error",
            "Share of the largest value",
            "Cosine",
            "Same top answer (%)",
            "NaN",
            "Infinite",
        )
        yield Details("Every output against eager fp32", content(table(headers, rows, left=2)))


def _outputs(view: RunView, subject: Subject) -> tuple[OutputFidelity, ...]:
    variant = view.variant(subject)
    return variant.fidelity.outputs if variant and isinstance(variant.fidelity, Fidelity) else ()


def _output_row(label: str, output: OutputFidelity) -> list[Cell]:
    return [
        label,
        output.name,
        f"{output.max_abs_error:.2g}",
        "no scale" if output.relative_error is None else f"{output.relative_error:.2g}",
        "no scale" if output.cosine is None else f"{output.cosine:.6f}",
        "no scores" if output.top_agreement is None else units.digits(100 * output.top_agreement),
        str(output.nan_count),
        str(output.infinite_count),
    ]


PLUGIN = Section(name="variants", order=33, title="Variants: what they take and how near they are", render=render)
