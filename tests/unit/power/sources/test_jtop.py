"""The source jtop against a stand-in for the client of jetson-stats, run by the real reader process."""

from __future__ import annotations

import ast
import json
import os
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.errors import SensorError, UsageError
from suite.power.choice import select
from suite.power.sources.jtop import process as jtop_process
from suite.power.sources.jtop import reader as jtop_reader
from suite.power.sources.jtop.process import interpreters
from suite.power.sources.jtop.source import Jtop
from tests.simulator import Board

# Does as the environment says: POWER is what `power` gives, INTERVAL what the service holds, FAILS what start raises.
CLIENT = """
import datetime, json, os, threading, time

class jtop(threading.Thread):
    def __init__(self, interval):
        super().__init__(daemon=True)
        self.interval = float(os.environ.get("INTERVAL", interval))
        self.board = {"hardware": json.loads(os.environ.get("HARDWARE", "{}"))}
        self.power = json.loads(os.environ["POWER"])
        self.observers, self.lost = [], None
        self.measure()
        print("a library's chatter")

    @property
    def uptime(self):
        return datetime.timedelta(seconds=self.measured_s)

    def measure(self):
        self.measured_s = int(time.clock_gettime(time.CLOCK_BOOTTIME) * 100) / 100

    def start(self):
        fails = os.environ.get("FAILS")
        if fails == "hangs":
            time.sleep(60)
        if fails:
            exec(fails)
        super().start()

    def run(self):
        for count in range(int(os.environ.get("COUNT", 1000))):
            time.sleep(self.interval)
            self.measure()
            for observer in self.observers:
                observer(self)
        if os.environ.get("THEN") == "lost":
            self.lost = EOFError("Lost connection with jtop server")

    def attach(self, observer):
        self.observers.append(observer)

    def ok(self, spin):
        if self.lost:
            raise self.lost
        return True
"""


def rail(power_mw, volt_mv=5000, **more):
    return {"volt": volt_mv, "curr": power_mw * 1000 // volt_mv, "power": power_mw, "avg": 1, "online": True, **more}


@pytest.fixture
def client(monkeypatch, tmp_path):
    """Sets up the stand-in and a tree of a board with a socket; returns the options and a setter."""
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / "jtop.py").write_text(CLIENT)
    monkeypatch.setenv("PYTHONPATH", str(folder))

    def install(kind="orin-nano", power=None, **environment):
        root = tmp_path / kind
        Board(root, kind)
        (root / "run").mkdir()
        (root / "run/jtop.sock").touch()
        monkeypatch.setenv("POWER", json.dumps(power or {}))
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return {"root": str(root), "python": sys.executable, "interval_s": "0.05"}

    return install


@pytest.fixture
def source():
    source = Jtop()
    yield source
    source.close()


ORIN_NANO = {"rail": {"VDD_SOC": rail(1000), "VDD_CPU_GPU_CV": rail(2000)}, "tot": rail(5000, name="VDD_IN")}
AGX_ORIN = {
    "rail": {
        "VDD_GPU_SOC": rail(6000, 20000),
        "VDD_CPU_CV": rail(3000, 20000),
        "VIN_SYS_5V0": rail(2000),
        "VDDQ_VDD2_1V8AO": rail(1000),
    },
    "tot": {"power": 12000, "avg": 12000},
}


def collected(source, count):
    samples, due_s = [], time.monotonic() + 10
    while len(samples) < count and time.monotonic() < due_s:
        samples += source.readings()
        time.sleep(0.02)
    return samples


def test_it_reads_the_boards_total_rail_on_the_services_stamps(client, source):
    options = client(power=ORIN_NANO)
    assert source.available(options) is None
    before_s = time.monotonic()
    described = source.open(options)
    samples = collected(source, 5)
    after_s = time.monotonic()
    assert described.rails == ("VDD_IN",)
    assert described.scope == "module, not carrier board"
    assert described.period_s == 0.05
    assert [sample.values for sample in samples] == [(5.0,)] * len(samples)
    stamps = [sample.time_s for sample in samples]
    assert stamps == sorted(set(stamps))
    assert before_s - 0.01 < stamps[0]
    assert stamps[-1] < after_s + 0.01


def test_where_the_services_total_counts_a_rail_twice_the_boards_rails_are_added(client, source):
    described = source.open(client("agx-orin", AGX_ORIN))
    assert described.rails == ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0")
    assert sum(source.read().values) == 11.0


def test_one_count_is_that_of_the_shunt_the_bus_and_the_service(client, source):
    described = source.open(client(power=ORIN_NANO))
    # 5 V over 40 uV / 5 mOhm, 1 A times 8 mV, and 1 mW
    assert described.resolution == pytest.approx(5 * 40e-6 / 0.005 + 1.0 * 0.008 + 0.001)


def test_the_service_tells_the_board_where_the_device_tree_is_hidden(client, source):
    options = client(power=ORIN_NANO, HARDWARE=json.dumps({"Model": "NVIDIA Jetson Orin Nano Developer Kit"}))
    Path(options["root"], "proc/device-tree/model").unlink()
    Path(options["root"], "proc/device-tree/compatible").unlink()
    assert source.open(options).rails == ("VDD_IN",)


@pytest.mark.parametrize(
    ("kind", "power", "code"),
    [
        ("nano-2gb", {}, "NO_SENSOR_NANO2GB"),
        ("orin-nano", {}, "NO_INA3221"),
        ("unknown-board", {"rail": {"A": rail(1), "B": rail(1)}, "tot": {"power": 2}}, "UNKNOWN_RAILS"),
        ("orin-nano", {"rail": {"VDD_SOC": rail(1)}, "tot": {"power": 1}}, "UNKNOWN_RAILS"),
    ],
)
def test_without_a_total_it_says_why(client, source, kind, power, code):
    with pytest.raises(SensorError) as caught:
        source.open(client(kind, power))
    assert caught.value.code == code
    assert caught.value.remedy


def test_a_slower_interval_of_another_client_is_noticed(client, source):
    with pytest.raises(SensorError, match=r"measure every 0.5 s; 0.05 s was asked for") as caught:
        source.open(client(power=ORIN_NANO, INTERVAL="0.5"))
    assert caught.value.code == "JTOP_SLOW"
    assert "--power jtop:interval_s=0.5" in caught.value.remedy


def test_a_faster_interval_is_taken(client, source):
    options = {**client(power=ORIN_NANO, INTERVAL="0.05"), "interval_s": "1"}
    assert source.open(options).period_s == 0.05


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        ("raise FileNotFoundError(2, 'x')", "JTOP_ABSENT"),
        ("raise ConnectionRefusedError(111, 'x')", "JTOP_ABSENT"),
        ("raise PermissionError(13, 'x')", "JTOP_PERM"),
        ("try:\n  raise PermissionError(13, 'x')\nexcept OSError:\n  raise RuntimeError('no access')", "JTOP_PERM"),
        ("raise RuntimeError('Mismatch version jtop service: [7.2.2] and client: [4.3.2]')", "JTOP_VERSION"),
        ("import multiprocessing as m; raise m.AuthenticationError('digest')", "JTOP_VERSION"),
        ("raise ValueError('unsupported pickle protocol: 5')", "JTOP_VERSION"),
        ("raise EOFError", "JTOP_LOST"),
        ("os._exit(3)", "JTOP_LOST"),
    ],
)
def test_what_start_raises_has_its_code(client, source, raised, code):
    with pytest.raises(SensorError) as caught:
        source.open(client(power=ORIN_NANO, FAILS=raised))
    assert caught.value.code == code


def test_the_versions_are_told(client, source):
    mismatch = "raise RuntimeError('Mismatch version jtop service: [7.2.2] and client: [4.3.2]. Please run:\\n\\nx')"
    with pytest.raises(SensorError, match=r"service: \[7.2.2\] and client: \[4.3.2\]"):
        source.open(client(power=ORIN_NANO, FAILS=mismatch))


def test_a_start_that_blocks_for_ever_is_ended(client, source, monkeypatch):
    monkeypatch.setattr("suite.power.sources.jtop.source.START_DEADLINE_S", 0.5)
    with pytest.raises(SensorError, match="did not answer") as caught:
        source.open(client(power=ORIN_NANO, FAILS="hangs"))
    assert caught.value.code == "JTOP_LOST"


def test_a_lost_connection_is_told(client, source):
    source.open(client(power=ORIN_NANO, COUNT="3", THEN="lost"))
    with pytest.raises(SensorError, match="Lost connection with jtop server") as caught:
        collected(source, 100)
    assert caught.value.code == "JTOP_LOST"


def test_a_service_that_measures_no_more_is_lost(client):
    source, late_s = Jtop(clock=lambda: time.monotonic() + late_s), 0.0
    try:
        source.open(client(power=ORIN_NANO, COUNT="0"))
        assert len(source.readings()) == 1
        assert source.readings() == []
        late_s = 3.5
        with pytest.raises(SensorError, match=r"nothing new for 3\.5") as caught:
            source.readings()
        assert caught.value.code == "JTOP_LOST"
    finally:
        source.close()


def test_a_socket_that_is_a_folder_is_told(tmp_path):
    (tmp_path / "run/jtop.sock").mkdir(parents=True)
    absent = Jtop().available({"root": str(tmp_path)})
    assert absent.code == "JTOP_SOCKET_IS_DIR"
    assert "--mount type=bind" in absent.remedy


def test_without_a_socket_there_is_no_service(tmp_path):
    absent = Jtop().available({"root": str(tmp_path)})
    assert absent.code == "JTOP_ABSENT"
    assert "pip3 install jetson-stats" in absent.remedy


def test_a_socket_of_a_group_one_is_not_in_is_told(client, monkeypatch):
    options = client(power=ORIN_NANO)
    monkeypatch.setattr(os, "access", lambda *_: False)
    absent = Jtop().available(options)
    assert absent.code == "JTOP_PERM"
    assert "usermod -aG jtop" in absent.remedy
    assert "--group-add" in absent.remedy


def test_without_the_client_every_python_that_was_tried_is_named(client, source, monkeypatch):
    options = client(power=ORIN_NANO)
    monkeypatch.delenv("PYTHONPATH")
    with pytest.raises(SensorError) as caught:
        source.open({**options, "python": sys.executable})
    assert caught.value.code == "JTOP_ABSENT"
    assert sys.executable in caught.value.reason
    assert jtop_process.PYTHON_VARIABLE in caught.value.remedy
    with pytest.raises(SensorError, match=r"/no/such/python \(No such file or directory\)"):
        Jtop().open({**options, "python": "/no/such/python"})


def test_the_named_python_is_the_only_one():
    assert interpreters("/a", {jtop_process.PYTHON_VARIABLE: "/b"}) == ["/a"]
    assert interpreters(None, {jtop_process.PYTHON_VARIABLE: "/b"}) == ["/b"]


def test_else_it_is_this_one_then_that_of_the_command_jtop(tmp_path):
    for name, first_line in (("jtop", "#!/opt/jtop/bin/python3.8\n"), ("python3", "")):
        (tmp_path / name).write_text(first_line)
        (tmp_path / name).chmod(0o755)
    expected = [sys.executable, "/opt/jtop/bin/python3.8", str(tmp_path / "python3")]
    assert interpreters(None, {}, path=str(tmp_path)) == expected
    (tmp_path / "jtop").write_text("#!/usr/bin/env python3\n")
    assert interpreters(None, {}, path=str(tmp_path)) == [sys.executable, str(tmp_path / "python3")]


@pytest.mark.parametrize("text", ["x", "0", "nan", "0.001", "60"])
def test_an_interval_out_of_bounds_is_wrong_use(text):
    with pytest.raises(UsageError, match=r"interval_s must lie in 0.05..10 seconds"):
        select(f"jtop:interval_s={text}")


def test_the_reader_is_written_for_python_36():
    source = Path(jtop_reader.__file__).read_text()
    tree = ast.parse(source, feature_version=(3, 6))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported == {"importlib", "json", "os", "select", "signal", "sys", "multiprocessing", "typing"}


class Replies:
    """Stands for the reader: its first line and those behind it."""

    def __init__(self, ready, *more):
        self.ready, self.more = ready, list(more)

    def start(self, *_):
        return self, self.ready

    def next(self, _due_s):
        return self.more.pop(0)

    def waiting(self):
        while self.more:
            yield self.more.pop(0)

    def close(self):
        pass


READY = {
    "interval_s": 0.05,
    "hardware": {"Model": "NVIDIA Jetson Orin Nano Developer Kit"},
    "rails": {"VDD_IN": {"volt_mv": 5000, "current_ma": 1000}},
}
SAMPLE = {"uptime_s": 12.34, "power_mw": {"VDD_IN": 5000}}


def replied(monkeypatch, root, ready, *samples):
    """Opens the source on such replies; returns its description, and the values of what followed."""
    monkeypatch.setattr("suite.power.sources.jtop.source.Reader", Replies(ready, *samples))
    source = Jtop()
    described = source.open({"root": str(root), "interval_s": "0.05"})
    return described, [sample.values for sample in source.readings()]


def test_what_the_reader_says_is_read(monkeypatch, tmp_path):
    later = {"uptime_s": 12.44, "power_mw": {"VDD_IN": 7000, "VDD_SOC": None}}
    described, values = replied(monkeypatch, tmp_path, READY, SAMPLE, later)
    assert described.rails == ("VDD_IN",)
    assert values == [(5.0,), (7.0,)]


ODD = [None, True, "5", [], {}, float("nan"), float("inf"), 10**400]


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("field", ["interval_s", "rails", "volt_mv", "current_ma", "uptime_s", "power_mw", "VDD_IN"])
def test_an_odd_reply_is_lost_in_one_line(monkeypatch, tmp_path, field, value):
    rail = READY["rails"]["VDD_IN"]
    ready, sample = dict(READY), dict(SAMPLE)
    if field in rail:
        ready["rails"] = {"VDD_IN": {**rail, field: value}}
    elif field == "VDD_IN":
        sample["power_mw"] = {"VDD_IN": value}
    else:
        (ready if field in ready else sample)[field] = value
    if (field, value) == ("rails", {}):
        return  # no rails are no oddity: NO_INA3221
    with pytest.raises(SensorError) as caught:
        replied(monkeypatch, tmp_path, ready, sample)
    assert caught.value.code == "JTOP_LOST"
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("volt_mv", [-5000, 0])
def test_a_voltage_below_zero_makes_no_negative_count(monkeypatch, tmp_path, volt_mv):
    ready = {**READY, "rails": {"VDD_IN": {"volt_mv": volt_mv, "current_ma": -20}}}
    assert replied(monkeypatch, tmp_path, ready, SAMPLE)[0].resolution >= 0.001


@pytest.mark.parametrize(
    ("hardware", "reason"),
    [
        ({}, "the device tree, which names the board"),
        (None, "the device tree"),
        ({"Model": "Carrier"}, "this board, Carrier,"),
    ],
)
def test_a_board_that_nobody_names_is_told_as_that(monkeypatch, tmp_path, hardware, reason):
    with pytest.raises(SensorError, match=reason) as caught:
        replied(monkeypatch, tmp_path, {**READY, "hardware": hardware}, SAMPLE)
    assert caught.value.code == "UNKNOWN_RAILS"


@given(st.binary(max_size=80))
@settings(derandomize=True, deadline=None, max_examples=200)
def test_any_line_is_refused_by_a_code_or_an_object(line):
    reader = jtop_process.Reader(None, None)
    reader._buffer = line.replace(b"\n", b" ") + b"\n"
    try:
        assert isinstance(reader._line(), dict)
    except SensorError as error:
        if error.code not in ("JTOP_LOST", "JTOP_ABSENT"):
            raise


@pytest.mark.parametrize(
    "line", [b"[" * 100_000, b'{"error": "new kind"}', b'{"error": 5, "detail": {"a": 1}}', b"null"]
)
def test_lines_of_another_kind_are_lost(line):
    reader = jtop_process.Reader(None, None)
    reader._buffer = line + b"\n"
    with pytest.raises(SensorError) as caught:
        reader._line()
    assert caught.value.code == "JTOP_LOST"


def test_a_rail_that_is_off_or_tells_no_power_is_none():
    power = {"rail": {"A": rail(1), "B": rail(1, online=False), "C": {"volt": 5}}, "tot": None}
    assert list(jtop_reader.all_rails(power)) == ["A", "C"]
    assert jtop_reader.all_rails({}) == {}
