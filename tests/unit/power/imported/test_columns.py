"""Which column is the power, and in which unit: what is not understood is refused, never taken as watts."""

from __future__ import annotations

import pytest

from suite.errors import SensorError, UsageError
from suite.power.imported import csv_log
from suite.power.imported.columns import asked_of
from suite.power.imported.quantities import read


def powers(text, **options):
    return csv_log.parse(text, "m.csv", asked=asked_of(options)).power_w


def rows(head, *cells):
    return "\n".join([head, *(",".join(["0", *cells]), ",".join(["1", *cells]))]) + "\n"


# A head with words is there, so what stands below it is no log without names (P1).
UNREAD = {
    "a current": (rows("Time (s),Current (A)", "1.4"), r"m.csv:1: column 'Current \(A\)' is a current", "volts=5.0"),
    "degrees": (rows("Time (s),Temp (C)", "40"), r"m.csv:1: .*'Temp \(C\)' is none", "column=NAME,unit=mW"),
    "an apparent power": (
        rows("Time (s),S (VA)", "12.7"),
        r"m.csv:1: column 'S \(VA\)' is no active power",
        "apparent",
    ),
    "a reactive power": (rows("Time (s),Q (var)", "5"), r"'Q \(var\)' is none", "column=NAME"),
    "another language": (
        "Zeit (s);Leistung (mW)\n0;7000\n1;7000\n",
        r"'Leistung \(mW\)' is a time by name",
        "time=NAME",
    ),
    "a comment for a head": ("# time degrees\n0 7\n1 7\n", "'degrees' is none", "column=NAME"),
    "words above": ("my meter\n0,7\n1,7\n", "m.csv:1: .*'my meter' was not understood", "column=NAME"),
    "three numbers": ("0,7,5\n1,7,5\n", "m.csv:1: .*'0,7,5' was not understood", "column=NAME"),
    "an energy": (rows("Time (s),Energy (Wh)", "7"), r"'Energy \(Wh\)' is none", "column=NAME"),
}


@pytest.mark.parametrize(("text", "reason", "remedy"), UNREAD.values(), ids=UNREAD)
def test_a_head_that_names_no_power_is_refused_with_its_columns(text, reason, remedy):
    with pytest.raises(SensorError, match=reason) as caught:
        powers(text)
    assert caught.value.code == "METER_CSV"
    assert remedy in caught.value.remedy


def test_what_was_not_understood_can_be_named():
    text = "Zeit (s);Leistung (mW)\n0;7000\n1;7000\n"
    assert powers(text, time="Zeit (s)", column="Leistung (mW)") == (7.0, 7.0)
    assert powers(rows("Time (s),P total B", "7000"), column="P total B", unit="mW") == (7.0, 7.0)


MICRO = ("\u00b5", "\u03bc", "u")
UNITS = {f"{prefix}{unit}": 1e-6 for prefix in MICRO for unit in ("W",)} | {
    "nW": 1e-9,
    "mW": 1e-3,
    "mw": 1e-3,
    "W": 1.0,
    "Watts": 1.0,
    "kW": 1e3,
    "KW": 1e3,
}


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("head", ["Power ({})", "Power [{}]", "power_{}", "Power / {}", "P in {}", "{}"])
def test_a_known_unit_is_converted_wherever_it_stands(unit, head):
    text = rows(f"time,{head.format(unit)}", repr(7 / UNITS[unit]))
    assert powers(text) == pytest.approx((7.0, 7.0))


@pytest.mark.parametrize("unit", ["dBm", "hp", "MW", "BTU/h", "?W", "W/kg", "xyz"])
def test_an_unknown_unit_is_named_and_never_counts_as_watts(unit):
    text = rows(f"time,Power ({unit})", "7")
    with pytest.raises(SensorError, match=r"is not known|is none") as caught:
        powers(text)
    assert f"Power ({unit})" in caught.value.reason
    with pytest.raises(SensorError):
        powers(text, column=f"Power ({unit})")
    assert powers(text, column=f"Power ({unit})", unit="mW") == pytest.approx((0.007, 0.007))


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("s", 1),
        ("ms", 1e-3),
        ("\u00b5s", 1e-6),
        ("\u03bcs", 1e-6),
        ("us", 1e-6),
        ("ns", 1e-9),
        ("min", 60),
        ("h", 3600),
    ],
)
def test_a_known_unit_of_time_is_converted(unit, factor):
    log = csv_log.parse(f"Time ({unit}),watts\n0,7\n1,7\n", "m.csv")
    assert log.time_s == (0.0, factor)


def test_an_unknown_unit_of_time_is_named():
    with pytest.raises(SensorError, match=r"the unit 'fn' of column 'Time \(fn\)' is not known") as caught:
        csv_log.parse("Time (fn),watts\n0,7\n1,7\n", "m.csv")
    assert "time_unit=ms" in caught.value.remedy
    asked = asked_of({"time": "Time (fn)", "time_unit": "min"})
    assert csv_log.parse("Time (fn),watts\n0,7\n1,7\n", "m.csv", asked=asked).time_s == (0.0, 60.0)


def test_a_row_of_units_under_the_head_holds():
    assert powers("Time,Power\ns,mW\n0,7000\n1,7000\n") == (7.0, 7.0)
    assert csv_log.parse("Time\tPower\n(ms)\t(W)\n0\t7\n1\t7\n", "m.csv").time_s == (0.0, 0.001)
    with pytest.raises(SensorError, match="'dBm' of column 'Power' is not known"):
        powers("Time,Power\ns,dBm\n0,7000\n1,7000\n")


def test_a_power_without_a_unit_is_in_watts_and_the_scope_says_so():
    assert "watts assumed" in csv_log.parse(rows("time,power", "7"), "m.csv").note
    assert csv_log.parse(rows("time,watts", "7"), "m.csv").note == ""


PPK2 = "Timestamp(ms),Current(uA)\n0,1400000\n1,1400000\n"


def test_a_current_needs_a_voltage_also_where_its_column_was_named():
    for options in ({}, {"column": "Current(uA)"}):
        with pytest.raises(SensorError, match="is a current, and no column of voltage") as caught:
            powers(PPK2, **options)
        assert "csv:volts=" in caught.value.remedy
        assert powers(PPK2, volts="5.0", **options) == pytest.approx((7.0, 7.0))


def test_a_voltage_may_be_told_by_its_column():
    text = rows("time,input voltage (V),output voltage (V),amps,temp", "5", "4", "1.4", "40")
    with pytest.raises(
        SensorError, match=r"several columns of voltage could be meant: input voltage \(V\), out"
    ) as caught:
        powers(text)
    assert "volts=NAME" in caught.value.remedy
    assert powers(text, volts="input voltage (V)") == pytest.approx((7.0, 7.0))
    with pytest.raises(SensorError, match="column 'temp' is no voltage"):
        powers(text, volts="temp")


@pytest.mark.parametrize("column", ["temp", "volts", "energy (Wh)", "S (VA)", "PF"])
def test_a_column_that_is_no_power_is_refused_by_whatever_name(column):
    text = rows("time,temp,volts,energy (Wh),S (VA),PF,watts", "1", "1", "1", "1", "1", "7")
    assert powers(text) == (7.0, 7.0)
    for more in ({}, {"unit": "W"}, {"unit": "mA", "volts": "5"}):
        with pytest.raises(SensorError, match=r"is no power by its name|is no active power"):
            powers(text, column=column, **more)


def test_a_unit_that_was_told_stands_in_the_scope():
    log = csv_log.parse(rows("time,power", "7000"), "m.csv", asked=asked_of({"unit": "mW"}))
    assert (log.power_w, log.note) == ((7.0, 7.0), "column 'power' in mW, as told")


def test_the_highest_power_of_a_reading_is_taken_where_it_is_asked_for():
    text = rows("time,power max (W),power avg (W)", "8", "7")
    assert powers(text) == (7.0, 7.0)
    assert powers(text, column="power max (W)") == (8.0, 8.0)


def test_a_current_and_a_voltage_are_of_the_same_channel():
    text = rows("time,CH1 voltage (V),CH1 current (A),CH2 voltage (V),CH2 current (A)", "5", "1.4", "12", "1")
    with pytest.raises(SensorError, match="several columns could be meant"):
        powers(text)
    assert powers(text, column="CH1 current (A)") == pytest.approx((7.0, 7.0))
    assert powers(text, column="CH2 current (A)") == pytest.approx((12.0, 12.0))
    with pytest.raises(SensorError, match="no column of voltage goes with it"):
        powers(rows("time,input voltage (V),output current (A)", "12", "1.4"))


def test_several_powers_are_asked_for_and_the_answer_works():
    text = rows("time,A power (W),B power (W)", "7", "1")
    with pytest.raises(SensorError, match=r"several columns could be meant: A power \(W\), B power \(W\)") as caught:
        powers(text)
    assert "column=NAME" in caught.value.remedy
    assert powers(text, column="A power (W)") == (7.0, 7.0)


# On mains, volts times amps is no power (P4).
@pytest.mark.parametrize(
    ("head", "cells"),
    [
        ("time,Volts,Amps,PF", ("230", "0.0553", "0.55")),
        ("time,Volts,Amps,Power Factor", ("230", "0.0553", "0.55")),
        ("time,Volts,Amps,PF (%)", ("230", "0.0553", "55")),
        ("time,voltage,current,apower", ("230", "0.0553", "6.995")),
        ("time,S (VA),Volts,Amps,active power (W)", ("12.7", "230", "0.0553", "6.995")),
    ],
)
def test_on_mains_the_active_power_is_read(head, cells):
    assert powers(rows(head, *cells)) == pytest.approx((6.995, 6.995), rel=1e-3)


@pytest.mark.parametrize(
    ("head", "cells"),
    [
        ("time,voltage,current", ("230", "0.0553")),
        ("time,voltage,current", ("120", "0.0553")),
        ("time,voltage,current,freq", ("24", "0.0553", "50")),
        ("time,voltage,current,VA", ("24", "0.0553", "1.3")),
        ("time,VA", ("12.7",)),
    ],
)
def test_on_mains_an_apparent_power_is_refused(head, cells):
    with pytest.raises(SensorError) as caught:
        powers(rows(head, *cells))
    assert "active power" in caught.value.remedy


def test_a_power_factor_above_one_is_none():
    with pytest.raises(SensorError, match="column 'PF' holds '55', which is no power factor"):
        powers(rows("time,Volts,Amps,PF", "230", "0.0553", "55"))


def test_a_power_that_no_device_draws_is_a_unit_misread():
    with pytest.raises(SensorError, match=r"m.csv:2: 7e\+06 W is no power of a device: the unit is misread"):
        powers(rows("time,power", "7000000"))


def test_a_head_of_odd_sizes_takes_no_time():
    for head in ("a" + "_" * 90_000 + " b", "time," * 15_000, '"' * 80_000, "(" * 90_000, "1" * 99_000):
        with pytest.raises(SensorError):
            powers(f"{head}\n" * 50)


def test_names_that_resemble_a_power_are_none():
    for name in ("Accumulated power (mWh)", "Data+ (V)", "Power limit (W)", "Max power (W)", "Run time (s)", "T"):
        assert read(name).quantity is None, name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unit": "dBm"}, "unit must be one of W, mW, uW, A, mA or uA, got 'dBm'"),
        ({"unit": "s"}, "unit must be one of"),
        ({"time_unit": "W"}, "time_unit must be one of s, ms, us, ns, min or h, got 'W'"),
        ({"dates": "ydm"}, "dates must be ymd, dmy or mdy, got 'ydm'"),
        ({"decimal": "."}, "decimal must be point or comma, got '.'"),
        ({"volts": "230"}, "volts must be above 0 and below 80 .direct current., got '230'"),
        ({"volts": "nan"}, "volts must be above 0"),
        ({"volts": "-5"}, "volts must be above 0"),
    ],
)
def test_a_wrong_option_is_named_with_what_is_allowed(options, message):
    with pytest.raises(UsageError, match=message):
        asked_of(options)


def test_a_reversed_probe_is_named_and_a_small_offset_is_kept():
    with pytest.raises(SensorError, match="counted the other way") as caught:
        powers("time,watts\n0,-2\n1,-7\n2,-2\n")
    assert caught.value.code == "POWER_NEGATIVE"
    assert powers("time,watts\n0,-0.05\n1,-0.05\n2,-0.05\n3,0.07\n") == (-0.05, -0.05, -0.05, 0.07)
