"""The network that a checkpoint's args and tensors say is the one that is built, counted and run."""

from typing import NamedTuple

import pytest
import torch

from suite.worker import build, weights
from suite.worker.complexity import count_flops, count_parameters
from suite.worker.models.et_human import PLUGIN as HUMAN
from suite.worker.models.et_human_synthetic import PLUGIN as BOTH
from suite.worker.outcome import WorkerFault
from tests.unit.worker.et_files import ONE, SMALL, TWO, arguments, content, save

WIDTH = SMALL["width"]
LAYER = 6 * WIDTH * WIDTH + 10 * WIDTH  # parameters: query, key, value, out, two of the feed-forward part, two norms
OUTSIDE = 2 * (512 * 256 + 256 * 64 + 3 * 256 + 3 * 64 + 64 * 49 * WIDTH + WIDTH) + 4 * WIDTH
HEADS = WIDTH * WIDTH + WIDTH + 82 * (WIDTH + 1) + 2 * (WIDTH + 1)
ROWS = (41 + 15) * WIDTH  # words of one vocabulary, and actions
PUBLISHED = OUTSIDE + HEADS + ROWS + 4 * LAYER

# What differs, the parameters that it brings or takes, and how it is said.
ONE_VOCABULARY = {
    "layers": ({"layer_count": 4}, 2 * LAYER, "encoder_layers=4 (published: 2)"),
    "language layers": ({"language_layer_count": 1}, -LAYER, "encoder_lang.layers=1 (published: 2)"),
    "no language layers": ({"language_layer_count": 0}, -2 * LAYER, "encoder_lang.layers=0 (published: 2)"),
    "heads": ({"head_count": 3}, 0, "encoder_heads=3 (published: 12)"),
    "actions": ({"seen_action_count": 3}, 0, "num_input_actions=3 (published: 1)"),
    "no positions": ({"has_positions": False}, 0, "enc.pos=False (published: True)"),
    "no language positions": ({"has_language_positions": False}, 0, "encoder_lang.pos_enc=False (published: True)"),
    "instructions": ({"has_instruction_positions": True}, 0, "encoder_lang.instr_enc=True (published: False)"),
    "learned positions": ({"has_learned_positions": True}, 1250 * WIDTH, "enc.pos_learn=True (published: False)"),
    "kinds": ({"has_token_kinds": True}, 3 * WIDTH, "enc.token=True (published: False)"),
    "no progress": ({"has_progress_head": False}, -WIDTH - 1, "progress_aux_loss_wt=0 (published: above 0)"),
    "no subgoal": ({"has_subgoal_head": False}, -WIDTH - 1, "subgoal_aux_loss_wt=0 (published: above 0)"),
    "objects": ({"object_count": 90}, 8 * (WIDTH + 1), "90 object classes (published: 82)"),
}
DATA_SETS = ("lmdb_synth", "lmdb_human")
TWO_VOCABULARIES = {
    "published": ({}, 0, None),
    "unshared": ({"shares_language_encoder": False}, 2 * LAYER, "encoder_lang.shared=False (published: True)"),
    "data sets": (
        {"has_dataset_encoding": True, "dataset_names": DATA_SETS},
        2 * WIDTH,
        "enc.dataset=True (published: False)",
    ),
}


class Case(NamedTuple):
    plugin: object
    rows: dict
    fields: dict
    more: int
    told: str

    @property
    def saved(self):
        return small(self.rows, **self.fields)

    @property
    def parameter_count(self):
        return PUBLISHED + self.more + (TWO["lmdb_synth"] * WIDTH if self.plugin is BOTH else 0)


CASES = [
    pytest.param(Case(plugin, rows, *values), id=name)
    for plugin, rows, cases in ((HUMAN, ONE, ONE_VOCABULARY), (BOTH, TWO, TWO_VOCABULARIES))
    for name, values in cases.items()
]


def small(rows=ONE, **fields):
    return content(rows, **dict(SMALL, **fields))


def network(plugin, folder, saved):
    return build.build(plugin, {"checkpoint": save(folder, saved)}, "meta")


def said(plugin, module):
    """In what it differs, but for the width, which is small in these tests."""
    notes = plugin.configuration(module)
    assert "demb=24 (published: 768)" in notes
    return [note for note in notes if "demb" not in note and "assumed" not in note]


@pytest.mark.parametrize("case", CASES)
def test_it_is_counted_and_said_as_args_and_tensors_have_it(tmp_path, case):
    module = network(case.plugin, tmp_path, case.saved)
    assert count_parameters(module)["unique_count"] == case.parameter_count
    assert said(case.plugin, module) == ([case.told] if case.told else [])


@pytest.mark.parametrize("case", CASES)
def test_it_is_counted_and_said_as_the_tensors_alone_have_it(tmp_path, case):
    if {"head_count", "seen_action_count", "has_dataset_encoding"} & set(case.fields):
        pytest.skip("no tensor tells this")
    saved = case.saved
    if not case.fields.get("shares_language_encoder", True):
        saved["model"]["model.encoder_lang.enc_transformers.lmdb_synth.layers.0.norm1.bias"][0] = 1.0
    del saved["args"]
    module = network(case.plugin, tmp_path, saved)
    assert count_parameters(module)["unique_count"] == case.parameter_count
    assert said(case.plugin, module) == ([case.told] if case.told else [])


@pytest.mark.parametrize("case", CASES)
def test_it_runs_with_the_files_weights(tmp_path, case):
    path = save(tmp_path, case.saved)
    module = build.build(case.plugin, {"checkpoint": path})
    weights.place(case.plugin, module, {"checkpoint": path}, 0)
    inputs = case.plugin.inputs(2, {"text_tokens": 6, "frames": 3}, weights.Stream(0, "inputs"))
    with torch.no_grad():
        output = case.plugin.bind(module, inputs, "forward")[0]()
    expected = {"action", "object", "progress", "subgoal"}
    expected -= {name for name in expected if case.fields.get(f"has_{name}_head") is False}
    assert set(output) == expected
    assert tuple(output["object"].shape) == (2, 3, case.fields.get("object_count", 82))
    assert all(bool(tensor.isfinite().all()) for tensor in output.values())


def test_the_counts_of_the_original_at_full_width(tmp_path):
    """The original's own, with 2,233 human and 94 synthetic words and 17 actions as it ships them."""
    saved = content({"lmdb_human": 2233}, layer_count=4)
    saved["model"]["model.emb_action.weight"] = torch.ones(17, 768)
    module = network(HUMAN, tmp_path, saved)
    assert count_parameters(module)["unique_count"] == 28781268
    saved = content({"lmdb_human": 2233, "lmdb_synth": 94}, shares_language_encoder=False)
    saved["model"]["model.emb_action.weight"] = torch.ones(17, 768)
    module = network(BOTH, tmp_path, saved)
    assert count_parameters(module)["unique_count"] == 28853460


def test_the_flops_are_those_of_the_built_network(tmp_path):
    pytest.importorskip("torch.utils.flop_counter")

    def counted(**fields):
        axes = {"text_tokens": 6, "frames": 3}
        options = {"checkpoint": save(tmp_path, small(**fields))}
        return count_flops(HUMAN, options, "forward", 1, axes)

    position_count = 6 + 3 + 3
    layer = 6 * position_count * WIDTH * WIDTH + 2 * position_count**2 * WIDTH
    published, deeper = counted(), counted(layer_count=4)
    assert deeper["mac_count"] - published["mac_count"] == 2 * layer
    assert "encoder_layers=4 (published: 2)" in deeper["configuration"]
    assert published["mac_count"] - counted(has_progress_head=False)["mac_count"] == 3 * WIDTH


def refused(tmp_path, saved, plugin=HUMAN):
    with pytest.raises(WorkerFault) as raised:
        build.build(plugin, {"checkpoint": save(tmp_path, saved)}, "meta")
    assert raised.value.code == "CHECKPOINT_CONFIGURATION"
    return raised.value.reason


CONTRADICTIONS = {
    "layers": ({"layer_count": 4}, "args.encoder_layers is 4, and by its tensors it is 2"),
    "language layers": ({"language_layer_count": 1}, "args.encoder_lang.layers is 1, and by its tensors it is 2"),
    "width": ({"width": 48}, "args.demb is 48, and by its tensors it is 24"),
    "learned": ({"has_learned_positions": True}, "args.enc.pos_learn is True, and by its tensors it is False"),
    "no positions": ({"has_positions": False}, "args.enc.pos is False, and by its tensors it is True"),
    "head": ({"has_subgoal_head": False}, "args.subgoal_aux_loss_wt is 0, and by its tensors it is above 0"),
}


@pytest.mark.parametrize(("fields", "told"), CONTRADICTIONS.values(), ids=list(CONTRADICTIONS))
def test_args_that_contradict_the_tensors_are_refused(tmp_path, fields, told):
    saved = dict(small(), args=arguments(ONE, **dict(SMALL, **fields)))
    assert f"contradicts itself: {told}" in refused(tmp_path, saved)


def test_encoders_that_differ_are_not_shared_whatever_args_say(tmp_path):
    saved = dict(small(TWO, shares_language_encoder=False), args=arguments(TWO, **SMALL))
    saved["model"]["model.encoder_lang.enc_transformers.lmdb_synth.layers.1.norm2.bias"][3] = 0.5
    assert "args.encoder_lang.shared is True, and by its tensors it is False" in refused(tmp_path, saved, BOTH)


UNBUILDABLE = {
    "heads": ({"encoder_heads": 7}, "has encoder_heads=7 for demb=24"),
    "no heads": ({"encoder_heads": 0}, "has encoder_heads=0 for demb=24"),
    "text": ({"encoder_layers": "2"}, "says args.encoder_layers is '2', not a count"),
    "truth": ({"encoder_layers": True}, "says args.encoder_layers is True, not a count"),
    "negative": ({"num_input_actions": -1}, "says args.num_input_actions is -1, not a count"),
    "unseen": ({"num_input_actions": 0}, "has encoder_layers=2 and num_input_actions=0: some input reaches no output"),
    "neither": ({"enc": {"pos": "yes"}}, "says args.enc.pos is 'yes', neither True nor False"),
    "loss": ({"subgoal_aux_loss_wt": None}, "says args.subgoal_aux_loss_wt is None, not the weight of a loss"),
    "unknown": (
        {"enc": {"pos": True, "rotary": True}},
        "says args.enc.rotary is True, which the original's code doesn't",
    ),
    "model": ({"model": "seq2seq"}, "is of another model, 'seq2seq'"),
}


@pytest.mark.parametrize(("changed", "told"), UNBUILDABLE.values(), ids=list(UNBUILDABLE))
def test_args_that_the_originals_code_does_not_build_are_named(tmp_path, changed, told):
    saved = small()
    saved["args"].update(changed)
    assert told in refused(tmp_path, saved)


@pytest.mark.parametrize("names", [None, ["other"], "other,another", 3])
def test_a_row_of_data_sets_that_cannot_be_told_is_refused(tmp_path, names):
    saved = small(TWO, has_dataset_encoding=True, dataset_names=DATA_SETS)
    saved["args"]["data"]["train"] = names
    assert "args.data.train doesn't name 'lmdb_human'" in refused(tmp_path, saved, BOTH)


def test_what_neither_args_nor_tensors_say_is_said_to_be_assumed(tmp_path):
    saved = small()
    del saved["args"]
    notes = HUMAN.configuration(network(HUMAN, tmp_path, saved))
    assert "encoder_heads=12 (assumed: the file doesn't say)" in notes
    assert "num_input_actions=1 (assumed: the file doesn't say)" in notes


@pytest.mark.parametrize("name", ["", "lmdb_2.1.0", "type", "keys"])
def test_a_data_set_whose_name_no_part_of_a_module_can_have_is_refused(tmp_path, name):
    saved = small()
    saved["model"] = {key.replace("lmdb_human", name): tensor for key, tensor in saved["model"].items()}
    assert f"names a data set {name!r}" in refused(tmp_path, saved)


def test_the_seeded_network_is_the_published_one():
    assert HUMAN.configuration(build.build(HUMAN, {}, "meta")) == []
    assert BOTH.configuration(build.build(BOTH, {}, "meta")) == []
