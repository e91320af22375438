"""One odd line of the machine's never ends a run: its probe is unknown, by name, and the others are as they were."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from suite.host import facts, probing, state
from suite.host.system import Probe, System
from suite.records.schema import RECORD, read, to_line
from suite.report.sections import environment
from suite.report.view import RunView
from suite.report.writers import markdown
from tests.unit.report import synthetic
from tests.unit.samples import latency_record, tasks

GOOD = {
    "proc/loadavg": "0.42 0.3 0.2 1/200 999\n",
    "proc/meminfo": "MemTotal: 8000000 kB\nMemAvailable: 4000000 kB\n",
    "proc/self/cgroup": "0::/user\n",
    "proc/cpuinfo": "processor : 0\nmodel name : Test CPU\ncpu MHz : 2000.0\nflags : fpu\n",
    "sys/class/thermal/thermal_zone0/type": "cpu\n",
    "sys/class/thermal/thermal_zone0/temp": "41000\n",
    "etc/os-release": 'PRETTY_NAME="Testix 1"\n',
}


def machine(root: Path, **changed: str) -> System:
    for path, content in (GOOD | {key.replace("__", "/"): text for key, text in changed.items()}).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    return System(root=root, kind="Linux", kernel="6.0", environ={}, clock=lambda: 1.0, checkout=root)


def test_a_machine_without_odd_lines_has_no_faults(tmp_path: Path) -> None:
    system = machine(tmp_path)
    assert facts((), system=system).probe_faults == ()
    found = state(system=system)
    assert (found.probe_faults, found.load_1min, found.temperature_c) == ((), 0.42, (("cpu", 41.0),))


ODD: list[tuple[dict[str, str], str, str]] = [
    ({"proc__self__cgroup": "an odd line\n"}, "memory", "memory_available_bytes"),
    ({"proc__loadavg": "inf 0 0 1/2 3\n"}, "linux_os", "load_1min"),
    ({"proc__loadavg": "nan 0 0 1/2 3\n"}, "linux_os", "load_1min"),
    ({"proc__loadavg": "much\n"}, "linux_os", "load_1min"),
    ({"sys__class__thermal__thermal_zone0__temp": "9" * 400 + "\n"}, "thermal", "temperature_c"),
    ({"sys__class__thermal__thermal_zone0__temp": "9" * 5000 + "\n"}, "thermal", "temperature_c"),
    ({"proc__cpuinfo": "cpu MHz : fast\n"}, "cpu", "cpu_frequency_hz"),
    ({"proc__cpuinfo": "cpu MHz : 1e999\n"}, "cpu", "cpu_frequency_hz"),
    (
        {"proc__meminfo": f"MemTotal: {'9' * 300} kB\nMemAvailable: {'9' * 300} kB\n"},
        "memory",
        "memory_available_bytes",
    ),
    ({"var__lib__nvpmodel__status": f"pmode:{'9' * 5000}\n"}, "jetson", "power_mode"),
]


@pytest.mark.parametrize(
    ("changed", "probe", "field"), ODD, ids=[f"{probe}-{n}" for n, (_, probe, _) in enumerate(ODD)]
)
def test_a_probe_that_fails_is_unknown_and_told_and_the_rest_is_there(
    tmp_path: Path, changed: dict[str, str], probe: str, field: str
) -> None:
    system = machine(tmp_path, **changed)
    found, told = state(system=system), facts((), system=system)
    (fault,) = found.probe_faults
    assert fault.startswith(f"{probe}: ")
    assert getattr(found, field) in (None, ())
    untouched = {"load_1min": 0.42, "temperature_c": (("cpu", 41.0),), "memory_available_bytes": 4_000_000 * 1024}
    for name, value in untouched.items():
        assert name == field or getattr(found, name) == value
    assert told.os == "Testix 1"
    (task,) = tasks(1)
    record = replace(latency_record(task), host=told, before=found, after=found)
    assert read(RECORD, to_line(record), "here") == record


def test_a_probe_may_raise_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Odd(Probe):
        name = "odd"

        def facts(self, _: System):
            raise ZeroDivisionError("no\nreason \udcff")

        def state(self, _: System):
            return {"load_1min": float("inf"), "governors": ("x" * 10**6,)}

    probes = (*probing._probes(), Odd())
    monkeypatch.setattr(probing, "_probes", lambda: probes)
    system = machine(tmp_path)
    assert facts((), system=system).probe_faults == ("odd: ZeroDivisionError: no reason \ufffd",)
    (fault,) = state(system=system).probe_faults
    assert fault == "odd: ValueError: load_1min is inf"


def test_a_fifo_or_a_device_under_the_root_is_no_sensor(tmp_path: Path) -> None:
    system = machine(tmp_path)
    (tmp_path / "proc/loadavg").unlink()
    os.mkfifo(tmp_path / "proc/loadavg")
    (tmp_path / "proc/meminfo").unlink()
    (tmp_path / "proc/meminfo").symlink_to("/dev/zero")
    found = state(system=system)
    assert (found.load_1min, found.memory_available_bytes) == (None, None)


def test_the_report_tells_which_probes_failed() -> None:
    run = synthetic.make_run(synthetic.standard_tasks(models=("lxmert",)), call_count=8)
    fault = "thermal: OverflowError: int too large <b>"
    records = tuple(replace(record, before=replace(record.before, probe_faults=(fault,))) for record in run.records)
    text = markdown.blocks(environment.PLUGIN.render(RunView(replace(run, records=records), synthetic.MODELS), None))
    assert "### PROBE_FAILED" in text
    assert "- thermal: OverflowError: int too large &lt;b>" in text
    assert text.count("OverflowError") == 1
    whole = markdown.blocks(environment.PLUGIN.render(RunView(run, synthetic.MODELS), None))
    assert "PROBE_FAILED" not in whole
