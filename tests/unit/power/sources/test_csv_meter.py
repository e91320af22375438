from __future__ import annotations

import os
import random
from dataclasses import replace

import pytest

from suite.errors import SensorError, UsageError
from suite.power.choice import imported, select
from suite.power.imported import csv_log
from suite.power.imported.csv_align import by_marker, by_stamps
from suite.power.imported.csv_import import later, readings
from suite.power.sources.csv_meter import PLUGIN
from suite.records import CallWindow, EnergyReading, NotMeasured, Schedule, Stretch

UNIX_S = 1_796_000_000.0  # of the monotonic clock's zero
IDLE_W, LOAD_W = 2.0, 7.0


def schedule(start_s=100.0, lead_s=4.0, window_s=40.0, step_s=0.0):
    """idle, lead-in, three windows, lead-out, idle; the wall clock is set by step_s meanwhile."""
    idle_s, windows = 30.0, 3
    load_s = start_s + idle_s
    first_s = load_s + lead_s
    end_s = first_s + windows * window_s
    return Schedule(
        idle_before=Stretch(start_s=start_s, end_s=load_s - 1.0),
        load=Stretch(start_s=load_s, end_s=end_s + lead_s),
        windows=tuple(
            CallWindow(start_s=first_s + k * window_s, end_s=first_s + (k + 1) * window_s, call_count=80)
            for k in range(windows)
        ),
        idle_after=Stretch(start_s=end_s + lead_s + 1.0, end_s=end_s + lead_s + idle_s),
        unix_offset_s=(UNIX_S, UNIX_S + step_s),
    )


def power_w(schedules, at_s):
    return LOAD_W if any(each.load.start_s <= at_s < each.load.end_s for each in schedules) else IDLE_W


def logged(  # noqa: PLR0913  # a meter has many ways to be wrong
    schedules, *, period_s=1.0, behind_s=0.0, noise_w=0.0, unix=True, start_s=60.0, end_s=None, seed=1
):
    """A meter's readings: its clock lies behind_s behind this machine's; elapsed time counts from its start."""
    draw = random.Random(seed)
    end_s = end_s or schedules[-1].idle_after.end_s + 30.0
    count = int((end_s - start_s) / period_s)
    times_s = [start_s + (number + 0.3) * period_s for number in range(count)]
    powers = tuple(power_w(schedules, at_s) + draw.gauss(0, noise_w) for at_s in times_s)
    zero_s = UNIX_S if unix else -start_s
    return csv_log.Log(
        column="W", unix=unix, time_s=tuple(at_s + zero_s - behind_s for at_s in times_s), power_w=powers
    )


def written(path, log, head="time,watts"):
    path.write_text("\n".join([head, *(f"{t!r},{w!r}" for t, w in zip(log.time_s, log.power_w, strict=True))]) + "\n")
    return path


FORMATS = {
    "seconds and watts": "time,watts\n0,5.25\n1,5.5\n",
    "no head": "0,5.25\n1,5.5\n",
    "milliseconds and milliwatts": "Timestamp (ms),Power [mW]\n0,5250\n1000,5500\n",
    "semicolons and decimal commas": "t [s];P (W)\n0,0;5,25\n1,0;5,50\n",
    "tabs": "Time\tVoltage(V)\tCurrent(A)\tPower(W)\n0\t5\t1.05\t5.25\n1\t5\t1.1\t5.5\n",
    "current times voltage": "seconds,current_mA,voltage_V\n0,1050,5\n1,1100,5\n",
    "lines of text above": "UM25C\nexported today, by me\ntime_s,power_w\n0,5.25\n1,5.5\n",
    "bare units": "s,mW\n0,5250\n1,5500\n",
    "the time of day": "time,watts\n12:00:00,5.25\n12:00:01,5.5\n",
    "no power factor is taken for power": "time,power factor,energy (Wh),watts\n0,1,0,5.25\n1,1,1,5.5\n",
    "a last line that is still being written": "time,watts\n0,5.25\n1,5.5\n2,5",
    "several readings a stamp": "time,watts\n0,5\n0,5.5\n1,5.5\n",
    "quoted, with a mark at the start": '\ufeff"time","watts"\n"0","5.25"\n"1","5.5"\n',
}


@pytest.mark.parametrize("text", FORMATS.values(), ids=FORMATS)
def test_the_same_two_readings_in_many_formats(text):
    log = csv_log.parse(text.removeprefix("\ufeff"), "meter.csv")
    assert log.time_s[1] - log.time_s[0] == pytest.approx(1.0)
    assert log.power_w == pytest.approx((5.25, 5.5))
    assert not log.unix


STAMPS = {
    "ISO with a zone": ("timestamp,watts\n2026-11-29T12:53:20Z,5\n2026-11-29T12:53:21Z,6\n", 1795956800.0),
    "date and time apart": (
        "date,time,watts\n2026-11-29,12:53:20+00:00,5\n2026-11-29,12:53:21+00:00,6\n",
        1795956800.0,
    ),
    "UNIX seconds": ("time,watts\n1795956800,5\n1795956801,6\n", 1795956800.0),
    "UNIX milliseconds": ("time,watts\n1795956800000,5\n1795956801000,6\n", 1795956800.0),
}


@pytest.mark.parametrize(("text", "first_s"), STAMPS.values(), ids=STAMPS)
def test_stamps_of_the_day_are_seconds_since_1970(text, first_s):
    log = csv_log.parse(text, "meter.csv")
    assert log.unix
    assert log.time_s == (first_s, first_s + 1)


REFUSED = {
    "nothing in it": ("", "no line names a column of time and one of power"),
    "no power": ("time,temperature\nat first,1\nthen,2\n", "no line names a column of time and one of power"),
    "a word for a number": ("time,watts\n0,5\n1,off\n2,5\n", r"meter.csv:3: column 'watts' holds 'off', which is no"),
    "not a number": ("time,watts\n0,5\n1,nan\n2,5\n", r"meter.csv:3: column 'watts' holds 'nan', which is no"),
    "time that goes back": ("time,watts\n5,5\n6,5\n3,5\n", "meter.csv:4: time goes back by 3 s"),
    "two powers": (
        "time,watts,power (mW)\n0,5,5000\n1,5,5000\n",
        r"several columns could be meant: watts, power \(mW\)",
    ),
    "one reading": ("time,watts\n0,5\n", r"it holds 1 reading"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_understood_is_named_with_its_line(text, message):
    with pytest.raises(SensorError, match=message) as caught:
        csv_log.parse(text, "meter.csv")
    assert caught.value.code == "METER_CSV"
    assert caught.value.remedy


def test_a_column_can_be_named():
    text = "time,plug A (mW),plug B (mW)\n0,1000,5250\n1,1000,5500\n"
    assert csv_log.parse(text, "meter.csv", "plug B (mW)").power_w == (5.25, 5.5)
    with pytest.raises(SensorError, match="there is no column 'C', but time, plug A"):
        csv_log.parse(text, "meter.csv", "C")


def test_one_count_is_the_least_difference_of_readings():
    assert csv_log.parse("time,watts\n0,5\n1,5.5\n2,5.25\n3,5.5\n", "x").resolution_w == 0.25


@pytest.mark.parametrize("behind_s", [0.0, 17.3, -41.0])
@pytest.mark.parametrize("period_s", [0.1, 1.0])
def test_the_marker_finds_how_far_the_meters_clock_is_off(behind_s, period_s):
    plan = [schedule()]
    log = logged(plan, period_s=period_s, behind_s=behind_s, noise_w=0.2)
    (found,) = by_marker(log, plan, 60.0)
    assert found.uncertainty_s < 1.2 * period_s
    assert found.shift_s == pytest.approx(behind_s - UNIX_S, abs=found.uncertainty_s)


def test_elapsed_time_is_found_anywhere_in_the_log():
    plan = [schedule(start_s=100.0), schedule(start_s=400.0)]
    log = logged(plan, unix=False, noise_w=0.2, start_s=-700.0, end_s=900.0)
    first, second = by_marker(log, plan, 60.0)
    assert first.shift_s == pytest.approx(-700.0, abs=first.uncertainty_s)
    assert second.shift_s == pytest.approx(-700.0, abs=second.uncertainty_s)


def test_the_stated_uncertainty_of_the_marker_holds_in_nearly_all_runs():
    plan = [schedule()]
    draw = random.Random(7)
    held = 0
    for seed in range(60):
        behind_s = draw.uniform(-5, 5)
        (found,) = by_marker(logged(plan, behind_s=behind_s, noise_w=0.5, seed=seed), plan, 10.0)
        held += abs(found.shift_s - (behind_s - UNIX_S)) <= found.uncertainty_s
    assert held >= 56


def refusal(log, plan):
    with pytest.raises(SensorError) as caught:
        by_marker(log, plan, 60.0)
    assert caught.value.code == "METER_ALIGNMENT"
    return caught.value.reason


def test_a_log_in_which_the_load_does_not_stand_out_is_refused():
    plan = [schedule()]
    flat = logged(plan, noise_w=0.2)
    flat = csv_log.Log(column="W", unix=True, time_s=flat.time_s, power_w=tuple(5 + p % 0.1 for p in flat.power_w))
    assert "load" in refusal(flat, plan)


def test_a_log_that_ends_before_the_load_does_is_refused():
    plan = [schedule()]
    assert "does not cover" in refusal(logged(plan, end_s=150.0), plan)


@pytest.mark.parametrize("noise_w", [0.0, 0.2])
def test_two_loads_alike_in_a_log_of_elapsed_time_are_ambiguous(noise_w):
    plan = [schedule(start_s=100.0)]
    twice = [*plan, schedule(start_s=500.0)]
    assert "400 s further on as well" in refusal(logged(twice, unix=False, noise_w=noise_w), plan)


def test_by_stamps_the_offset_is_taken_and_a_clock_that_was_set_is_uncertainty():
    log = logged([schedule()])
    assert by_stamps(log, schedule(), 3.0, 0.5) == (3.0 - UNIX_S, 0.5)
    stepped = by_stamps(log, schedule(step_s=10.0), 3.0, 0.0)
    assert stepped == (3.0 - UNIX_S - 5.0, 5.0)


@pytest.mark.parametrize(
    ("behind_s", "told"), [(3600.0, r"\+1 h .*another time zone"), (-500.0, "-500 s .*clock was wrong")]
)
def test_a_meters_clock_that_is_off_is_found_and_told(behind_s, told):
    plan = [schedule()]
    log = logged(plan, behind_s=behind_s, noise_w=0.2)
    with pytest.raises(SensorError, match=told) as caught:
        by_marker(log, plan, 60.0)
    assert caught.value.code == "METER_ALIGNMENT"
    searched_s = float(caught.value.remedy.partition("search_s=")[2])
    (found,) = by_marker(log, plan, searched_s)
    assert found.shift_s == pytest.approx(behind_s - UNIX_S, abs=found.uncertainty_s)


def test_a_log_of_another_day_is_told_by_its_dates_and_never_searched_for():
    plan = [schedule()]
    error = refusal_of(logged(plan, behind_s=30 * 86_400.0, noise_w=0.2), plan)
    assert "the meter's log is from 2026-10-31" in error.reason
    assert "the run from 2026-11-30" in error.reason
    assert "search_s" not in error.remedy


@pytest.mark.parametrize(("factor", "unit"), [(1e3, "ms"), (1e6, "us"), (1e-3, "s")])
def test_times_whose_unit_was_misread_are_told(factor, unit):
    plan = [schedule()]
    log = logged(plan, unix=False, noise_w=0.2)
    error = refusal_of(replace(log, time_s=tuple(time_s * factor for time_s in log.time_s)), plan)
    assert "a unit was misread" in error.reason
    assert f"time_unit={unit}" in error.remedy


def refusal_of(log, plan):
    with pytest.raises(SensorError) as caught:
        by_marker(log, plan, 60.0)
    assert caught.value.code == "METER_ALIGNMENT"
    return caught.value


def options(path, **more):
    return {"file": str(path), **more}


@pytest.mark.parametrize("align", ["marker", "offset"])
def test_the_joules_of_a_meter_are_the_truth_within_the_stated_error(tmp_path, align):
    plan = [schedule(), schedule(start_s=400.0)]
    file = written(tmp_path / "meter.csv", logged(plan, noise_w=0.05, behind_s=0.4))
    found = readings(PLUGIN, options(file, align=align, offset_s="0.4", gain_error="0"), plan)
    for reading in found:
        assert isinstance(reading, EnergyReading)
        assert [window.energy_j for window in reading.windows] == pytest.approx([LOAD_W * 40.0] * 3, rel=0.01)
        assert abs(sum(w.energy_j for w in reading.windows) / 3 - LOAD_W * 40.0) <= reading.budget.total_j
        assert (reading.idle_before_w, reading.idle_after_w) == pytest.approx((IDLE_W, IDLE_W), rel=0.02)
        assert (reading.source, reading.method) == ("csv", "trapezoid")
        assert reading.scope.startswith("all that the external meter feeds (column 'watts', aligned by the ")


def test_the_alignments_uncertainty_enters_the_edges(tmp_path):
    plan = [schedule(lead_s=9.0)]
    file = written(tmp_path / "meter.csv", logged(plan, noise_w=0.5))
    sure, unsure = (
        readings(PLUGIN, options(file, align="offset", offset_error_s=error), plan)[0].budget for error in ("0", "8")
    )
    assert unsure.edge_j == pytest.approx(9 * sure.edge_j)


def test_stamps_less_certain_than_the_lead_in_are_refused(tmp_path):
    plan = [schedule(lead_s=4.0, step_s=12.0)]
    file = written(tmp_path / "meter.csv", logged(plan))
    (found,) = readings(PLUGIN, options(file, align="offset"), plan)
    assert isinstance(found, NotMeasured)
    assert found.code == "METER_ALIGNMENT"
    assert "known to 6.1 s" in found.reason


def test_a_log_of_elapsed_time_written_before_the_run_is_refused(tmp_path):
    plan = [schedule()]
    log = logged(plan, unix=False, noise_w=0.05)
    file = written(tmp_path / "meter.csv", log)
    began_s = UNIX_S + plan[0].idle_before.start_s
    os.utime(file, (began_s - 86_400, began_s - 86_400))
    with pytest.raises(SensorError, match=r"last written to 86400 s|last written to 86.4 ks") as caught:
        readings(PLUGIN, options(file), plan)
    assert caught.value.code == "METER_OLD"
    assert "--power-csv-from-before" in caught.value.remedy
    with pytest.raises(SensorError, match="last written to"):
        readings(PLUGIN, options(file, align="offset"), plan)
    taken = readings(PLUGIN, options(file, from_before="yes"), plan)
    os.utime(file, (began_s + 300, began_s + 300))
    written_since = readings(PLUGIN, options(file), plan)
    assert isinstance(taken[0], EnergyReading)
    assert taken == written_since


def test_stamps_of_the_day_prove_themselves_whenever_the_file_was_written(tmp_path):
    plan = [schedule()]
    file = written(tmp_path / "meter.csv", logged(plan, noise_w=0.05))
    os.utime(file, (UNIX_S - 86_400, UNIX_S - 86_400))
    assert isinstance(readings(PLUGIN, options(file), plan)[0], EnergyReading)


def test_a_hole_in_the_log_is_the_outcome_of_its_own_task_alone(tmp_path):
    plan = [schedule(), schedule(start_s=400.0)]
    log = logged(plan, noise_w=0.05)
    kept = [k for k, time_s in enumerate(log.time_s) if not 190 < time_s - UNIX_S < 196]
    holed = csv_log.Log(
        column="W",
        unix=True,
        time_s=tuple(log.time_s[k] for k in kept),
        power_w=tuple(log.power_w[k] for k in kept),
    )
    first, second = readings(PLUGIN, options(written(tmp_path / "meter.csv", holed)), plan)
    assert (first.code, isinstance(second, EnergyReading)) == ("GAP", True)


def test_windows_too_short_for_a_slow_meter_are_refused(tmp_path):
    plan = [schedule(window_s=20.0, lead_s=20.0)]
    file = written(tmp_path / "meter.csv", logged(plan, period_s=1.0, noise_w=0.05))
    (found,) = readings(PLUGIN, options(file), plan)
    assert found.code == "TOO_SHORT"


def test_schedules_of_two_boots_are_laid_over_the_log_apart(tmp_path):
    """After a restart the monotonic clock begins again: the same run's tasks then lie on two clocks."""
    early, late = schedule(start_s=500.0), schedule(start_s=100.0)
    after = replace(late, unix_offset_s=(UNIX_S + 2000.0, UNIX_S + 2000.0))
    first, second = logged([early], noise_w=0.05), logged([late], noise_w=0.05)
    both = csv_log.Log(
        column="W",
        unix=True,
        time_s=first.time_s + tuple(time_s + 2000.0 for time_s in second.time_s),
        power_w=first.power_w + second.power_w,
    )
    found = readings(PLUGIN, options(written(tmp_path / "meter.csv", both)), [after, early])
    assert [reading.windows[0].start_s for reading in found] == [134.0, 534.0]


def test_without_a_file_the_windows_are_planned_by_the_option(tmp_path):
    planned = PLUGIN.planned(options(tmp_path / "none.csv", period_s="0.1"))
    assert (planned.period_s, planned.minimum_window_s) == (0.1, 3.0)
    meter = select(f"csv:file={tmp_path / 'none.csv'},period_s=0.1")
    assert meter.description.period_s == 0.1


def test_with_a_file_they_are_planned_by_what_it_holds(tmp_path):
    file = written(tmp_path / "meter.csv", logged([schedule()], period_s=0.25))
    assert PLUGIN.planned(options(file)).period_s == pytest.approx(0.25)


def test_a_run_that_waits_for_its_log_says_how_to_bring_it_in():
    with later(PLUGIN, {"file": "meter.csv"}) as waiting:
        waiting.mark("load")
        waiting.check()
        with pytest.raises(SensorError) as caught:
            waiting.collect()
    assert caught.value.code == "METER_PENDING"
    assert "suite power import RUN meter.csv" in caught.value.remedy


def test_doctor_is_told_what_a_file_lacks(tmp_path):
    assert PLUGIN.available({}).code == "METER_NO_FILE"
    assert PLUGIN.available({"file": "nowhere.csv"}).code == "METER_NO_FILE"
    file = tmp_path / "meter.csv"
    file.write_text("hello\n")
    assert PLUGIN.available(options(file)).code == "METER_CSV"
    written(file, logged([schedule()]))
    assert PLUGIN.available(options(file)) is None
    assert PLUGIN.open(options(file)).rails == ("meter",)
    assert PLUGIN.read().values == (IDLE_W,)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("csv:align=best", "align must be marker or offset, got 'best'"),
        ("csv:gain_error=-1", "gain_error must be zero or more, got '-1'"),
        ("csv:period_s=0", "period_s must be a positive number, got '0'"),
        ("csv:offset_s=nan", "offset_s must be a number, got 'nan'"),
        ("csv:search_s=x", "search_s must be a number, got 'x'"),
        ("csv:search_s=1e400", "search_s must be a number, got '1e400'"),
        ("csv:from_before=maybe", "from_before must be yes or no, got 'maybe'"),
        ("csv:unit=dBm", "unit must be one of W, mW, uW, A, mA or uA, got 'dBm'"),
        ("csv:column=a,align", "option align needs a value"),
        ("csv:align=offset,total (W)", "unknown option 'total .W.'"),
    ],
)
def test_wrong_options_are_named(spec, message):
    with pytest.raises(UsageError, match=message):
        imported(spec)


def test_only_imported_sources_wait():
    assert imported("none") is None
    assert imported("simulated") is None
    assert imported("csv:file=x")[1] == {"file": "x"}


@pytest.mark.parametrize("name", ["Power, total (W)", "Power, total, all, (W)", "a,b"])
def test_a_columns_name_may_hold_commas(name):
    assert imported(f"csv:file=x.csv,column={name},align=offset")[1] == {
        "file": "x.csv",
        "column": name,
        "align": "offset",
    }
    log = csv_log.parse(f'time,"{name}"\n0,7\n1,7\n', "m.csv", name) if "W" in name else None
    assert log is None or log.power_w == (7.0, 7.0)


@pytest.mark.parametrize(("idle_w", "code"), [(-1.5, "POWER_NEGATIVE"), (-0.5, None)])
def test_the_distance_of_a_logs_two_values_excuses_no_negative_power(tmp_path, idle_w, code):
    """Its resolution is estimated from them, 8.5 W here; a tenth of the load is what an offset may be."""
    plan = [schedule()]
    log = logged(plan)
    log = replace(log, power_w=tuple(idle_w if w == IDLE_W else w for w in log.power_w))
    (found,) = readings(PLUGIN, options(written(tmp_path / "log.csv", log), align="marker"), plan)
    assert getattr(found, "code", None) == code
