from __future__ import annotations

import time
from typing import NamedTuple

import pytest

from suite import registry
from suite.errors import SensorError, UsageError, WorkerError
from suite.power.base import CounterTrace, Description, Source
from suite.power.choice import probe, root_of, select, survey
from suite.power.meter import DEFAULT_RULE, Meter, WindowRule
from suite.records import EnergyWindow, NotMeasured, PowerTrace

IDLE_W, LOAD_W = 2.0, 7.0


class Timed(NamedTuple):
    started_s: float
    ended_s: float
    call_count: int


class World:
    """A clock, a step load that follows the marks, a sampler of it, and a worker whose calls take call_s."""

    def __init__(self, *, call_s=0.5, lost_between=None, quantity="power", dies=False, **described):
        self.now_s = 1000.0
        self.call_s = call_s
        self.lost_between = lost_between
        self.dies = dies
        self.events = []
        self.steps = [(self.now_s, IDLE_W)]
        fields = {
            "scope": "test",
            "rails": ("total",),
            "quantity": quantity,
            "period_s": 0.25,
            "minimum_window_s": 1.0,
            "resolution": 0.125,
            "gain_error": 0.01,
        }
        self.description = Description(**(fields | described))

    def clock(self):
        return self.now_s

    def sleep(self, duration_s):
        self.events.append(("sleep", duration_s))
        self.now_s += duration_s

    def load(self, duration_s):
        self.events.append(("load", duration_s))
        started_s, call_count = self.now_s, 0
        while self.now_s < started_s + duration_s:
            self.now_s += self.call_s
            call_count += 1
        return Timed(started_s, self.now_s, call_count)

    def start(self, source, options):
        self.events.append(("start", source, dict(options)))
        return self

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.events.append(("close",))

    def mark(self, label):
        self.events.append(("mark", label))
        self.steps.append((self.now_s, LOAD_W if label == "load" else IDLE_W))

    def check(self):
        if self.dies:
            raise SensorError("SENSOR_LOST", "the sampler ended", "run again")

    def collect(self):
        period_s = self.description.period_s
        count = int((self.now_s - self.steps[0][0]) / period_s) + 1
        stamps = [self.steps[0][0] + index * period_s for index in range(count)]
        if self.lost_between:
            low_s, high_s = self.lost_between
            stamps = [stamp for stamp in stamps if not low_s < stamp - self.steps[0][0] < high_s]
        if self.description.quantity == "counter":
            series = tuple(self._energy_j(stamp) % 64.0 for stamp in stamps)
            return CounterTrace(rails=("total",), time_s=tuple(stamps), energy_j=(series,), range_j=64.0)
        series = tuple(self._power_w(stamp) for stamp in stamps)
        return PowerTrace(rails=("total",), time_s=tuple(stamps), power_w=(series,))

    def _power_w(self, at_s):
        return next(power_w for since_s, power_w in reversed(self.steps) if since_s <= at_s)

    def _energy_j(self, at_s):
        ends = [since_s for since_s, _ in self.steps[1:]] + [float("inf")]
        return sum(
            power_w * max(0.0, min(at_s, end_s) - since_s)
            for (since_s, power_w), end_s in zip(self.steps, ends, strict=True)
        )

    def meter(self, rule=DEFAULT_RULE):
        return Meter(
            source="fake",
            options={"key": "value"},
            description=self.description,
            rule=rule,
            start=self.start,
            clock=self.clock,
            sleep=self.sleep,
        )


def test_a_step_load_gives_its_exact_joules():
    world = World()
    reading = world.meter().measure(world.load, 3, 10.0, 5.0)
    # 1000 s: start; idle 1 + 5 + 1 s, lead-in 1 s, then the windows
    assert reading.windows == tuple(
        EnergyWindow(start_s=start_s, end_s=start_s + 10.0, call_count=20, energy_j=70.0)
        for start_s in (1008.0, 1018.0, 1028.0)
    )
    assert (reading.idle_before_w, reading.idle_after_w) == (2.0, 2.0)
    assert reading.method == "trapezoid"
    assert (reading.source, reading.scope, reading.sample_period_s) == ("fake", "test", 0.25)
    assert reading.budget.scatter_j == 0.0
    assert reading.budget.resolution_j == pytest.approx(0.475 * 0.125 * 10.0)
    assert reading.budget.gain_j == pytest.approx(0.7)
    assert reading.budget.edge_j == 0.0
    assert reading.trace.time_s[0] == 1000.0
    assert reading.trace.time_s[-1] == 1046.0


def test_the_same_load_on_a_wrapping_counter_gives_the_same_joules():
    world = World(quantity="counter")
    reading = world.meter().measure(world.load, 2, 10.0, 5.0)
    assert [window.energy_j for window in reading.windows] == [70.0, 70.0]
    assert (reading.idle_before_w, reading.idle_after_w) == (2.0, 2.0)
    assert reading.method == "counter"
    assert reading.budget.resolution_j == 0.776 * 0.125


def test_the_sequence_is_idle_lead_in_windows_lead_out_idle():
    world = World()
    world.meter().measure(world.load, 2, 10.0, 5.0)
    idle = [("mark", "idle"), ("sleep", 1.0), ("sleep", 5.0), ("sleep", 1.0)]
    assert world.events == [
        ("start", "fake", {"key": "value"}),
        *idle,
        ("mark", "load"),
        ("load", 1.0),
        ("load", 10.0),
        ("load", 10.0),
        ("load", 1.0),
        *idle,
        ("close",),
    ]


@pytest.mark.parametrize(
    ("world", "expected_s"),
    [
        (World(), 50.0),  # 200 periods of 0.25 s
        (World(period_s=0.01), 16.5),  # 30 calls of 0.5 s, and a tenth
        (World(period_s=0.01, call_s=0.125), 10.0),
        (World(period_s=0.01, minimum_window_s=120.0), 120.0),
    ],
)
def test_a_window_lasts_10_s_or_200_periods_or_30_calls_or_what_the_source_needs(world, expected_s):
    reading = world.meter().measure(world.load, 1, None, 5.0)
    assert reading.windows[0].call_count >= 30
    loads = [event[1] for event in world.events if event[0] == "load"]
    assert loads == [1.0, pytest.approx(expected_s), 1.0]


def test_a_slow_source_gets_longer_leads_and_idle_stretches():
    world = World(period_s=1.0, settle_s=4.0, minimum_window_s=60.0)
    world.meter().measure(world.load, 1, 60.0, 5.0)
    assert [event[1] for event in world.events if event[0] == "sleep"] == [4.0, 60.0, 4.0] * 2
    assert [event[1] for event in world.events if event[0] == "load"] == [4.0, 60.0, 4.0]


def test_a_window_below_the_sources_minimum_is_refused_before_anything_starts():
    world = World(minimum_window_s=5.0)
    with pytest.raises(SensorError, match=r"a window of 2 s is too short for fake, which needs 5 s") as caught:
        world.meter().measure(world.load, 3, 2.0, 5.0)
    assert caught.value.code == "TOO_SHORT"
    assert world.events == []


def test_a_window_that_came_out_too_short_is_refused():
    world = World(minimum_window_s=5.0)

    def cut_short(duration_s):
        return world.load(min(duration_s, 4.0))

    with pytest.raises(SensorError) as caught:
        world.meter().measure(cut_short, 1, 10.0, 5.0)
    assert caught.value.code == "TOO_SHORT"


def test_missing_samples_in_a_window_are_a_gap():
    world = World(lost_between=(12.0, 13.0))
    with pytest.raises(SensorError, match="no power sample for 1 s") as caught:
        world.meter().measure(world.load, 1, 10.0, 5.0)
    assert caught.value.code == "GAP"


def test_a_lost_sensor_ends_the_measurement_after_the_window_it_was_lost_in():
    world = World(dies=True)
    with pytest.raises(SensorError) as caught:
        world.meter().measure(world.load, 3, 10.0, 5.0)
    assert caught.value.code == "SENSOR_LOST"
    assert [event for event in world.events if event[0] == "load"] == [("load", 1.0), ("load", 10.0)]
    assert world.events[-1] == ("close",)


def test_the_sampler_ends_when_the_worker_fails():
    world = World()

    def failing(_duration_s):
        raise WorkerError("CRASHED", "the worker died", "see the log")

    with pytest.raises(WorkerError):
        world.meter().measure(failing, 1, 10.0, 5.0)
    assert world.events[-1] == ("close",)


def test_the_whole_pipeline_with_its_own_process_is_exact():
    """Real clock, real sampler, real load: the simulated truth is 40 W whenever a window is open."""
    rule = WindowRule(min_window_s=0.2, min_period_count=1, min_call_count=1, lead_s=0.05, lead_period_count=2)
    meter = select("simulated:idle_w=3,load_w=40,period_s=0.1", rule=rule)

    def load(duration_s):
        started_s, call_count = time.monotonic(), 0
        while time.monotonic() < started_s + duration_s:
            time.sleep(0.01)
            call_count += 1
        return Timed(started_s, time.monotonic(), call_count)

    reading = meter.measure(load, 2, None, 0.2)
    for window in reading.windows:
        assert window.energy_j == pytest.approx(40.0 * (window.end_s - window.start_s), rel=1e-12)
    assert reading.idle_before_w == pytest.approx(3.0, rel=1e-12)
    assert reading.idle_after_w == pytest.approx(3.0, rel=1e-12)
    assert reading.scope == "simulated, not a measurement"


class Declared(Source):
    def __init__(self, name, rank, automatic=True):
        self.name, self.rank, self.automatic, self.summary = name, rank, automatic, f"{name} for tests"

    def available(self, options):
        raise AssertionError("only the sampler's process touches a sensor")

    open = read = available


@pytest.fixture
def sources(monkeypatch):
    """Installs sources; returns a start that answers for each: a Description, or an error with its code."""

    def install(**answers):
        plugins = {name: Declared(name, rank, name != "toy") for rank, name in enumerate(answers)}
        alphabetical = dict(sorted(plugins.items()))
        monkeypatch.setattr(registry, "discover", lambda _: alphabetical)
        started = []

        def start(name, _options):
            started.append(name)
            if isinstance(answers[name], str):
                raise SensorError(answers[name], f"{name} has no sensor", f"mend {name}")
            return World(rails=(name,))

        return start, started

    return install


def test_auto_takes_the_first_by_rank_that_gives_a_sample(sources):
    start, started = sources(zeta="NO_ZETA", beta=True, alpha=True)
    meter = select("auto", start=start)
    assert (meter.source, meter.description.rails) == ("beta", ("beta",))
    assert started == ["zeta", "beta"]


def test_auto_without_any_that_works_gives_the_first_reason_that_concerns_this_machine(sources, monkeypatch):
    monkeypatch.setattr(Declared, "codes_elsewhere", frozenset({"NO_ZETA"}))
    start, started = sources(zeta="NO_ZETA", beta="BETA_PERM", toy=True)
    assert select("auto", start=start) == NotMeasured(code="BETA_PERM", reason="beta has no sensor", remedy="mend beta")
    assert started == ["zeta", "beta"]


def test_auto_where_every_source_is_for_other_machines_names_each_with_its_code(sources, monkeypatch):
    monkeypatch.setattr(Declared, "codes_elsewhere", frozenset({"NO_ZETA", "NO_BETA"}))
    start, started = sources(zeta="NO_ZETA", beta="NO_BETA", toy=True)
    absent = select("auto", start=start)
    assert absent.code == "NO_POWER_SOURCE"
    assert absent.reason == ("none of the power sources found its sensor on this machine (zeta NO_ZETA, beta NO_BETA)")
    assert "external power meter" in absent.remedy
    assert started == ["zeta", "beta"]


def test_auto_never_takes_a_simulation(sources):
    start, started = sources(toy=True)
    absent = select("auto", start=start)
    assert absent.code == "NO_POWER_SOURCE"
    assert absent.reason.endswith("(there is none)")
    assert "external power meter" in absent.remedy
    assert started == []


def test_a_named_source_that_does_not_work_says_why(sources):
    start, _ = sources(beta="NO_BETA")
    assert select("beta", start=start) == NotMeasured(code="NO_BETA", reason="beta has no sensor", remedy="mend beta")


def test_none_is_not_asked():
    assert select("none").code == "NOT_ASKED"


def test_the_survey_tells_of_every_source_by_rank(sources):
    start, _ = sources(zeta="NO_ZETA", beta=True)
    absent = NotMeasured(code="NO_ZETA", reason="zeta has no sensor", remedy="mend zeta")
    zeta, beta = survey(start=start)
    assert zeta == ("zeta", "zeta for tests", {}, absent)
    assert (beta.name, beta.found.rails) == ("beta", ("beta",))


def test_root_and_rails_reach_the_sources_that_take_them(sources, monkeypatch):
    start, _ = sources(zeta="NO_ZETA", beta=True)
    monkeypatch.setattr(Declared, "options", {"rails": "which rails sum"})
    given = {"root": "/tree", "rails": "A+B"}
    assert select("auto:root=/tree,rails=A+B", start=start).options == given
    assert [source.options for source in survey("auto:root=/tree,rails=A+B", start=start)] == [given, given]


def test_a_source_without_rails_is_no_answer_to_a_question_for_rails(sources):
    start, started = sources(zeta="NO_ZETA", beta=True)
    assert select("auto:rails=A", start=start).code == "NO_POWER_SOURCE"
    assert started == []
    assert select("beta:root=/tree", start=start).options == {"root": "/tree"}
    with pytest.raises(UsageError, match="--power beta: it takes no options, got 'rails'"):
        select("beta:rails=A", start=start)


def test_the_root_is_read_from_what_power_says():
    assert root_of("ina3221:rails=A+B,root=/tree") == "/tree"
    assert root_of("auto") is None


def test_a_probe_is_a_real_sample_in_a_process_of_its_own():
    assert probe(registry.get(registry.POWER_SOURCES, "simulated", "power source"), {}).scope.startswith("simulated")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("simulatd", r"--power: unknown power source 'simulatd': did you mean 'simulated'\? There is auto, none, "),
        ("simulated:lod_w=3", r"--power simulated: unknown option 'lod_w': did you mean 'load_w'\?"),
        ("simulated:load_w=x", r"load_w must be a number, got 'x'"),
        ("simulated:load_w", r"option load_w needs a value, as in load_w=..."),
        ("simulated:load_w=1,load_w=2", r"option load_w is given twice"),
        ("simulated:", r"unknown option ''"),
        ("auto:period_s=1", r"--power auto: only rails and root can be given to it, got 'period_s'; name a source: "),
        ("none:period_s=1", r"--power none takes no options, got 'period_s=1'; name a source: "),
    ],
)
def test_wrong_use_is_named_with_what_is_allowed(spec, message):
    with pytest.raises(UsageError, match=message):
        select(spec)


def test_an_option_to_a_source_without_options_is_refused(sources):
    start, _ = sources(beta=True)
    with pytest.raises(UsageError, match="--power beta: it takes no options, got 'key'"):
        select("beta:key=1", start=start)


def test_a_survey_says_which_sources_concern_this_machine(sources, monkeypatch):
    monkeypatch.setattr(Declared, "codes_elsewhere", frozenset({"NO_ZETA"}))
    start, _ = sources(zeta="NO_ZETA", beta="BETA_PERM", alpha=True, toy=True)
    concerns = {source.name: source.concerns for source in survey("auto", start=start)}
    assert concerns == {"zeta": False, "beta": True, "alpha": True, "toy": False}  # toy is a trial: auto leaves it out
    named = {source.name: source.concerns for source in survey("toy", start=start)}
    assert named["toy"]
