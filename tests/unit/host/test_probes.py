"""What single probes do with files that the four trees don't show."""

from __future__ import annotations

from dataclasses import replace

import pytest

from suite.host.probes import container, cpu, firmware, jetson, linux_os, memory, nvidia, power_supply, thermal
from suite.host.system import System, run_sysctl
from suite.power.jetson.boards import recognise
from suite.power.sysfs import Tree


@pytest.fixture
def machine(tmp_path):
    def write(files, **environ):
        for path, content in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(content)
        return System(root=tmp_path, kind="Linux", environ=environ)

    return write


def test_a_discrete_gpu_is_named_and_the_builder_of_its_driver_is_not(machine):
    system = machine(
        {
            "proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5\n",
            "proc/driver/nvidia/gpus/0000:01:00.0/information": "Model: \t\t NVIDIA RTX A2000\nGPU UUID: \t GPU-1234\n",
        }
    )
    assert nvidia.PLUGIN.facts(system) == {"driver": "NVIDIA 550.54.15", "accelerators": ("NVIDIA RTX A2000",)}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"sys/class/dmi/id/sys_vendor": "QEMU", "sys/class/dmi/id/product_name": "Standard PC (Q35)"},
            "virtual machine (QEMU Standard PC (Q35))",
        ),
        (
            {"proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu hypervisor sse\n", ".dockerenv": ""},
            "container (docker) in a virtual machine (unknown hypervisor)",
        ),
        ({"proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu sse\n", "run/.containerenv": ""}, "container (podman)"),
        ({"proc/1/cgroup": "0::/kubepods/pod1\n"}, "container (kubepods)"),
        ({"run/systemd/container": "systemd-nspawn\n"}, "container (systemd-nspawn)"),
        ({"sys/hypervisor/type": "xen\n"}, "virtual machine (xen)"),
        ({"proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu hypervisor_like\n"}, "none"),
        ({}, None),
    ],
)
def test_containers_and_virtual_machines_are_told_apart(machine, files, expected):
    assert container.PLUGIN.facts(machine(files))["virtualization"] == expected


X86_CPUINFO = "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\n"
ARM_CPUINFO = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd07\n"


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (("aarch64", X86_CPUINFO, "", 0), "/proc/cpuinfo is that of x86_64, and this program is for aarch64"),
        (("x86_64", ARM_CPUINFO, "", 0), "/proc/cpuinfo is that of aarch64, and this program is for x86_64"),
        # Newer emulators write a file of their own, and show themselves elsewhere.
        (("aarch64", ARM_CPUINFO, "qemu-aarch64-static", 0), "qemu-aarch64-static"),
        (("aarch64", ARM_CPUINFO, "docker-init", 0x3E), "the engine is for x86_64, and this program is for aarch64"),
        (("x86_64", X86_CPUINFO, "docker-init", 0xB7), "the engine is for aarch64, and this program is for x86_64"),
        (("x86_64", "processor\t: 0\nvendor_id\t: VirtualApple\n", "", 0), "Rosetta"),
        (("x86_64", X86_CPUINFO, "docker-init", 0x3E), None),
        (("aarch64", ARM_CPUINFO, "docker-init", 0xB7), None),
        (("aarch64", ARM_CPUINFO, "systemd", 0), None),
        (("aarch64", "", "", 0), None),
        (("riscv64", X86_CPUINFO, "qemu-riscv64", 0), None),
    ],
)
def test_a_processor_that_software_makes_is_told(machine, tmp_path, own, said):
    """own: the architecture, /proc/cpuinfo, the first process, and for what the engine's init is."""
    architecture, cpuinfo, first, init = own
    place = tmp_path / "own"
    (place / "proc/1").mkdir(parents=True)
    (place / "proc/cpuinfo").write_text(cpuinfo)
    if first:
        (place / "proc/1/exe").symlink_to(f"/usr/bin/{first}")
    if init:
        (place / "sbin").mkdir()
        (place / "sbin/docker-init").write_bytes(b"\x7fELF" + bytes(14) + bytes([init, 0]) + bytes(10))
    system = replace(machine({".dockerenv": ""}), architecture=architecture, own_root=place)
    expected = "container (docker)" if said is None else f"container (docker), emulated ({said})"
    assert container.PLUGIN.facts(system)["virtualization"] == expected


def test_the_tree_of_another_machine_is_no_emulated_processor(machine, tmp_path):
    """As --sysfs-root gives it: the processor is this one all the same."""
    (tmp_path / "own/proc").mkdir(parents=True)
    (tmp_path / "own/proc/cpuinfo").write_text(X86_CPUINFO)
    system = replace(machine({"proc/cpuinfo": ARM_CPUINFO}), architecture="x86_64", own_root=tmp_path / "own")
    assert container.PLUGIN.facts(system)["virtualization"] is None


def test_placeholders_of_a_self_built_pc_give_way_to_its_mainboard(machine):
    fields = {
        "sys_vendor": "System manufacturer",
        "product_name": "System Product Name",
        "product_version": "Default string",
        "board_vendor": "ASUSTeK",
        "board_name": "PRIME B450",
    }
    system = machine({f"sys/class/dmi/id/{field}": text for field, text in fields.items()})
    assert firmware.PLUGIN.facts(system)["board"] == "ASUSTeK PRIME B450"


def test_a_cpu_chip_stands_in_where_only_the_firmware_has_a_zone(machine):
    system = machine(
        {
            "sys/class/thermal/thermal_zone0/type": "acpitz",
            "sys/class/thermal/thermal_zone0/temp": "16800",
            "sys/class/hwmon/hwmon1/name": "nvme",
            "sys/class/hwmon/hwmon1/temp1_input": "33850",
            "sys/class/hwmon/hwmon2/name": "k10temp",
            "sys/class/hwmon/hwmon2/temp1_label": "Tctl",
            "sys/class/hwmon/hwmon2/temp1_input": "51500",
        }
    )
    assert thermal.PLUGIN.state(system) == {"temperature_c": (("acpitz", 16.8), ("k10temp Tctl", 51.5))}


@pytest.mark.parametrize(
    ("supplies", "expected"),
    [
        ({"AC": {"type": "Mains", "online": "1"}, "BAT0": {"type": "Battery", "status": "Discharging"}}, False),
        ({"AC": {"type": "Mains", "online": "0"}, "BAT0": {"type": "Battery", "status": "Discharging"}}, True),
        ({"BAT0": {"type": "Battery", "status": "Full"}}, False),
        ({"mouse": {"type": "Battery", "scope": "Device", "status": "Discharging"}}, None),
        ({}, None),
    ],
)
def test_a_laptop_is_on_battery_when_no_charger_is_online_and_the_battery_discharges(machine, supplies, expected):
    files = {
        f"sys/class/power_supply/{name}/{field}": text
        for name, fields in supplies.items()
        for field, text in fields.items()
    }
    assert power_supply.PLUGIN.state(machine(files))["on_battery"] is expected


def test_without_frequency_scaling_the_clocks_come_from_cpuinfo(machine):
    system = machine({"proc/cpuinfo": "processor\t: 0\ncpu MHz\t\t: 2596.100\nprocessor\t: 1\ncpu MHz\t\t: 2400.000\n"})
    assert cpu.PLUGIN.state(system)["cpu_frequency_hz"] == (2.5961e9, 2.4e9)


def test_cores_of_two_kinds_and_unknown_ones_are_all_named(machine):
    lines = [("0x4e", "0x003"), ("0x4e", "0x003"), ("0x41", "0xd07"), ("0x41", "0xfff")]
    text = "".join(f"CPU implementer\t: {implementer}\nCPU part\t: {part}\n" for implementer, part in lines)
    expected = "NVIDIA Denver 2 + ARM Cortex-A57 + ARM implementer 0x41 part 0xfff"
    assert cpu.PLUGIN.facts(machine({"proc/cpuinfo": text}))["cpu_model"] == expected


def test_a_limit_above_the_machines_memory_does_not_bind(machine):
    files = {
        "proc/meminfo": "MemTotal:  1000 kB\nMemAvailable:  600 kB\n",
        "proc/self/cgroup": "4:memory:/docker/abc\n0::/\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "2000000",
    }
    assert memory.PLUGIN.facts(machine(files))["memory_limit_bytes"] is None
    assert memory.PLUGIN.state(machine(files)) == {"memory_available_bytes": 600 * 1024}


def test_the_tightest_of_nested_limits_binds_and_use_beyond_it_leaves_nothing(machine):
    folder = "sys/fs/cgroup/a"
    files = {
        "proc/meminfo": "MemTotal:  1000 kB\nMemAvailable:  600 kB\n",
        "proc/self/cgroup": "0::/a/b\n",
        f"{folder}/memory.max": "500000",
        f"{folder}/memory.current": "500100",
        f"{folder}/b/memory.max": "700000",
        f"{folder}/b/memory.current": "100",
    }
    assert memory.PLUGIN.facts(machine(files))["memory_limit_bytes"] == 500000
    assert memory.PLUGIN.state(machine(files)) == {"memory_available_bytes": 0}


def test_a_power_mode_that_no_file_names_is_a_number(machine):
    assert jetson.PLUGIN.state(machine({"var/lib/nvpmodel/status": "pmode:0008\n"}))["power_mode"] == "mode 8"


def test_a_quoted_or_bare_os_name_is_read(machine):
    assert linux_os.PLUGIN.facts(machine({"etc/os-release": "ID=x\nPRETTY_NAME=Alpine\n"}))["os"] == "Alpine"


def test_a_file_that_is_no_number_or_can_not_be_read_is_no_answer(machine):
    system = machine({"a": "max\n", "b": " 12 \n", "empty": "\n", "folder/file": "x"})
    assert [system.number(path) for path in ("a", "b", "empty", "folder", "absent")] == [None, 12, None, None, None]


def test_paths_come_in_the_order_a_person_counts(machine):
    system = machine({f"cpu{index}/online": "1" for index in (10, 2, 0)})
    assert system.paths("cpu[0-9]*") == ["cpu0", "cpu2", "cpu10"]


def test_without_sysctl_there_is_no_answer(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run_sysctl(["hw.model"]) == {}


def test_sysctl_answers_are_read_by_name(monkeypatch, tmp_path):
    program = tmp_path / "sysctl"
    program.write_text("#!/bin/sh\necho 'hw.model: Mac14,2'\necho 'vm.loadavg: { 1.0 2.0 3.0 }'\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert run_sysctl(["hw.model", "vm.loadavg", "no.such"]) == {
        "hw.model": "Mac14,2",
        "vm.loadavg": "{ 1.0 2.0 3.0 }",
    }


def test_a_container_finds_the_device_tree_where_compose_mounts_it(machine, tmp_path):
    """Engines mask /sys/firmware, where /proc/device-tree leads to."""
    system = machine(
        {
            "host/device-tree/model": "NVIDIA Jetson Orin Nano Developer Kit\0",
            "host/device-tree/compatible": "nvidia,p3767-0005\0nvidia,tegra234\0",
        }
    )
    assert firmware.PLUGIN.facts(system) == {
        "board": "NVIDIA Jetson Orin Nano Developer Kit",
        "soc": "nvidia,tegra234",
    }
    assert recognise(Tree(tmp_path)).name == "Jetson Orin Nano or Orin NX"
