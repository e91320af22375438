"""A checkpoint of the Episodic Transformer in the published layout: its sizes, its weights, and faulty ones."""

import sys
import types
from collections import Counter

import pytest
import torch

from suite.worker import build, weights
from suite.worker.complexity import count_parameters
from suite.worker.et import checkpoint
from suite.worker.models.et_human import PLUGIN as HUMAN
from suite.worker.models.et_human_synthetic import PLUGIN as BOTH
from suite.worker.outcome import WorkerFault
from suite.worker.sensitivity import check
from suite.worker.weights import Stream

ROWS = {"lmdb_human": 41, "lmdb_synth": 7}
ACTION_COUNT = 15


def published(rows):
    """A file's content as the original saves it; the tensors are of this suite's network under the file's names."""
    from suite.worker.et.network import EpisodicTransformer, Sizes

    with build.without_random_initialisers():
        module = EpisodicTransformer(Sizes(rows, ACTION_COUNT))
    weights.fill(module, 9)
    state = {"model." + name: tensor for name, tensor in module.state_dict().items()}
    state["model.encoder_vl.enc_pos.pe"] = torch.zeros(1, 1250, 768)
    return {
        "metric": {"epoch": 20, "general": {"learning_rate": 1e-4}},
        "model": state,
        "optim": {"state": {0: {"step": 5, "exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 1e-4}]},
        "embs_ann": dict(rows),
    }


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A file with both vocabularies and the classes that the original pickles with it, which are gone afterwards."""
    module, helper = types.ModuleType("vocab.vocab"), types.ModuleType("alfred.utils.helper_util")
    module.Vocab = type("Vocab", (), {"__module__": "vocab.vocab"})
    helper.AttrDict = type("AttrDict", (dict,), {"__module__": "alfred.utils.helper_util"})
    vocabulary, arguments = module.Vocab(), helper.AttrDict(optimizer="adamw", lr={"init": 1e-4})
    vocabulary.counts, vocabulary._index2word = Counter(["<<pad>>"]), ["<<pad>>"]
    arguments.__dict__ = arguments
    path = str(tmp_path_factory.mktemp("both") / "et_human_synth.pth")
    names = ["vocab", "vocab.vocab", "alfred", "alfred.utils", "alfred.utils.helper_util"]
    sys.modules.update({name: types.ModuleType(name) for name in names})
    sys.modules.update({"vocab.vocab": module, "alfred.utils.helper_util": helper})
    torch.save(dict(published(ROWS), vocab_out=vocabulary, args=arguments), path)
    for name in names:
        del sys.modules[name]
    return path


def save(tmp_path, content):
    path = str(tmp_path / "et.pth")
    torch.save(content, path)
    return path


def test_the_sizes_are_those_of_the_files_tensors(both):
    sizes = checkpoint.read_sizes(both, 2)
    assert (dict(sizes.word_counts), sizes.action_count) == (ROWS, ACTION_COUNT)
    counted = count_parameters(build.build(BOTH, {"checkpoint": both}, "meta"))
    assert counted["unique_count"] == 19960020 + (41 + 7 + 15) * 768


def test_the_weights_come_in_place_and_are_the_files(both):
    module = build.build(BOTH, {"checkpoint": both})
    places = [parameter.data_ptr() for parameter in module.parameters()]
    assert weights.place(BOTH, module, {"checkpoint": both}, 0) == "checkpoint"
    assert [parameter.data_ptr() for parameter in module.parameters()] == places
    expected = published(ROWS)["model"]
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, expected["model." + name]), name
    assert module.vocabulary == "lmdb_human"


def test_a_loaded_model_answers_to_every_input_within_its_small_vocabulary(both):
    module = build.build(BOTH, {"checkpoint": both})
    BOTH.load_checkpoint(module, both)
    inputs = BOTH.inputs(1, {"text_tokens": 8, "frames": 4}, Stream(0, "inputs"))
    assert inputs["text_ids"].max().item() >= ROWS["lmdb_human"]
    assert check(BOTH, module, inputs, "forward") == (list(inputs), [])


def test_a_file_of_the_other_variant_is_sent_there(both):
    with pytest.raises(WorkerFault) as raised:
        build.build(HUMAN, {"checkpoint": both}, "meta")
    assert raised.value.code == "CHECKPOINT_SHAPE"
    assert "holds 2 vocabularies (lmdb_human, lmdb_synth), and this variant has 1" in raised.value.reason
    assert "et-human-synthetic" in raised.value.remedy


def human_content():
    return published({"lmdb_human": 5})


def test_a_missing_tensor_is_named(tmp_path):
    content = human_content()
    del content["model"]["model.dec_action.weight"]
    path = save(tmp_path, content)
    module = build.build(HUMAN, {"checkpoint": path})
    with pytest.raises(WorkerFault) as raised:
        HUMAN.load_checkpoint(module, path)
    assert raised.value.code == "CHECKPOINT_SHAPE"
    assert raised.value.reason == path + " lacks the tensor model.dec_action.weight"


def test_a_tensor_of_another_shape_is_named_with_both_shapes(tmp_path):
    content = human_content()
    content["model"]["model.dec_object.linear.weight"] = torch.zeros(81, 768)
    path = save(tmp_path, content)
    module = build.build(HUMAN, {"checkpoint": path})
    with pytest.raises(WorkerFault, match=r"CHECKPOINT_SHAPE: .* model.dec_object.linear.weight is \[81, 768\], not"):
        HUMAN.load_checkpoint(module, path)


def test_an_embedding_of_another_width_is_refused_before_anything_is_built(tmp_path):
    content = human_content()
    content["model"]["model.embs_ann.lmdb_human.weight"] = torch.zeros(5, 512)
    with pytest.raises(WorkerFault, match=r"CHECKPOINT_SHAPE: .*lmdb_human is \[5, 512\], not rows x 768"):
        build.build(HUMAN, {"checkpoint": save(tmp_path, content)}, "meta")
    del content["model"]["model.emb_action.weight"]
    with pytest.raises(WorkerFault, match=r"CHECKPOINT_SHAPE: .* lacks the tensor model.emb_action.weight"):
        build.build(HUMAN, {"checkpoint": save(tmp_path, content)}, "meta")


@pytest.mark.parametrize("content", [[1, 2], {"state_dict": {}}, {"model": {}}, {"model": 3}, torch.ones(2)])
def test_a_file_without_a_model_is_unreadable(tmp_path, content):
    with pytest.raises(WorkerFault, match=r"CHECKPOINT_UNREADABLE: .* holds no dict with the key 'model'"):
        checkpoint.read_sizes(save(tmp_path, content), 1)


def test_an_absent_file_is_unreadable(tmp_path):
    with pytest.raises(WorkerFault, match=r"CHECKPOINT_UNREADABLE: .*absent.pth: No such file"):
        build.build(HUMAN, {"checkpoint": str(tmp_path / "absent.pth")}, "meta")
