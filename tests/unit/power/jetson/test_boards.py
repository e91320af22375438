from __future__ import annotations

import pytest

from suite.power.jetson.boards import BOARDS, Place, look, recognise
from suite.power.jetson.rails import total
from suite.power.sysfs import Tree


def tree(root, model, *compatible):
    folder = root / "proc/device-tree"
    folder.mkdir(parents=True)
    (folder / "model").write_bytes(model.encode() + b"\0")
    (folder / "compatible").write_bytes(b"".join(name.encode() + b"\0" for name in compatible))
    return Tree(root)


@pytest.mark.parametrize(
    ("model", "name", "rails"),
    [
        ("NVIDIA Jetson Nano Developer Kit", "Jetson Nano", ("POM_5V_IN",)),
        ("NVIDIA Jetson Nano 2GB Developer Kit", "Jetson Nano 2GB", ()),
        ("quill", "Jetson TX2", ("VDD_IN", "VDD_MUX")),
        ("NVIDIA Jetson TX2 Developer Kit", "Jetson TX2", ("VDD_IN", "VDD_MUX")),
        ("NVIDIA Jetson TX2 NX Developer Kit", "Jetson TX2 NX", ("VDD_IN",)),
        ("NVIDIA Jetson Xavier NX Developer Kit", "Jetson Xavier NX", ("VDD_IN",)),
        ("Jetson-AGX", "Jetson AGX Xavier", ("GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V")),
        ("NVIDIA Jetson AGX Xavier Developer Kit", "Jetson AGX Xavier", ("GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V")),
        ("NVIDIA Jetson Orin Nano Developer Kit Super", "Jetson Orin Nano or Orin NX", ("VDD_IN",)),
        ("NVIDIA Orin NX Developer Kit", "Jetson Orin Nano or Orin NX", ("VDD_IN",)),
        ("NVIDIA Jetson AGX Orin Developer Kit", "Jetson AGX Orin", ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0")),
        ("NVIDIA Jetson AGX Thor Developer Kit", "Jetson Thor", ("VIN",)),
    ],
)
def test_a_board_is_known_by_its_model(tmp_path, model, name, rails):
    board = recognise(tree(tmp_path, model))
    assert (board.name, board.total) == (name, rails)


@pytest.mark.parametrize(
    ("compatible", "name"),
    [
        ("nvidia,p3768-0000+p3767-0005", "Jetson Orin Nano or Orin NX"),
        ("nvidia,p3448-0003", "Jetson Nano 2GB"),
        ("nvidia,p3448-0002", "Jetson Nano"),
        ("nvidia,p3701-0005", "Jetson AGX Orin"),
    ],
)
def test_on_another_makers_carrier_the_module_is_known_by_its_number(tmp_path, compatible, name):
    board = recognise(tree(tmp_path, "reComputer J4012", "vendor,carrier", compatible))
    assert board.name == name


def test_other_machines_are_unknown(tmp_path):
    assert recognise(tree(tmp_path, "Raspberry Pi 5 Model B", "raspberrypi,5-model-b")) is None
    assert recognise(Tree(tmp_path / "none")) is None


def test_every_board_with_a_sensor_has_a_total_without_repeats():
    for board in BOARDS:
        assert bool(board.total) == (board.sensor is not None), board.name
        assert len(set(board.total)) == len(board.total)


def test_shunts_differ_by_rail_where_the_board_says_so():
    tx2 = next(board for board in BOARDS if board.name == "Jetson TX2")
    assert (tx2.shunt("VDD_IN"), tx2.shunt("VDD_MUX")) == (0.005, 0.020)


ORIN = next(board for board in BOARDS if board.name == "Jetson AGX Orin")
HERE, UNKNOWN = Place(board=ORIN, model=ORIN.name), Place(board=None, model="Carrier of Somebody")
FOUND = ["VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0", "VDDQ_VDD2_1V8AO"]


def test_the_total_of_a_known_board_leaves_out_what_another_rail_feeds():
    chosen = total(FOUND, HERE, {})
    assert chosen.rails == ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0")
    assert chosen.scope == "module, not carrier board"


def test_rails_chosen_by_hand_overrule_the_table_and_say_so_in_the_scope():
    chosen = total(FOUND, HERE, {"rails": "VDD_CPU_CV + VIN_SYS_5V0"})
    assert chosen.rails == ("VDD_CPU_CV", "VIN_SYS_5V0")
    assert chosen.scope == "the rails VDD_CPU_CV + VIN_SYS_5V0 alone, as chosen with --rails"


@pytest.mark.parametrize(
    ("found", "place", "options", "reason"),
    [
        (
            ["A", "B"],
            UNKNOWN,
            {},
            "this board, Carrier of Somebody, is not in the table of boards, and its rails may overlap: A, B",
        ),
        (FOUND[:2], HERE, {}, "VIN_SYS_5V0, needed for the total of a Jetson AGX Orin, is not there"),
        (FOUND, HERE, {"rails": "VDD_CPU"}, "the rail VDD_CPU, asked for, is not there"),
        (["A", "A"], UNKNOWN, {"rails": "A"}, "the rail A, asked for, is there 2 times"),
        (["A", "B"], UNKNOWN, {"rails": "A+A"}, "A is named twice"),
    ],
)
def test_rails_that_may_overlap_or_are_absent_are_never_added(found, place, options, reason):
    refused = total(found, place, options)
    assert refused.code == "UNKNOWN_RAILS"
    assert reason in refused.reason
    assert "--rails A+B" in refused.remedy


THOR = next(board for board in BOARDS if board.name == "Jetson Thor")


@pytest.mark.parametrize(
    ("place", "sensor", "code", "reason", "remedy"),
    [
        (
            Place(board=None, is_hidden=True),
            "ina3221",
            "UNKNOWN_RAILS",
            "the device tree, which names the",
            "mount it: -v",
        ),
        (Place(board=None), "ina3221", "UNKNOWN_RAILS", "gives this board no model", "--rails A+B"),
        (
            Place(board=THOR, sensors=("ina3221", "ina238")),
            "ina3221",
            "NO_INA3221",
            "source ina238",
            "nothing is missing",
        ),
        (
            Place(board=THOR, sensors=("ina3221",)),
            "ina3221",
            "UNKNOWN_RAILS",
            "its INA238, which is not",
            "mount the whole",
        ),
        (
            Place(board=ORIN, sensors=("ina3221", "ina238")),
            "ina238",
            "NO_INA238",
            "source ina3221",
            "nothing is missing",
        ),
    ],
)
def test_why_rails_are_not_added_is_told_by_its_cause(place, sensor, code, reason, remedy):
    refused = total(["VDD_A", "VDD_B"], place, {}, sensor)
    assert refused.code == code
    assert reason in refused.reason
    assert remedy in refused.remedy
    assert total(["VDD_A", "VDD_B"], place, {"rails": "VDD_A"}, sensor).rails == (
        "VDD_A",
    )  # chosen by hand all the same


def test_a_device_tree_that_is_hidden_is_told_from_one_without_a_model(tmp_path):
    assert look(Tree(tmp_path / "container")).is_hidden
    empty = look(tree(tmp_path / "empty", ""))
    assert (empty.board, empty.model, empty.is_hidden) == (None, "", False)
    named = look(tree(tmp_path / "named", "Raspberry Pi 5 Model B", "raspberrypi,5-model-b"))
    assert (named.board, named.model, named.is_hidden) == (None, "Raspberry Pi 5 Model B", False)
