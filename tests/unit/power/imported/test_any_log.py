"""Any log, and any report of powertop, is refused in one line or gives the right value: no other exception."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.errors import SensorError, UsageError
from suite.power.imported import csv_log
from suite.power.imported.columns import asked_of
from suite.power.sources.powertop import PLUGIN as POWERTOP

CODES = {"METER_CSV", "METER_NO_FILE", "POWER_NEGATIVE", "POWERTOP_NO_WATTS"}
NUMBERS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True).map(repr),
    st.integers(-(10**30), 10**30).map(str),
    st.sampled_from(
        ["7,012", "7.012", "1.234,5", "1'000", "0x1F", "1_000", "٣", "½", "1e308", "-1e-320", "7 W", "796 m W"]
    ),
)
STAMPS = st.one_of(
    NUMBERS,
    st.datetimes().map(str),
    st.datetimes(timezones=st.just(UTC)).map(lambda stamp: stamp.isoformat()),
    st.from_regex(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4} \d{1,2}:\d{2}(:\d{2}([.,]\d{1,3})?)?( [AP]M)?", fullmatch=True),
    st.from_regex(r"\d{1,3}:\d{2}:\d{2}", fullmatch=True),
)
WORDS = [
    "time",
    "date",
    "Timestamp(ms)",
    "t [s]",
    "watts",
    "Power (mW)",
    "Power (dBm)",
    "P_W",
    "current_A",
    "volts",
    "PF",
]
WORDS += [
    "voltage",
    "VA",
    "entity_id",
    "state",
    "last_changed",
    "USB(mA)",
    "Main(mA)",
    "Main Voltage(V)",
    "a",
    "",
    "energy",
]
NAMES = st.one_of(st.sampled_from(WORDS), st.text(max_size=8))
CELLS = st.one_of(NUMBERS, STAMPS, st.sampled_from(["", "unavailable", "off", '"', '"7', "#"]), st.text(max_size=6))
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "column": NAMES,
        "time": NAMES,
        "volts": st.one_of(NAMES, NUMBERS),
        "unit": st.sampled_from(["W", "mW", "A", "V", "dBm"]),
        "time_unit": st.sampled_from(["s", "ms", "W"]),
        "dates": st.sampled_from(["dmy", "mdy", "ymd", "x"]),
        "decimal": st.sampled_from(["point", "comma", "x"]),
    },
)


@st.composite
def tables(draw):
    """A head of likely and unlikely names, over rows of likely and unlikely cells."""
    delimiter = draw(st.sampled_from([",", ";", "\t", " ", "  ", "|"]))
    names = draw(st.lists(NAMES, min_size=1, max_size=5))
    row = st.lists(CELLS, min_size=0, max_size=6)
    likely = st.tuples(STAMPS, *[NUMBERS] * (len(names) - 1)).map(list)
    rows = draw(st.lists(st.one_of(likely, row), max_size=6))
    banner = draw(st.lists(st.text(max_size=12), max_size=2))
    return "\n".join([*banner, delimiter.join(names), *(delimiter.join(cells) for cells in rows)]) + draw(
        st.sampled_from(["", "\n"])
    )


def refused_in_one_line(error):
    assert error.remedy
    assert error.code in CODES
    assert len(str(error).splitlines()) == 1


def read(text, options):
    """The log; None where it is refused, in one line."""
    try:
        asked = asked_of({key: value for key, value in options.items() if value})
    except UsageError:
        return None
    try:
        log = csv_log.parse(text, "m.csv", asked=asked)
    except SensorError as error:
        refused_in_one_line(error)
        return None
    assert all(map(math.isfinite, (*log.time_s, *log.power_w, log.period_s, log.resolution_w)))
    assert all(abs(power_w) <= 1e5 for power_w in log.power_w)
    return log


@settings(max_examples=400)
@given(tables(), OPTIONS)
def test_any_table_is_read_or_refused_in_one_line(text, options):
    read(text, options)


@settings(max_examples=200)
@given(st.text(max_size=400), OPTIONS)
def test_any_text_is_read_or_refused_in_one_line(text, options):
    read(text, options)


@settings(max_examples=100)
@given(data=st.binary(max_size=400))
def test_any_file_is_read_or_refused_in_one_line(tmp_path_factory, data):
    file = tmp_path_factory.mktemp("log") / "m.csv"
    file.write_bytes(data)
    try:
        csv_log.load(file)
    except SensorError as error:
        refused_in_one_line(error)


UNIT = st.sampled_from([("W", 1.0), ("mW", 1e-3), ("uW", 1e-6), ("µW", 1e-6), ("\u03bcW", 1e-6), ("kW", 1e3)])
POWERS = st.lists(st.integers(0, 50_000), min_size=2, max_size=8)  # mW


@st.composite
def written(draw):
    """A log as some program would write it, with its true powers in watts and the seconds between its readings."""
    powers_w = [power_mw / 1000 for power_mw in draw(POWERS)]
    unit, factor = draw(UNIT)
    comma = draw(st.booleans())
    delimiter = draw(st.sampled_from([";", "\t", "|"] if comma else [",", ";", "\t", " ", "|"]))
    head = draw(st.sampled_from(["Power ({})", "power_{}", "P [{}]", "{}"])).format(unit)
    head = head.replace(" ", "") if delimiter == " " else head
    period_ms = draw(st.sampled_from([100, 250, 1000, 10_000]))

    def shown(value):
        text = f"{value:.9f}"
        return text.replace(".", ",") if comma else text

    def stamp(number):
        if kind == "elapsed":
            return shown(number * period_ms / 1000)
        moment = datetime.fromtimestamp(1_795_956_800 + number * period_ms / 1000, UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%f" if kind == "ISO" else "%d.%m.%Y %H:%M:%S.%f") + "Z"

    kind = draw(st.sampled_from(["elapsed", "ISO", "day first"]))
    lines = [delimiter.join((stamp(number), shown(w / factor), "1")) for number, w in enumerate(powers_w)]
    if kind == "day first" and delimiter == " ":
        head = head.replace(" ", "")
    return "\n".join([delimiter.join(("time", head, "other")), *lines]) + "\n", powers_w, period_ms / 1000


@settings(max_examples=300)
@given(written())
def test_what_a_program_writes_is_read_as_the_right_value(log):
    text, powers_w, period_s = log
    found = read(text, {})
    assert found is not None, text
    assert found.power_w == pytest.approx(powers_w, rel=1e-6, abs=1e-6)
    assert found.period_s == pytest.approx(period_s, rel=1e-3)


@settings(max_examples=150)
@given(report=st.one_of(st.text(max_size=60), NUMBERS), lead=st.text(max_size=20), names=st.integers(0, 99_999_999))
def test_any_report_of_powertop_is_read_or_refused_in_one_line(tmp_path_factory, report, lead, names):
    folder = tmp_path_factory.mktemp("reports")
    for second in range(2):
        text = f"{lead}\nThe battery reports a discharge rate of: {report} W;\n"
        (folder / f"powertop-{names:08}-00000{second}.csv").write_text(text, errors="replace")
    try:
        log = POWERTOP.log({"file": str(folder / "*.csv")})
    except SensorError as error:
        refused_in_one_line(error)
    else:
        assert all(0 <= power_w < 1e12 for power_w in log.power_w)


@settings(max_examples=100)
@given(
    st.integers(1, 999), st.sampled_from([("", 1.0), ("m", 1e-3), ("u", 1e-6), ("µ", 1e-6)]), st.sampled_from(["", " "])
)
def test_a_rate_as_powertop_shows_it_is_the_right_value(tmp_path_factory, digits, prefix, blank):
    folder = tmp_path_factory.mktemp("reports")
    for second in range(2):
        text = f"The battery reports a discharge rate of: {digits:5} {prefix[0]}{blank}W;\n"
        (folder / f"powertop-20261129-12000{second}.csv").write_text(text)
    log = POWERTOP.log({"file": str(folder / "*.csv")})
    assert log.power_w == pytest.approx((digits * prefix[1],) * 2)
