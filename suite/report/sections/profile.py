"""Where the time of a call goes, where a plan asks for it: operators and modules under torch's profiler."""

from __future__ import annotations

from suite.report import profiles
from suite.report.content import Content, Heading, content
from suite.report.plots import Plots
from suite.report.profiles import Profiled
from suite.report.section import Section
from suite.report.view import RunView

HOW = (
    "From calls under torch's profiler, in a worker of their own: none of the other figures were timed beside it. Own "
    "time leaves out what is told in a row of its own; MACs are those of one call, 1 MAC = 2 FLOP."
)


def render(view: RunView, _plots: Plots) -> Content:
    if not view.asked("profile"):
        return ()
    found = list(profiles.found(view))
    told = [f"{gap.code}: {gap.reason}; {gap.remedy}." for gap in profiles.absences(view)]
    missing = "" if found or told else "The run ended before it."
    return content(HOW, *told, missing, *(_one(view, profiled) for profiled in found))


def _one(view: RunView, profiled: Profiled) -> Content:
    return content(
        Heading(f"{view.label(profiled.point.subject)}, {view.describe(profiled.point)}"),
        profiles.overhead(profiled),
        profiles.of_device(profiled),
        profiles.operator_table(profiled),
        profiles.module_table(profiled) if profiled.profile.modules else None,
    )


PLUGIN = Section(name="profile", order=72, title="Extra: where the time goes", render=render)
