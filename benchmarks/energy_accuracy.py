"""The suite's joules against the truth of simulated loads, at the period, resolution and gain error of each source.

.venv/bin/python benchmarks/energy_accuracy.py [RUNS]   (default 500 for each source and load, about two minutes)

No clock and no sensor take part: a load is a power over time that is known exactly, an instrument reads it as the real
one does, and the suite's own integration and error budget do the rest. What is drawn anew for each run: how long calls
take and what they draw, the instrument's gain within its stated error, and when it reads.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tabulate import tabulate

from suite.power.base import CounterTrace, Description
from suite.power.integrate import energy_j, error_budget, sample_period_s
from suite.power.meter import DEFAULT_RULE
from suite.records import EnergyWindow, ErrorBudget, PowerTrace

Floats = NDArray[np.float64]
WINDOW_COUNT = 3
LATE_S = 0.002  # mean of how late the operating system lets a reader read
NORMAL_95 = 1.959964
WINDOW_EFFECT = 0.001  # how much a window's power differs from the next one's: heat, other processes


# --- loads: what is true ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Load:
    """Power over a call as a function of where in the call (0..1), in units of the load's mean power over idle.

    `noise`: relative deviation of the power, correlated over NOISE_S. call_s: the range in which a call's length lies.
    """

    name: str
    shape: Callable[[Floats], Floats]
    noise: float = 0.0
    call_s: tuple[float, float] = (0.05, 0.5)


NOISE_S = 0.02
BUSY_SHARE = 0.4  # of a call
LOADS = (
    Load("step", np.ones_like),
    Load("ramp", lambda phase: 2 * phase),
    Load("bursty", lambda phase: (phase < BUSY_SHARE) / BUSY_SHARE),
    Load("noisy", np.ones_like, noise=0.2),
)


class Truth(NamedTuple):
    """Joules since time 0 on a fine grid, and the windows that the calls made."""

    grid_s: Floats
    energy_j: Floats
    windows: tuple[tuple[float, float, int], ...]  # start, end, calls
    per_call_j: float  # of the load, expected
    end_s: float

    def joules(self, at_s: Floats) -> Floats:
        return np.interp(at_s, self.grid_s, self.energy_j)


def truth(load: Load, idle_w: float, load_w: float, description: Description, rng: np.random.Generator) -> Truth:
    """A lead-in, windows of back-to-back calls by the suite's own rule, a lead-out."""
    call_s = float(np.exp(rng.uniform(*np.log(load.call_s))))
    window_s = DEFAULT_RULE.window_s(description, call_s)
    lead_s = DEFAULT_RULE.edge_s(description)
    count = int((WINDOW_COUNT * window_s + 3 * lead_s + 1.0) / call_s * 1.05) + 5 * WINDOW_COUNT
    lengths_s = call_s * np.exp(0.02 * rng.standard_normal(count))
    ends_s = np.cumsum(lengths_s)
    step_s = max(1e-3, description.period_s / 50)
    grid_s = np.arange(0.0, ends_s[-1], step_s)
    call = np.searchsorted(ends_s, grid_s, side="right")
    phase = 1 - (ends_s[call] - grid_s) / lengths_s[call]
    edges = _edges(ends_s, window_s, lead_s)
    effect = 1 + WINDOW_EFFECT * rng.standard_normal(WINDOW_COUNT + 2)
    window_of_call = np.searchsorted([end for _, end in edges], np.arange(count), side="right") + 1
    over_idle_w = (load_w - idle_w) * load.shape(phase) * effect[np.minimum(window_of_call, WINDOW_COUNT + 1)][call]
    power_w = idle_w + over_idle_w
    if load.noise:
        power_w = power_w * (1 + load.noise * _noise(grid_s, rng))
    joules = np.concatenate([[0.0], np.cumsum(power_w[:-1] * step_s)])
    windows = tuple((float(ends_s[a]), float(ends_s[b]), b - a) for a, b in edges)
    return Truth(grid_s, joules, windows, load_w * call_s * float(np.exp(0.02**2 / 2)), float(ends_s[-1]))


def _edges(ends_s: Floats, window_s: float, lead_s: float) -> list[tuple[int, int]]:
    """The calls whose ends are a window's edges: each begins where the one before ended, the first after the lead."""
    edges, begin = [], int(np.searchsorted(ends_s, lead_s))
    for _ in range(WINDOW_COUNT):
        end = int(np.searchsorted(ends_s, ends_s[begin] + window_s))
        edges.append((begin, end))
        begin = end
    return edges


def _noise(grid_s: Floats, rng: np.random.Generator) -> Floats:
    """Unit normal values every NOISE_S, joined by lines."""
    knots_s = np.arange(0.0, grid_s[-1] + 2 * NOISE_S, NOISE_S)
    return np.interp(grid_s, knots_s, rng.standard_normal(len(knots_s)))


# --- instruments: what is read ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Instrument:
    """How one kind of source shows a power. `mean_s`: a power reading is the mean over so long before it (0: it is of
    that moment); for a counter, how often it is brought up to date."""

    name: str
    description: Description
    shares: tuple[float, ...] = (1.0,)  # of the rails
    mean_s: float = 0.0
    levels_w: tuple[tuple[float, float], tuple[float, float]] = ((2.0, 4.0), (6.0, 10.0))  # idle and load, drawn within

    def read(self, truth: Truth, gain: float, rng: np.random.Generator) -> PowerTrace | CounterTrace:
        """Readings at the source's period, each as late as a reader gets to it."""
        described = self.description
        count = int((truth.end_s - 2 * described.period_s) / described.period_s)
        due_s = described.period_s * (1 + np.arange(count) + rng.random())
        off_s = described.clock_uncertainty_s / NORMAL_95 * float(rng.standard_normal())
        late_s = np.minimum(rng.exponential(LATE_S, count), 0.4 * described.period_s)
        stamps_s = due_s + late_s
        if described.quantity == "counter":
            shown_s = stamps_s if self.mean_s == 0 else np.floor(stamps_s / self.mean_s) * self.mean_s
            joules = truth.joules(shown_s) * gain
            series = [_floor(joules * share, described.resolution) for share in self.shares]
            times_s = _floats(stamps_s + off_s)
            return CounterTrace(rails=described.rails, time_s=times_s, energy_j=tuple(series), range_j=None)
        width_s = max(self.mean_s, truth.grid_s[1])
        power_w = (truth.joules(stamps_s) - truth.joules(stamps_s - width_s)) / width_s * gain
        rails = tuple(_round(power_w * share, described.resolution) for share in self.shares)
        return PowerTrace(rails=described.rails, time_s=_floats(stamps_s + off_s), power_w=rails)


def _floats(values: Floats) -> tuple[float, ...]:
    return tuple(values.tolist())


def _floor(values: Floats, count: float) -> tuple[float, ...]:
    return _floats(np.floor(values / count) * count if count else values)


def _round(values: Floats, count: float) -> tuple[float, ...]:
    return _floats(np.round(values / count) * count if count else values)


def _described(quantity: str, period_s: float, resolution: float, gain_error: float, **more: object) -> Description:
    fields = {"scope": "simulated", "rails": ("total",), "minimum_window_s": 1.0, **more}
    return Description(
        quantity=quantity,  # type: ignore[arg-type]
        period_s=period_s,
        resolution=resolution,
        gain_error=gain_error,
        **fields,  # type: ignore[arg-type]
    )


BOARD, PACKAGE, CARD = ((2.0, 4.0), (6.0, 10.0)), ((5.0, 10.0), (25.0, 60.0)), ((40.0, 80.0), (200.0, 400.0))
AGX, LAPTOP, MAC = ((8.0, 12.0), (25.0, 45.0)), ((5.0, 9.0), (15.0, 35.0)), ((0.05, 0.3), (5.0, 20.0))
RAILS_3 = ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0")
INSTRUMENTS = (
    Instrument("INA3221, one rail of 5 V", _described("power", 0.05, 0.04, 0.05), levels_w=BOARD),
    Instrument("INA3221 of JetPack 4", _described("power", 0.1, 0.04, 0.05), levels_w=BOARD),
    Instrument(
        "INA3221 of AGX Orin, three rails",
        _described("power", 0.05, 0.4, 0.05, rails=RAILS_3),
        shares=(0.5, 0.3, 0.2),
        levels_w=AGX,
    ),
    Instrument("INA238 of Thor", _described("power", 0.05, 0.05, 0.02), levels_w=AGX),
    Instrument("jtop", _described("power", 0.1, 0.04, 0.05), levels_w=BOARD),
    Instrument("RAPL", _described("counter", 0.1, 61e-6, 0.05), mean_s=0.001, levels_w=PACKAGE),
    Instrument("perf", _described("counter", 0.1, 2.3e-10, 0.05), mean_s=0.001, levels_w=PACKAGE),
    Instrument("NVML energy", _described("counter", 0.1, 1e-3, 0.05, minimum_window_s=5.0), levels_w=CARD),
    Instrument(
        "NVML power",
        _described("power", 0.1, 1e-3, 0.05, minimum_window_s=5.0, settle_s=2.0),
        mean_s=1.0,
        levels_w=CARD,
    ),
    Instrument(
        "battery",
        _described("power", 1.0, 0.01, 0.05, minimum_window_s=120.0, settle_s=20.0),
        mean_s=5.0,
        levels_w=LAPTOP,
    ),
    Instrument("Apple", _described("counter", 0.2, 1e-3, 0.0, minimum_window_s=10.0), levels_w=MAC),
    Instrument("Apple, in lumps", _described("counter", 2.3, 1e-3, 0.0, minimum_window_s=60.0), levels_w=MAC),
    Instrument(
        "external meter, 1 s",
        _described("power", 1.0, 0.01, 0.01, minimum_window_s=30.0, clock_uncertainty_s=0.6),
        mean_s=1.0,
        levels_w=BOARD,
    ),
    Instrument(
        "external meter, 10 ms",
        _described("power", 0.01, 0.001, 0.005, clock_uncertainty_s=0.01),
        mean_s=0.01,
        levels_w=BOARD,
    ),
)


# --- measuring and judging -------------------------------------------------------------------------------------------


class Measured(NamedTuple):
    """One simulated run. `stated_j` is the budget's half-width; errors are of the mean window."""

    energy_j: float
    stated_j: float
    own_error_j: float  # against the energy of these very windows
    load_error_j: float  # against the load's expected energy for as many calls
    budget: ErrorBudget


@dataclass(slots=True)
class Score:
    runs: list[Measured] = field(default_factory=list)

    def share(self, holds: Callable[[Measured], bool]) -> float:
        return fmean(holds(run) for run in self.runs)

    @property
    def coverage(self) -> float:
        return self.share(lambda run: abs(run.load_error_j) <= run.stated_j)

    @property
    def accepted(self) -> float:
        """Within 1 % or the stated error, whichever is larger, of what the windows drew."""
        return self.share(lambda run: abs(run.own_error_j) <= max(0.01 * run.energy_j, run.stated_j))

    @property
    def error(self) -> float:
        """The error below which 95 % of the runs lie, relative."""
        return float(np.quantile([abs(run.own_error_j) / run.energy_j for run in self.runs], 0.95))

    @property
    def stated(self) -> float:
        return fmean(run.stated_j / run.energy_j for run in self.runs)


def measure(instrument: Instrument, load: Load, rng: np.random.Generator) -> Measured:
    """One run: draw a load and an instrument, read, integrate, compare."""
    described = instrument.description
    idle_w, load_w = (float(rng.uniform(*levels)) for levels in instrument.levels_w)
    true = truth(load, idle_w, load_w, described, rng)
    trace = instrument.read(true, 1 + described.gain_error / NORMAL_95 * float(rng.standard_normal()), rng)
    windows = [
        EnergyWindow(
            start_s=start_s,
            end_s=end_s,
            call_count=calls,
            energy_j=energy_j(trace, start_s, end_s, described.period_s),
        )
        for start_s, end_s, calls in true.windows
    ]
    budget = error_budget(trace, windows, described, sample_period_s(trace.time_s))
    own_j = [float(np.diff(true.joules(np.array([w.start_s, w.end_s])))[0]) for w in windows]
    mean_j = fmean(window.energy_j for window in windows)
    calls = fmean(window.call_count for window in windows)
    return Measured(mean_j, budget.total_j, mean_j - fmean(own_j), mean_j - true.per_call_j * calls, budget)


def score(instrument: Instrument, loads: Sequence[Load], run_count: int, seed: int = 0) -> Score:
    """run_count runs, the loads in turn."""
    rng = np.random.default_rng([seed, *instrument.name.encode()])
    return Score([measure(instrument, loads[number % len(loads)], rng) for number in range(run_count)])


def without_gain(instrument: Instrument) -> Instrument:
    """The same with a gain that is true and stated so: what is left of the budget stands alone."""
    return replace(instrument, description=replace(instrument.description, gain_error=0.0))


def main() -> None:
    run_count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    rows = []
    for instrument in INSTRUMENTS:
        scores = [score(instrument, [load], run_count) for load in LOADS]
        every = Score([run for each in scores for run in each.runs])
        true_gain = score(without_gain(instrument), LOADS, run_count)
        rows.append(
            [
                instrument.name,
                *(f"{100 * each.coverage:.1f}" for each in scores),
                f"{100 * every.coverage:.1f}",
                f"{100 * true_gain.coverage:.1f}",
                f"{100 * every.accepted:.1f}",
                f"{100 * every.error:.2f}",
                f"{100 * every.stated:.2f}",
            ]
        )
    headers = ["source", *(load.name for load in LOADS), "all", "true gain", "accepted %", "error %", "stated %"]
    print(f"How often (in %) the stated 95 % interval holds the load's energy, {run_count} runs each:\n")
    print(tabulate(rows, headers, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()
