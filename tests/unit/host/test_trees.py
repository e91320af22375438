"""The exact records that the trees under tests/data/sysfs must give."""

from __future__ import annotations

from pathlib import Path

import pytest

import suite
from suite.host import facts, state
from suite.host.system import System
from suite.records import HostFacts, HostState

TREES = Path(__file__).parents[2] / "data" / "sysfs"
VERSIONS = (("python", "3.6.15"), ("torch", "1.10.1"))
MIB = 1024**2


def system(board, architecture, cpu_count, **environ):
    return System(
        root=TREES / board,
        own_root=TREES / board,
        kind="Linux",
        kernel="of the machine that runs the tests",
        architecture=architecture,
        cpu_count=cpu_count,
        environ={"SUITE_LOCK_SHA256": "ab12", **environ},
        sysctl=lambda _: {},
        clock=lambda: 12.5,
        checkout=TREES / board,
    )


def expected_facts(**fields):
    absent = dict.fromkeys(
        ("board", "soc", "cpu_model", "l4t", "container_image_digest", "memory_limit_bytes", "driver", "git_commit")
    )
    common = {"accelerators": (), "suite_version": suite.__version__, "lock_sha256": "ab12", "versions": VERSIONS}
    return HostFacts(**(absent | common | fields))


def test_an_x86_laptop_on_its_battery_in_a_limited_session():
    laptop = system("x86-laptop", "x86_64", 2)
    assert facts(VERSIONS, system=laptop) == expected_facts(
        board="LENOVO 20XW0026GE (ThinkPad X1 Carbon Gen 9)",
        cpu_model="11th Gen Intel(R) Core(TM) i7-1165G7 @ 2.80GHz",
        cpu_count=2,
        architecture="x86_64",
        os="Ubuntu 24.04.1 LTS",
        kernel="Linux 6.8.0-45-generic",
        virtualization="none",
        memory_total_bytes=16151048 * 1024,
        memory_limit_bytes=4096 * MIB,
    )
    assert state(system=laptop) == HostState(
        time_s=12.5,
        power_mode="balanced",
        governors=("powersave",),
        cpu_frequency_hz=(2.8e9, 1.200512e9),
        temperature_c=(("acpitz", 46.0), ("INT3400 Thermal", 20.0), ("x86_pkg_temp", 51.0), ("acpitz #2", 27.8)),
        load_1min=0.42,
        memory_available_bytes=(4096 - (3072 - 512)) * MIB,
        throttle_count=3 + 1 + 7,
        on_battery=True,
    )


def test_a_jetson_nano_2gb_with_jetpack_4():
    nano = system("jetson-nano-2gb-jp4", "aarch64", 4)
    assert facts(VERSIONS, system=nano) == expected_facts(
        board="NVIDIA Jetson Nano 2GB Developer Kit",
        soc="nvidia,tegra210",
        cpu_model="ARM Cortex-A57",
        cpu_count=4,
        architecture="aarch64",
        os="Ubuntu 18.04.6 LTS",
        kernel="Linux 4.9.253-tegra",
        l4t="R32.7.1",
        virtualization="none",
        memory_total_bytes=2027328 * 1024,
        memory_limit_bytes=1536 * MIB,
        accelerators=("NVIDIA GM20B (Maxwell, integrated)",),
    )
    assert state(system=nano) == HostState(
        time_s=12.5,
        power_mode="5W (mode 1)",
        governors=("schedutil",),
        cpu_frequency_hz=(918e6,) * 4,
        temperature_c=(
            ("AO-therm", 41.5),
            ("CPU-therm", 35.0),
            ("GPU-therm", 33.5),
            ("PLL-therm", 34.0),
            ("PMIC-Die", 100.0),
            ("thermal-fan-est", 34.25),
        ),
        load_1min=1.07,
        memory_available_bytes=(1536 - (1024 - 128)) * MIB,
        throttle_count=None,
        on_battery=None,
    )


def test_a_jetson_orin_nano_with_jetpack_6_in_a_container():
    orin = system("jetson-orin-nano-jp6", "aarch64", 6, SUITE_IMAGE_DIGEST="sha256:0123")
    assert facts(VERSIONS, system=orin) == expected_facts(
        board="NVIDIA Jetson Orin Nano Developer Kit",
        soc="nvidia,tegra234",
        cpu_model="ARM Cortex-A78AE",
        cpu_count=6,
        architecture="aarch64",
        os="Ubuntu 22.04.4 LTS",
        kernel="Linux 5.15.136-tegra",
        l4t="R36.3.0",
        virtualization="container (docker)",
        container_image_digest="sha256:0123",
        memory_total_bytes=7802396 * 1024,
        driver="NVIDIA 540.3.0",
        accelerators=("NVIDIA GA10B (Ampere, integrated)",),
    )
    assert state(system=orin) == HostState(
        time_s=12.5,
        power_mode="15W (mode 0)",
        governors=("schedutil",),
        cpu_frequency_hz=(1.5104e9, 729.6e6),
        temperature_c=(
            ("cpu-thermal", 47.343),
            ("gpu-thermal", 46.281),
            ("soc0-thermal", 45.906),
            ("tj-thermal", 47.343),
        ),
        load_1min=0.09,
        memory_available_bytes=5640312 * 1024,
        throttle_count=5,
        on_battery=None,
    )


def test_a_small_virtual_machine_that_says_next_to_nothing():
    machine = system("arm-vm", "aarch64", 2)
    assert facts(VERSIONS, system=machine) == expected_facts(
        cpu_model="ARM Cortex-A72",
        cpu_count=2,
        architecture="aarch64",
        os="Debian GNU/Linux 12 (bookworm)",
        kernel="Linux 6.1.0-25-arm64",
        virtualization="virtual machine (QEMU virt)",
        memory_total_bytes=1014832 * 1024,
    )
    assert state(system=machine) == HostState(
        time_s=12.5,
        power_mode=None,
        governors=(),
        cpu_frequency_hz=(),
        temperature_c=(),
        load_1min=0.0,
        memory_available_bytes=771056 * 1024,
        throttle_count=None,
        on_battery=None,
    )


def test_an_empty_root_gives_what_the_program_itself_knows(tmp_path):
    nothing = System(
        root=tmp_path,
        kind="Plan9",
        kernel="4",
        architecture="mips",
        cpu_count=1,
        environ={},
        sysctl=lambda _: {},
        clock=lambda: 1.0,
        checkout=tmp_path,
    )
    assert facts((), system=nothing) == HostFacts(
        board=None,
        soc=None,
        cpu_model=None,
        cpu_count=1,
        architecture="mips",
        os="Plan9",
        kernel="Plan9 4",
        l4t=None,
        virtualization=None,
        container_image_digest=None,
        memory_total_bytes=None,
        memory_limit_bytes=None,
        driver=None,
        accelerators=(),
        suite_version=suite.__version__,
        git_commit=None,
        lock_sha256=None,
        versions=(),
    )
    assert state(system=nothing).memory_available_bytes is None


def test_a_mac_answers_through_sysctl(tmp_path):
    values = {
        "hw.model": "MacBookAir10,1",
        "machdep.cpu.brand_string": "Apple M1",
        "hw.memsize": "8589934592",
        "kern.osproductversion": "14.5",
        "kern.hv_vmm_present": "0",
        "vm.loadavg": "{ 1.52 1.60 1.71 }",
        "kern.memorystatus_level": "50",
    }
    mac = System(
        root=tmp_path,
        kind="Darwin",
        kernel="23.5.0",
        architecture="arm64",
        cpu_count=8,
        environ={"SUITE_LOCK_SHA256": "ab12"},
        sysctl=lambda names: {name: values[name] for name in names},
        clock=lambda: 12.5,
        checkout=tmp_path,
    )
    assert facts(VERSIONS, system=mac) == expected_facts(
        board="MacBookAir10,1",
        soc="Apple M1",
        cpu_model="Apple M1",
        cpu_count=8,
        architecture="arm64",
        os="macOS 14.5",
        kernel="Darwin 23.5.0",
        virtualization="none",
        memory_total_bytes=8 * 1024 * MIB,
        accelerators=("Apple M1 GPU (integrated)",),
    )
    assert state(system=mac) == HostState(
        time_s=12.5,
        power_mode=None,
        governors=(),
        cpu_frequency_hz=(),
        temperature_c=(),
        load_1min=1.52,
        memory_available_bytes=4 * 1024 * MIB,
        throttle_count=None,
        on_battery=None,
    )


def test_the_machine_at_hand_can_be_described():
    here = facts(VERSIONS)
    assert (here.architecture, here.versions) == (System().architecture, VERSIONS)
    assert here.cpu_count >= 1
    assert state().time_s > 0


@pytest.mark.parametrize(
    ("reference", "digest"),
    [("registry.example.org/suite@sha256:0123", "sha256:0123"), ("suite:x86", None), ("", None)],
)
def test_a_digest_names_an_image_and_a_tag_does_not(reference, digest):
    orin = system("jetson-orin-nano-jp6", "aarch64", 6, SUITE_IMAGE_DIGEST=reference)
    assert facts(VERSIONS, system=orin).container_image_digest == digest
