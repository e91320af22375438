"""A checkpoint of the Episodic Transformer: its weights come as they are, and what has no place in it is refused."""

import sys
import types
from collections import Counter

import pytest
import torch

from suite.worker import build, weights
from suite.worker.complexity import count_parameters
from suite.worker.models.et_human import PLUGIN as HUMAN
from suite.worker.models.et_human_synthetic import PLUGIN as BOTH
from suite.worker.outcome import WorkerFault
from suite.worker.sensitivity import check
from suite.worker.weights import Stream
from tests.unit.worker.et_files import ACTION_COUNT, ONE, SMALL, TWO, arguments, content, save

ACTION_WEIGHT = "model.dec_action.weight"


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A file with both vocabularies and the classes that the original pickles with it, which are gone afterwards."""
    module, helper = types.ModuleType("vocab.vocab"), types.ModuleType("alfred.utils.helper_util")
    module.Vocab = type("Vocab", (), {"__module__": "vocab.vocab"})
    helper.AttrDict = type("AttrDict", (dict,), {"__module__": "alfred.utils.helper_util"})
    vocabulary, args = module.Vocab(), helper.AttrDict(**arguments(TWO))
    vocabulary.counts, vocabulary._index2word = Counter(["<<pad>>"]), ["<<pad>>"]
    args.__dict__ = args
    path = str(tmp_path_factory.mktemp("both") / "et_human_synth.pth")
    names = ["vocab", "vocab.vocab", "alfred", "alfred.utils", "alfred.utils.helper_util"]
    sys.modules.update({name: types.ModuleType(name) for name in names})
    sys.modules.update({"vocab.vocab": module, "alfred.utils.helper_util": helper})
    torch.save(dict(content(TWO), vocab_out=vocabulary, args=args), path)
    for name in names:
        del sys.modules[name]
    return path


def small(rows=ONE, **fields):
    return content(rows, **dict(SMALL, **fields))


def loaded(path, plugin=HUMAN):
    module = build.build(plugin, {"checkpoint": path})
    assert weights.place(plugin, module, {"checkpoint": path}, 0) == "checkpoint"
    return module


def refused(path, plugin=HUMAN):
    """The fault of a file that is refused before anything is built of it, so for counting too."""
    with pytest.raises(WorkerFault) as raised:
        build.build(plugin, {"checkpoint": path}, "meta")
    assert raised.value.reason.startswith(path)
    return raised.value


def test_the_sizes_are_those_of_the_files_tensors(both):
    module = build.build(BOTH, {"checkpoint": both}, "meta")
    assert {name: len(table.weight) for name, table in module.embs_ann.items()} == TWO
    assert count_parameters(module)["unique_count"] == 19960020 + (41 + 7 + ACTION_COUNT) * 768
    assert BOTH.configuration(module) == []


def test_the_weights_come_in_place_and_are_the_files(both):
    module = build.build(BOTH, {"checkpoint": both})
    places = [parameter.data_ptr() for parameter in module.parameters()]
    assert weights.place(BOTH, module, {"checkpoint": both}, 0) == "checkpoint"
    assert [parameter.data_ptr() for parameter in module.parameters()] == places
    expected = content(TWO)["model"]
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, expected["model." + name]), name
    assert module.vocabulary == "lmdb_human"


def test_a_loaded_model_answers_to_every_input_within_its_small_vocabulary(both):
    module = loaded(both, BOTH)
    inputs = BOTH.inputs(1, {"text_tokens": 8, "frames": 4}, Stream(0, "inputs"))
    assert inputs["text_ids"].max().item() >= TWO["lmdb_human"]
    assert check(BOTH, module, inputs, "forward") == (list(inputs), [])


@pytest.mark.parametrize("rows", [TWO, {f"lmdb_{index}": 3 for index in range(9)}])
def test_a_file_of_the_other_variant_is_sent_there(tmp_path, rows):
    fault = refused(save(tmp_path, small(rows)))
    assert fault.code == "CHECKPOINT_SHAPE"
    shown = ", ".join(sorted(rows)[:4])
    assert f"holds {len(rows)} vocabularies ({shown}), and this variant has 1" in fault.reason
    assert "et-human-synthetic" in fault.remedy


def test_more_vocabularies_than_the_two_published_ones_are_built_and_said(tmp_path):
    path = save(tmp_path, small({"a": 3, "b": 4, "c": 5}))
    notes = BOTH.configuration(build.build(BOTH, {"checkpoint": path}, "meta"))
    assert "3 vocabularies (published: 2)" in notes


@pytest.mark.parametrize("name", [ACTION_WEIGHT, "model.emb_action.weight", "model.vis_feat.layers.1.running_var"])
def test_a_missing_tensor_is_named(tmp_path, name):
    saved = small()
    del saved["model"][name]
    path = save(tmp_path, saved)
    assert refused(path).reason == path + " lacks the tensor " + name


SURPLUS = {
    "model.foo.weight": "model.foo.weight",
    "ema.dec_action.weight": "ema.dec_action.weight",
    "model.encoder_vl.enc_transformer.layers.0.norm3.weight": "model.encoder_vl.enc_transformer.layers.0.norm3.weight",
    "model.encoder_vl.enc_pos_learn.pe": "model.encoder_vl.enc_pos_learn.pe",
}


@pytest.mark.parametrize("name", SURPLUS)
def test_a_surplus_tensor_is_named(tmp_path, name):
    saved = small()
    saved["model"][name] = torch.ones(24)
    fault = refused(save(tmp_path, saved))
    assert fault.code == "CHECKPOINT_SHAPE"
    assert f"holds {name}, for which the network that its args" in fault.reason


def test_many_surplus_tensors_are_counted(tmp_path):
    saved = small()
    saved["model"].update((f"model.more.{index}", torch.ones(1)) for index in range(40))
    assert (
        "holds model.more.0, model.more.1, model.more.2 and 37 more, for which" in refused(save(tmp_path, saved)).reason
    )


def test_what_lies_beside_the_known_parts_of_a_file_is_said_to_be_unused(tmp_path):
    path = save(tmp_path, dict(small(), ema={"weight": torch.ones(2)}))
    assert "not used of the file: ema" in HUMAN.configuration(build.build(HUMAN, {"checkpoint": path}, "meta"))


SHAPES = {
    "model.dec_object.linear.weight": ((81, 24), "[81, 24], not [82, 24]"),
    "model.encoder_vl.enc_transformer.layers.1.linear1.weight": ((99, 24), "[99, 24], not [24, 24]"),
    "model.encoder_lang.enc_pos.pe": ((1, 9, 24), "[1, 9, 24], not [1, 2000, 24]"),
    "model.vis_feat.layers.0.weight": ((256, 2048, 1, 1), "trained on other features than 512 x 7 x 7"),
}


@pytest.mark.parametrize(("name", "shape", "told"), [(name, *value) for name, value in SHAPES.items()])
def test_a_tensor_of_another_shape_is_named_with_both_shapes(tmp_path, name, shape, told):
    saved = small()
    saved["model"][name] = torch.zeros(*shape)
    fault = refused(save(tmp_path, saved))
    assert fault.code == "CHECKPOINT_SHAPE"
    assert name in fault.reason
    assert told in fault.reason


def test_an_embedding_of_another_width_is_refused_before_anything_is_built(tmp_path):
    saved = small()
    saved["model"]["model.embs_ann.lmdb_human.weight"] = torch.zeros(41, 512)
    assert refused(save(tmp_path, saved)).reason.endswith("the embedding lmdb_human is [41, 512], not rows x 24")


def test_rows_that_embs_ann_tells_otherwise_are_named(tmp_path):
    fault = refused(save(tmp_path, dict(small(), embs_ann={"lmdb_human": 42})))
    assert fault.reason.endswith("embs_ann says 42 of 'lmdb_human', and by its tensors it is 41")


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float64"])
def test_weights_of_another_precision_are_read_and_said(tmp_path, kind):
    saved, exact = small(), small()["model"]
    saved["model"] = {
        name: tensor.to(getattr(torch, kind)) if tensor.dtype.is_floating_point else tensor
        for name, tensor in saved["model"].items()
    }
    module = loaded(save(tmp_path, saved))
    assert f"weights stored as {kind}, computed in float32" in HUMAN.configuration(module)
    assert all(parameter.dtype == torch.float32 for parameter in module.parameters())
    assert torch.allclose(module.dec_action.weight, exact[ACTION_WEIGHT], atol=2e-3)
    assert not any("sinusoids" in note for note in HUMAN.configuration(module))


NO_WEIGHTS = {
    "int64": (torch.ones(24, 24, dtype=torch.int64), "is of int64, as no weights are"),
    "complex64": (torch.ones(24, 24, dtype=torch.complex64), "is of complex64, as no weights are"),
    "text": ("24 x 24", "holds str at"),
    "none": (None, "holds NoneType at"),
    "sparse": (torch.eye(24).to_sparse(), "sparse"),
    "one value for all": (torch.ones(1, 1).expand(10**6, 24), "[1000000, 24] of 4 stored bytes"),
}


@pytest.mark.parametrize(("value", "told"), NO_WEIGHTS.values(), ids=list(NO_WEIGHTS))
def test_what_is_no_weight_is_named(tmp_path, value, told):
    saved = small()
    saved["model"][ACTION_WEIGHT] = value
    fault = refused(save(tmp_path, saved))
    if "it asks for torch." in fault.reason:  # torch 1.10 names the kind by what the file asks for, before any tensor
        assert fault.code == "CHECKPOINT_UNREADABLE"
        return
    assert ACTION_WEIGHT in fault.reason
    assert told in fault.reason


def test_many_tensors_in_one_memory_do_not_unfold_to_more_than_the_file_is_long(tmp_path):
    saved = small(TWO, language_layer_count=0)
    table = torch.ones(10000, 24)
    saved["model"].update((f"model.embs_ann.d{index}.weight", table) for index in range(100))
    saved.update(embs_ann=None, args=None)
    assert "several of its tensors lie in one memory" in refused(save(tmp_path, saved), BOTH).reason


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_values_that_nothing_can_be_computed_with_are_blamed_on_the_file(tmp_path, value):
    saved = small()
    name = "model.vis_feat.layers.1.running_var"
    saved["model"][name][3] = value
    path = save(tmp_path, saved)
    module = build.build(HUMAN, {"checkpoint": path})
    with pytest.raises(WorkerFault, match="CHECKPOINT_VALUES") as raised:
        HUMAN.load_checkpoint(module, path)
    assert raised.value.reason.startswith(f"{path}: its tensor {name} holds ")


PREFIXES = {
    "inside": "model.module.",
    "whole": "module.model.",
    "none": "",
    "compiled": "model._orig_mod.",
    "own": "net.",
}


@pytest.mark.parametrize("prefix", PREFIXES.values(), ids=list(PREFIXES))
def test_what_training_on_several_devices_puts_before_the_names_is_no_part_of_them(tmp_path, prefix):
    saved = small()
    expected = {name[len("model.") :]: tensor for name, tensor in saved["model"].items()}
    saved["model"] = {prefix + name: tensor for name, tensor in expected.items()}
    state = loaded(save(tmp_path, saved)).state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in state.items())


def test_a_second_copy_under_another_prefix_is_surplus(tmp_path):
    saved = small()
    copies = {name.replace("model.", "ema.", 1): tensor for name, tensor in saved["model"].items()}
    saved["model"] = dict(copies, **saved["model"])
    assert "holds ema." in refused(save(tmp_path, saved)).reason


def test_one_tensor_under_two_prefixes_is_refused(tmp_path):
    saved = small()
    saved["model"]["dec_action.weight"] = torch.ones(24, 24)
    assert "holds one tensor twice" in refused(save(tmp_path, saved)).reason


def test_the_files_own_positions_are_used_and_said_where_they_are_no_sinusoids(tmp_path):
    saved = small()
    saved["model"]["model.encoder_vl.enc_pos.pe"] = torch.full((1, 1250, 24), 2.0)
    module = loaded(save(tmp_path, saved))
    assert torch.allclose(module.encoder_vl.enc_pos.pe, torch.tensor(2.0 / 24**0.5))
    assert "model.encoder_vl.enc_pos.pe is no table of sinusoids" in HUMAN.configuration(module)


@pytest.mark.parametrize("saved", [[1, 2], {"state_dict": {}}, {"model": {}}, {"model": 3}, torch.ones(2)])
def test_a_file_without_a_model_is_unreadable(tmp_path, saved):
    fault = refused(save(tmp_path, saved))
    assert fault.code == "CHECKPOINT_UNREADABLE"
    assert "holds no dict with the key 'model'" in fault.reason


OTHERS = {
    "compiled state": ({"_orig_mod.encoder_vl.enc_layernorm.weight": torch.ones(1)}, "the state dict alone"),
    "detector": ({"backbone.body.conv1.weight": torch.ones(1)}, "the detector that makes the features"),
    "bare state": ({"model.encoder_vl.enc_layernorm.weight": torch.ones(1)}, "the state dict alone"),
    "speaker": ({"model": {"model.emb_subgoal.weight": torch.ones(1)}}, "is of another model, 'speaker'"),
    "speaker by args": (
        {"model": {"model.x": torch.ones(1)}, "args": {"model": "speaker"}},
        "another model, 'speaker'",
    ),
}


@pytest.mark.parametrize(("saved", "told"), OTHERS.values(), ids=list(OTHERS))
def test_another_file_of_the_original_is_told_for_what_it_most_likely_is(tmp_path, saved, told):
    assert told in refused(save(tmp_path, saved)).reason


def test_an_absent_file_is_unreadable(tmp_path):
    with pytest.raises(WorkerFault, match=r"CHECKPOINT_UNREADABLE: .*absent.pth: No such file"):
        build.build(HUMAN, {"checkpoint": str(tmp_path / "absent.pth")}, "meta")
