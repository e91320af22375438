"""The state of discrete GPUs by a stand-in for NVIDIA's library: what it refuses is None, never 0."""

from __future__ import annotations

from typing import Any

import pytest

from suite.host import nvml
from suite.host.probes import jetson, nvidia
from suite.host.system import System
from suite.records import GpuState

REFUSED = 3
WORDS = {
    "nvmlDeviceGetMaxClockInfo": 1980,
    "nvmlDeviceGetClockInfo": 1755,
    "nvmlDeviceGetPowerUsage": 312_500,
    "nvmlDeviceGetEnforcedPowerLimit": 700_000,
    "nvmlDeviceGetTemperature": 61,
}


class Nvml:
    """One GPU. refused: calls that answer with an error."""

    def __init__(self, *refused: str, bits: int = 0, count: int = 1) -> None:
        self.refused, self.bits, self.count = refused, bits, count

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: REFUSED if name in self.refused else self.answer(name, arguments)

    def answer(self, name: str, arguments: tuple[Any, ...]) -> int:
        found = getattr(arguments[-1], "_obj", None)
        match name:
            case "nvmlDeviceGetName":
                arguments[1].value = b"NVIDIA H100 80GB HBM3"
            case "nvmlDeviceGetCount_v2":
                found.value = self.count  # type: ignore[union-attr]
            case "nvmlDeviceGetMemoryInfo":
                found.used = 2_000_000_000  # type: ignore[union-attr]
            case "nvmlDeviceGetUtilizationRates":
                found.gpu = 97  # type: ignore[union-attr]
            case "nvmlDeviceGetCurrentClocksThrottleReasons":
                found.value = self.bits  # type: ignore[union-attr]
            case _ if name in WORDS:
                found.value = WORDS[name]  # type: ignore[union-attr]
        return 0


def test_every_figure_is_in_si_units() -> None:
    (found,) = nvml.states(Nvml(bits=0x04 | 0x40 | 0x01))
    assert found == GpuState(
        name="NVIDIA H100 80GB HBM3",
        clock_hz=1.755e9,
        clock_limit_hz=1.98e9,
        temperature_c=61.0,
        power_w=312.5,
        power_limit_w=700.0,
        memory_used_bytes=2_000_000_000,
        busy_share=0.97,
        throttle=("software power cap", "hardware thermal slowdown"),
    )


@pytest.mark.parametrize(
    ("call", "field"),
    [
        ("nvmlDeviceGetClockInfo", "clock_hz"),
        ("nvmlDeviceGetMaxClockInfo", "clock_limit_hz"),
        ("nvmlDeviceGetTemperature", "temperature_c"),
        ("nvmlDeviceGetPowerUsage", "power_w"),
        ("nvmlDeviceGetEnforcedPowerLimit", "power_limit_w"),
        ("nvmlDeviceGetMemoryInfo", "memory_used_bytes"),
        ("nvmlDeviceGetUtilizationRates", "busy_share"),
        ("nvmlDeviceGetCurrentClocksThrottleReasons", "throttle"),
    ],
)
def test_what_is_refused_is_not_known(call: str, field: str) -> None:
    (found,) = nvml.states(Nvml(call))
    assert getattr(found, field) is None
    assert nvml.states(Nvml("nvmlDeviceGetName"))[0].name == "GPU"


def test_a_library_that_counts_nothing_has_no_gpu() -> None:
    assert nvml.states(Nvml("nvmlDeviceGetCount_v2")) == ()
    assert nvml.states(Nvml(count=0)) == ()
    assert len(nvml.states(Nvml(count=2))) == 2


def test_the_library_is_asked_only_where_the_driver_s_files_are(tmp_path: Any) -> None:
    system = System(root=tmp_path, kind="Linux", nvml=Nvml)
    assert nvidia.PLUGIN.state(system) == {}
    (tmp_path / "proc/driver/nvidia/gpus/0000:01:00.0").mkdir(parents=True)
    assert [gpu.clock_hz for gpu in nvidia.PLUGIN.state(system)["gpus"]] == [1.755e9]
    assert nvidia.PLUGIN.state(System(root=tmp_path, kind="Linux")) == {}  # not this machine's, under another root
    assert nvidia.PLUGIN.state(System(root=tmp_path, kind="Linux", nvml=lambda: None)) == {}


def test_a_jetson_s_gpu_is_told_by_its_files(tmp_path: Any) -> None:
    files = {
        "proc/device-tree/compatible": "nvidia,p3768\0nvidia,tegra234\0",
        "sys/class/devfreq/17000000.gpu/cur_freq": "624750000\n",
        "sys/class/devfreq/17000000.gpu/max_freq": "1020000000\n",
        "sys/class/devfreq/17000000.gpu/governor": "nvhost_podgov\n",
        "sys/class/thermal/thermal_zone1/type": "gpu-thermal\n",
        "sys/class/thermal/thermal_zone1/temp": "48500\n",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    told = GpuState(
        name="NVIDIA GA10B (Ampere, integrated)",
        clock_hz=624.75e6,
        clock_limit_hz=1.02e9,
        temperature_c=48.5,
        governor="nvhost_podgov",
    )
    assert jetson.PLUGIN.state(System(root=tmp_path, kind="Linux"))["gpus"] == (told,)
    (tmp_path / "sys/class/thermal/thermal_zone1/temp").write_text("-256000\n")
    assert jetson.PLUGIN.state(System(root=tmp_path, kind="Linux"))["gpus"][0].temperature_c is None
