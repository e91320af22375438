"""One decimal mark for a file, from all of its cells."""

from __future__ import annotations

import pytest

from suite.errors import SensorError
from suite.power.imported import csv_log
from suite.power.imported.columns import asked_of

MARKED = {
    "a point in the times": "Time (s);Power (mW)\n0.0;7,012\n1.0;7,012\n",
    "a comma in the times": "Time (s);Power (mW)\n0,0;7.012\n1,0;7.012\n",
    "a power that tells, far below": "Time (s);Power (mW)\n0;7,012\n1;7,012\n2;7012.5\n",
    "both marks in one cell": 'Time (s),Power (mW)\n0,"7,012"\n1,"7,012.0"\n',
    "groups of one mark": "Time (s);Power (uW)\n0;7.012.000\n1;7.012.000\n",
    "a zero in front": "Time (s);Power (kW)\n0;0.007\n1;0,007.012\n".replace("0,007.012", "0.007"),
    "a point alone between commas": "time,watts\n0,7.012\n1,7.012\n",
    "a point alone between blanks": "time watts\n0 7.012\n1 7.012\n",
    "an exponent": "Time (s);Power (mW)\n0;7.012e3\n1;7.012E+03\n",
    "groups parted by narrow blanks": "Time (s);Power (mW)\n0,5;7\u202f012\n1,5;7\u00a0012\n",
    "groups parted by apostrophes": "Time (s);Power (mW)\n0.5;7'012\n1.5;7’012\n",
    "told, where it is open": "Time (s);Power (mW)\n0;7.012\n1;7.012\n",
}
TOLD = {"told, where it is open": {"decimal": "comma"}}


@pytest.mark.parametrize("case", MARKED)
def test_the_files_decimal_mark_is_found_from_all_of_its_cells(case):
    log = csv_log.parse(MARKED[case], "m.csv", asked=asked_of(TOLD.get(case, {})))
    assert log.power_w[:2] == pytest.approx((7.012, 7.012), rel=2e-3)
    assert log.time_s[1] - log.time_s[0] == 1


OPEN = {
    "a group or a fraction": ("Time (s);Power (mW)\n0;7.012\n1;7.012\n", "'7.012' leaves open"),
    "the same with a comma": ("Time (s);Power (mW)\n0;7,012\n1;7,012\n", "'7,012' leaves open"),
    "the same in quotes": ('time,power (mW)\n0,"7,012"\n1,"7,012"\n', "'7,012' leaves open"),
    "two marks": ("Time (s);Power (mW)\n0.5;7,25\n1.5;7,25\n", "'0.5' and '7,25' leave open"),
}


@pytest.mark.parametrize(("text", "reason"), OPEN.values(), ids=OPEN)
def test_a_decimal_mark_that_stays_open_is_refused(text, reason):
    with pytest.raises(SensorError, match=reason) as caught:
        csv_log.parse(text, "m.csv")
    assert "decimal=point" in caught.value.remedy


CELLS = {
    "another mark": ("Time (s);P (W)\n0.5;7.5\n1.5;7,25\n", "m.csv:3: column 'P .W.' holds '7,25'|leave open"),
    "a word": ("time,watts\n0,5\n1,off\n2,5\n", "m.csv:3: column 'watts' holds 'off', which is no number"),
    "no number": ("time,watts\n0,5\n1,nan\n2,5\n", "m.csv:3: column 'watts' holds 'nan', which is no number"),
    "blanks that go on": (f"time,watts\n0,5\n1,1{' ' * 50_000}x1\n", "m.csv:3: .*has 50,003 characters"),
    "infinity": ("time,watts\n0,5\n1,1e999\n2,5\n", "m.csv:3: column 'watts' holds '1e999', which is no number"),
    "5,000 digits": (f"time,watts\n0,5\n1,{'1' * 5000}\n", "m.csv:3: .*which has 5,000 characters"),
    "5,000 digits of time": (f"time,watts\n0,5\n{'1' * 5000},5\n2,5\n", "m.csv:3: .*which has 5,000 characters"),
    "an underscore": ("time,watts\n0,5\n1,1_0\n", "holds '1_0', which"),
    "groups of two": ("Time (s);P (mW)\n0.5;7,01\n", "leave open"),
    "a row that is short": (
        "time,volts,amps\n0,5,1\n1,5\n2,5,1\n",
        "m.csv:3: column 'amps' holds '', which is not there",
    ),
    "decimal commas between commas": (
        "time,watts\n0,0,5,25\n1,0,5,5\n",
        r"m.csv:2: 4 cells stand below 2 names: '0\|0",
    ),
    "an empty cell between blanks": ("time volts amps\n0 5 1\n1 5\n2 5 1\n", r"m.csv:3: 2 cells stand below 3 names"),
    "an unclosed quote": ('time,watts\n0,7\n1,"7\n2,7\n3,7\n', "m.csv:3: '1,\"7' opens a quote and does not close it"),
    "a long cell": (f'time,watts\n0,7\n1,"{"7" * 140_000}"\n', "m.csv:3: a line of over 100,000 characters"),
}


@pytest.mark.parametrize(("text", "reason"), CELLS.values(), ids=CELLS)
def test_a_cell_that_is_not_understood_is_named_with_its_line_and_column(text, reason):
    with pytest.raises(SensorError, match=reason) as caught:
        csv_log.parse(text, "m.csv")
    assert caught.value.code == "METER_CSV"
    assert "\n" not in str(caught.value)


def test_a_unit_that_stands_in_the_cells_is_theirs():
    assert csv_log.parse("time;power\n0;796 m W\n1;1.2 W\n", "m.csv").power_w == pytest.approx((0.796, 1.2))
    assert csv_log.parse("time;power (W)\n0;7 W\n1;7.5 W\n", "m.csv").power_w == (7.0, 7.5)
    with pytest.raises(SensorError, match=r"ends in 'mW', and the column's name says another unit"):
        csv_log.parse("time;power (W)\n0;7 W\n1;7.5 mW\n", "m.csv")
    with pytest.raises(SensorError, match=r"ends in 'dBm', which is no unit of power"):
        csv_log.parse("time;power\n0;7 W\n1;7.5 dBm\n", "m.csv")


@pytest.mark.parametrize("cell", ["unavailable", "unknown", "", " ", "None", "N/A", "-", "--"])
def test_a_cell_that_says_that_there_was_no_reading_leaves_a_gap(cell):
    log = csv_log.parse(f"time,watts\n0,7\n1,{cell}\n2,7\n3,7\n", "m.csv")
    assert (log.time_s, log.power_w) == ((0.0, 2.0, 3.0), (7.0, 7.0, 7.0))


DELIMITED = {
    "blanks": "timestamp voltage_V current_A\n0.0 5.0 1.4\n1.0 5.0 1.4\n",
    "several blanks": "timestamp   voltage_V    current_A\n0.0   5.0    1.4\n 1.0   5.0   1.4\n",
    "blanks in names": "Time (s)   Power (W)\n0.0        7.0\n1.0        7.0\n",
    "one blank in names and between them": "Time (s) Power (W)\n0.0 7.0\n1.0 7.0\n",
    "tabs": "Time (s)\tPower (W)\n0.0\t7.0\n1.0\t7.0\n",
    "bars": "Time (s) | Power (W)\n0.0 | 7.0\n1.0 | 7.0\n",
    "semicolons": "Time (s);Power (W)\n0.0;7.0\n1.0;7.0\n",
    "a date and a time in a row of blanks": "timestamp watts\n2026-11-29 12:00:00 7\n2026-11-29 12:00:01 7\n",
    "a last delimiter": "Time (s),Power (W),\n0.0,7.0,\n1.0,7.0,\n",
    "a line above that names a time": "Start time: 12:00;power: on\nTime (s);Power (W)\n0,5;7,0\n1,5;7,0\n",
    "Excel's line": "sep=;\nTime (s);Power (W)\n0,5;7,0\n1,5;7,0\n",
}


@pytest.mark.parametrize("text", DELIMITED.values(), ids=DELIMITED)
def test_whatever_parts_the_cells_is_found(text):
    log = csv_log.parse(text, "m.csv")
    assert log.power_w == pytest.approx((7.0, 7.0))
    assert log.time_s[1] - log.time_s[0] == 1


def test_lines_below_the_last_reading_are_none_and_a_line_among_them_is_refused():
    footer = "Average,7\nMaximum;7\n-- end of log --\n"
    assert csv_log.parse(f"time,watts\n0,7\n1,7\n\n{footer}", "m.csv").power_w == (7.0, 7.0)
    with pytest.raises(SensorError, match=r"m.csv:4: column 'time' holds 'Average', which is no time"):
        csv_log.parse("time,watts\n0,7\n1,7\nAverage,7\n2,7\n", "m.csv")
    assert csv_log.parse("time,watts\n0,7\n# a marker\n1,7\ntime,watts\n2,7\n", "m.csv").power_w == (7.0,) * 3
